"""Making a saved figure again from its sidecar: the same bytes, or the numbers computed anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.folder import describe, discover, locate
from analysis.common.faults import CheckpointError
from analysis.figures.files.saved import SavedFigure, save
from analysis.figures.files.sidecar import (
    Sidecar,
    checkpoints_of,
    other_versions,
    versions,
)
from analysis.figures.marks import Grid, Panel
from analysis.figures.picture import Picture

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.figures.recipes.request import Data, Subject

# Reads the data set that was named, its labels being these classes (None: whatever they are).
DataReader = Callable[[tuple[str, ...] | None], "Data | None"]
# Another processor or another number of threads sums in another order.
TOLERANCE = 1e-5


class OtherCheckpoint(ValueError):
    """A checkpoint with the name of the figure's has other weights than the figure's."""


@dataclass(frozen=True)
class Known:
    """The checkpoints of this machine among which those of a figure are looked for."""

    checkpoints: tuple[Checkpoint, ...]

    def of(self, name: str, sha256: str) -> tuple[Checkpoint | None, Checkpoint | None]:
        """(the one with these weights, one of this name with others)."""
        exact = next((c for c in self.checkpoints if sha256 and c.sha256 == sha256), None)
        named = next((c for c in self.checkpoints if _name(c.id) == _name(name)), None)
        return exact, None if exact else named


def known_checkpoints(root: Path | str, named: Iterable[str] = ()) -> Known:
    """Checkpoints of a folder, and folders or Hub ids named one by one (these first).

    Raises `CheckpointError` for a named one that cannot be used.
    """
    own = []
    for reference in named:
        folder, name, source = locate(reference, root)
        own.append(describe(folder, name, source))
    return Known((*own, *discover(root)[0]))


@dataclass(frozen=True)
class FigureCheckpoints:
    """A figure's checkpoints on this machine: present, missing, or with other weights."""

    members: dict[str, Checkpoint]  # by the id that the figure names
    missing: tuple[str, ...]
    changed: tuple[str, ...]  # sentences: a checkpoint of that name has other weights


def find(card: Sidecar, known: Known) -> FigureCheckpoints:
    """Look for every checkpoint of the figure by its hash, then by its name."""
    members: dict[str, Checkpoint] = {}
    missing, changed = [], []
    for checkpoint in (checkpoint for plot in card.plots for checkpoint in checkpoints_of(plot)):
        for member in checkpoint.get("members") or [checkpoint]:
            name, digest = str(member.get("checkpoint", "")), str(member.get("sha256", ""))
            exact, named = known.of(name, digest)
            if exact is not None:
                members[name] = exact
            elif named is not None:
                members[name] = named
                if digest:
                    changed.append(
                        f"{name}: the figure was made with sha256 {digest[:12]}, the checkpoint "
                        f"found here has {named.sha256[:12]}"
                    )
            else:
                missing.append(name)
    return FigureCheckpoints(members, tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(changed)))


def recompute(
    checkpoints: FigureCheckpoints,
    load: Callable[[Checkpoint], Classifier],
    recipe: dict[str, Any],
    data: DataReader | None = None,
) -> Picture:
    """The picture computed anew by its recipe; `data` reads the data set of one over a data set.

    Raises ``ValueError`` where the recipe cannot be followed any more.
    """
    from analysis.figures.recipes.registry import classes_of, make
    from analysis.figures.recipes.request import loaded

    subjects: list[Subject] = []
    for name, ids in zip(recipe["names"], recipe["subjects"], strict=True):
        members = []
        for id in ids:
            if id not in checkpoints.members:
                raise ValueError(f"{id} is not among the checkpoints of the figure")
            classifier = load(checkpoints.members[id])
            # the id that the figure names: it may lie in another folder here
            members.append(replace(classifier, checkpoint=replace(classifier.checkpoint, id=id)))
        subjects.append(loaded(name, members))
    return make(
        recipe["view"],
        subjects,
        recipe["text"],
        recipe.get("pair"),
        recipe.get("target"),
        recipe["params"],
        _data_of(recipe.get("data"), data, classes_of(recipe["view"], subjects)),
    )


def _data_of(
    declared: dict[str, Any] | None, read: DataReader | None, classes: tuple[str, ...] | None
) -> Data | None:
    """The data set that a recipe names: of the behaviour suite, else the given one.

    Raises ``ValueError`` where it is missing or another one.
    """
    from analysis.figures.recipes.request import of_suite

    if declared is None:
        return None
    if isinstance(declared.get("suite"), str):
        data: Data | None = of_suite(declared["suite"])
    else:
        data = None if read is None else read(classes)
    name = declared.get("name") or "a data set"
    if data is None:
        raise ValueError(f"it is drawn over {name}: give its file, --data FILE")
    if data.table.digest != declared["sha256"]:
        raise ValueError(
            f"it is drawn over {declared.get('rows')} rows ({name}), and the data set given has "
            f"other texts ({len(data.table)} rows)"
        )
    if declared.get("labels") not in (None, data.table.label_digest):
        raise ValueError(f"the labels of the data set given are not those of {name}")
    return replace(data, name=str(declared.get("name", data.name)))


def difference(stored: Picture, computed: Picture) -> float | None:
    """Largest absolute difference of two pictures' values, or None: they are not alike in shape.

    Values are what a picture shows; colour scales, which hold still on a page, are not compared.
    """
    first, second = _values(stored), _values(computed)
    if len(first) != len(second):
        return None
    largest = 0.0
    for first_array, second_array in zip(first, second, strict=True):
        if (
            first_array.shape != second_array.shape
            or (np.isnan(first_array) != np.isnan(second_array)).any()
        ):
            return None
        gaps = np.abs(first_array - second_array)[~np.isnan(first_array)]
        largest = max(largest, float(gaps.max(initial=0.0)))
    return largest


def _values(plot: Picture) -> list[np.ndarray]:
    panels: Sequence[Panel] = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    return [
        np.asarray(value, float)
        for panel in panels
        for name in sorted(panel.__dataclass_fields__)
        if isinstance(value := getattr(panel, name), np.ndarray) and value.dtype.kind in "fiub"
    ]


@dataclass(frozen=True)
class RebuiltFigure:
    """A figure made again, and what there is to say of it."""

    saved: SavedFigure
    sentences: tuple[str, ...]
    same: bool | None  # whether its bytes are those it was saved with; None: not comparable


def rebuild(
    card: Sidecar,
    stem: str,
    known: Known | None = None,
    load: Callable[[Checkpoint], Classifier] | None = None,
    anew: bool = False,
    force: bool = False,
    changed: bool = False,
    data: DataReader | None = None,
    folders: Mapping[str, Path] | None = None,
) -> RebuiltFigure:
    """Draw a sidecar's figure: from its own numbers, or `anew` from its checkpoints.

    With `known` checkpoints those of the figure are looked for, their hashes compared, and, where
    all are there, the numbers computed and compared, too; `data` reads the data set of a picture
    over one, `folders` are those of pictures of a study or a fit, by kind. `changed` says that the
    style or format is another one on purpose. Raises `OtherCheckpoint` where a hash differs
    (unless `force`), and ``ValueError`` where `anew` is not possible.
    """
    sentences = []
    if others := other_versions(card):
        sentences.append(
            "Made with other versions, so the bytes may differ: " + "; ".join(others) + "."
        )
    plots = list(card.plots)
    if known is not None and load is not None:
        checkpoints = find(card, known)
        if checkpoints.changed and not force:
            raise OtherCheckpoint("; ".join(checkpoints.changed))
        sentences.extend(f"{line}; going on, as was asked." for line in checkpoints.changed)
        for index, plot in enumerate(plots):
            plots[index], sentence = _computed(plot, checkpoints, load, anew, force, data, folders)
            name = f"({chr(97 + index % 26)}) " if len(plots) > 1 else ""
            sentences.append(f"{name}{sentence}")
    elif anew:
        raise ValueError("no checkpoints were given to compute the figure from")
    saved = save(replace(card, plots=tuple(plots), versions=versions(), files={}), stem)
    was = (
        None
        if changed or others
        else next((v for k, v in card.files.items() if k.endswith(f".{card.format}")), None)
    )
    same = None if was is None else hashlib.sha256(saved.data).hexdigest() == was
    if same is False and not anew:
        sentences.append(
            "The bytes are not those that were saved: an installed font may be another one."
        )
    return RebuiltFigure(saved, (*sentences, *saved.notices), same)


def _computed(
    stored: Picture,
    checkpoints: FigureCheckpoints,
    load: Callable[[Checkpoint], Classifier],
    anew: bool,
    force: bool,
    data: DataReader | None = None,
    folders: Mapping[str, Path] | None = None,
) -> tuple[Picture, str]:
    """(the plot to draw, what there is to say): the stored one, or `anew` that of the models."""
    from analysis.figures.recipes.registry import read_recipe

    recipe = read_recipe(stored.recipe) or None
    if recipe is None:
        why = "its numbers come from more than a text and the settings in its sidecar"
    elif "folder" in recipe:
        why = _other_folder(recipe["folder"], folders or {})
    else:
        ids = {id for ids in recipe["subjects"] for id in ids}
        missing = [name for name in checkpoints.missing if name in ids]
        why = f"not found here: {', '.join(missing)}" if missing else ""
    if why or recipe is None:
        if anew:
            raise ValueError(why)
        return stored, f"Drawn from the stored numbers ({why})."
    try:
        if "folder" in recipe:
            computed = _of_folder(recipe, folders or {})
        else:
            computed = recompute(checkpoints, load, recipe, data)
    except CheckpointError:
        raise
    except ValueError as error:
        if anew:
            raise
        return stored, f"Drawn from the stored numbers; computing them again failed: {error}"
    gap = difference(stored, computed)
    if gap is None:
        phrase = (
            "The recomputed picture has another shape than the stored one, so its values are "
            "not compared: it was put together on a page."
        )
        if anew and not force:
            raise ValueError(f"{phrase} Draw the stored numbers, or force it.")
    elif gap == 0:
        phrase = "The recomputed values equal the stored ones."
    elif gap <= TOLERANCE:
        phrase = f"The recomputed values equal the stored ones up to {gap:.0e} (order of summing)."
    else:
        phrase = f"The recomputed values DIFFER from the stored ones, by up to {gap:.3g}."
    # What was written on the stored picture stays.
    return (
        replace(computed, title=stored.title, caption=stored.caption) if anew else stored
    ), phrase


def _other_folder(folder: Mapping[str, str], folders: Mapping[str, Path]) -> str:
    """Why a picture of a folder of results cannot be made again; empty: it can be tried."""
    if folder["kind"] in folders:
        return ""
    return (
        f"it is drawn of the {folder['kind']} {folder['name']}: give its folder, "
        f"--{folder['kind']} FOLDER"
    )


def _of_folder(recipe: Mapping[str, Any], folders: Mapping[str, Path]) -> Picture:
    """The picture of a folder of results. Raises ``ValueError`` where it is another folder's."""
    from analysis.figures.recipes.folders import make_of_folder

    kind, name = recipe["folder"]["kind"], recipe["folder"]["name"]
    made = make_of_folder(recipe["view"], kind, folders[kind], recipe["params"])
    if (drawn := made.recipe["folder"]["name"]) != name:
        raise ValueError(f"it is drawn of the {kind} {name}, and the folder given holds {drawn}")
    return made


def _name(id: str) -> str:
    return id.replace("\\", "/").rstrip("/").rpartition("/")[2]
