"""Tables of numbers: their first column, which names the rows, stays where one scrolls sideways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st


def table(
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
    config: Mapping[str, Any] | None = None,
    names: int = 1,
    **options: Any,
) -> None:
    """Draw a table whose first `names` columns name its rows.

    On a phone a table of many columns scrolls in itself; these columns are pinned then. `config`
    is Streamlit's column configuration, `options` are others of ``st.dataframe``.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    columns = dict(config or {})
    for name in map(str, frame.columns[:names]):
        form = columns.get(name)
        known = form if isinstance(form, dict) else {"label": form} if form else {}
        columns[name] = {**known, "pinned": True}
    st.dataframe(frame, hide_index=True, column_config=columns, **options)
