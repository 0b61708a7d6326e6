"""The sentence on what carries a similarity: pairs by their words, and who agrees."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.similarities.wording import LeadingPair, beside, carried, in_words
from tests.support.sentences import in_order

FIRST, SECOND = ("[CLS]", "bank", "river"), ("[CLS]", "money", "bank")
SPECIAL = ((True, False, False), (True, False, False))


def _pair(title, words, share=0.21):
    return LeadingPair(title, 0.5, words, share)


def test_the_strongest_pair_is_the_largest_of_words_whatever_its_sign():
    values = np.array([[0.9, 0, 0], [0, 0.1, 0.21], [0, -0.3, 0]])
    leading = carried("mean", 0.91, values, FIRST, SECOND, SPECIAL)
    assert leading.words == ("river", "money")
    assert leading.share == -0.3


def test_special_tokens_alone_name_no_words():
    values = np.zeros((3, 3))
    values[0, 0] = 0.8
    leading = carried("[CLS]", 0.8, values, FIRST, SECOND, SPECIAL)
    assert leading.words is None
    assert in_order(in_words([leading]), "[CLS] 0.80", "one pair")


def test_poolings_that_differ_are_told_from_those_that_agree():
    bank, river = _pair("mean", ("bank", "bank")), _pair("max", ("river", "bank"))
    cls = _pair("[CLS]", None)
    assert "“bank”–“bank” 0.21" in in_words([bank])
    assert "Poolings differ" in in_words([bank, river, cls])
    assert "same pair" in in_words([bank, _pair("max", ("bank", "bank")), cls])
    assert in_words([]) == ""


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.21, "0.21"),
        (1.0, "1.00"),
        (0.014, "0.014"),
        (-0.003, "\N{MINUS SIGN}0.003"),
        (0.00012, "0.0001"),
    ],
)
def test_a_share_is_written_in_decimals(share, shown):
    assert in_words([_pair("mean", ("bank", "bank"), share)]).endswith(f" {shown}.")


def test_other_checkpoints_are_counted_by_whether_they_name_the_same_pairs():
    first, other = [_pair("mean", ("bank", "bank"))], [_pair("mean", ("river", "bank"))]
    assert beside(first, []) == ""
    assert "other pairs" in beside(first, [other])
    assert "the same" in beside(first, [first])
    assert beside(first, [other, other]).startswith("None of the 2")
    assert beside(first, [first, first]).startswith("All 2")
    assert "1 of the 2" in beside(first, [first, other])
