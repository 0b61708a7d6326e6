"""Evidence for attributions of the word-adding checkpoint, and a picture of each of its views."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from analysis.attribution import faithfulness_of_all
from analysis.attribution.evidence.agreement import rank_agreement
from analysis.attribution.evidence.randomisation import Randomisation
from analysis.attribution.texts.run import COLUMNS, EvidenceSummary, WordMeans
from analysis.figures import view
from tests.support import word_adding_checkpoint as bag
from tests.support.known_results import checkpoint, tokens_of

NUMBERS = np.array([bag.WEIGHTS[word] for word in bag.TEXT.split()])
TOKENS = tokens_of(bag.TEXT)
OWNER = checkpoint("sst2-cls")


def attributed(scores, method="saliency", gap=None):
    return SimpleNamespace(
        method=method,
        target=1,
        scores=np.array([0.0, *scores, 0.0]),
        completeness_gap=gap,
        unit_tokens=tuple((t,) for t in range(9)),
        unit="piece",
        seconds=0.5,
        output="contrast",
        baseline="[PAD]",
        options={"n_steps": 3},
        seed=None,
    )


ATTRIBUTIONS = (attributed(NUMBERS, "integrated_gradients", 0.01), attributed(np.abs(NUMBERS)))
MEASURED = faithfulness_of_all(bag.adds(), bag.TEXT, ATTRIBUTIONS, repeats=8, replace="pad")
PLOTS = {
    "evidence_scores": lambda: view("evidence_scores", MEASURED, checkpoint=OWNER, tokens=TOKENS),
    "evidence_bars": lambda: view("evidence_bars", MEASURED, "deletion", checkpoint=OWNER),
    "deletion_insertion": lambda: view("deletion_insertion", MEASURED, checkpoint=OWNER),
    "rank_agreement": lambda: view("rank_agreement", rank_agreement(ATTRIBUTIONS, TOKENS), [OWNER]),
    "randomisation": lambda: view("randomisation", checks(), checkpoint=OWNER, tokens=TOKENS),
    "evidence_means": lambda: view("evidence_means", summaries(), checkpoints=[OWNER]),
    "largest_words": lambda: view("largest_words", words(), OWNER),
}


def checks(method="saliency", nan=True):
    return Randomisation(
        method,
        1,
        ("classifier", "layer 1", "embeddings"),
        np.array([0.5, np.nan if nan else 0.2, -0.1]),
        np.array([0.6, 0.2, 0.1]),
        (-0.7, 0.7),
        9,
        0,
    )


def summaries():
    size = len(COLUMNS)
    mean = np.arange(size, dtype=float)
    return [
        EvidenceSummary(
            name,
            method,
            COLUMNS,
            mean + shift,
            np.stack([mean, mean + 2], axis=1),
            np.full(size, 30),
            np.zeros(4),
            30,
            0,
        )
        for name in ("a", "b")
        for shift, method in enumerate(("saliency", "occlusion"))
    ]


def words():
    return [
        WordMeans(
            "c",
            "saliency",
            name,
            "logit",
            ("great", "fine"),
            np.array([2.0, 1.0]),
            np.array([[1.0, 3.0], [0.5, 1.5]]),
            np.array([7, 5]),
            40,
        )
        for name in ("negative", "positive")
    ]
