"""What a spreadsheet opens is text, whatever a label or a sentence begins with."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.common.csv_text import as_csv


@given(st.lists(st.text(alphabet="=+-@ab1\t,\"'é"), min_size=1))
def test_no_text_begins_as_a_formula_and_all_are_read_back(texts):
    frame = pd.DataFrame({"text": texts, "score": range(len(texts))})
    back = pd.read_csv(io.StringIO(as_csv(frame)), keep_default_na=False, dtype={"text": str})
    for text, cell in zip(texts, back["text"], strict=True):
        assert cell in (text, f"'{text}")
        assert len(cell) < 2 or cell[0] not in "=+-@\t\r"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3"])
def test_a_column_name_is_text_too(name):
    assert as_csv(pd.DataFrame({name: [1]})).lstrip('"').startswith("'")


def test_numbers_stay_numbers_and_a_lone_sign_a_sign():
    frame = pd.DataFrame({"token": ["-", "+", "="], "value": [-1.5, 2.0, -0.0]})
    assert as_csv(frame) == "token,value\n-,-1.5\n+,2.0\n=,-0.0\n"
