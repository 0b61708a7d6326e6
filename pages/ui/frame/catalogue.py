"""Checkpoints that can be chosen: those of the folder, those added here, and seed groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from analysis.checkpoints.checkpoint import Broken, Checkpoint
from analysis.checkpoints.folder import describe, discover, locate
from analysis.common.faults import CheckpointError, reason
from analysis.common.phrases import name_without_folder
from analysis.figures.views.source import distinct
from analysis.study.fits import fits_in
from pages.ui.engine import results_folder
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame import settings

PAPER_HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
_BEFORE = "catalogue_before"  # that of the last run
_ADDED = "added_checkpoints"  # references typed into the sidebar, kept for the session


@dataclass(frozen=True)
class Entry:
    """One thing to choose: a checkpoint, or a seed group (its members differ in the seed only)."""

    id: str
    members: tuple[Checkpoint, ...]

    @property
    def name(self) -> str:
        """Name in a sentence or on a card: of a path its last part."""
        return name_without_folder(self.id)

    @property
    def first(self) -> Checkpoint:
        return self.members[0]

    @property
    def is_group(self) -> bool:
        return len(self.members) > 1

    @property
    def task(self) -> str:
        return self.first.task or "other"

    @property
    def is_fitted(self) -> bool:
        """Whether it is a pooling head on a frozen encoder, as the page Train makes them."""
        return self.first.facts.get("tuning") == "frozen"

    @property
    def classifies(self) -> bool:
        return self.first.kind != "encoder"


@dataclass(frozen=True)
class Catalogue:
    """All entries, in the order in which they are shown."""

    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...]

    @property
    def names(self) -> dict[str, str]:
        """Id -> what a list to choose from calls it, each name once."""
        ids = [entry.id for entry in self.entries]
        return dict(zip(ids, distinct([entry.name for entry in self.entries]), strict=True))

    def get(self, id: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == id), None)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.task for entry in self.entries))

    def defaults(self, task: str) -> list[str]:
        """The paper's four pooling heads of a task, as seed groups where there are any."""
        every = [entry for entry in self.entries if entry.task == task]
        own = [entry for entry in every if not entry.is_fitted] or every
        groups = [entry for entry in own if entry.is_group]
        preferred = groups or own
        paper = [entry.id for entry in preferred if entry.first.head in PAPER_HEADS]
        return (paper or [entry.id for entry in preferred])[:4]


def catalogue() -> Catalogue:
    """The catalogue as of now; read again when a file in the folder has changed."""
    root = settings.read().checkpoints
    added = tuple(st.session_state.get(_ADDED, ()))
    stamps = tuple(_stamp(Path(reference)) for reference in added)
    fits = tuple(str(folder) for folder in fits_in(results_folder.folder() / "fits"))
    stamps += tuple(_stamp(Path(folder)) for folder in fits)
    return _with_removed(_catalogue(str(root), _stamp(root, deep=True), added, stamps, fits))


def _with_removed(checkpoints: Catalogue) -> Catalogue:
    """With those that this session has chosen and whose files were removed since: their cards say
    so."""
    before: Catalogue | None = st.session_state.get(_BEFORE)
    removed = tuple(
        entry
        for id in st.session_state.get("checkpoints") or ()
        if checkpoints.get(id) is None
        and before is not None
        and (entry := before.get(id)) is not None
        and not entry.first.folder.exists()
    )
    if removed:
        checkpoints = Catalogue((*checkpoints.entries, *removed), checkpoints.broken)
    st.session_state[_BEFORE] = checkpoints
    return checkpoints


def add(reference: str) -> str:
    """Add a folder or Hub id for this session; returns the id it is listed under.

    Raises :class:`CheckpointError` with the reason where it cannot be used.
    """
    options = settings.read()
    if options.shared and reference not in options.hub:
        raise CheckpointError("A shared server offers the checkpoints of its operator alone.")
    folder, name, source = locate(reference, settings.read().checkpoints)
    checkpoint = describe(folder, name, source)
    added = st.session_state.setdefault(_ADDED, [])
    if name not in added:
        added.append(name)
    return checkpoint.id


def _stamp(folder: Path, deep: bool = False) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of a folder's files: changes whenever a checkpoint does."""
    pattern = "*/*" if deep else "*"
    try:
        files = sorted(path for path in folder.glob(pattern) if path.is_file())
        return tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    except OSError:
        return ()


@kept_up_to(32, most=8)
def _catalogue(
    root: str,
    stamp: object,
    added: tuple[str, ...],
    stamps: object,
    fits: tuple[str, ...],
) -> Catalogue:
    readable, broken = discover(root)
    known = {checkpoint.id for checkpoint in readable}
    for room in fits:  # pooling heads that were fitted on the page Train
        fitted, unusable = discover(room)
        readable += [checkpoint for checkpoint in fitted if checkpoint.id not in known]
        broken += unusable
        known |= {checkpoint.id for checkpoint in fitted}
    for reference in added:
        try:
            folder, name, source = locate(reference, root)
            if name not in known:
                readable.append(describe(folder, name, source))
        except Exception as error:
            broken.append(Broken(reference, Path(reference), reason(error, reference)))
    return Catalogue(tuple(_entries(readable)), tuple(broken))


def _entries(readable: list[Checkpoint]) -> list[Entry]:
    groups: dict[str, list[Checkpoint]] = {}
    for checkpoint in readable:
        if checkpoint.group:
            groups.setdefault(checkpoint.group, []).append(checkpoint)
    entries = [Entry(checkpoint.id, (checkpoint,)) for checkpoint in readable]
    taken = {checkpoint.id for checkpoint in readable}
    for name, members in groups.items():
        same = len({(m.labels, m.head, m.encoder) for m in members}) == 1
        if len(members) > 1 and same and name not in taken:
            entries.append(Entry(name, tuple(sorted(members, key=lambda m: m.id))))
    return sorted(entries, key=_place)


_TASK_ORDER = ("sst2", "mrpc", "trec")


def _place(entry: Entry) -> tuple[int, str, int, int, str]:
    head = entry.first.head or ""
    return (
        _TASK_ORDER.index(entry.task) if entry.task in _TASK_ORDER else len(_TASK_ORDER),
        entry.task,
        2 * entry.is_fitted + (not entry.is_group),
        PAPER_HEADS.index(head) if head in PAPER_HEADS else len(PAPER_HEADS),
        entry.id,
    )
