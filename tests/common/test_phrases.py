"""What sentences are made with."""

import pytest

from analysis.common.phrases import listed


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ""),
        (("cls",), "cls"),
        (("cls", "mha"), "cls and mha"),
        (("cls", "mha", "concat"), "cls, mha and concat"),
    ],
)
def test_names_are_listed_with_one_and(names, words):
    assert listed(names) == listed(iter(names)) == words
