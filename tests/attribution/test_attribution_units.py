"""Units, baselines and the points along the line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.attribution import METHODS, Option, attribute, in_words, unit_groups
from analysis.attribution import problem as posing
from analysis.attribution.methods.integration import LEVELS, fejer, gathered, where_it_changes
from analysis.text.tokens import tokenize
from tests.support import zoo

TEXT, PAIR = "He liked thinly acting stories.", "Who said it?"


def tokens_of(text=TEXT, pair=None):
    classifier = zoo.loaded("mha")
    return tokenize(classifier.tokenizer, text, pair, classifier.limit)


# --- units ---------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=3),
    st.booleans(),
)
def test_units_cover_every_token_once_and_in_order(spans, paired):
    tokens = tokens_of(pair=PAIR if paired else None)
    chosen = [(start, start + length) for start, length in spans]
    for unit in ("piece", "word", "span"):
        try:
            groups = unit_groups(tokens, unit, chosen)
        except ValueError:  # the spans overlap, or hold no piece
            assert unit == "span"
            continue
        assert [t for group in groups for t in group] == list(range(len(tokens)))
        assert all(len(group) == 1 for group in groups if tokens.special[group[0]])


def test_a_span_is_one_unit_among_words():
    tokens = tokens_of("The very thin plot is dull.", PAIR)
    groups = unit_groups(tokens, "span", ((4, 13),))
    pieces = [" ".join(tokens.pieces[t] for t in group) for group in groups]
    assert pieces[:4] == ["[CLS]", "the", "very thin", "plot"]
    assert unit_groups(tokens, "span", ((0, 4, 13),)) == groups
    second = unit_groups(tokens, "span", ((1, 0, 8),))
    assert "who said" in [" ".join(tokens.pieces[t] for t in group) for group in second]


def test_a_span_that_cuts_a_word_leaves_the_rest_of_it_a_unit():
    tokens = tokens_of("stories thinly acting")
    word = tokens.word_groups()[2]  # thinly = thin ##ly
    assert len(word) == 2
    groups = unit_groups(tokens, "span", ((8, 12),))
    assert (word[0],) in groups
    assert (word[1],) in groups


@pytest.mark.parametrize("method", ["integrated_gradients", "ablation", "leave_one_out"])
def test_a_span_is_summed_by_gradients_and_perturbed_as_a_whole(method):
    text = "The very thin plot is dull."
    options = {"method": method, "target": 1}
    spans = attribute(zoo.loaded("mha"), text, unit="span", span=((4, 13),), **options)
    words = attribute(zoo.loaded("mha"), text, unit="word", **options)
    summed = words.scores[2] + words.scores[3]
    if method == "integrated_gradients":
        assert spans.scores[2] == pytest.approx(summed, abs=1e-6)
    else:
        assert spans.scores[2] != pytest.approx(summed, abs=1e-4)
        np.testing.assert_allclose(spans.scores[3:], words.scores[4:], atol=1e-5)


def test_a_word_is_removed_as_if_it_had_not_been_typed():
    classifier, text = zoo.loaded("max_seq_mha"), "He liked thinly acting stories."
    result = attribute(classifier, text, method="ablation", target=1, unit="word", replace="remove")
    whole = analysis.record(classifier, text).logits[1]
    for number, word in enumerate(("He", "liked", "thinly", "acting", "stories", "."), start=1):
        rest = " ".join(text.replace(word, "", 1).split())
        want = whole - analysis.record(classifier, rest).logits[1]
        assert result.scores[number] == pytest.approx(want, abs=1e-4), word


def test_a_word_of_a_pair_is_removed_from_its_own_text():
    classifier = zoo.loaded("bert")
    result = attribute(
        classifier, TEXT, PAIR, "ablation", 1, "word", replace="remove", output="probability"
    )
    tokens = tokens_of(TEXT, PAIR)
    place = [tokens.pieces[group[0]] for group in result.unit_tokens].index("said")
    ends = [analysis.record(classifier, TEXT, pair).probabilities[1] for pair in (PAIR, "Who it?")]
    assert result.scores[place] == pytest.approx(ends[0] - ends[1], abs=1e-5)


@pytest.mark.parametrize("where", ["encoder", "head"])
@pytest.mark.parametrize("words", [True, False])
def test_leaving_one_out_is_the_librarys_own(where, words):
    from analysis.interventions import leave_one_out

    classifier = zoo.loaded("max_seq_mha")
    want = leave_one_out(classifier, TEXT, None, where, words)
    for target in range(3):
        result = attribute(
            classifier,
            TEXT,
            method="leave_one_out",
            target=target,
            output="contrast",
            unit="word" if words else "piece",
            where=where,
        )
        inner = slice(1, -1)
        np.testing.assert_allclose(result.scores[inner], want.contrast(target)[inner], atol=1e-5)


def test_what_is_perturbed_as_a_whole_is_not_summed_into_words():
    for method in METHODS:
        options = {"n_samples": 40} if "n_samples" in METHODS[method].options else {}
        result = attribute(zoo.loaded("mha"), TEXT, method=method, target=1, **options)
        if METHODS[method].perturbs:
            with pytest.raises(ValueError, match="attribute again with unit='word'"):
                in_words(result, tokens_of())
        else:
            words = attribute(
                zoo.loaded("mha"), TEXT, method=method, target=1, unit="word", **options
            )
            np.testing.assert_allclose(
                in_words(result, tokens_of()).scores, words.scores, atol=1e-6
            )


# --- baselines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", ["pad", "mask", "mean", "text"])
@pytest.mark.parametrize("name", ["max_seq_mha", "roberta", "electra"])
def test_every_baseline_keeps_the_special_tokens_and_the_length(name, baseline):
    classifier = zoo.loaded(name)
    tokens = tokenize(classifier.tokenizer, TEXT, PAIR, classifier.limit)
    vectors, named = posing.baseline_of(classifier, tokens, baseline, "dull plot")
    import torch

    special = tokens.special.copy()
    own = posing.embedded(classifier, torch.tensor(tokens.ids.copy())[None])[0]
    assert vectors.shape[1] == len(tokens)
    assert torch.equal(vectors[0][special], own[special])
    assert named
    result = attribute(classifier, TEXT, PAIR, baseline=baseline, baseline_text="dull plot")
    assert result.baseline.startswith(named[:5])
    assert result.completeness_gap <= 0.01 * max(abs(result.delta), 1)


def test_another_sentence_is_padded_or_cut_to_the_same_length():
    classifier = zoo.loaded("mha")
    tokens = tokens_of("The plot is thin.", "Who said it?")
    table = classifier.model.get_input_embeddings().weight
    spelled = {piece: i for piece, i in classifier.tokenizer.get_vocab().items()}

    def pieces(*texts):
        vectors, named = posing.baseline_of(classifier, tokens, "text", texts)
        near = (vectors[0][:, None] - table[None]).abs().sum(-1).argmin(1)
        names = {i: piece for piece, i in spelled.items()}
        return " ".join(names[int(i)] for i in near), named

    short, named = pieces("dull film")
    assert short == "[CLS] dull film [PAD] [PAD] [PAD] [SEP]" + " [PAD]" * 4 + " [SEP]"
    assert named == "text: dull film"
    both, _ = pieces("dull film", "she said")
    assert both.endswith("[SEP] she said [PAD] [PAD] [SEP]")
    long, named = pieces("what a very dull and poor film it was")
    assert long.startswith("[CLS] what a very dull and [SEP]")
    assert named == "text: what a very dull and poor film it was (its last 4 pieces cut)"


def test_a_text_against_itself_explains_nothing():
    result = attribute(zoo.loaded("mha"), TEXT, baseline="text", baseline_text=TEXT)
    np.testing.assert_allclose(result.scores, 0, atol=1e-9)
    assert result.delta == pytest.approx(0, abs=1e-6)


# --- options -------------------------------------------------------------------------------------


def test_every_method_describes_itself_and_its_options():
    for key, method in METHODS.items():
        assert key == method.key
        assert method.title
        assert method.citation
        assert method.note.endswith(".")
        assert method.cost(10, method.defaults) >= 1
        assert set(method.needs) <= {"baseline", "backward", "attentions"}
        for name, option in method.options.items():
            assert name == option.name
            assert option.help.endswith(".")
            assert option.check(option.default) == option.default
            if option.kind == "choice":
                assert option.default in (*option.choices, None)
            elif option.kind != "bool":
                assert option.low is not None
                assert option.high is not None


def test_numbers_arrive_in_their_own_type():
    steps = Option("n", 3, "int", "How many.", low=1, high=5)
    assert steps.check(2.0) == 2
    assert isinstance(steps.check(2.0), int)
    for wrong in (0, 6, 1.5, "x", None, float("nan")):
        with pytest.raises(ValueError, match="n is"):
            steps.check(wrong)


# --- the points along the line -------------------------------------------------------------------


@pytest.mark.parametrize("count", LEVELS[:3])
def test_a_rule_integrates_polynomials_and_keeps_the_points_of_the_one_before(count):
    nodes, weights = fejer(count)
    assert (weights > 0).all()
    for power in range(count):
        assert weights @ nodes**power == pytest.approx(1 / (power + 1), abs=1e-12)
    more, _ = fejer(2 * count + 1)
    np.testing.assert_allclose(more[1::2], nodes, atol=1e-15)


@given(st.floats(0, 1), st.floats(0.02, 10))
def test_gathered_points_stay_on_the_line_and_still_integrate(centre, spread):
    nodes, weights = gathered(*fejer(91), centre, spread)
    assert (np.diff(nodes) > 0).all()
    assert 0 <= nodes[0] < nodes[-1] <= 1
    assert weights.sum() == pytest.approx(1, abs=1e-3)
    assert weights @ nodes**3 == pytest.approx(0.25, abs=1e-3)


def test_points_gathered_at_a_peak_need_be_fewer():
    def peak(x):
        return 1 / (1 + ((x - 0.3) / 0.03) ** 2)

    exact = 0.03 * (np.arctan(0.7 / 0.03) + np.arctan(0.3 / 0.03))
    values = 0.03 * np.arctan((np.linspace(0, 1, 7) - 0.3) / 0.03)
    centre, spread = where_it_changes(values)
    assert abs(centre - 0.3) < 0.1
    nodes, weights = gathered(*fejer(22), centre, spread)
    points, shares = np.polynomial.legendre.leggauss(22)
    usual = (shares / 2) @ peak((points + 1) / 2)
    assert abs(weights @ peak(nodes) - exact) < 0.1 * abs(usual - exact)


def test_an_output_that_never_changes_has_points_everywhere():
    centre, spread = where_it_changes(np.ones(7))
    nodes, _ = gathered(*fejer(22), centre, spread)
    np.testing.assert_allclose(nodes, fejer(22)[0], atol=0.01)
