"""Methods that take a unit away as a whole and see what the output loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.methods.game import Game
from analysis.attribution.problem import Problem
from analysis.attribution.registry import Option, Result, method

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


def _needs_pooling_head(classifier: Classifier) -> str:
    if classifier.checkpoint.kind == "pooling":
        return ""
    return (
        f"{classifier.checkpoint.name} has no pooling head of this project's kind, so nothing can "
        "be hidden from it alone; hide units from the encoder"
    )


@method(
    "occlusion",
    "Occlusion",
    "Zeiler and Fergus (2014), Visualizing and Understanding Convolutional Networks",
    family="perturbation",
    needs=("baseline",),
    cost=lambda units, options: max(units - options["window"] + 1, 1) + 2,
    note="The output's loss when a window of units is replaced by the baseline, averaged over the "
    "windows that cover a unit. Evidence by deletion favours it: it measures the same thing.",
    options=(
        Option("window", 2, "int", "Units covered at once, slid one by one.", low=1, high=64),
    ),
)
def occlusion(problem: Problem, window: int = 2) -> Result:
    """Captum's Occlusion over the units of each text; a window never spans both texts of a pair.

    A text with fewer units than `window` is covered as a whole.
    """
    import torch
    from captum.attr import Occlusion

    game = Game(problem, "baseline")
    segment = np.array([problem.tokens.segment[problem.units[u][0]] for u in game.players])
    scores = np.zeros(len(game.players))
    for text in np.unique(segment):
        places = np.flatnonzero(segment == text)

        def covered(rows: torch.Tensor, places: np.ndarray = places) -> torch.Tensor:
            whole = torch.ones(len(rows), len(game.players))
            whole[:, places] = rows.to(whole.dtype)
            return game.on_tensors(whole)

        attributions = Occlusion(covered).attribute(
            torch.ones(1, len(places)),
            sliding_window_shapes=(min(window, len(places)),),
            baselines=0,
            perturbations_per_eval=len(places),
        )
        scores[places] = attributions[0].numpy()
    return Result(game.scores(scores))


def _ablated(game: Game) -> Result:
    from captum.attr import FeatureAblation

    present, absent = game.ends()
    if not game.players:
        return Result(game.scores(np.zeros(0)), baseline=game.named)
    attributions = FeatureAblation(game.on_tensors).attribute(
        present, absent, perturbations_per_eval=len(game.players)
    )
    return Result(game.scores(attributions[0].numpy()), baseline=game.named)


@method(
    "ablation",
    "Ablation",
    "Li, Monroe and Jurafsky (2016), Understanding Neural Networks through Representation Erasure",
    family="perturbation",
    cost=lambda units, options: units + 2,
    note="The output's loss when one unit is replaced by [MASK] or [PAD], or removed so that the "
    "rest moves up. Evidence by deletion favours it: it measures the same thing.",
    options=(
        Option(
            "replace", "mask", "choice", "What takes the unit's place.", ("mask", "pad", "remove")
        ),
    ),
)
def ablation(problem: Problem, replace: str = "mask") -> Result:
    """Captum's FeatureAblation, one unit at a time."""
    return _ablated(Game(problem, replace))


@method(
    "leave_one_out",
    "Leave one out",
    "Li, Monroe and Jurafsky (2016), Understanding Neural Networks through Representation Erasure",
    family="perturbation",
    cost=lambda units, options: units + 2,
    note="The output's loss when nothing attends to a unit any more; its place stays. It needs no "
    "baseline. Hidden from the pooling head only, it says what is read there, and not what the "
    "encoder made of the unit. Evidence by deletion favours it.",
    options=(
        Option(
            "where",
            "encoder",
            "choice",
            "Hidden from the encoder and the pooling head, or from the pooling head only.",
            ("encoder", "head"),
        ),
    ),
)
def leave_one_out(problem: Problem, where: str = "encoder") -> Result:
    """Captum's FeatureAblation of the attention mask; compare `interventions.leave_one_out`.

    Raises
    ------
    ValueError
        The tokens cannot be hidden from this checkpoint there; with the reason.
    """
    reason = _needs_pooling_head(problem.classifier) if where == "head" else ""
    if reason:
        raise ValueError(reason)
    return _ablated(Game(problem, where))
