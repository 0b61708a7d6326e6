"""Recipes of a fit's pictures: made from the folder that the page Train has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.plot import Plot
from analysis.figures.recipes.folders import folder_recipe
from analysis.figures.registry import draw

if TYPE_CHECKING:
    from analysis.study.fits import FitScores

PICTURES = {
    "fit_scores": "Scores of every fitted pooling head, one dot for each seed.",
    "fit_curves": "Score after each epoch, one line for each pooling head.",
    "fit_confusion": "Confusion matrix of one pooling head.",
}


def options(view: str) -> frozenset[str]:
    """Names of the parameters of a picture of a fit."""
    return frozenset({"head"} if view == "fit_confusion" else ())


def of_folder(view: str, folder: Path | str, head: str = "") -> Plot:
    """The picture `view` of a fit's folder; `head` names the head of a confusion matrix.

    Raises
    ------
    ValueError
        A folder without a fit, an unknown view or head, or a fit without scores.
    """
    from analysis.study.fits import read_fit

    if view not in PICTURES:
        raise ValueError(f"no picture of a fit is called {view!r}; known are {', '.join(PICTURES)}")
    return picture_of(view, read_fit(folder), head)


def picture_of(view: str, fit: FitScores, head: str = "") -> Plot:
    """The picture `view` of a fit that was read. Raises ``ValueError`` where it has no scores."""
    plot = draw(view, fit, head) if view == "fit_confusion" else draw(view, fit)
    params = {"head": head} if view == "fit_confusion" else {}
    return replace(plot, recipe=folder_recipe(view, "fit", fit.name, params))
