"""Numbers as people write them; Python's own formatting is the oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datasets.numerals import number_of, numbers_of

AMOUNTS = st.lists(st.integers(-(10**9), 10**9), min_size=1).map(lambda v: [n / 100 for n in v])
SWAP = str.maketrans(",.", ".,")


@given(AMOUNTS)
def test_both_ways_to_write_numbers_are_read(numbers):
    written = {f"{number:,.2f}": number for number in numbers}
    assert numbers_of(written) == pytest.approx(written)
    swapped = {text.translate(SWAP): number for text, number in written.items()}
    assert numbers_of(swapped) == pytest.approx(swapped)
    spaced = {text.replace(".", "\u202f"): number for text, number in swapped.items()}
    assert numbers_of(spaced) == pytest.approx(spaced)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_what_a_program_writes_is_read_as_it_is(numbers):
    assert numbers_of(map(repr, numbers)) == {repr(number): number for number in numbers}


@pytest.mark.parametrize(
    "values",
    [
        ["1,234"],  # a thousand and more, or one and a bit
        ["1,5", "2.5"],
        ["1,2,3", "4"],
        ["1,23,456.7"],
        ["12.5%"],
        ["2024-01-01"],
        ["", "1,5"],
    ],
)
def test_what_could_be_read_in_two_ways_or_in_none_is_no_number(values):
    known = numbers_of(values)
    assert known == {value: number_of(value) for value in values}
    assert None in known.values()


def test_a_decimal_comma_somewhere_tells_what_points_are():
    assert numbers_of(["1.234", "2,5"]) == {"1.234": 1234.0, "2,5": 2.5}
    assert numbers_of(["1,234", "2.5"]) == {"1,234": 1234.0, "2.5": 2.5}
