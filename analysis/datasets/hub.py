"""Parquet files of a data set on the Hub: the local cache first, the network only when needed."""

from __future__ import annotations

import re
from pathlib import Path

from analysis.common.hub import hub_unreachable


class HubUnavailable(ValueError):
    """The files are neither in the local cache nor reachable."""


def parquet_files(repo: str, pattern: str, revision: str | None = None) -> list[Path]:
    """Paths of the shards that match ``pattern`` in the data set repository, in order.

    Raises
    ------
    HubUnavailable
        Not cached, and the Hub did not answer within three seconds or has no such files; the
        message says what was tried and what to do instead.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fetch(local: bool) -> list[Path]:
        folder = snapshot_download(
            repo,
            repo_type="dataset",
            revision=revision,
            allow_patterns=[pattern],
            local_files_only=local,
        )
        return sorted(Path(folder).glob(pattern))

    try:
        files = fetch(local=True)
    except LocalEntryNotFoundError:
        files = []
    if _complete(files):
        return files
    reason = hub_unreachable()
    if not reason:
        try:
            files = fetch(local=False)
        except Exception as error:  # the Hub client raises many types; all mean "no files"
            reason = f"download failed ({type(error).__name__}: {error})"
        else:
            if _complete(files):
                return files
            reason = "no complete set of these files there"
    raise HubUnavailable(
        f"{repo}, files {pattern}: not in the local Hub cache; Hub: {reason}. Give a folder with "
        "the data instead, or run once with a network."
    )


def _complete(shards: list[Path]) -> bool:
    """True when every shard that the file names announce (``-of-00003``) is there."""
    if not shards:
        return False
    announced = re.search(r"-of-(\d+)", shards[0].name)
    return announced is None or len(shards) == int(announced.group(1))
