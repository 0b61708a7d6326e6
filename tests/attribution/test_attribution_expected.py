"""Every method on models whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.attribution import METHODS, attribute
from analysis.text.tokens import tokenize
from tests.support import known_models
from tests.support.known_models import Linear, Polynomial, arrays

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
CLOSE = {"rtol": 0, "atol": 2e-5}
# On a linear model all of these are w . (x - b) for every unit, whatever is drawn.
DIFFERENCE = {
    "integrated_gradients": {},
    "gradient_shap": {"n_samples": 4},
    "shapley_sampling": {"n_samples": 2},
    "kernel_shap": {},
    "occlusion": {"window": 1},
}


@pytest.fixture(scope="module")
def linear():
    return known_models.classifier(Linear)


@pytest.fixture(scope="module")
def polynomial():
    return known_models.classifier(Polynomial)


def tokens_of(known, text=TEXT, pair=None):
    return tokenize(known.tokenizer, text, pair, known.limit)


def summed(values, units):
    return np.array([values[list(unit)].sum(axis=0) for unit in units])


@pytest.mark.parametrize("unit", ["piece", "word"])
@pytest.mark.parametrize("fill", ["pad", "mask", "mean"])
@pytest.mark.parametrize("method", DIFFERENCE)
def test_on_a_linear_model_it_is_weight_times_difference(linear, method, fill, unit):
    tokens = tokens_of(linear, TEXT, PAIR)
    x, b, w = arrays(linear, tokens, fill)
    for target in (0, 2):
        result = attribute(
            linear, TEXT, PAIR, method, target, unit, baseline=fill, **DIFFERENCE[method]
        )
        want = summed((w[target] * (x - b)).sum(-1), result.unit_tokens)
        np.testing.assert_allclose(result.scores, want, **CLOSE)
        if METHODS[method].complete:
            assert result.completeness_gap < 1e-4
            assert result.delta == pytest.approx(want.sum(), abs=1e-4)
        if result.interval is not None:  # nothing varies from draw to draw
            np.testing.assert_allclose(result.interval, np.stack([want] * 2, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("output", "target", "weights"),
    [
        ("logit", 1, [0, 1, 0]),
        ("contrast", 1, [-0.5, 1, -0.5]),
        ("logit", (2, 0), [-1, 0, 1]),
        ("contrast", (2, 0), [-1, 0, 1]),
    ],
)
def test_the_output_that_is_explained_is_the_one_that_was_asked_for(
    linear, output, target, weights
):
    x, b, w = arrays(linear, tokens_of(linear))
    want = np.einsum("c,cte,te->t", weights, w, x - b)
    result = attribute(linear, TEXT, target=target, output=output)
    np.testing.assert_allclose(result.scores, want, **CLOSE)
    assert (result.target, result.output) == (target, output)


def test_the_difference_of_two_probabilities_is_explained(linear):
    x, _, w = arrays(linear, tokens_of(linear))
    logits = np.einsum("cte,te->c", w, x)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    result = attribute(linear, TEXT, target=(0, 1), output="probability", n_steps=1)
    assert result.value == pytest.approx(p[0] - p[1], abs=1e-6)


def test_gradient_times_input_is_weight_times_input(linear):
    x, _, w = arrays(linear, tokens_of(linear))
    result = attribute(linear, TEXT, method="gradient_x_input", target=1)
    np.testing.assert_allclose(result.scores, (w[1] * x).sum(-1), **CLOSE)
    assert (result.delta, result.completeness_gap, result.baseline) == (None, None, "none")


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_saliency_is_the_size_of_the_weight(linear, norm):
    _, _, w = arrays(linear, tokens_of(linear))
    want = np.abs(w[1]).sum(-1) if norm == "l1" else np.sqrt((w[1] ** 2).sum(-1))
    result = attribute(linear, TEXT, method="saliency", target=1, norm=norm)
    np.testing.assert_allclose(result.scores, want, **CLOSE)


def test_smoothgrad_of_saliency_is_the_size_of_the_weight_without_any_spread(linear):
    _, _, w = arrays(linear, tokens_of(linear))
    result = attribute(
        linear, TEXT, method="smoothgrad", target=1, of="saliency", n_samples=5, noise=3.0
    )
    np.testing.assert_allclose(result.scores, np.abs(w[1]).sum(-1), **CLOSE)
    np.testing.assert_allclose(result.interval[:, 1], result.interval[:, 0], atol=1e-5)


def test_smoothgrad_of_gradient_times_input_lies_about_weight_times_input(linear):
    tokens = tokens_of(linear)
    x, _, w = arrays(linear, tokens)
    noise = 0.5
    result = attribute(
        linear, TEXT, method="smoothgrad", target=1, n_samples=400, noise=noise, seed=3
    )
    want = (w[1] * x).sum(-1)
    np.testing.assert_allclose(result.scores[tokens.special], want[tokens.special], **CLOSE)
    inside = (result.interval[:, 0] <= want) & (want <= result.interval[:, 1])
    assert inside[~tokens.special].mean() > 0.7
    # w . noise has the spread |w| * noise: the interval's width is known, too.
    spread = np.linalg.norm(w[1], axis=-1) * noise * x[~tokens.special].std(ddof=1)
    width = (result.interval[:, 1] - result.interval[:, 0]) / 2
    known = 1.966 * spread / np.sqrt(400)
    np.testing.assert_allclose(width[~tokens.special], known[~tokens.special], rtol=0.2)


def test_gradient_shap_over_all_references_compares_with_their_mean(linear):
    tokens = tokens_of(linear)
    x, _, w = arrays(linear, tokens)
    mean = np.mean([arrays(linear, tokens, fill)[1] for fill in ("pad", "mask", "mean")], axis=0)
    result = attribute(
        linear, TEXT, method="gradient_shap", target=0, references="all", n_samples=600
    )
    want = (w[0] * (x - mean)).sum(-1)
    assert result.delta == pytest.approx(want.sum(), abs=1e-4)
    assert result.baseline == "[PAD], [MASK], mean embedding"
    outside = (want < result.interval[:, 0] - 1e-5) | (want > result.interval[:, 1] + 1e-5)
    assert outside.sum() <= 2


def test_a_window_shares_its_effect_among_the_units_it_covers(linear):
    tokens = tokens_of(linear, TEXT, PAIR)
    x, b, w = arrays(linear, tokens)
    effect = (w[1] * (x - b)).sum(-1)
    want = np.zeros(len(tokens))
    for segment in (0, 1):  # no window spans both texts
        places = np.flatnonzero(~tokens.special & (tokens.segment == segment))
        windows = [places[start : start + 3] for start in range(len(places) - 2)]
        for place in places:
            want[place] = np.mean([effect[window].sum() for window in windows if place in window])
    result = attribute(linear, TEXT, PAIR, "occlusion", 1, window=3)
    np.testing.assert_allclose(result.scores, want, **CLOSE)


def test_a_window_longer_than_the_text_covers_all_of_it(linear):
    tokens = tokens_of(linear, "dull plot")
    x, b, w = arrays(linear, tokens)
    result = attribute(linear, "dull plot", method="occlusion", target=1, window=9)
    whole = (w[1] * (x - b)).sum()
    np.testing.assert_allclose(result.scores, [0, whole, whole, 0], **CLOSE)


@pytest.mark.parametrize("unit", ["piece", "word"])
@pytest.mark.parametrize("replace", ["mask", "pad"])
def test_ablation_is_weight_times_difference_from_what_takes_the_place(linear, replace, unit):
    x, b, w = arrays(linear, tokens_of(linear), replace)
    result = attribute(linear, TEXT, method="ablation", target=2, unit=unit, replace=replace)
    want = summed((w[2] * (x - b)).sum(-1), result.unit_tokens)
    np.testing.assert_allclose(result.scores, want, **CLOSE)
    assert result.baseline.startswith(f"[{replace.upper()}] ")


@pytest.mark.parametrize("unit", ["piece", "word"])
def test_removal_moves_the_rest_up(linear, unit):
    tokens = tokens_of(linear)
    x, _, w = arrays(linear, tokens)
    result = attribute(linear, TEXT, method="ablation", target=2, unit=unit, replace="remove")
    whole = (w[2] * x).sum()
    for score, places in zip(result.scores, result.unit_tokens, strict=True):
        if tokens.special[places[0]]:
            assert score == 0
            continue
        rest = np.delete(x, places, axis=0)
        assert score == pytest.approx(whole - (w[2][: len(rest)] * rest).sum(), abs=1e-4)


@pytest.mark.parametrize("unit", ["piece", "word"])
def test_leaving_one_out_takes_its_weight_times_input(linear, unit):
    tokens = tokens_of(linear)
    x, _, w = arrays(linear, tokens)
    result = attribute(linear, TEXT, method="leave_one_out", target=0, unit=unit)
    want = np.where(tokens.special, 0, (w[0] * x).sum(-1))
    np.testing.assert_allclose(result.scores, summed(want, result.unit_tokens), **CLOSE)


@pytest.mark.parametrize("fill", ["pad", "mean"])
def test_integrated_gradients_equal_the_integral_of_a_polynomial(polynomial, fill):
    tokens = tokens_of(polynomial, TEXT, PAIR)
    x, b, w = arrays(polynomial, tokens, fill)
    v = polynomial.model.v.double().numpy()
    for target in range(3):
        # Cubes are separable; of the square of a sum each term's share is linear along the line.
        cubes = (w[target] * x).sum(-1) ** 3 - (w[target] * b).sum(-1) ** 3
        ends = (x @ v[target]).sum() + (b @ v[target]).sum()
        want = cubes + ((x - b) @ v[target]) * ends
        result = attribute(polynomial, TEXT, PAIR, target=target, baseline=fill)
        size = np.abs(want).max()
        np.testing.assert_allclose(result.scores / size, want / size, atol=2e-6)
        assert result.completeness_gap < 1e-4 * size


def test_gradient_times_input_of_a_polynomial_is_its_slope(polynomial):
    x, _, w = arrays(polynomial, tokens_of(polynomial))
    v = polynomial.model.v.double().numpy()
    dot = (w[1] * x).sum(-1)
    want = 3 * dot**3 + 2 * (x @ v[1]) * (x @ v[1]).sum()
    result = attribute(polynomial, TEXT, method="gradient_x_input", target=1)
    np.testing.assert_allclose(result.scores, want, rtol=1e-4, atol=1e-3)


def test_every_method_has_an_expected_value_in_these_tests():
    inside = {"attention_x_gradient", "joint_layers", "exact_split"}  # test_attribution_inside
    known = {"gradient_x_input", "saliency", "smoothgrad", "ablation", "leave_one_out"}
    assert set(METHODS) == inside | known | set(DIFFERENCE)
