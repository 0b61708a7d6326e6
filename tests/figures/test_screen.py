import json
import time
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.figures import Bars, Grid, HeatMap, Lines, Plot, Points, view
from analysis.figures.screen.markup import CSS, html
from analysis.figures.screen.plotly import figure, sheet
from analysis.figures.screen.sheet import merge
from analysis.figures.style.style import contrast_ratio
from tests.support.known_results import (
    HOSTILE,
    LONG,
    SENTENCE,
    TREC,
    attributed,
    checkpoint,
    split,
    tokens_of,
    trace,
    winners,
)
from tests.support.strips import strip_of

TOKENS = tokens_of(SENTENCE)


class Page(HTMLParser):
    """Every element with its attributes and text, and the plain text of the page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", **dict(attrs)})
        self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        if not any(e["tag"] == "style" for e in self.open):
            self.text += data
        for element in self.open:
            element["text"] += data

    def having(self, name):
        return [e for e in self.elements if name in e.get("class", "").split()]


# --- plotly -----------------------------------------------------------------------------------


def test_the_cells_drawn_are_the_values_given():
    values = np.arange(12.0).reshape(3, 4) - 5
    mark = HeatMap(values, ("a", "b", "a"), ("x",) * 4, "layer", "token", "logit")
    drawn = figure(Plot("v", "t", mark))
    assert (drawn.data[0].z == values).all()
    assert (drawn.data[0].zmin, drawn.data[0].zmax) == (-6.0, 6.0)
    assert drawn.data[0].x is None  # positions, so that equal labels never merge
    assert drawn.layout.yaxis.ticktext == ("a", "b", "a")
    assert drawn.layout.yaxis.autorange == "reversed"
    assert drawn.data[0].colorscale[4] == (0.5, "#F7F7F7")


def test_a_selectable_heat_map_answers_with_row_and_column():
    mark = HeatMap(np.zeros((2, 3)), ("a", "b"), ("x", "y", "z"), "", "", "")
    assert len(figure(mark).data) == 1
    cells = figure(mark, selectable=True).data[1]
    assert cells.mode == "markers"
    assert cells.customdata.tolist() == [[r, c] for r in range(2) for c in range(3)]
    assert list(cells.x) == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("horizontal", [True, False])
def test_bars_dots_and_whiskers_are_the_values_given(horizontal):
    values, dots = np.array([[0.2, 0.8]]), np.array([[[0.1, 0.3], [0.7, 0.9]]])
    mark = Bars(
        values,
        ("n", "p"),
        ("s",),
        "class",
        "probability",
        horizontal=horizontal,
        intervals=np.array([[[0.1, 0.4], [0.7, 0.9]]]),
        dots=dots,
    )
    bar, spots = figure(mark).data
    along, error = ("x", "error_x") if horizontal else ("y", "error_y")
    assert list(bar[along]) == [0.2, 0.8]
    np.testing.assert_allclose(bar[error].array, [0.2, 0.1])
    np.testing.assert_allclose(bar[error].arrayminus, [0.1, 0.1])
    assert list(spots[along]) == [0.1, 0.3, 0.7, 0.9]


def test_negative_bars_are_blue_and_positive_ones_orange():
    mark = Bars(np.array([[-1.0, 1.0]]), ("a", "b"), ("s",), "c", "v", colours="sign")
    blue, orange = figure(mark).data[0].marker.color
    assert int(blue[5:], 16) > int(blue[1:3], 16)
    assert int(orange[1:3], 16) > int(orange[5:], 16)


def test_lines_bands_and_flags_are_the_values_given():
    x, y = np.arange(3.0), np.array([[1.0, -1.0, 2.0]])
    mark = Lines(
        x,
        y,
        ("a",),
        "k",
        "gap",
        bands=np.stack([y - 1, y + 1], axis=2),
        flags=y < 0,
        flag_label="flipped",
    )
    line, band, flag = figure(mark).data
    assert list(line.y) == [1, -1, 2]
    assert list(band.y) == [2, 0, 3, 1, -2, 0]
    assert (list(flag.x), list(flag.y)) == ([1], [-1])


def test_points_keep_their_group_and_index():
    xy = np.arange(8.0).reshape(4, 2)
    mark = Points(
        xy, np.array([0, 1, 0, 1]), ("a", "b"), "x", "y", labels=tuple("pqrs"), rings=(3,)
    )
    a, b, ring = figure(mark).data
    assert list(a.customdata) == [0, 2]
    assert list(b.x) == [2, 6]
    assert a.marker.symbol != b.marker.symbol
    assert (ring.x[0], ring.text[0]) == (6, "s")


def test_a_grid_draws_each_panel_in_its_own_axes_with_one_legend_entry_a_name():
    line = Lines(np.arange(2.0), np.ones((2, 2)), ("a", "b"), "x", "y")
    drawn = figure(Grid((line, line, line), ("one", "two", "three"), 2))
    assert {t.xaxis for t in drawn.data} == {"x", "x2", "x3"}
    assert sum(t.showlegend for t in drawn.data) == 2
    assert [a.text for a in drawn.layout.annotations] == ["one", "two", "three"]


def test_lines_and_boxes_are_drawn_in_the_panel_that_the_sheet_was_turned_to():
    line = Lines(np.arange(2.0), np.ones((1, 2)), ("a",), "x", "y")
    drawn = sheet(Grid((line, line), ("one", "two"), 2))
    drawn.line_at("y", 0.5)
    drawn.turn_to(1)
    drawn.box((0, 1), (2, 3))
    drawn.axis("x", title={"standoff": 3})
    across, box = go.Figure(drawn.figure).layout.shapes
    assert (across.yref, across.y0, across.y1) == ("y", 0.5, 0.5)
    assert (across.xref, across.x0, across.x1) == ("x domain", 0, 1)
    assert (box.xref, box.yref) == ("x2", "y2")
    assert (box.x0, box.x1, box.y0, box.y1) == (0, 1, 2, 3)
    assert drawn.layout["xaxis2"]["title"] == {"text": "x", "standoff": 3}
    assert drawn.layout["xaxis"]["title"] == {"text": "x"}


def test_panels_of_the_same_shape_share_nothing_that_one_of_them_changes():
    first, second = (sheet(HeatMap(np.eye(2), ("a", "b"), ("c", "d"), "", "", "")) for _ in "ab")
    merge(first.layout, margin={"t": 99}, xaxis={"domain": [0, 0.5]})
    assert second.layout["margin"]["t"] != 99
    assert second.axis("x")["domain"] == [0.0, 1.0]
    assert first.layout["margin"]["l"] == second.layout["margin"]["l"]


def test_hostile_labels_reach_plotly_escaped_and_survive_json():
    count = len(HOSTILE)
    mark = HeatMap(np.eye(count), HOSTILE, HOSTILE, "<b>r</b>", "$c$", "100%")
    drawn = figure(Grid((mark,), ("<script>",), 1))
    assert drawn.layout.xaxis.ticktext[0].startswith("&lt;script&gt;")
    assert "$" not in "".join(drawn.layout.xaxis.ticktext)
    assert max(map(len, drawn.layout.xaxis.ticktext)) < 200
    assert json.loads(drawn.to_json())
    bars = Bars(np.ones((1, count)), HOSTILE, ("%{x}<br>",), "", "")
    assert figure(bars).data[0].hovertemplate.count("%{x") == 1


def test_a_strip_is_not_drawn_with_plotly_nor_a_heat_map_as_html():
    with pytest.raises(ValueError, match="drawn as HTML"):
        figure(strip_of(["a"], [1.0]))
    with pytest.raises(ValueError, match="no HTML form"):
        html(HeatMap(np.zeros((1, 1)), ("a",), ("b",), "", "", ""))
    with pytest.raises(ValueError, match="known are auto, light, dark"):
        html(strip_of(["a"], [1.0]), theme="blue")


# --- strips -----------------------------------------------------------------------------------


def test_each_token_carries_its_position_its_characters_and_its_value():
    result = attributed(TOKENS)
    page = Page(view("input_attribution", result, TOKENS, checkpoint()).html())
    tokens = page.having("tok")
    assert [int(t["data-token"]) for t in tokens] == list(range(len(TOKENS)))
    for token, (start, end), score in zip(
        tokens[1:-1], TOKENS.offsets[1:-1], result.scores[1:-1], strict=True
    ):
        assert SENTENCE[int(token["data-start"]) : int(token["data-end"])] == token["text"]
        assert (int(token["data-start"]), int(token["data-end"])) == (start, end)
        shown = token["title"].removeprefix(f"{token['text']}: ").removesuffix(" logit")
        assert float(shown) == pytest.approx(score, abs=0.006)
        assert token["tabindex"] == "-1", "the arrow keys lead to it"
        assert token["aria-label"] == token["title"]
    assert tokens[0]["tabindex"] == "0", "the Tab key leads to the first"


def test_the_text_of_a_strip_reads_as_typed():
    for text in (SENTENCE, LONG):
        tokens = tokens_of(text)
        for words in (True, False):
            mark = view("reading", split(tokens), tokens, 1, words=words).mark
            assert Page(html(mark)).text == f"[CLS] {text} [SEP]"


def test_negative_values_are_underlined_and_others_are_not():
    page = Page(html(strip_of("abcd", [-1.0, -0.001, 0.0, 1.0])))
    assert ["neg" in t["class"].split() for t in page.having("tok")] == [True, True, False, False]
    assert ".neg{text-decoration:underline" in CSS


def test_special_tokens_are_small_and_decide_no_direction():
    page = Page(view("reading", split(TOKENS), TOKENS, 1).html())
    special = page.having("special")
    assert [t["text"] for t in special] == ["[CLS]", "[SEP]"]
    assert {t["dir"] for t in special} == {"ltr"}
    assert [s["dir"] for s in page.having("seg")] == ["auto"]


def test_a_pair_has_a_segment_each():
    tokens = tokens_of("One text.", "And another.")
    page = Page(view("reading", split(tokens), tokens, 1).html())
    texts = [s["text"] for s in page.having("seg")]
    assert texts == ["[CLS] One text. [SEP]", "And another. [SEP]"]
    assert {t["data-segment"] for t in page.having("tok")} == {"0", "1"}


def test_colours_drawn_on_every_token_contrast_in_both_themes():
    values = np.linspace(-1, 1, 401)
    page = Page(html(strip_of(["x"] * 401, values)))
    seen = 0
    for token in page.having("tok"):
        pairs = dict(p.split(":", 1) for p in token["style"].split(";")[2:] if p)
        if not pairs:
            continue  # zero: the page's own colours
        grounds = pairs["background"].removeprefix("light-dark(").rstrip(")").split(",")
        inks = pairs["color"].removeprefix("light-dark(").rstrip(")").split(",")
        for ground, ink in zip(grounds, inks, strict=True):
            assert contrast_ratio(ground, ink) >= 4.5
            seen += 1
    assert seen >= 2 * 395


def test_marks_follow_positions_and_characters_of_the_text():
    mark = view("reading", split(TOKENS), TOKENS, 1, words=True).mark
    by_position = Page(html(mark, marked={5})).having("marked")
    assert [t["data-token"] for t in by_position] == ["5"]
    start = SENTENCE.index("anything")
    by_span = Page(html(mark, span=(0, start + 2, start + 3))).having("marked")
    assert [t["text"] for t in by_span] == ["anything"]
    assert by_span[0]["aria-current"] == "true"
    assert not Page(html(mark, span=(1, start, start + 3))).having("marked")


def test_hostile_text_is_shown_as_typed_and_nothing_more():
    mark = strip_of(HOSTILE, np.linspace(-1, 1, len(HOSTILE)))
    bars = Bars(np.ones((1, len(HOSTILE))), HOSTILE, ("s",), "", "", kind="class")
    for drawn in (html(mark), html(bars), html(Grid((mark,), HOSTILE[:1], 1))):
        page = Page(drawn)
        assert {e["tag"] for e in page.elements} <= {"style", "div", "span"}
        assert not [k for e in page.elements for k in e if k.startswith("on")]
        assert HOSTILE[0] in page.text
        assert HOSTILE[10] in page.text
        drawn.encode("utf-8")


# --- bars -------------------------------------------------------------------------------------


def fill_widths(page):
    return [float(e["style"].split("width:")[1].split("%")[0]) for e in page.having("fill")]


def test_bars_of_a_card_are_as_long_as_their_values():
    page = Page(view("classes", trace([0.39, 0.61]), target=0).html())
    assert fill_widths(page) == [39.0, 61.0]
    assert [e["text"] for e in page.having("num")] == ["0.39", "0.61"]
    assert [e["data-class"] for e in page.having("bar")] == ["0", "1"]


def test_predicted_and_chosen_class_are_marked_by_more_than_colour():
    plot = view("classes", trace([0.39, 0.61]), target=0)
    negative, positive = Page(plot.html()).having("bar")
    assert "chosen" in negative["class"]
    assert negative["aria-current"] == "true"
    assert negative["title"] == "negative: 0.39, explained"
    assert positive["title"] == "positive: 0.61, predicted"
    assert "border-color" in CSS
    assert ".predicted .name::before" in CSS
    both = Page(plot.html(chosen=1)).having("bar")[1]
    assert both["title"] == "positive: 0.61, predicted, explained"


def test_a_seed_group_has_a_dot_a_seed_where_its_value_is():
    group = [trace(p, name="a", group="a") for p in ([0.2, 0.8], [0.4, 0.6])]
    page = Page(view("classes", [group]).html())
    places = [float(e["style"].split("left:")[1].rstrip("%")) for e in page.having("dot")]
    assert places == [20, 40, 80, 60]
    assert page.having("bar")[0]["title"] == "negative: 0.30 \N{PLUS-MINUS SIGN} 0.14"


def test_bars_around_zero_grow_from_the_middle():
    mark = Bars(
        np.array([[-1.0, 2.0, np.nan]]),
        ("4", "5", "6"),
        ("s",),
        "layer",
        "logit",
        colours="sign",
        style="signed",
        limits=(-2.0, 2.0),
        kind="layer",
    )
    page = Page(html(mark))
    assert fill_widths(page) == [25.0, 50.0]
    assert [e["style"].split(";")[0] for e in page.having("fill")] == ["left:25.00%", "left:50.00%"]
    assert [e["text"] for e in page.having("num")] == ["-1.00", "+2.00", "\N{EN DASH}"]
    assert all("data-class" not in e for e in page.having("bar"))


def test_source_layers_of_a_card_show_both_quantities():
    d, w = split(TOKENS), winners(TOKENS)
    page = Page(view("source_layers", d, w, 1).html())
    assert [e["text"] for e in page.having("pl-sub")] == ["wins (%)", "contribution"]
    shown = [e["text"] for e in page.having("num")]
    assert shown[:3] == [f"{100 * s:.0f}" for s in w.share_by_layer()]
    assert shown[3:] == [f"{v:+.2f}" for v in d.by_layer(1)]


def test_several_series_stand_under_each_class():
    traces = [trace(np.ones(6) / 6, name=n, labels=TREC) for n in ("a", "b")]
    page = Page(view("classes", traces).html())
    assert [e["text"] for e in page.having("head")] == list(TREC)
    assert [e["data-series"] for e in page.having("bar")][:2] == ["0", "1"]


def test_html_takes_no_longer_than_typing_allows():
    # goals 1 and 10 ms; five times that here, because other work may share the machine
    for size, limit in ((16, 0.005), (512, 0.05)):
        mark = strip_of(["token"] * size, np.linspace(-1, 1, size))
        html(mark)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            html(mark)
            times.append(time.perf_counter() - start)
        assert min(times) < limit
