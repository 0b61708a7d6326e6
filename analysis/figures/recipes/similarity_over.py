"""Recipes of similarity over a data set of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Request, Subject
from analysis.figures.recipes.similarity_results import scores_of_subject
from analysis.figures.views import similarity_over as over

if TYPE_CHECKING:
    from analysis.similarities.pair_scores import PairScores

ALL_LAYERS = "all"


@recipe("pair_correlations")
def pair_correlations(
    request: Request,
    poolings: list[str] | None = None,
    layers: list[int] | None = None,
    centred: bool = False,
    metric: Literal["spearman", "pearson"] = "spearman",
    precision: str = "float32",
) -> Plot:
    """Correlation of each pooling and layer with the gold scores of a data set of pairs.

    Raises
    ------
    ValueError
        The data set has no gold scores.
    """
    scores, subject = _scores_of(request, "pair_correlations", poolings, layers, precision)
    if scores.gold is None:
        raise ValueError("these pairs have no gold scores: name the column of them as the label")
    return over.pair_correlations(scores, subject.checkpoint, centred, metric)


@recipe("pair_anisotropy")
def pair_anisotropy(
    request: Request,
    poolings: list[str] | None = None,
    layers: list[int] | None = None,
    centred: bool | None = None,
    precision: str = "float32",
) -> Plot:
    """Mean cosine of two different sentences of a data set of pairs, by pooling and layer."""
    scores, subject = _scores_of(request, "pair_anisotropy", poolings, layers, precision)
    return over.pair_anisotropy(scores, subject.checkpoint, centred)


def _scores_of(
    request: Request,
    view: str,
    poolings: Sequence[str] | None,
    layers: Sequence[int] | None,
    precision: str,
) -> tuple[PairScores, Subject]:
    request.table  # noqa: B018 (says that a data set is missing)
    assert request.data is not None
    subject, _ = request.only(view)
    own = tuple(poolings or ("mean", "max", "cls"))
    which = ALL_LAYERS if layers is None else tuple(layers)
    return scores_of_subject(subject, request.data, own, which, precision), subject
