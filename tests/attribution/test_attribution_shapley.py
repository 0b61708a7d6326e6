"""Shapley values against brute force over all coalitions; intervals that hold what they promise."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch

import analysis
from analysis.attribution import Enough, attribute, passes
from analysis.attribution.methods.shapley import _drawn, _every
from analysis.reading.trace import model_inputs
from tests.support import zoo

TEXT = "The plot is not dull but very thin"
NAME = "max_seq_mha"
UNITS = 8


@cache
def by_brute_force(name: str, target: int, removed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(T,) Shapley values from all 256 coalitions, (256,) their values; by ids, not embeddings."""
    classifier = zoo.loaded(name)
    tokens = analysis.record(classifier, TEXT).tokens
    places = np.flatnonzero(~tokens.special)
    assert len(places) == UNITS
    inputs = model_inputs(classifier, tokens)
    values = {}
    for size in range(UNITS + 1):
        for present in combinations(range(UNITS), size):
            kept = set(places[list(present)])
            row = inputs["input_ids"][0].clone()
            if removed:
                stay = [t for t in range(len(tokens)) if tokens.special[t] or t in kept]
                masked = {key: value[:, stay] for key, value in inputs.items()}
            else:
                row[[t for t in places if t not in kept]] = classifier.tokenizer.pad_token_id
                masked = {**inputs, "input_ids": row[None]}
            with torch.no_grad():
                logits = classifier.model(**masked).logits[0].double()
            values[frozenset(present)] = float(logits[target])
    scores = np.zeros(len(tokens))
    for player in range(UNITS):
        for coalition, value in values.items():
            if player not in coalition:
                size = len(coalition)
                weight = factorial(size) * factorial(UNITS - size - 1) / factorial(UNITS)
                scores[places[player]] += weight * (values[coalition | {player}] - value)
    return scores, np.array(list(values.values()))


@pytest.mark.parametrize("name", [NAME, "bert"])
@pytest.mark.parametrize("absent", ["baseline", "remove"])
def test_kernel_shap_over_all_coalitions_gives_the_shapley_values(name, absent):
    want, _ = by_brute_force(name, 1, absent == "remove")
    result = attribute(zoo.loaded(name), TEXT, method="kernel_shap", target=1, absent=absent)
    np.testing.assert_allclose(result.scores, want, rtol=0, atol=2e-5)
    assert result.options["n_samples"] == 254
    np.testing.assert_allclose(result.interval, np.stack([result.scores] * 2, 1))
    assert result.completeness_gap < 1e-4


@pytest.mark.parametrize("paired", [True, False])
def test_many_permutations_come_close_to_the_shapley_values(paired):
    want, _ = by_brute_force(NAME, 1)
    result = attribute(
        zoo.loaded(NAME), TEXT, method="shapley_sampling", target=1, n_samples=400, paired=paired
    )
    assert np.abs(result.scores - want).max() < 0.1 * np.abs(want).max()
    assert result.completeness_gap < 1e-5  # each permutation sums to the whole
    assert result.scores[[0, -1]].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("shapley_sampling", {"n_samples": 24, "paired": True}),
        ("shapley_sampling", {"n_samples": 24, "paired": False}),
        ("kernel_shap", {"n_samples": 60}),
    ],
    ids=str,
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(method, options):
    want, _ = by_brute_force(NAME, 1)
    hits, widths = [], []
    for seed in range(25):
        result = attribute(zoo.loaded(NAME), TEXT, method=method, target=1, seed=seed, **options)
        inside = (result.interval[:, 0] <= want) & (want <= result.interval[:, 1])
        hits.append(inside[1:-1])
        widths.append(result.interval[1:-1, 1] - result.interval[1:-1, 0])
    assert 0.85 <= np.mean(hits) <= 1.0
    assert np.mean(widths) < 1.5 * np.abs(want).max()


def test_intervals_narrow_with_the_square_root_of_the_samples():
    few, many = (
        attribute(zoo.loaded(NAME), TEXT, method="shapley_sampling", target=1, n_samples=n)
        for n in (20, 320)
    )
    width = [np.mean(result.interval[:, 1] - result.interval[:, 0]) for result in (few, many)]
    assert 2.2 < width[0] / width[1] < 7


def test_a_permutation_beside_its_reverse_narrows_the_interval():
    both = [
        attribute(
            zoo.loaded(NAME),
            TEXT,
            method="shapley_sampling",
            target=1,
            n_samples=100,
            paired=paired,
        )
        for paired in (True, False)
    ]
    width = [np.mean(result.interval[:, 1] - result.interval[:, 0]) for result in both]
    assert width[0] < width[1]


@pytest.mark.parametrize(
    "method", ["shapley_sampling", "kernel_shap", "smoothgrad", "gradient_shap"]
)
def test_the_seed_decides_and_is_kept(method):
    options = {"n_samples": 30, "target": 0}
    first, again, other = (
        attribute(zoo.loaded(NAME), TEXT, method=method, seed=seed, **options) for seed in (5, 5, 6)
    )
    assert np.array_equal(first.scores, again.scores)
    assert not np.array_equal(first.scores, other.scores)
    assert (first.seed, other.seed) == (5, 6)


@pytest.mark.parametrize(
    "method", ["shapley_sampling", "kernel_shap", "smoothgrad", "gradient_shap"]
)
def test_enough_keeps_the_samples_there_are(method, monkeypatch):
    from analysis.attribution import problem

    monkeypatch.setattr(problem, "TOKENS_A_BATCH", 200)

    def stop(share):
        if share > 0.5:
            raise Enough

    options = {"method": method, "target": 1, "n_samples": 100}
    result = attribute(zoo.loaded(NAME), TEXT, progress=stop, **options)
    whole = attribute(zoo.loaded(NAME), TEXT, **options)
    kept, limit = result.options["n_samples"], whole.options["n_samples"]
    assert result.stopped
    assert not whole.stopped
    assert 0.3 * limit < kept < limit
    assert np.isfinite(result.scores).all()
    assert np.isfinite(result.interval).all()
    wider = (result.interval[:, 1] - result.interval[:, 0])[1:-1].mean()
    assert wider > (whole.interval[:, 1] - whole.interval[:, 0])[1:-1].mean()
    same = attribute(zoo.loaded(NAME), TEXT, **{**options, "n_samples": kept})
    if method != "kernel_shap":  # which draws its sizes at once
        np.testing.assert_allclose(result.scores, same.scores, atol=1e-5)


def test_enough_before_anything_is_there_reaches_the_caller():
    def stop(share):
        raise Enough

    for method in ("shapley_sampling", "kernel_shap", "integrated_gradients", "ablation"):
        with pytest.raises(Enough):
            attribute(zoo.loaded(NAME), TEXT, method=method, progress=stop)


def test_no_coalition_is_evaluated_twice(monkeypatch):
    from analysis.attribution import problem

    rows = []
    original = problem.logits_of

    def counted(classifier, embeddings, inputs):
        rows.append(len(embeddings))
        return original(classifier, embeddings, inputs)

    monkeypatch.setattr(problem, "logits_of", counted)
    attribute(zoo.loaded(NAME), TEXT, method="kernel_shap")
    assert sum(rows) == 256
    rows.clear()
    attribute(zoo.loaded(NAME), TEXT, method="shapley_sampling", n_samples=1000)
    assert sum(rows) <= 256


def test_the_cost_that_is_told_is_the_number_of_passes(monkeypatch):
    rows = counted(monkeypatch)
    for method, options in (
        ("shapley_sampling", {"n_samples": 4}),
        ("kernel_shap", {}),
        ("ablation", {}),
        ("leave_one_out", {}),
        ("occlusion", {}),
        ("smoothgrad", {}),
        ("gradient_shap", {}),
        ("saliency", {}),
        ("gradient_x_input", {}),
    ):
        rows.clear()
        attribute(zoo.loaded(NAME), TEXT, method=method, **options)
        costs = passes(method, UNITS, options)
        # Coalitions that were drawn twice are evaluated once.
        assert 0.7 * costs - 2 <= sum(rows) <= costs + 3, method


@pytest.mark.parametrize("name", [NAME, "bert"])
@pytest.mark.parametrize("method", ["integrated_gradients", "joint_layers"])
def test_a_method_that_stops_by_itself_tells_the_fewest_and_the_most_passes(
    method, name, monkeypatch
):
    classifier, rows = zoo.loaded(name), counted(monkeypatch)
    kind = classifier.checkpoint.kind
    reruns_the_head = method == "joint_layers" and kind == "pooling"
    for options in ({}, {"tolerance": 1e-9}, {"n_steps": 200}):
        rows.clear()
        attribution = attribute(classifier, TEXT, method=method, target=1, **options)
        fewest, most = (
            passes(method, UNITS, options, kind=kind, most=most) for most in (False, True)
        )
        # A pooling head that is run alone is part of a pass.
        assert sum(rows) <= most if reruns_the_head else fewest <= sum(rows) <= most
        if not attribution.converged and not reruns_the_head:
            assert sum(rows) == most
        if "n_steps" in options:
            assert fewest == most


def counted(monkeypatch) -> list[int]:
    """Rows of every batch from now on."""
    from analysis.attribution import problem

    rows: list[int] = []
    original = problem.logits_of
    monkeypatch.setattr(
        problem,
        "logits_of",
        lambda c, e, i: rows.append(len(e)) or original(c, e, i),
    )
    return rows


def test_too_few_coalitions_for_a_regression_are_refused_in_words():
    with pytest.raises(ValueError, match=r"n_samples is 10\D+8 units\D+18\b"):
        attribute(zoo.loaded(NAME), TEXT, method="kernel_shap", n_samples=9)


def test_all_coalitions_are_all_and_drawn_ones_follow_the_kernel():
    every = _every(6)
    assert len(np.unique(every, axis=0)) == 2**6 - 2
    assert (every[::2] == ~every[1::2]).all()
    drawn = _drawn(6, 20_000, seed=1)
    assert (drawn[::2] == ~drawn[1::2]).all()
    sizes = np.bincount(drawn.sum(1), minlength=6)[1:6] / len(drawn)
    kernel = 1 / (np.arange(1, 6) * np.arange(5, 0, -1))
    np.testing.assert_allclose(sizes, kernel / kernel.sum(), atol=0.01)
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.02)


@pytest.mark.parametrize("method", ["shapley_sampling", "kernel_shap"])
def test_a_single_unit_carries_the_whole(method):
    result = attribute(zoo.loaded(NAME), "dull", method=method, target=1)
    np.testing.assert_allclose(result.scores, [0, result.delta, 0], atol=1e-6)
