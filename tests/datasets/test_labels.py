"""Which name means which class."""

from __future__ import annotations

import pytest

from analysis.datasets.labels import columns_of, match, suggest

SENTIMENT = ("negative", "positive")
PARAPHRASE = ("different", "paraphrase")
TREC = ("abbreviation", "entity", "description", "human", "location", "number")


@pytest.mark.parametrize(
    ("values", "labels", "matches"),
    [
        (["negative", "POSITIVE"], SENTIMENT, {"negative": "negative", "POSITIVE": "positive"}),
        (["pos", "neg"], SENTIMENT, {"pos": "positive", "neg": "negative"}),
        (["0", "1"], SENTIMENT, {"0": "negative", "1": "positive"}),
        (["0.0", "1.0"], SENTIMENT, {"0.0": "negative", "1.0": "positive"}),
        (["LABEL_1"], SENTIMENT, {"LABEL_1": "positive"}),
        (
            ["not_equivalent", "equivalent"],
            PARAPHRASE,
            {"not_equivalent": "different", "equivalent": "paraphrase"},
        ),
        (["ABBR", "NUM"], TREC, {"ABBR": "abbreviation", "NUM": "number"}),
        (["0", "1", "2"], SENTIMENT, {}),  # three values are no indices of two classes
        (["-1", "1"], SENTIMENT, {"-1": "negative"}),  # one of them is a guess: nothing by index
        (
            ["Not Entailment"],
            ("entailment", "not_entailment"),
            {"Not Entailment": "not_entailment"},
        ),
        (["happy"], SENTIMENT, {}),
        (["A", "a"], ("A", "a"), {"A": "A", "a": "a"}),
        (["YES"], ("Yes", "yes"), {}),  # which of the two, nobody knows
        (["0", "1"], ("1", "2"), {"1": "1"}),
        (["1", "2"], ("1 star", "2 stars", "3 stars"), {"1": "1 star", "2": "2 stars"}),
        (["2.0"], ("1", "2"), {"2.0": "2"}),
        (["true", "false"], ("0", "1"), {"true": "1", "false": "0"}),
        (["LABEL_0"], ("3", "7"), {"LABEL_0": "3"}),
    ],
)
def test_what_is_beyond_doubt_is_matched(values, labels, matches):
    assert match(values, labels) == matches


@pytest.mark.parametrize(
    ("values", "labels", "offered"),
    [
        (["posit", "nega"], SENTIMENT, {"posit": "positive", "nega": "negative"}),
        (["negative", "fine"], SENTIMENT, {"negative": "negative", "fine": "positive"}),
        (["sad", "fine"], SENTIMENT, {"sad": None, "fine": None}),
        (["-1", "1"], SENTIMENT, {"-1": "negative", "1": "positive"}),
        ([""], SENTIMENT, {"": None}),
    ],
)
def test_what_is_a_guess_is_offered(values, labels, offered):
    assert suggest(values, labels) == offered


@pytest.mark.parametrize(
    ("expected", "own", "places"),
    [
        (SENTIMENT, ("positive", "negative"), {"negative": 1, "positive": 0}),
        (SENTIMENT, ("NEGATIVE", "POSITIVE"), {"negative": 0, "positive": 1}),
        (SENTIMENT, ("LABEL_0", "LABEL_1"), {"negative": 0, "positive": 1}),
        (PARAPHRASE, ("not_equivalent", "equivalent"), {"different": 0, "paraphrase": 1}),
        (("human", "number"), TREC, {"human": 3, "number": 5}),
        (SENTIMENT, TREC, None),
        (SENTIMENT, ("LABEL_0", "LABEL_1", "LABEL_2"), None),
        (("0", "1"), SENTIMENT, None),
        (("0", "1"), ("0", "1"), {"0": 0, "1": 1}),
        (SENTIMENT, (), None),
    ],
)
def test_classes_of_a_data_set_are_found_among_a_checkpoints(expected, own, places):
    assert columns_of(expected, own) == places
