"""What would change its mind on Compare: searched when asked, and every flip is a forward's."""

from __future__ import annotations

import json

import pytest

import analysis
from analysis.interventions.flips_over_texts import flips_over, rates_in_words
from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attributions_reader import ended

TEXT = "the plot is thin, not dull"


@pytest.mark.parametrize("kind", ["deletion", "replacement"])
def test_edits_shown_flip_the_prediction_of_their_pooling_head(open_app, four, kind):
    app = open_app(four, text=TEXT, flip_kind=kind)
    assert not [key for key in seen.pieces(app) if key.startswith("flips-")], "nothing unasked"
    app.button(key="flips-go").click().run()
    pieces = seen.pieces(app)
    for path in sorted(four.glob("toy-*")):
        piece = pieces[f"flips-{path.name}"]
        (line,) = piece.all("line")
        before = truth.pooling(path, TEXT)
        if not piece.all("change"):
            assert f"{path.name} stays {before.labels[before.logits.argmax()]}" in line.text
            continue
        (change,) = piece.all("change")
        left = _without_struck(change)
        after = truth.pooling(path, left)
        assert after.logits.argmax() != before.logits.argmax()
        assert f"predicts {after.labels[after.logits.argmax()]}" in line.text


def test_words_of_a_data_set_take_the_place_of_words(open_app, four):
    rows = "a dreadful evening\na dreadful plot"
    app = open_app(
        four,
        text=TEXT,
        flip_kind="replacement",
        flip_words="data",
        source="own sentences",
        own_sentences=rows,
    )
    app.button(key="flips-go").click().run()
    pieces = seen.pieces(app)
    for path in sorted(four.glob("toy-*")):
        for change in pieces[f"flips-{path.name}"].all("change"):
            put = {node.text.strip() for node in change.all("ins")} - {""}
            assert put <= {"dreadful", "evening", "plot"}


def test_a_masked_language_model_is_offered_where_there_is_one(open_app, four, tmp_path):
    app = open_app(four, text=TEXT, flip_kind="replacement")
    assert "masked language model" not in app.selectbox(key="flip_words").options
    encoder = tiny.make_masked_lm(tmp_path / "filler")
    for seed, head in enumerate(("cls", "mha")):
        tiny.make_pooling_checkpoint(
            tmp_path / "own" / f"sst2-{head}", head, ("bad", "good"), encoder=encoder, seed=seed
        )
    app = open_app(tmp_path / "own", text=TEXT, flip_kind="replacement", flip_words="masked")
    assert "masked language model" in app.selectbox(key="flip_words").options
    app.button(key="flips-go").click().run()
    assert {key for key in seen.pieces(app) if key.startswith("flips-")} == {
        "flips-sst2-cls",
        "flips-sst2-mha",
    }


def test_over_a_data_set_the_rates_are_those_of_the_library(open_app, four, tmp_path, monkeypatch):
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path))
    texts = ["the plot is thin, not dull", "a good film", "he was not very good"]
    app = open_app(
        four, text=TEXT, flips_over=True, source="own sentences", own_sentences="\n".join(texts)
    )
    app.button(key="flips-job-go").click().run()
    ended()
    app.run()
    loaded = {path.name: [analysis.load(path)] for path in sorted(four.glob("toy-*"))}
    records = list(flips_over(loaded, [(text, None) for text in texts]))
    (file,) = (tmp_path / "evidence").glob("flips-*.jsonl")
    kept = [json.loads(line)["line"] for line in file.read_text().splitlines()[1:]]
    by_key = {(item["row"], item["name"]): item["edits"] for item in kept}
    assert by_key == {record.key: record.edits for record in records}
    assert rates_in_words(records) in [element.value for element in app.text]


def _without_struck(node):
    return "".join(
        child if isinstance(child, str) else ("" if child.tag == "del" else _without_struck(child))
        for child in node.children
    )
