"""Parquet files of a data set on the Hub: the local cache first, the network only when needed."""

from __future__ import annotations

import re
from pathlib import Path

PROBE_SECONDS = 3.0


class HubUnavailable(ValueError):
    """The files are neither in the local cache nor reachable."""


def parquet_files(repo: str, pattern: str, revision: str | None = None) -> list[Path]:
    """Paths of the shards that match ``pattern`` in the data set repository, in order.

    Raises:
        HubUnavailable: not cached, and the Hub did not answer within three seconds or has no
            such files; the message says what was tried and what to do instead.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fetch(local: bool) -> list[Path]:
        folder = snapshot_download(repo, repo_type="dataset", revision=revision,
                                   allow_patterns=[pattern], local_files_only=local)
        return sorted(Path(folder).glob(pattern))

    try:
        found = fetch(local=True)
    except LocalEntryNotFoundError:
        found = []
    if _complete(found):
        return found
    reason = _unreachable()
    if reason is None:
        try:
            found = fetch(local=False)
        except Exception as error:  # the Hub client raises many types; all mean "no files"
            reason = f"the download failed ({type(error).__name__}: {error})"
        else:
            if _complete(found):
                return found
            reason = f"it holds no complete set of files {pattern}"
    raise HubUnavailable(
        f"{repo}, files {pattern}: not in the local Hub cache, and {reason}. Give a folder with "
        "the data instead, or run once with a network."
    )


def _complete(shards: list[Path]) -> bool:
    """True when every shard that the file names announce (``-of-00003``) is there."""
    if not shards:
        return False
    announced = re.search(r"-of-(\d+)", shards[0].name)
    return announced is None or len(shards) == int(announced.group(1))


def _unreachable() -> str | None:
    """Why the Hub cannot be reached, or None. One short probe: without a network the Hub
    client itself retries for most of a minute."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.is_offline_mode():
        return "the Hub client is set to offline mode"
    try:
        get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)
    except Exception as error:  # any transport error means the same here
        return f"the Hub does not answer ({type(error).__name__})"
    return None
