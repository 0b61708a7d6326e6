"""Draws the gallery again: ``python -m docs.gallery`` (or ``make gallery``), without a browser.

``python -m docs.gallery composed [NAME ...]`` draws the composed figures alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from analysis import load, record
from analysis.checkpoints.loading import Classifier
from analysis.figures import Plot, view
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import sidecar
from analysis.figures.recipes.registry import make
from analysis.figures.recipes.study import of_folder
from analysis.figures.style.settings import Style
from analysis.maps.projection import project
from analysis.suite import sentences
from docs.gallery import composed

HERE = Path(__file__).parent
TEXT = "The plot is thin, but the acting is anything but dull."
EARNS = "Slow at first, but it earns every minute."
FOUR = ("sst2-cls", "sst2-max_cls", "sst2-mha", "sst2-max_seq_mha")
# name -> view, checkpoints, text, parameters, style
PICTURES: dict[str, tuple[str, tuple[str, ...], str, dict[str, object], dict[str, object]]] = {
    "strips": ("strips", ("sst2-max_seq_mha",), EARNS, {}, {}),
    "winners": ("winners", ("sst2-max_seq_mha",), EARNS, {"quantity": "contribution"}, {}),
    "layer_quantities": ("layer_quantities", ("sst2-max_seq_mha",), EARNS, {}, {"width": "full"}),
    "drop_effects": ("drop_effects", ("sst2-max_seq_mha",), EARNS, {}, {"palette": "blue-red"}),
    "sweep": ("sweep", ("sst2-max_cls", "sst2-max_seq_mha"), EARNS, {}, {"venue": "icml"}),
    "attention": ("attention", ("sst2-max_seq_mha",), EARNS, {}, {}),
    "depth": ("depth", FOUR, EARNS, {}, {"width": "full"}),
    "leave_one_out": ("leave_one_out", ("sst2-mha",), TEXT, {}, {"greyscale": True}),
    "attribution_strips": ("attribution_strips", ("sst2-max_seq_mha",), TEXT, {}, {}),
    "deletion_insertion": (
        "deletion_insertion",
        ("sst2-max_seq_mha",),
        TEXT,
        {"unit": "word"},
        {"width": "full"},
    ),
}
STUDY = HERE.parents[1] / "study" / "results" / "minilm"


def main() -> None:
    """Every picture as a PNG of 200 dots an inch; prints what was written."""
    loaded = {name: load(name) for name in FOUR}
    for name, (key, names, text, params, style) in PICTURES.items():
        plot = make(key, [loaded[one] for one in names], text, params=params)
        _write(name, plot, Style.from_dict(style))
    # The README's picture.
    _write("compare", make("flow", list(loaded.values()), EARNS), Style(width="full"), HERE.parent)
    _write("study_scores", of_folder("study_scores", STUDY), Style(width="full"))
    _write("map", _map(loaded[FOUR[-1]]), Style(width="full"))


def _map(classifier: Classifier) -> Plot:
    """Sentences of the behaviour suite by two poolings, coloured by what they test."""
    cases = {case.text: case.capability for case in sentences("sst2")}
    hidden = [record(classifier, text).hidden[-1] for text in cases]
    poolings = {
        "cls": [one[0] for one in hidden],
        "mean": [one[1:-1].mean(axis=0) for one in hidden],
    }
    names = tuple(dict.fromkeys(cases.values()))
    return view(
        "map",
        [project(np.stack(rows), "pca") for rows in poolings.values()],
        tuple(poolings),
        np.array([names.index(one) for one in cases.values()]),
        names,
        (classifier.checkpoint,),
        "the behaviour suite",
        alignment="none",
    )


def _write(name: str, plot: Plot, style: Style, folder: Path = HERE) -> None:
    made = save(sidecar(plot, style, "png", 200), name)
    (folder / made.name).write_bytes(made.data)
    print(f"{made.name}: {len(made.data) / 1000:.0f} kB")


if __name__ == "__main__":
    if sys.argv[1:2] != ["composed"]:
        main()
    composed.draw(tuple(sys.argv[2:]))
