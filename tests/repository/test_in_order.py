"""Facts of a sentence are told from what only looks like them."""

from __future__ import annotations

import pytest

from tests.support.sentences import in_order


@pytest.mark.parametrize(
    ("text", "facts", "stand"),
    [
        ("b 0.60 against a 0.90.", ("b 0.60", "a 0.90"), True),
        ("b 0.60 against a 0.90.", ("a 0.90", "b 0.60"), False),
        ("a 0.905", ("a 0.90",), False),
        ("10.5 points", ("0.5 points",), False),
        ("0.5.1", ("0.5",), False),
        ("-0.80 points", ("0.80",), False),
        ("toy-max_cls: no profile", ("cls", "no profile"), False),
        ("toy-cls: no profile", ("toy-cls", "no profile"), True),
        ("cls, cls", ("cls", "cls", "cls"), False),
        ("(95 %); 1 of 1 pairs", ("95 %", "1 of 1 pairs"), True),
    ],
)
def test_facts_stand_in_order_and_whole(text: str, facts: tuple[str, ...], stand: bool) -> None:
    assert in_order(text, *facts) is stand
