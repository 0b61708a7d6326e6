"""The Embedding map shows the vectors that the library computes, and says what cannot be shown."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

import analysis
from analysis.corpus.embedding import embed
from analysis.maps.projection import project
from tests.support import tiny
from tests.support.map_reader import ROWS, points, settle, shown
from tests.support.parts import fast
from tests.support.sentences import in_order


def test_a_panel_for_each_pooling_holds_the_points_of_the_library(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"])
    data = shown(app)
    assert [panel["title"] for panel in data["panels"]] == ["mean", "max", "[CLS]"]
    made = embed(analysis.load(four / "toy-mha"), ROWS, pooling=("mean",), layers="all")
    own = project(made["mean", -1], "pca").points
    drawn = points(data["panels"][0])
    scale = np.ptp(own, axis=0).max() / np.ptp(drawn, axis=0).max()
    np.testing.assert_allclose(
        (drawn - drawn.mean(axis=0)) * scale, own - own.mean(axis=0), atol=2e-3 * np.ptp(own)
    )
    assert len(data["panels"][0]["coords"]) == 5  # a layout for every layer of the slider
    assert shown(app, "texts")["texts"] == ROWS


def test_a_map_that_takes_long_waits_for_a_click_and_says_what_it_takes(
    open_map, four, monkeypatch
):
    from pages.ui.embedding_map import engine

    monkeypatch.setattr(engine, "seconds", lambda arguments: 42.0)
    app = open_map(four, checkpoints=["toy-mha"])
    with pytest.raises(AssertionError, match="there is no map"):
        shown(app)
    assert any(in_order(caption.value, "24 forwards", "float32", "42 s") for caption in app.caption)
    app.button(key="vectors-go").click().run()
    settle(app)
    assert len(shown(app)["panels"]) == 3


def test_rows_that_have_been_read_are_a_map_while_the_others_are_not(open_map, four, monkeypatch):
    from analysis.corpus import runs
    from pages.ui.embedding_map import engine, part

    compute = runs.compute

    def half(*arguments, progress, cancel, **named):
        def tell(done, *report):
            progress(done, *report)
            if done >= len(ROWS) // 2:
                cancel.set()

        return compute(*arguments, progress=tell, cancel=cancel, **named)

    monkeypatch.setattr(part, "FEWEST", 5)
    monkeypatch.setattr(engine, "seconds", lambda arguments: 42.0)
    monkeypatch.setattr(runs, "MOST_ROWS", 4)
    monkeypatch.setattr(runs, "compute", half)
    app = open_map(four, checkpoints=["toy-mha"])
    app.button(key="vectors-go").click().run()
    settle(app)
    texts = shown(app, "texts")["texts"]
    assert len(ROWS) // 2 <= len(texts) < len(ROWS)
    assert set(texts) < set(ROWS)
    made = embed(analysis.load(four / "toy-mha"), texts, pooling=("max",), layers=(-1,))
    own = project(made["max", -1], "pca").points
    drawn = points(shown(app)["panels"][1])
    apart = np.linalg.norm(drawn[:, None] - drawn, axis=-1)
    expected = np.linalg.norm(own[:, None] - own, axis=-1)
    np.testing.assert_allclose(
        apart * expected.max() / apart.max(),
        expected,
        atol=0.01 * apart.max() + 0.01 * expected.max(),
    )
    assert sum(shown(app, "look")["counts"]) == len(texts)  # coloured by what is predicted of them
    caption = next(
        caption.value for caption in app.caption if f"{len(texts)} of the 24 rows" in caption.value
    )
    assert "have not been read" in caption
    monkeypatch.setattr(runs, "compute", compute)
    app.button(key="vectors-go").click().run()
    settle(app)
    assert shown(app, "texts")["texts"] == ROWS


def test_a_part_of_the_rows_is_drawn_anew_once_there_are_twice_as_many(monkeypatch):
    from pages.ui.embedding_map import part

    monkeypatch.setattr(part, "FEWEST", 4)
    there = np.arange(3)
    monkeypatch.setattr(part, "_places", lambda data_pass, layer: there)
    monkeypatch.setattr(part.st, "session_state", {})
    data_pass = SimpleNamespace(
        key="pass", part=lambda places, layer: SimpleNamespace(places=places)
    )
    sizes, drawn = [], None
    for count in (3, 4, 7, 8, 12, 16):
        there = np.arange(count)
        due = part.is_due(data_pass, 1, drawn)
        before, drawn = drawn, part.begun(data_pass, 1, running=True)
        assert due == (drawn is not before)
        sizes.append(0 if drawn is None else len(drawn.places))
    assert sizes == [0, 4, 4, 8, 8, 16]
    assert len(part.begun(data_pass, 1, running=False).places) == 16


def test_distortion_is_said_of_every_panel(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"])
    for subtitle in shown(app, "look")["subtitles"]:
        assert re.match(
            r"PCA, trustworthiness [01]\.\d\d, continuity [01]\.\d\d \(k = 11\)", subtitle
        )


def test_the_typed_sentence_lands_and_its_neighbours_are_named(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], text=ROWS[5])
    lines = [text.value for text in app.text]
    assert f"1.00  {ROWS[5]}" in lines
    look = shown(app, "look")
    place = look["rings"][0]["points"][0][look["layer"]]
    np.testing.assert_allclose(place, points(shown(app)["panels"][0])[5], atol=2e-3)


def test_a_bare_encoder_has_maps_and_no_predictions(open_map, folder):
    tiny.make_bare_encoder(folder / "bare")
    app = open_map(folder, checkpoints=["bare"])
    assert len(shown(app)["panels"]) == 3
    offered = next(box for box in app.selectbox if box.label == "Colour").options
    assert not any("prediction" in option for option in offered)


def test_three_sentences_are_shown_by_pca_and_the_page_says_so(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], map="umap", own_sentences="\n".join(ROWS[:3]))
    assert len(shown(app, "texts")["texts"]) == 3
    assert any(in_order(caption.value, "UMAP", "3 points") for caption in app.caption)


def test_heads_that_disagree_are_ranked_once_all_of_them_have_read_the_rows(open_map, four):
    app = open_map(four, ranked_by="disagreements")
    go = app.button(key="heads-go")
    assert "more checkpoints" in next(c.value for c in app.caption if "forwards of" in c.value)
    go.click().run()
    settle(app)
    listed = next(
        json.loads(element.proto.json)["html"]
        for element in app.get("bidi_component")
        if "listed" in element.proto.json
    )
    predicted = [
        {row: int(analysis.record(classifier, row).logits.argmax()) for row in ROWS}
        for classifier in map(analysis.load, sorted(four.glob("toy-*")))
    ]
    differ = {row for row in ROWS if len({label[row] for label in predicted}) > 1}
    named = re.findall(r"</span> ([^<]+)</button>", listed)
    assert set(named) <= differ
    assert len(named) == min(len(differ), 12)


def test_on_the_behaviour_suite_neighbours_of_one_template_have_no_vote(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], source="suite", rows_shown=500, poolings=["mean"])
    assert "by other templates, chance" in shown(app, "look")["subtitles"][0]


@pytest.mark.slow
def test_aligned_umap_leaves_nothing_missing_beside_a_constant_and_a_shallow_sheet(open_map, four):
    app = open_map(
        four,
        checkpoints=["toy-mha"],
        map="umap",
        align="aligned_umap",
        poolings=["mean", "cls", "head"],
        n_neighbors=5,
    )
    data = shown(app)
    assert [len(panel["coords"]) for panel in data["panels"]] == [5, 5, 5]
    assert not [
        button
        for button in app.button
        if button.label.startswith("Lay out") and button.key != "seeds-go"
    ]
    assert [title.split(",")[0] for title in shown(app, "look")["subtitles"]] == ["AlignedUMAP"] * 3
    assert any("AlignedUMAP cannot" in caption.value for caption in app.caption)
    app = open_map(
        four,
        checkpoints=["toy-mha"],
        map="umap",
        align="aligned_umap",
        poolings=["mean", "cls", "head"],
        n_neighbors=5,
        layer_shown=0,
    )
    methods = [title.split(",")[0] for title in shown(app, "look")["subtitles"]]
    assert methods == ["UMAP", "PCA", "AlignedUMAP"]


def test_umap_takes_the_place_of_pca_and_a_typed_row_lands_among_its_like(open_map, four):
    app = open_map(
        four, checkpoints=["toy-mha"], map="umap", poolings=["mean"], text=ROWS[5], n_neighbors=5
    )
    look, data = shown(app, "look"), shown(app)
    assert look["subtitles"][0].startswith("UMAP, ")
    assert len(data["panels"][0]["coords"]) == 5
    place = np.array(look["rings"][0]["points"][0][look["layer"]])
    every = points(data["panels"][0])
    nearest = np.argsort(np.linalg.norm(every - place, axis=1))[:5]
    assert 5 in nearest


def test_marks_of_torn_neighbours_are_each_panels_own(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], colour_by="torn neighbours")
    look = shown(app, "look")
    assert look["ramp"]
    assert len(look["panel_codes"]) == 3
    assert len(set(look["panel_codes"])) > 1
    assert not look["unknown"]


def test_the_exported_map_says_what_the_screen_says(open_map, four):
    from pages.ui.embedding_map import details

    seen = []
    original = details.export_menu
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            details,
            "export_menu",
            lambda plots, *a, **k: (seen.append(plots), original(plots, *a, **k)),
        )
        open_map(
            four, checkpoints=["toy-mha"], source="suite", rows_shown=500, poolings=["mean", "max"]
        )
    (plot,) = seen[-1].values()
    assert all("T\xa00." in title and "k-NN" in title for title in plot.mark.subtitles)
    assert "T: trustworthiness" in plot.caption
    assert "by other templates" in plot.caption
    assert "made from templates" in plot.caption
    assert in_order(plot.caption, "onto the first", "Procrustes")


def test_the_page_says_which_maps_are_beyond_the_most(open_map, four, monkeypatch):
    monkeypatch.setattr("pages.ui.embedding_map.controls.MOST_PANELS", 2)
    monkeypatch.setattr("pages.ui.embedding_map.engine.MOST_PANELS", 2)
    app = open_map(four, checkpoints=["toy-mha"])
    assert len(shown(app)["panels"]) == 2
    assert any(in_order(info.value, "3 maps", "first 2") for info in app.info)


def test_a_flat_encoder_beside_a_deep_one_shows_its_last_layer(open_map, folder, monkeypatch):
    tiny.make_bare_encoder(folder / "flat")
    tiny.make_pooling_checkpoint(folder / "deep", "mha", ("a", "b", "c"), task="toy", seed=1)
    monkeypatch.setattr("pages.ui.embedding_map.engine.ALL_LAYERS_UP_TO", 10)
    app = open_map(folder, checkpoints=["flat", "deep"], map_of="all", poolings=["mean"])
    assert [panel["title"] for panel in shown(app)["panels"]] == ["flat: mean", "deep: mean"]


def test_numbers_behind_the_maps_are_measured_on_request(open_map, four):
    app = open_map(four, checkpoints=["toy-mha"], source="suite", rows_shown=500, poolings=["mean"])
    next(
        button for button in app.button if button.label == "Measure every pooling and layer"
    ).click().run()
    settle(app)
    frame = next(table.value for table in app.dataframe if "anisotropy" in table.value.columns)
    assert frame["layer"].tolist() == [0, 1, 2, 3, 4]
    assert frame["probe"].between(0, 1).all()
    next(button for button in app.button if button.label == "Clear").click().run()
    assert not app.exception


def test_other_labels_layers_or_groups_are_other_numbers():
    from analysis.maps.atlas import Sheet
    from analysis.maps.row_groups import RowGroups as Groups
    from pages.ui.embedding_map.numbers import key_of

    sheet = Sheet("a", "a", {0: np.zeros((4, 2)), 1: np.zeros((4, 2))})
    labels, groups = np.array([0, 1, 0, 1]), Groups("film", np.array([0, 0, 1, 1]))
    keys = {
        key_of([sheet], labels, groups),
        key_of([sheet], 1 - labels, groups),
        key_of([sheet], labels, Groups()),
        key_of([sheet], None, groups),
        key_of([Sheet("a", "a", {0: sheet.vectors[0]})], labels, groups),
    }
    assert len(keys) == 5


def test_a_class_keeps_its_colour_and_the_rarest_of_many_are_put_together():
    from analysis.corpus.predictions import Predictions
    from analysis.datasets.table import Table
    from analysis.maps.colours import Classes as _Classes

    def answers(labels, best):
        logits = np.zeros((len(best), len(labels)), np.float32)
        logits[np.arange(len(best)), best] = 1
        zeros = np.zeros(len(best), np.int32)
        return Predictions(
            "c",
            "s",
            "d",
            "float32",
            labels,
            "softmax",
            len(best),
            np.arange(len(best)),
            logits,
            zeros,
            zeros,
        )

    table = Table("own", "own", ("t",) * 3, None, np.array([0, 1, 1]), ("good", "bad"))
    turned = answers(("bad", "good"), [1, 0, 0])
    classes = _Classes(table, [turned])
    drawn = classes.of_predictions(turned)
    assert drawn.names == classes.of_labels().names
    assert drawn.codes.tolist() == classes.of_labels().codes.tolist()
    many = tuple(f"class {i}" for i in range(20))
    wide = answers(many, list(range(20)) + [19] * 5)
    bare = Table("own", "own", ("t",) * 25, None, None, ())
    drawn = _Classes(bare, [wide]).of_predictions(wide)
    assert len(drawn.names) == 12
    assert drawn.names[0] == "class 19"
    assert drawn.names[-1] == "others"
    assert drawn.codes.max() == 11


@pytest.mark.parametrize(
    ("layer", "kept"),
    fast(
        [(layer, kept) for layer in (None, 3, 1) for kept in ("all", "in view")],
        lambda case: case in ((None, "all"), (3, "in view")),
    ),
)
def test_maps_of_encoders_of_different_depth_are_exported(
    open_map, folder, monkeypatch, layer, kept
):
    from pages.ui.embedding_map import details

    seen = []
    original = details.export_menu
    monkeypatch.setattr(
        details,
        "export_menu",
        lambda plots, *a, **k: (seen.append(plots), original(plots, *a, **k)),
    )
    tiny.make_bare_encoder(folder / "flat", num_hidden_layers=2)
    tiny.make_pooling_checkpoint(folder / "deep", "mha", ("a", "b", "c"), task="toy", seed=1)
    if kept == "in view":
        monkeypatch.setattr("pages.ui.embedding_map.engine.ALL_LAYERS_UP_TO", 10)
    held = {} if layer is None else {"layer_shown": layer}
    chosen = {"checkpoints": ["flat", "deep"], "map_of": "all", "poolings": ["mean", "max"]}
    app = open_map(folder, **chosen, **held)
    assert not any("cannot be" in caption.value for caption in app.caption)
    (plot,) = seen[-1].values()
    assert len(plot.mark.panels) == 4
