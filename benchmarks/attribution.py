"""Cost of an attribution: beside Captum as commonly called, and beside transformers-interpret.

First integrated gradients that stop by themselves against `LayerIntegratedGradients` with 50 steps
and `internal_batch_size=10`: the largest error of a token's score against 1,000 steps, and the
time. Then every method at the same number of samples. Same model, same text, same threads, in
turn. Goal: an error no larger, in at most half the time, at 16 and at 128 tokens; each row says
whether it is met.

transformers-interpret is no dependency: it asks for versions of its own. To have it as a peer,

    pip install --no-deps --target FOLDER transformers-interpret==0.10.0
    TRANSFORMERS_INTERPRET=FOLDER python -m benchmarks attribution
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.record import in_turn

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import ModelWithEmbeddings

SENTENCE = "The plot is thin, but the acting here is anything but dull."
TEXTS = {16: SENTENCE, 128: " ".join([SENTENCE] * 9)}
HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
LONG = ("cls", "max_seq_mha")  # 1,000 steps of 128 tokens take a minute and more
ROUNDS = 3
ROUNDING = 1e-5  # of the largest score: below it float32 tells no two answers apart
SAMPLES = {
    "smoothgrad": {"n_samples": 50},
    "gradient_shap": {"n_samples": 50},
    "shapley_sampling": {"n_samples": 24},
    "kernel_shap": {"n_samples": 256},
    "occlusion": {"window": 1},
}


def run() -> list[dict[str, Any]]:
    """A row for each pooling head and length, then one for each method."""
    import analysis

    rows = []
    for head in HEADS:
        classifier = analysis.load(f"sst2-{head}")
        for length, text in TEXTS.items():
            if length == 16 or head in LONG:
                rows.append(_integrated(classifier, text))
    return [*rows, *_methods(analysis.load("sst2-max_seq_mha"), SENTENCE)]


def _integrated(classifier: Classifier, text: str) -> dict[str, Any]:
    from analysis.attribution import attribute

    captum = Captum(classifier, text)
    reference = captum.integrated(1000, 50)
    attributions: dict[str, Any] = {}

    def ours() -> None:
        attributions["ours"] = attribute(classifier, text, target=captum.target)

    def theirs() -> None:
        attributions["theirs"] = captum.integrated(50, 10)

    mine, theirs_time = _medians([ours, theirs], ROUNDS)
    error, others = (
        np.abs(scores - reference).max()
        for scores in (attributions["ours"].scores, attributions["theirs"])
    )
    return {
        "what": f"integrated gradients, {classifier.checkpoint.head}",
        "tokens": captum.length,
        "points": attributions["ours"].options["n_steps"],
        "error": float(error),
        "Captum's error, 50 steps": float(others),
        "largest score": float(np.abs(reference).max()),
        "time (ms)": mine * 1000,
        "Captum's time (ms)": theirs_time * 1000,
        "ratio": mine / theirs_time,
        "error no larger": bool(error <= max(others, ROUNDING * np.abs(reference).max())),
        "half the time": bool(mine <= theirs_time / 2),
    }


def _methods(classifier: Classifier, text: str) -> list[dict[str, Any]]:
    from analysis.attribution import METHODS, attribute

    captum = Captum(classifier, text)
    calls = captum.calls()
    rows = []
    for method in METHODS:
        options = SAMPLES.get(method, {})

        def ours(method: str = method, options: dict[str, Any] = options) -> None:
            attribute(classifier, text, method=method, target=captum.target, **options)

        functions = [ours] + ([calls[method]] if method in calls else [])
        medians = _medians(functions, ROUNDS)
        row = {"what": method, "tokens": captum.length, "time (ms)": medians[0] * 1000}
        if len(medians) == 2:
            row |= {"Captum's time (ms)": medians[1] * 1000, "ratio": medians[0] / medians[1]}
        rows.append(row)
    return [*rows, _interpret(classifier, text)]


def _interpret(classifier: Classifier, text: str) -> dict[str, Any]:
    """transformers-interpret has layer integrated gradients with 50 steps alone."""
    from analysis.attribution import attribute

    name = "integrated_gradients, beside transformers-interpret"
    try:
        with _on_path(os.environ.get("TRANSFORMERS_INTERPRET")):
            from transformers_interpret import (  # type: ignore[import-not-found]
                SequenceClassificationExplainer,
            )
    except ImportError as error:
        return {"what": f"{name}: not installed here ({error})"}
    explain = SequenceClassificationExplainer(classifier.model, classifier.tokenizer)
    mine, theirs_time = _medians(
        [lambda: attribute(classifier, text, target=1), lambda: explain(text, index=1)], ROUNDS
    )
    return {
        "what": name,
        "time (ms)": mine * 1000,
        "transformers-interpret (ms)": theirs_time * 1000,
        "ratio": mine / theirs_time,
    }


@contextmanager
def _on_path(folder: str | None) -> Iterator[None]:
    """A folder of packages last on the path: none of them stands in for one of ours."""
    if folder:
        sys.path.append(folder)
    try:
        yield
    finally:
        if folder:
            sys.path.remove(folder)


class Captum:
    """Captum's methods the way its tutorials call them: defaults, one row at a time."""

    def __init__(self, classifier: Classifier, text: str) -> None:
        import torch

        import analysis
        from analysis.reading.trace import model_inputs

        trace = analysis.record(classifier, text)
        self.target, self.length = trace.predicted, len(trace.tokens)
        self.model = classifier.model
        self.fixed = model_inputs(classifier, trace.tokens)
        self.ids = self.fixed.pop("input_ids")
        special = torch.tensor(trace.tokens.special.copy(), device=self.ids.device)
        self.empty = torch.where(special, self.ids, classifier.tokenizer.pad_token_id)
        self.embed = cast("ModelWithEmbeddings", self.model).get_input_embeddings()
        with torch.no_grad():
            self.vectors, self.nothing = self.embed(self.ids), self.embed(self.empty)

    def of_ids(self, ids: Tensor) -> Tensor:
        """(n, T) ids -> (n,) logits of the target."""
        expanded = {name: tensor.expand(len(ids), -1) for name, tensor in self.fixed.items()}
        logits: Tensor = self.model(input_ids=ids, **expanded).logits
        return logits[:, self.target]

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """(n, T, e) embeddings -> (n,) logits of the target."""
        expanded = {name: tensor.expand(len(vectors), -1) for name, tensor in self.fixed.items()}
        logits: Tensor = self.model(inputs_embeds=vectors, **expanded).logits
        return logits[:, self.target]

    def integrated(self, steps: int, together: int) -> np.ndarray:
        """(T,) scores of LayerIntegratedGradients on the word embeddings."""
        from captum.attr import LayerIntegratedGradients

        attributions = LayerIntegratedGradients(self.of_ids, self.embed).attribute(
            self.ids, baselines=self.empty, n_steps=steps, internal_batch_size=together
        )
        scores: np.ndarray = attributions[0].sum(-1).detach().cpu().numpy()
        return scores

    def calls(self) -> dict[str, Callable[[], object]]:
        """Calls of Captum for each of our methods that it has."""
        import torch
        from captum import attr

        ids, empty, vectors, nothing = self.ids, self.empty, self.vectors, self.nothing
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        samples = {name: options.get("n_samples", 0) for name, options in SAMPLES.items()}

        def leaf() -> Any:
            return vectors.clone().requires_grad_()

        return {
            "gradient_x_input": lambda: attr.InputXGradient(self.of_vectors).attribute(leaf()),
            "saliency": lambda: attr.Saliency(self.of_vectors).attribute(leaf()),
            "integrated_gradients": lambda: self.integrated(50, 10),
            "smoothgrad": lambda: attr.NoiseTunnel(attr.InputXGradient(self.of_vectors)).attribute(
                leaf(), nt_samples=samples["smoothgrad"], stdevs=0.01
            ),
            "gradient_shap": lambda: attr.GradientShap(self.of_vectors).attribute(
                leaf(), nothing, n_samples=samples["gradient_shap"]
            ),
            "occlusion": lambda: attr.Occlusion(self.of_vectors).attribute(
                vectors, (1, vectors.shape[2]), baselines=nothing
            ),
            "ablation": lambda: attr.FeatureAblation(self.of_ids).attribute(
                ids, empty, feature_mask=places
            ),
            "shapley_sampling": lambda: attr.ShapleyValueSampling(self.of_ids).attribute(
                ids, empty, feature_mask=places, n_samples=samples["shapley_sampling"]
            ),
            "kernel_shap": lambda: attr.KernelShap(self.of_ids).attribute(
                ids, empty, feature_mask=places, n_samples=samples["kernel_shap"]
            ),
        }


def _medians(functions: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each."""
    times = in_turn(functions, rounds, warm=1)
    return [statistics.median(seconds) for seconds in times]
