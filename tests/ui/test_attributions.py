"""The Attributions page: what it draws is what the methods give."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.attribution import METHODS, aligned, faithfulness, in_words, largest_disagreement
from analysis.figures.style.style import number
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attributions_reader import (
    GRADIENT,
    IG,
    LOO,
    SENTENCE,
    THREE,
    again,
    attributed,
    bars,
    evidence,
    focus,
    strips,
    text_of,
    tokens_of,
    written,
)
from tests.support.sentences import in_order

# --- strips ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", THREE)
def test_strips_hold_the_scores_of_each_method_by_piece(open_attributions, four, method):
    app = open_attributions(four, checkpoints=["toy-mha"], unit="pieces", methods=[method])
    line = strips(app)[METHODS[method].title][""]
    result = attributed(four / "toy-mha", method)
    assert line.values == written(result.scores)
    assert line.labels == list(tokens_of(four / "toy-mha").labels)
    assert [unit.negative for unit in line.units] == (result.scores < 0).tolist()


def test_words_sum_gradients_and_are_perturbed_as_a_whole(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=THREE)
    tokens = tokens_of(four / "toy-mha")
    strips_by_method = strips(app)
    summed = in_words(attributed(four / "toy-mha", "gradient_x_input"), tokens)
    assert strips_by_method[GRADIENT][""].values == written(summed.scores)
    whole = attributed(four / "toy-mha", "leave_one_out", unit="word")
    assert strips_by_method[LOO][""].values == written(whole.scores)
    assert strips_by_method[LOO][""].labels == strips_by_method[IG][""].labels


def test_every_checkpoint_has_a_strip_and_methods_have_one_scale(open_attributions, four):
    label = tiny.random_labels(11)[2]
    methods = ["integrated_gradients", "leave_one_out"]
    app = open_attributions(four, methods=methods, target=label)
    strips_by_method = strips(app)
    names = ["toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"]
    assert list(strips_by_method) == [IG, LOO]
    for block in strips_by_method.values():
        assert list(block) == names
    for name in names:
        scores = in_words(attributed(four / name, target=2), tokens_of(four / name)).scores
        assert strips_by_method[IG][name].values == written(scores)
    turned = strips(again(app, strips="by checkpoint"))
    assert list(turned) == names
    assert list(turned["toy-mha"]) == [IG, LOO]
    assert turned["toy-mha"][IG].values == strips_by_method[IG]["toy-mha"].values


def test_integration_error_and_steps_are_told(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-cls"],
        unit="pieces",
        methods=THREE,
        **{"integrated_gradients.n_steps": 3},
    )
    result = attributed(four / "toy-cls", n_steps=3)
    line = strips(app)[IG][""]
    assert "n_steps 3" in line.hints
    assert float(line.error) == pytest.approx(result.completeness_gap, rel=0.5, abs=0.006)
    assert strips(app)[LOO][""].error == "–", "theory promises no sum"


def test_what_is_explained_and_the_baseline_are_chosen(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-mha"], unit="pieces", methods=["integrated_gradients"]
    )
    before: dict[str, str] = {}
    for chosen in (
        {"output": "probability"},
        {"output": "logit"},
        {"baseline": "mask"},
        {"baseline": "mean"},
        {"baseline": "text", "baseline_text": "a fine film"},
    ):
        before = {"output": "contrast", "baseline": "pad", "baseline_text": "", **chosen}
        again(app, **before)
        choices = {name: value for name, value in before.items() if value}
        expected = attributed(four / "toy-mha", **choices)
        assert strips(app)[IG][""].values == written(expected.scores)
        assert expected.baseline in seen.pieces(app)["strips-drawing"].text


def test_a_class_or_the_difference_of_two_is_explained(open_attributions, four):
    labels = analysis.load(four / "toy-mha").checkpoint.labels
    app = open_attributions(
        four,
        checkpoints=["toy-mha"],
        unit="pieces",
        methods=["integrated_gradients"],
        target=labels[2],
        against=labels[0],
    )
    expected = attributed(four / "toy-mha", target=(2, 0))
    assert strips(app)[IG][""].values == written(expected.scores)
    assert f"{labels[2]} against {labels[0]}" in text_of(app)
    again(app, against=labels[2])
    assert "cannot be explained against itself" in strips(app)[IG][""].instead


def test_a_span_is_one_unit(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=THREE, span="not dully")
    start_at = SENTENCE.index("not dully")
    span = [(0, start_at, start_at + len("not dully"))]
    for key, title in zip(THREE, (IG, GRADIENT, LOO), strict=True):
        line = strips(app)[title][""]
        assert "not dully" in line.labels
        expected = attributed(four / "toy-mha", key, unit="span", span=span)
        assert line.values == written(expected.scores)
    again(app, span="nowhere")
    assert "“nowhere” " in strips(app)[IG][""].instead


def test_a_marked_token_is_marked_in_every_strip_and_bar(open_attributions, four):
    app = open_attributions(four, methods=THREE)
    app.session_state["mark"], app.session_state["mark_text"] = (
        (0, 4, 9),
        (SENTENCE, None),
    )  # "plots"
    app.run()
    for block in strips(app).values():
        for line in block.values():
            assert [u.label for u in line.units if "marked" in u.classes] == ["plots"]
    assert [row.label for row in bars(app) if "marked" in row.classes] == ["plots"]


# --- words ---------------------------------------------------------------------------------------


def test_answer_names_the_words_that_speak_most_for_and_against(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["integrated_gradients"])
    tokens = tokens_of(four / "toy-mha")
    result = in_words(attributed(four / "toy-mha"), tokens)
    own = [
        (score, unit)
        for score, unit in zip(result.scores, result.unit_tokens, strict=True)
        if not tokens.special[unit[0]]
    ]
    top, low = max(own), min(own)
    verdict = seen.verdict(app)
    for score, unit in (top, low):
        first, last = unit[0], unit[-1]
        word = SENTENCE[tokens.offsets[first][0] : tokens.offsets[last][1]]
        assert f"“{word}”" in verdict
        assert number(score, "signed") in verdict


def test_page_says_where_methods_and_checkpoints_differ_most(open_attributions, four):
    methods = ["gradient_x_input", "leave_one_out"]
    app = open_attributions(
        four,
        checkpoints=["toy-cls", "toy-mha"],
        methods=methods,
        unit="pieces",
        focus="leave_one_out",
        target=tiny.random_labels(11)[2],
    )
    page_text = text_of(app)
    differ = [
        largest_disagreement(
            [attributed(four / name, key, target=2) for key in methods],
            tokens_of(four / name),
            ["gradient × input", "leave one out"],
        )
        for name in ("toy-cls", "toy-mha")
    ]
    most = max(differ, key=lambda first: abs(first.scores[0] - first.scores[1]))
    assert most.sentence in page_text
    between = largest_disagreement(
        [attributed(four / name, "leave_one_out", target=2) for name in ("toy-cls", "toy-mha")],
        tokens_of(four / "toy-cls"),
        ["toy-cls", "toy-mha"],
    )
    assert in_order(page_text, "leave one out", "one seed each", between.sentence)
    assert seen.verdict(app).endswith("One seed each.")


def test_checkpoints_of_two_tokenizers_are_compared_by_word_or_it_is_said_why(
    open_attributions, four
):
    tiny.make_foreign_checkpoint(four / "other", "roberta", seed=7)
    names = ["other", "toy-mha"]
    app = open_attributions(
        four, checkpoints=names, methods=["leave_one_out"], evidence_of="all checkpoints"
    )
    results = [attributed(four / name, "leave_one_out", unit="word") for name in names]
    tokens = [tokens_of(four / name) for name in names]
    assert tokens[0].pieces != tokens[1].pieces
    differ = largest_disagreement(aligned(results, tokens), tokens[0], names)
    assert differ.sentence in text_of(app)
    assert "Agreement of checkpoints" in text_of(app)
    again(app, unit="pieces")
    assert in_order(text_of(app), "not compared", "tokenizers", "different pieces")


def test_an_integration_that_does_not_reach_its_tolerance_says_so(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-cls"],
        methods=["integrated_gradients"],
        **{"integrated_gradients.n_steps": 1, "integrated_gradients.tolerance": 1e-6},
    )
    warning = "did not reach the tolerance (0.0001 % of the output's change): these scores are not"
    assert in_order(text_of(app), "1 points", f"integrated gradients {warning} converged")
    assert "tolerance was not reached" in strips(app)[IG][""].hints
    again(app, **{"integrated_gradients.n_steps": None, "integrated_gradients.tolerance": 0.1})
    assert "did not reach" not in text_of(app)


# --- bars --------------------------------------------------------------------------------------


def test_bars_are_those_of_the_method_in_focus(open_attributions, four):
    label = tiny.random_labels(11)[2]
    app = open_attributions(four, methods=THREE, focus="leave_one_out", unit="pieces", target=label)
    assert focus(app) == LOO
    names = ["toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"]
    results = {name: attributed(four / name, "leave_one_out", target=2).scores for name in names}
    for place, row in enumerate(bars(app)):
        for name in names:
            assert row.hints[name].split()[0] == number(results[name][place], "signed")


def test_bars_stand_by_size_when_asked_for(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-mha"], unit="pieces", largest=True, methods=["leave_one_out"]
    )
    sizes = np.abs(attributed(four / "toy-mha", "leave_one_out").scores)
    shown = [abs(float(row.hints["toy-mha"].split()[0])) for row in bars(app)]
    assert shown == written(np.sort(sizes)[::-1])


@pytest.mark.parametrize("unit", ["pieces", "words"])
@pytest.mark.parametrize("method", [key for key in METHODS if METHODS[key].family == "sampling"])
def test_sampling_methods_show_their_interval(open_attributions, four, method, unit):
    app = open_attributions(four, checkpoints=["toy-mha"], unit=unit, methods=[method])
    result = attributed(four / "toy-mha", method, unit=unit.removesuffix("s"))
    assert strips(app)[METHODS[method].title][""].values == written(result.scores)
    for place, row in enumerate(bars(app)):
        low, high = (number(end, "signed") for end in result.interval[place])
        assert row.hints["toy-mha"].endswith(f"({low} to {high})")
        assert row.intervals == [1]
    assert "95 % interval" in text_of(app)


def test_a_seed_group_is_its_mean_with_spread_and_a_dot_for_each_seed(open_attributions, folder):
    for seed in range(3):
        tiny.make_pooling_checkpoint(
            folder / f"toy-mha-s{seed}",
            "mha",
            tiny.random_labels(5),
            task="toy",
            seed=seed,
            facts={"group": "toy-mha", "seed": seed},
        )
    app = open_attributions(
        folder, checkpoints=["toy-mha"], unit="pieces", methods=["leave_one_out"]
    )
    traces = [analysis.record(analysis.load(folder / f"toy-mha-s{s}"), SENTENCE) for s in range(3)]
    target = int(np.mean([trace.probabilities for trace in traces], axis=0).argmax())
    scores = np.array(
        [
            attributed(folder / f"toy-mha-s{s}", "leave_one_out", target=target).scores
            for s in range(3)
        ]
    )
    assert strips(app)[LOO][""].values == written(scores.mean(axis=0))
    spread = scores.std(axis=0, ddof=1)
    for place, row in enumerate(bars(app)):
        mean = scores[:, place].mean()
        low, high = (number(mean + sign * spread[place], "signed") for sign in (-1, 1))
        assert row.hints["toy-mha"] == f"{number(mean, 'signed')} ({low} to {high})"
        assert row.dots == [3]
    assert "dots: one seed each" in text_of(app)
    inner = slice(1, -1)
    best = int(scores.mean(axis=0)[inner].argmax()) + 1
    mean = number(scores.mean(axis=0)[best], "signed")
    assert f"({mean} ± {spread[best]:.2f} logits)" in seen.verdict(app)
    assert in_order(seen.verdict(app), "Mean over 3 seeds", "± one standard deviation")
    again(app, evidence_of="toy-mha")
    target_asked = {"target": target, "unit": "piece"}
    each = []
    for seed in range(3):
        result = attributed(folder / f"toy-mha-s{seed}", "leave_one_out", **target_asked)
        classifier = analysis.load(folder / f"toy-mha-s{seed}")
        each.append(faithfulness(classifier, SENTENCE, result).measure("comprehensiveness"))
    normalised = np.mean([result.normalised for result in each])
    shown = evidence(app)[LOO][1]
    assert shown.startswith(f"{np.mean([result.value for result in each]):+.2f}|±")
    assert shown.endswith(f"|{normalised:+.1f} sd"), shown
