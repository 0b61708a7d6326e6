"""Comprehensiveness, sufficiency and curves on a checkpoint that can be computed on paper."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import analysis
from analysis.attribution.evidence.faithfulness import (
    MEASURES,
    SHARES,
    faithfulness,
    random_control,
    ranking,
)
from analysis.attribution.evidence.variants import REPLACE, variants
from tests.support import tiny, zoo
from tests.support import word_adding_checkpoint as bag
from tests.support.out_of_memory import each_error
from tests.support.sentences import in_order

TEXT = "The plot is thin, but not dull."
NUMBERS = [bag.WEIGHTS[word] for word in bag.TEXT.split()]  # (7,)
EVERY = ("cls", "max_cls", "mha", "max_seq_mha", "max", "lora", "regression", *tiny.FOREIGN)


def given_scores(scores, target=1, special=True, units=None):
    """An attribution of the text's tokens; [CLS] and [SEP] score nothing."""
    scores = np.array([0.0, *scores, 0.0] if special else scores, float)
    units = units or tuple((t,) for t in range(len(scores)))
    return SimpleNamespace(
        method="given", target=target, scores=scores, unit_tokens=units, unit="piece"
    )


def own_scores(classifier, text=TEXT, pair=None, target=0, seed=0, words=False):
    tokens = analysis.record(classifier, text, pair).tokens
    units = tokens.word_groups() if words else tuple((t,) for t in range(len(tokens)))
    scores = np.random.default_rng(seed).normal(size=len(units))
    return given_scores(scores, target, special=False, units=units)


class TestOnPaper:
    """The logit is the sum of the words' numbers: sums and means say what must come out."""

    perfect = given_scores(NUMBERS)
    by_hand = (2.0, 0.5, 0.25, 0.0, -0.125, -1.0, -2.5)  # numbers in the order of the ranking

    def of(self, attribution=None, **options):
        return faithfulness(
            bag.adds(),
            bag.TEXT,
            attribution or self.perfect,
            **{"output": "logit", "replace": "pad", **options},
        )

    def test_the_ranking_is_by_signed_score_and_ties_by_place(self):
        result = self.of()
        assert [NUMBERS[i] for i in result.order] == list(self.by_hand)
        assert ranking(np.array([1.0, 3.0, 3.0, -5.0, 1.0])).tolist() == [1, 2, 0, 4, 3]

    def test_each_share_is_at_least_one_unit_and_rounded_up(self):
        result = self.of()
        assert result.counts.tolist() == [1, 1, 1, 2, 4]  # of 7
        assert in_order(result.shares_note, "7 units", "1 % = 1", "5 % = 1")

    def test_comprehensiveness_is_the_sum_of_what_went(self):
        result = self.of()
        np.testing.assert_allclose(result.comprehensiveness, [2.0, 2.0, 2.0, 2.5, 2.75])
        assert result.measure("comprehensiveness").value == pytest.approx(11.25 / 5)

    def test_sufficiency_is_the_sum_of_what_is_missing(self):
        total = sum(NUMBERS)
        result = self.of()
        kept = np.array([2.0, 2.0, 2.0, 2.5, 2.75])
        np.testing.assert_allclose(result.sufficiency, total - kept)
        assert result.measure("sufficiency").value == pytest.approx((total - kept).mean())

    def test_curves_are_running_sums_with_their_areas(self):
        result = self.of()
        running = np.concatenate([[0.0], np.cumsum(self.by_hand)])
        np.testing.assert_allclose(result.fractions, np.arange(8) / 7)
        np.testing.assert_allclose(result.insertion, running, atol=1e-6)
        np.testing.assert_allclose(result.deletion, running[-1] - running, atol=1e-6)
        middle = (running[1:] + running[:-1]) / 2
        assert result.measure("insertion").value == pytest.approx(middle.mean(), abs=1e-6)
        assert result.measure("deletion").value == pytest.approx(
            running[-1] - middle.mean(), abs=1e-6
        )

    def test_a_mask_leaves_its_own_number(self):
        result = self.of(replace="mask")
        np.testing.assert_allclose(
            result.comprehensiveness,
            np.array([2.0, 2.0, 2.0, 2.5, 2.75]) - bag.MASK * np.array([1, 1, 1, 2, 4]),
        )
        assert result.empty == pytest.approx(7 * bag.MASK)

    def test_removal_is_the_same_as_a_zero_where_words_add_up(self):
        np.testing.assert_allclose(
            self.of(replace="remove").deletion, self.of().deletion, atol=1e-6
        )

    def test_the_probability_is_that_of_the_explained_class(self):
        result = faithfulness(bag.adds(), bag.TEXT, self.perfect, replace="pad")
        assert result.output == "probability"
        running = sum(NUMBERS) - np.concatenate([[0.0], np.cumsum(self.by_hand)])
        np.testing.assert_allclose(result.deletion, 1 / (1 + np.exp(-2 * running)), atol=1e-6)
        other = given_scores(NUMBERS, target=0)
        against = faithfulness(bag.adds(), bag.TEXT, other, replace="pad")
        np.testing.assert_allclose(against.deletion, 1 - result.deletion, atol=1e-6)

    def test_two_classes_are_measured_by_their_difference(self):
        both = given_scores(NUMBERS, target=(1, 0))
        result = faithfulness(bag.adds(), bag.TEXT, both, replace="pad")
        measured = faithfulness(bag.adds(), bag.TEXT, self.perfect, replace="pad")
        np.testing.assert_allclose(result.deletion, 2 * measured.deletion - 1, atol=1e-6)

    def test_a_regression_is_measured_by_its_value(self):
        attribution = given_scores(NUMBERS, target=0)
        result = faithfulness(bag.adds(1), bag.TEXT, attribution, replace="pad")
        assert result.output == "value"
        np.testing.assert_allclose(result.deletion, self.of().deletion, atol=1e-6)

    def test_random_rankings_take_their_share_of_a_sum_on_average(self):
        result = self.of(repeats=400, seed=3)
        total, units = sum(NUMBERS), len(NUMBERS)
        error = 4 * np.std(NUMBERS) * np.sqrt(units) / np.sqrt(400)
        expected = total * result.counts / units
        np.testing.assert_allclose(
            result.control.comprehensiveness.mean(axis=0), expected, atol=error
        )
        np.testing.assert_allclose(
            result.control.sufficiency.mean(axis=0), total - expected, atol=error
        )
        mean, band = result.band("deletion")
        np.testing.assert_allclose(mean, total * (1 - result.fractions), atol=error)
        assert (band[:, 0] <= mean).all()
        assert (mean <= band[:, 1]).all()
        assert result.measure("comprehensiveness").random == pytest.approx(
            expected.mean(), abs=error
        )

    def test_normalised_is_a_standard_score_turned_so_that_larger_is_better(self):
        result = self.of()
        for key, (_, higher) in MEASURES.items():
            measured = result.measure(key)
            drawn = getattr(result.control, key)
            if key in ("deletion", "insertion"):
                drawn = np.trapezoid(drawn, result.fractions, axis=1)
            else:
                drawn = drawn.mean(axis=1)
            score = (measured.value - drawn.mean()) / drawn.std(ddof=1)
            assert measured.normalised == pytest.approx(score if higher else -score)
            assert measured.normalised > 1  # the perfect ranking, for all four
        reverse = self.of(given_scores(-np.array(NUMBERS)))
        assert all(m.normalised < -1 for m in reverse.measures().values())

    def test_no_ranking_beats_that_of_the_words_own_numbers(self):
        best = self.of().measures()
        for seed in range(5):
            drawn = np.random.default_rng(seed).normal(size=7)
            other = self.of(given_scores(drawn)).measures()
            assert other["comprehensiveness"].value <= best["comprehensiveness"].value + 1e-6
            assert other["insertion"].value <= best["insertion"].value + 1e-6
            assert other["sufficiency"].value >= best["sufficiency"].value - 1e-6
            assert other["deletion"].value >= best["deletion"].value - 1e-6

    def test_one_unit_has_one_ranking_and_no_standard_score(self):
        result = faithfulness(
            bag.adds(), "dull", given_scores([1.0]), output="logit", replace="pad"
        )
        assert result.counts.tolist() == [1] * 5
        assert result.fractions.tolist() == [0.0, 1.0]
        assert result.measure("comprehensiveness").value == pytest.approx(-2.5)
        assert np.isnan(result.measure("comprehensiveness").normalised)
        assert "Of 1 unit," in result.shares_note

    def test_a_unit_goes_as_a_whole(self):
        units = ((0,), (1, 2, 3), (4,), (5, 6, 7), (8,))
        attribution = given_scores([0.0, 3.0, 2.0, 1.0, 0.0], special=False, units=units)
        result = self.of(attribution, shares=(0.3, 0.6, 1.0))
        assert result.units == ((1, 2, 3), (4,), (5, 6, 7))
        np.testing.assert_allclose(result.comprehensiveness, [0.125, -0.875, -0.875])


@given(
    scores=st.lists(st.floats(-5, 5), min_size=7, max_size=7),
    shares=st.lists(st.floats(0.001, 1), min_size=1, max_size=4),
)
@settings(max_examples=25)
def test_any_ranking_takes_the_numbers_of_its_first_units(scores, shares):
    assume(len(set(scores)) > 1)
    result = faithfulness(
        bag.adds(),
        bag.TEXT,
        given_scores(scores),
        output="logit",
        replace="pad",
        shares=shares,
        repeats=2,
    )
    ordered = np.array(NUMBERS)[np.argsort(-np.array(scores), kind="stable")]
    for share, count, lost in zip(shares, result.counts, result.comprehensiveness, strict=True):
        assert 1 <= count <= 7
        assert count - 1 < share * 7 + 1e-6
        assert lost == pytest.approx(ordered[:count].sum(), abs=1e-5)
    np.testing.assert_allclose(
        result.comprehensiveness + result.sufficiency, result.value, atol=1e-5
    )


def one_by_one(classifier, text, pair, sets, kept):
    """The outputs of variants, each alone, through the tokenizer's ids where they fit."""
    outputs = []
    tokens = sets.tokens
    model = classifier.model
    for row in kept:
        gone = {t for unit, stays in zip(sets.units, row, strict=True) if not stays for t in unit}
        ids = tokens.ids.copy()
        keep = np.arange(len(ids))
        if sets.replace == "remove":
            keep = np.array([t for t in keep if t not in gone])
        else:
            fill = getattr(classifier.tokenizer, f"{sets.replace}_token_id")
            ids[sorted(gone)] = fill
        types = (
            np.cumsum(np.arange(len(ids)) == (tokens.segment == 1).argmax())
            if (tokens.segment == 1).any()
            else np.zeros_like(ids)
        )
        tensors = {"attention_mask": torch.ones(1, len(keep), dtype=torch.long)}
        if "token_type_ids" in classifier.tokenizer.model_input_names:
            tensors["token_type_ids"] = torch.tensor(types[keep][None])
        with torch.no_grad():
            vectors = model.get_input_embeddings()(torch.tensor(ids[keep][None]))
            logits = model(inputs_embeds=vectors, **tensors).logits[0].double()
        if len(logits) == 1:
            outputs.append(float(logits[0]))
        else:
            outputs.append(float(logits.softmax(0)[sets.target]))
    return np.array(outputs)


@pytest.mark.parametrize("replace", REPLACE)
@pytest.mark.parametrize("name", EVERY)
def test_batches_of_any_size_give_what_each_variant_gives_alone(name, replace):
    classifier = zoo.loaded(name)
    kept = np.random.default_rng(0).random((9, 8)) < 0.6
    kept[0], kept[1] = True, False
    for pair in (None, "Who said it?"):
        tokens = analysis.record(classifier, TEXT, pair).tokens
        units = [g for g in tokens.word_groups() if not tokens.special[g[0]]][:8]
        few, _ = variants(classifier, TEXT, pair, units, 0, replace=replace, batch_tokens=1)
        many, _ = variants(classifier, TEXT, pair, units, 0, replace=replace)
        own = kept[:, : len(units)]
        want = one_by_one(classifier, TEXT, pair, many, own)
        np.testing.assert_allclose(few.values(own), want, atol=2e-6)
        np.testing.assert_allclose(many.values(own), want, atol=2e-6)


@pytest.mark.parametrize("replace", REPLACE)
def test_a_measure_does_not_depend_on_the_batch(replace):
    classifier = zoo.loaded("max_seq_mha")
    attribution = own_scores(classifier)
    measured, many = (
        faithfulness(classifier, TEXT, attribution, replace=replace, repeats=3, batch_tokens=size)
        for size in (1, 4096)
    )
    for key in MEASURES:
        assert measured.measure(key).value == pytest.approx(many.measure(key).value, abs=2e-6)
        assert measured.measure(key).random == pytest.approx(many.measure(key).random, abs=2e-6)


@each_error
def test_variants_that_do_not_fit_are_asked_in_smaller_batches(error, monkeypatch):
    from analysis.attribution.evidence import variants as asking

    classifier, original = zoo.loaded("bert"), asking.logits_of
    units = tuple((t,) for t in range(1, 10))
    logits, _ = variants(classifier, TEXT, None, ((0,), *units, (10,)), 1)
    kept = np.random.default_rng(0).random((40, 9)) < 0.5
    want = logits.values(kept)

    def small(arguments, embeddings, inputs):
        if len(embeddings) > 3:
            raise error
        return original(arguments, embeddings, inputs)

    monkeypatch.setattr(asking, "logits_of", small)
    np.testing.assert_allclose(logits.values(kept), want, atol=1e-6)


def test_equal_variants_are_asked_once_and_in_few_forwards():
    model = bag.adds().model
    model.rows = model.calls = 0
    faithfulness(bag.adds(), "thin dull", given_scores([1.0, 2.0]), repeats=50)
    assert model.rows <= 4 + 4  # there are four subsets of two words; the control, the method
    assert model.calls == 2


def test_one_control_serves_every_method_of_a_table():
    classifier = zoo.loaded("mha")
    first, second = own_scores(classifier, seed=1), own_scores(classifier, seed=2)
    shared = random_control(classifier, TEXT, first, seed=5)
    alone = faithfulness(classifier, TEXT, second, seed=5)
    given_one = faithfulness(classifier, TEXT, second, control=shared)
    assert given_one.control is shared
    assert alone.measures() == given_one.measures()


def test_a_control_of_another_question_is_refused():
    classifier = zoo.loaded("mha")
    attribution = own_scores(classifier)
    shared = random_control(classifier, TEXT, attribution)
    for other in (
        {"replace": "pad"},
        {"output": "logit"},
        {"shares": (0.5,)},
    ):
        with pytest.raises(ValueError, match="another text"):
            faithfulness(classifier, TEXT, attribution, control=shared, **other)
    with pytest.raises(ValueError, match="another text"):
        faithfulness(classifier, "The plot is dull, but not thin.", attribution, control=shared)
    with pytest.raises(ValueError, match="another text"):
        faithfulness(zoo.loaded("cls"), TEXT, attribution, control=shared)


def test_two_who_ask_one_model_at_once_get_what_each_alone_gets():
    classifier = zoo.loaded("max_seq_mha")
    given_to = [own_scores(classifier, seed=seed) for seed in range(4)]
    alone = [faithfulness(classifier, TEXT, argument, repeats=3) for argument in given_to]
    with ThreadPoolExecutor(4) as pool:
        ask = partial(faithfulness, repeats=3, batch_tokens=40)
        both = list(pool.map(lambda first: ask(classifier, TEXT, first), given_to))
    for first, other in zip(alone, both, strict=True):
        np.testing.assert_allclose(first.deletion, other.deletion, atol=2e-6)
        np.testing.assert_allclose(first.control.insertion, other.control.insertion, atol=2e-6)


def test_the_same_seed_gives_the_same_rankings():
    classifier = zoo.loaded("cls")
    first, second, third = (
        random_control(classifier, TEXT, own_scores(classifier), seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.deletion, second.deletion)
    assert not np.array_equal(first.deletion, third.deletion)


def state_of(model) -> list:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [
        [
            (name, module.training, *(len(getattr(module, kind)) for kind in hooks))
            for name, module in model.named_modules()
        ],
        [(name, p.requires_grad, p.grad, p.sum().item()) for name, p in model.named_parameters()],
        torch.is_grad_enabled(),
    ]


@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "distilbert"])
def test_the_model_is_left_as_it_was_also_when_stopped(name):
    class Stopped(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.3:
            raise Stopped

    classifier = zoo.loaded(name)
    before = state_of(classifier.model)
    faithfulness(classifier, TEXT, own_scores(classifier), repeats=2)
    assert state_of(classifier.model) == before
    with pytest.raises(Stopped):
        faithfulness(classifier, TEXT, own_scores(classifier), progress=stop, batch_tokens=30)
    assert state_of(classifier.model) == before
    assert classifier.lock.acquire(blocking=False)
    classifier.lock.release()


def test_progress_never_goes_back_and_ends_at_the_whole():
    classifier = zoo.loaded("mha")
    for control in (None, random_control(classifier, TEXT, own_scores(classifier))):
        seen: list[float] = []
        faithfulness(
            classifier,
            TEXT,
            own_scores(classifier),
            control=control,
            progress=seen.append,
            batch_tokens=40,
        )
        assert seen == sorted(seen)
        assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_special_tokens_stay_whatever_their_score():
    classifier = zoo.loaded("max_seq_mha")
    tokens = analysis.record(classifier, TEXT, "Who said it?").tokens
    attribution = own_scores(classifier, pair="Who said it?")
    attribution.scores[tokens.special] = 99.0
    result = faithfulness(classifier, TEXT, attribution, "Who said it?", repeats=2)
    assert not tokens.special[[t for unit in result.units for t in unit]].any()
    assert len(result.units) == (~tokens.special).sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replace": "noise"}, "replace is 'noise'; known: mask, pad, remove"),
        ({"shares": (0.0, 0.5)}, "each is above 0 and at most 1"),
        ({"shares": ()}, "each is above 0 and at most 1"),
        ({"repeats": 1}, "at least 2 random rankings"),
    ],
)
def test_settings_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        faithfulness(bag.adds(), bag.TEXT, given_scores(NUMBERS), **options)


def test_scores_without_a_ranking_and_units_of_another_text_are_refused():
    with pytest.raises(ValueError, match="no finite number"):
        faithfulness(bag.adds(), bag.TEXT, given_scores([np.nan] * 7))
    with pytest.raises(ValueError, match="the same score"):
        faithfulness(bag.adds(), bag.TEXT, given_scores([1.0] * 7))
    for other in ("dull", f"{bag.TEXT} dull"):
        with pytest.raises(ValueError, match="made for another text"):
            faithfulness(bag.adds(), other, given_scores(NUMBERS))
    twice = tuple((min(t, 7),) for t in range(9))
    with pytest.raises(ValueError, match="not each of them once"):
        faithfulness(bag.adds(), bag.TEXT, given_scores(NUMBERS, units=twice))
    with pytest.raises(ValueError, match="special tokens only"):
        faithfulness(zoo.loaded("bert"), "\u200b", given_scores([]))


def test_the_shares_are_those_of_the_source():
    assert SHARES == (0.01, 0.05, 0.10, 0.20, 0.50)
