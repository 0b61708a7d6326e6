"""The source of a picture's numbers: checkpoints, text, target; never the folders of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from analysis.common.phrases import name_without_folder

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens

T = TypeVar("T")


def as_list(value: T | Sequence[T], size: int | None = None) -> list[T]:
    """A list as it is; one value alone, or repeated to `size`."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [cast("T", value)] * (1 if size is None else size)


def groups_of(value: T | Sequence[T | Sequence[T]]) -> list[list[T]]:
    """A list a panel or row: of one result, or of those of a seed group's members."""
    entries: Sequence[T | Sequence[T]] = as_list(value)
    return [as_list(entry) for entry in entries]


def _checkpoint_source(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Identity of a checkpoint on any machine, without its folder on this one."""
    if checkpoint is None:
        return {}
    name = name_without_folder(str(checkpoint.id))
    digest = getattr(checkpoint, "sha256", None)
    members = (getattr(checkpoint, "facts", None) or {}).get("members")
    source: dict[str, Any] = {"checkpoint": name}
    source |= {"sha256": str(digest)} if digest else {}
    if getattr(checkpoint, "head", None):
        options = getattr(checkpoint, "head_options", None) or {}
        source |= {"pooling_head": str(checkpoint.head), "pooling_options": dict(options)}
    if members:
        source["members"] = [
            {"checkpoint": name_without_folder(member), "sha256": sha256}
            for member, sha256 in members
        ]
    return source


def provenance_of(
    checkpoints: Sequence[Checkpoint | None], tokens: Tokens | None = None, **more: Any
) -> dict[str, Any]:
    """Provenance: checkpoints, the text, and whatever else is known (None is left out)."""
    named = [c for c in map(_checkpoint_source, checkpoints) if c]
    source: dict[str, Any] = named[0] if len(named) == 1 else {"checkpoints": named}
    if tokens is not None:
        source |= {"text": tokens.text, "pair": tokens.pair}
    return {k: v for k, v in (source | more).items() if v is not None and v != []}


def target_label(checkpoint: Checkpoint | None, target: int | tuple[int, int]) -> str:
    if isinstance(target, tuple):
        return " against ".join(target_label(checkpoint, index) for index in target)
    labels = tuple(getattr(checkpoint, "labels", ()) or ())
    return str(labels[target]) if target < len(labels) else f"class {target}"


def name_of(checkpoint: Checkpoint | None, index: int) -> str:
    return str(_checkpoint_source(checkpoint).get("checkpoint", f"checkpoint {index + 1}"))


def cut_note(tokens: Sequence[Tokens]) -> tuple[str, ...]:
    dropped = max((int(getattr(t, "dropped", 0)) for t in tokens), default=0)
    return (f"{dropped} tokens beyond the model's limit are not shown.",) if dropped else ()


def names_of(checkpoints: Sequence[Checkpoint | None]) -> list[str]:
    """A name each; two folders of the same name are told apart by a number."""
    return distinct([name_of(checkpoint, index) for index, checkpoint in enumerate(checkpoints)])


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that stand before already with a number behind them."""
    different: list[str] = []
    for name in names:
        shown, again = name, 2
        while shown in different:
            shown, again = f"{name} ({again})", again + 1
        different.append(shown)
    return different
