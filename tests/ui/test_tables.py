"""Tables of numbers keep the column that names their rows in sight."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from pages.ui.kit.tables import table

    form = st.column_config.NumberColumn("mean", format="%.1f")
    table([{"head": "cls", "layer": 3, "score": 0.5}], {"score": form, "head": "pooling head"})
    table([{"head": "cls", "layer": 3, "score": 0.5}], names=2)


def test_the_columns_that_name_the_rows_are_pinned_and_keep_their_own_form():
    app = AppTest.from_function(page).run()
    assert not app.exception
    first, second = (json.loads(each.proto.columns) for each in app.dataframe)
    assert first["head"] == {"label": "pooling head", "pinned": True}
    assert first["score"]["label"] == "mean"
    assert not first["score"].get("pinned")
    assert [name for name in second if second[name].get("pinned")] == ["head", "layer"]
