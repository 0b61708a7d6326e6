"""Twelve composed figures for five venues: ``python -m docs.gallery composed``.

Each is what the page Figures makes of several collected pictures: rows that fill the width, one
legend and one scale where panels agree, letters, and the checks of the page as drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis import load
from analysis.figures import Plot
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import sidecar
from analysis.figures.paper import columns_that_fit
from analysis.figures.recipes.registry import make
from analysis.figures.recipes.study import of_folder
from analysis.figures.style.checks import check
from analysis.figures.style.settings import Style

HERE = Path(__file__).parent / "composed"
DPI = 200
PLOT = "The plot is thin, but the acting is anything but dull."
EARNS = "Slow at first, but it earns every minute."
SAID = "The company said its profit rose by a third."
ROSE = "Profit went up by a third, according to the company."
FOUR = ("sst2-cls", "sst2-max_cls", "sst2-mha", "sst2-max_seq_mha")
MAX = ("sst2-max_seq_mha",)


@dataclass(frozen=True)
class Part:
    """One picture: what a recipe is asked."""

    view: str
    checkpoints: tuple[str, ...] = MAX
    text: str = EARNS
    pair: str | None = None
    target: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


CONTRIBUTION = {"quantity": "contribution"}
# name -> venue, width, pictures; the columns are those that take the least paper
FIGURES: dict[str, tuple[str, str, tuple[Part, ...]]] = {
    "acl-column-winners": (
        "acl",
        "column",
        (Part("strips"), Part("winners", params=CONTRIBUTION), Part("source_layers")),
    ),
    "acl-full-flow": ("acl", "full", (Part("flow", FOUR), Part("classes", FOUR))),
    "acl-column-depth": (
        "acl",
        "column",
        (Part("depth", FOUR), Part("sweep", FOUR[1::2], target="negative")),
    ),
    "neurips-two-texts": (
        "neurips",
        "full",
        (
            Part("winners", params=CONTRIBUTION),
            Part("winners", text=PLOT, params=CONTRIBUTION),
            Part("source_layers"),
            Part("source_layers", text=PLOT),
        ),
    ),
    "neurips-attention": (
        "neurips",
        "full",
        (
            Part("attention"),
            Part("cls_row"),
            Part("leave_one_out", ("sst2-mha",), params={"words": True}),
        ),
    ),
    "neurips-similarity": (
        "neurips",
        "full",
        (
            Part("similarity_bands", ("mrpc-mha",), SAID, ROSE),
            Part("similarity_map", ("mrpc-mha",), SAID, ROSE),
        ),
    ),
    "icml-column-doubt": (
        "icml",
        "column",
        (Part("classes", FOUR), Part("input_attribution", FOUR)),
    ),
    "icml-full-layers": (
        "icml",
        "full",
        (
            Part("depth", FOUR),
            Part("sweep", FOUR[1::2], target="negative"),
            Part("sweep_winners"),
        ),
    ),
    "ieee-column-attribution": (
        "ieee",
        "column",
        (Part("attribution_strips", text=PLOT), Part("attribution_bars", text=PLOT)),
    ),
    "ieee-full-faithful": (
        "ieee",
        "full",
        (
            Part("attribution_strips", text=PLOT),
            Part("attribution_layers", text=PLOT),
            Part("deletion_insertion", text=PLOT, params={"unit": "word"}),
        ),
    ),
    "nature-full-winners": (
        "nature",
        "full",
        (
            Part("winners", params=CONTRIBUTION),
            Part("drop_effects"),
            Part("attention"),
            Part("layer_quantities"),
        ),
    ),
    "nature-column-study": ("nature", "column", (Part("study_scores"), Part("study_differences"))),
}
STUDY = Path(__file__).parents[2] / "study" / "results" / "minilm"


def draw(names: tuple[str, ...] = ()) -> None:
    """Every figure as a PNG at print size; prints its grid, its size, and what a check asks."""
    HERE.mkdir(exist_ok=True)
    loaded: dict[str, Any] = {}

    def classifier(name: str) -> Any:
        return loaded.setdefault(name, loaded.get(name) or load(name))

    for name in names or tuple(FIGURES):
        venue, width, parts = FIGURES[name]
        plots = [_plot(part, classifier) for part in parts]
        style = Style(venue, width, letters=True)
        columns = columns_that_fit(plots, style)
        given = replace(sidecar(plots, style, "png", DPI, columns))
        made = save(given, name)
        (HERE / made.name).write_bytes(made.data)
        asked = [
            f"{one.name}: {one.value}"
            for one in check(given.plots, style, columns)
            if not one.passed
        ]
        size = len(made.data) / 1000
        print(f"{made.name}: {columns} columns, {size:.0f} kB; {'; '.join(asked) or 'checks pass'}")


def _plot(part: Part, classifier: Callable[[str], Any]) -> Plot:
    if part.view.startswith("study_"):
        return of_folder(part.view, STUDY)
    subjects = [classifier(name) for name in part.checkpoints]
    return make(part.view, subjects, part.text, part.pair, part.target, params=dict(part.params))
