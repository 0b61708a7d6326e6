"""Errors of one checkpoint in words, so that the others still answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from analysis.common.jobs import Enough, Stopped
from analysis.common.phrases import name_without_folder, readable, short_owner

_LOG = logging.getLogger(__name__)


class FileError(ValueError):
    """Something that was read and cannot be used, as a reason that a page can show."""

    def __init__(self, reason: str) -> None:
        super().__init__(readable(reason))


class CheckpointError(FileError):
    """A checkpoint that cannot be used; the message says why and what to do.

    It is told beside the checkpoint, on cards: of a folder its message keeps the name.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(short_owner(reason))


def is_foreseen(error: Exception) -> bool:
    """Whether an error is a reason of this project's own, which stands when it is asked again."""
    return isinstance(error, ValueError) and type(error).__module__.startswith(
        ("analysis", "builtins")
    )


def reason(error: Exception, owner: str = "") -> str:
    """Why something failed, in words for a person; `owner` is whose failure it is.

    A ``ValueError`` of this project says it by itself. Anything else was not foreseen: its
    traceback goes to the terminal and its first line stands in the reason. What ends a
    computation on request is no failure and is raised again.
    """
    if isinstance(error, Stopped | Enough):
        raise error
    if is_foreseen(error):
        return str(error)
    _LOG.error("%s failed", owner or "A checkpoint", exc_info=error)
    lines = (str(error).strip() or "no message").splitlines()
    whose = f"{name_without_folder(owner)}: it" if owner else "It"
    return (
        f"{whose} failed in a way that was not foreseen ({type(error).__name__}: "
        f"{lines[0][:200]}). The traceback is in the terminal where the app runs."
    )


@contextmanager
def in_words(owner: str) -> Iterator[None]:
    """Whatever fails inside is raised with its reason in words, `owner` being whose it is.

    So that an error which nobody foresaw is met wherever a reason of this project's own is.

    Raises
    ------
    CheckpointError
        Something failed that was not foreseen; a ``ValueError`` of this project stays as it is.
    """
    try:
        yield
    except Exception as error:
        why = reason(error, owner)
        if why == str(error):
            raise
        raise CheckpointError(why) from error
