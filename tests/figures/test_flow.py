"""The flow picture shows the split and nothing else, on screen and on paper, on one scale."""

from __future__ import annotations

import io
import re
from html import unescape
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analysis.figures import view
from analysis.figures.marks import Flow, Grid
from analysis.figures.screen.flow import svg
from analysis.figures.screen.streams import streams
from analysis.reading.decomposition import Decomposition
from tests.support import view_samples as samples


def flow_of(values, limit=None):
    size, count = values.shape
    return Flow(
        labels=tuple(f"w{i}" for i in range(size)),
        values=values,
        layers=tuple(str(k + 4) for k in range(count)),
        classes=("negative", "positive"),
        special=tuple(i in (0, size - 1) for i in range(size)),
        segment=(0,) * size,
        spans=np.stack([np.arange(size) * 3, np.arange(size) * 3 + 2], axis=1),
        value_label="contribution",
        limit=limit,
    )


@st.composite
def contributions(draw):
    size, count = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    numbers = st.floats(-8, 8, allow_nan=False).map(lambda x: round(x, 3))
    return draw(arrays.arrays(float, (size, count), elements=numbers))


@given(contributions(), st.integers(2, 20))
def test_nothing_is_added_or_lost_on_the_way(values, most):
    flow = flow_of(values)
    placed = streams(flow, 15.0, most)
    total = values.sum()
    assert sum(stream.value for stream in placed.streams) == pytest.approx(total, abs=1e-9)
    assert sum(row.value for row in placed.rows) == pytest.approx(total, abs=1e-9)
    assert sum(end.value for end in placed.ends) == pytest.approx(total, abs=1e-9)
    for k, node in enumerate(placed.layers):
        assert node.value == pytest.approx(values[:, k].sum(), abs=1e-9)
        mine = sum(s.thickness for s in placed.streams if s.layer == k)
        assert node.height == pytest.approx(mine, abs=1e-9)
    assert len(placed.rows) == min(len(values), most)
    assert sorted(u for row in placed.rows for u in row.units) == list(range(len(values)))


@given(contributions())
def test_a_band_is_as_wide_as_its_share_of_the_limit(values):
    flow = flow_of(values)
    thick = sum(s.thickness for s in streams(flow, 10.0, 50).streams)
    small = sum(s.thickness for s in streams(flow_of(values, 2 * flow.bound), 10.0, 50).streams)
    assert small == pytest.approx(thick / 2, abs=1e-9)
    for stream in streams(flow, 10.0, 50).streams:
        assert stream.thickness / thick == pytest.approx(
            abs(stream.value) / np.abs(values).sum(), abs=1e-9
        )


@given(contributions())
def test_bands_at_a_layer_and_at_a_class_never_overlap(values):
    placed = streams(flow_of(values), 15.0, 50)
    for column, groups in ((1, len(placed.layers)), (2, 2)):
        for group in range(groups):
            mine = sorted(
                (s.tops[column], s.thickness)
                for s in placed.streams
                if (s.layer if column == 1 else int(s.value < 0)) == group
            )
            for (top, thick), (below, _) in pairwise(mine):
                assert below >= top + thick - 1e-9
            nodes = placed.layers if column == 1 else placed.ends
            for top, thick in mine:
                assert nodes[group].top - 1e-9 <= top
                assert top + thick <= nodes[group].top + nodes[group].height + 1e-9


@pytest.fixture
def made_tokens():
    return samples.TOKENS


def split_of(size, seed=0, classes=3, layers=(4, 5, 6)):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(classes, 2, size, len(layers)))
    constant = rng.normal(size=classes)
    return Decomposition(
        contributions=parts,
        constant=constant,
        logits=parts.sum((1, 2, 3)) + constant,
        layers=layers,
        parts=("0", "1"),
        reference="zero",
    )


OWNER = SimpleNamespace(id="toy", labels=("a", "b", "c"), head="mha", sha256="0", facts={})


def test_numbers_are_those_of_the_split(made_tokens):
    split = split_of(len(made_tokens.ids))
    for target in range(3):
        plot = view("flow", split, made_tokens, target, OWNER, words=False)
        np.testing.assert_allclose(plot.mark.values.sum(axis=1), split.by_token(target))
        np.testing.assert_allclose(plot.mark.values.sum(axis=0), split.by_layer(target))
        constant = split.constant[target] - np.delete(split.constant, target).mean()
        logits = split.logits[target] - np.delete(split.logits, target).mean()
        assert sum(plot.mark.ends) + constant == pytest.approx(logits)
        words = view("flow", split, made_tokens, target, OWNER).mark
        assert words.values.sum() == pytest.approx(plot.mark.values.sum())
        assert len(words.labels) < len(plot.mark.labels)


def test_every_number_stands_in_the_drawing(made_tokens):
    split = split_of(len(made_tokens.ids))
    flow = view("flow", split, made_tokens, 1, OWNER).mark
    drawn = unescape(svg(flow))
    for value, label in zip(flow.values.sum(axis=1), flow.labels, strict=True):
        assert f'aria-label="{label}: {value:+.2f} logit"' in drawn
    for value, name in zip(flow.values.sum(axis=0), flow.layers, strict=True):
        assert f'aria-label="layer {name}: {value:+.2f} logit"' in drawn
    assert drawn.count("<path") == np.count_nonzero(flow.values)
    assert drawn.count("stream neg") == (flow.values < 0).sum()


def test_several_heads_share_one_scale_and_words_of_a_user_are_escaped(made_tokens):
    size = len(made_tokens.ids)
    plot = view("flow", [split_of(size, 0), split_of(size, 1, layers=(6,))], [made_tokens] * 2, 0)
    assert isinstance(plot.mark, Grid)
    limits = {panel.bound for panel in plot.mark.panels}
    assert limits == {max(float(np.abs(p.values).sum()) for p in plot.mark.panels)}
    nasty = flow_of(np.ones((3, 1)))
    labels = ('<script>alert("x")</script>', "&", "'")
    nasty = Flow(**{**{n: getattr(nasty, n) for n in nasty.__dataclass_fields__}, "labels": labels})
    assert "<script" not in svg(nasty)


@pytest.mark.parametrize("width", ["column", "full"])
def test_paper_has_a_band_for_each_contribution(made_tokens, width):
    from analysis.figures.paper.render import render

    size = len(made_tokens.ids)
    splits = [split_of(size, seed, layers=(5, 6)) for seed in range(4)]
    plot = view("flow", splits, [made_tokens] * 4, 0, words=False)
    data = render(plot, format="svg", venue="acl", width=width).data.decode()
    curves = re.findall(r'<path d="M [^"]*C [^"]*"', data)
    count = sum(np.count_nonzero(panel.values) for panel in plot.mark.panels)
    assert len(curves) >= count
    pdf = render(plot, format="pdf", venue="acl", width=width).data
    from pypdf import PdfReader

    page = PdfReader(io.BytesIO(pdf)).pages[0]
    assert float(page.mediabox.width) / 72 == pytest.approx(
        3.03 if width == "column" else 6.3, 0.01
    )
    assert "layer" in page.extract_text()


def test_attention_of_the_head_stands_beside_its_words(made_tokens):
    size = len(made_tokens.ids)
    attention = np.full(size, 1 / size)
    flow = view("flow", split_of(size), made_tokens, 0, OWNER, attention).mark
    assert flow.attention.sum() == pytest.approx(1.0)
    assert svg(flow).count('class="attention"') == len(flow.labels)


def test_a_value_that_is_no_number_has_no_band():
    with pytest.raises(ValueError, match="not a finite number"):
        flow_of(np.array([[np.nan]]))
