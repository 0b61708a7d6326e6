"""Names of people's own never break a component's key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.kit.keys import LONGEST, component_key


@given(st.text(max_size=300))
def test_no_key_holds_what_streamlit_refuses(name):
    key = component_key(f"answer-{name}")
    assert "__" not in key
    assert len(key) <= LONGEST
    assert key.isprintable()


@given(st.text(max_size=60), st.text(max_size=60))
def test_two_names_have_two_keys(first, second):
    same = component_key(f"answer-{first}") == component_key(f"answer-{second}")
    assert same == (first == second)


@pytest.mark.parametrize("name", ["answer-sst2-max_seq_mha", "map-toy.v2"])
def test_a_plain_name_stays_readable(name):
    assert component_key(name) == name
