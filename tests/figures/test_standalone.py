"""A picture as one HTML file fetches nothing, and texts stay text in it."""

from __future__ import annotations

import re

import pytest

from analysis.figures.files.export import export
from tests.support import view_samples as samples
from tests.support.hostile_plot import hostile


@pytest.mark.parametrize("key", ["reading", "winners", "sweep"])
def test_html_is_one_file_that_may_fetch_nothing(key):
    page = export(samples.plot_of(key), "html").data.decode()
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=[\"'](?!data:)", page[:3000])
    assert page == export(samples.plot_of(key), "html").data.decode()
    assert len(page) < 5_000_000
    assert ("plotly" in page) == (key != "reading")


def test_hostile_text_is_text_in_html():
    page = export(hostile(), "html").data.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "onmouseover=alert(1)" not in re.sub(r"&#x27;|&quot;", "", page).split("<body>")[0]
