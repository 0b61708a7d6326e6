"""The Max-pool winners page over a data set: means, seed groups, stopping, classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.figures.style.style import number
from tests.support import tiny
from tests.support.sentences import in_order
from tests.support.winners_reader import pieces, said_by

OWN = "the film is good\nthe story was dull\nwho said it?\nthe acting is fine and good"


def compute(app: Any) -> Any:
    button = next(b for b in app.button if b.label.startswith("Compute over"))
    app = button.click().run(timeout=120)
    assert not app.exception
    return app


def test_means_over_sentences_are_those_of_the_library(open_winners: Any, made: Path):
    from analysis.reading.winner_statistics import collect

    app = compute(
        open_winners(
            made,
            checkpoints=["toy-max_seq_mha"],
            source="own sentences",
            own_sentences=OWN,
        )
    )
    sample = collect(analysis.load(made / "toy-max_seq_mha"), OWN.splitlines())
    shown = pieces(app)["drawing-over-toy-max_seq_mha"]
    for value in sample.wins_by_layer().mean(axis=0):
        assert f">{100 * value:.0f}" in shown or f">{100 * value:.3g}" in shown
    assert any(b.label == "Computed over 4 sentences" and b.disabled for b in app.button)


def test_seed_groups_are_held_against_their_own_disagreement(open_winners: Any, seeds: Path):
    from analysis.reading.winner_statistics import between_groups, collect, seed_disagreement

    app = compute(
        open_winners(
            seeds,
            checkpoints=["toy-one", "toy-two"],
            source="own sentences",
            own_sentences=OWN,
        )
    )
    texts = OWN.splitlines()
    members = {
        g: [analysis.load(seeds / f"{g}-s{s}") for s in range(2)] for g in ("toy-one", "toy-two")
    }
    page_text = said_by(app)
    for name, group in members.items():
        share = 100 * seed_disagreement(group, texts).share[0]
        assert any(
            in_order(sentence, f"Two seeds of {name}", "source layer", f"{share:.0f} %")
            for sentence in page_text.split(". ")
        )
    difference = between_groups(*([collect(m, texts) for m in group] for group in members.values()))
    top = int(np.abs(difference.difference).argmax())
    assert in_order(page_text, "differ most", f"layer {difference.layers[top]}")
    assert f"{100 * difference.difference[top]:+.1f} points" in page_text
    assert in_order(
        page_text, "two seeds of one group", f"{100 * difference.within[top]:.1f} points"
    )


def test_a_stopped_pass_keeps_what_is_done_and_goes_on_from_there(
    open_winners: Any, made: Path, monkeypatch: pytest.MonkeyPatch
):
    from pages.ui.winners import sentence_pass

    whole, calls = sentence_pass._read_row, []

    def until_third(entry: Any, store: Any, index: int, *text: Any) -> None:
        calls.append(index)
        if len(calls) == 3:
            from streamlit.runtime.scriptrunner_utils.exceptions import StopException

            raise StopException
        whole(entry, store, index, *text)

    monkeypatch.setattr(sentence_pass, "_read_row", until_third)
    app = open_winners(made, checkpoints=["toy-max_cls"], source="own sentences", own_sentences=OWN)
    app = next(b for b in app.button if b.label.startswith("Compute over")).click().run()
    app.session_state["over_stopped"] = True
    app.run()
    assert "over 2 of 4 sentences" in said_by(app)
    button = next(b for b in app.button if b.label == "Continue after 2 sentences")
    button.click().run()
    assert calls == [0, 1, 2, 2, 3]
    assert any(b.label == "Computed over 4 sentences" for b in app.button)


def test_too_few_sentences_are_refused_in_words(open_winners: Any, made: Path):
    app = open_winners(
        made, checkpoints=["toy-max_cls"], source="own sentences", own_sentences="one"
    )
    assert in_order(said_by(app), "1 sentences", "2 to 2000")


def test_the_behaviour_suite_is_at_hand_and_spread_evenly(open_winners: Any, made: Path):
    from analysis import suite
    from analysis.datasets.sentences import spread
    from pages.ui.data.sentence_sets import COUNTS

    app = open_winners(made, checkpoints=["toy-max_cls"])
    assert any(b.label == "Compute over 128 sentences" for b in app.button)
    for task in ("sst2", "trec", "mrpc"):
        table = suite.table(task)
        different = set(zip(table.text, table.pair or [None] * len(table), strict=True))
        for count in COUNTS:
            chosen = spread(table, task, count)
            assert len(set(chosen.rows)) == len(chosen.rows) == min(count, len(different))
        cases = {(case.text, case.pair): case for case in suite.sentences(task)}
        chosen = spread(table, task, 128)
        assert {cases[row].capability for row in chosen.rows} == {
            case.capability for case in cases.values()
        }


def test_a_file_with_classes_is_read_by_the_classes_that_it_gives(open_winners: Any, made: Path):
    from analysis.reading.winner_statistics import collect, summarise_by_class

    labels = analysis.load(made / "toy-max_seq_mha").checkpoint.labels
    labels_of_rows = [labels[0], labels[2], labels[0], labels[2]]
    lines = [f"{text}\t{name}" for text, name in zip(OWN.splitlines(), labels_of_rows, strict=True)]
    app = open_winners(
        made,
        checkpoints=["toy-max_seq_mha"],
        source="file",
        over_classes="given",
        over_by="token type",
    )
    content = "\n".join(["text\tlabel", *lines]).encode()
    app.file_uploader[0].upload("four.tsv", content, "text/tab-separated-values")
    app.run()
    app = compute(app)
    sample = collect(analysis.load(made / "toy-max_seq_mha"), OWN.splitlines())
    for k, layer in enumerate(sample.layers):
        parts = summarise_by_class(
            sample, sample.wins_within_type()[:, :, k], np.array([0, 2, 0, 2])
        )
        for index, part in enumerate(parts):
            key = "drawing-over-toy-max_seq_mha" + (f"-{index}" if index else "")
            assert f"layer {layer}" in pieces(app)[key]
            for value in part.mean[np.isfinite(part.mean)]:
                assert number(100 * value, "number") in pieces(app)[key]
    assert f"{labels[2]}: 2" in said_by(app)


@pytest.mark.parametrize("by", ["source layer", "token type"])
@pytest.mark.parametrize("quantity", ["share of wins", "contribution"])
def test_means_by_predicted_class_are_those_of_the_library(
    open_winners: Any, folder: Path, by: str, quantity: str
):
    from analysis.reading.winner_statistics import collect, summarise_by_class

    tiny.make_pooling_checkpoint(folder / "toy", "max_seq_mha", tiny.random_labels(3), seed=2)
    texts = [
        f"{a} {b} is {c}"
        for a in ("the", "who")
        for b in ("film", "plot")
        for c in ("good", "dull", "thin")
    ]
    app = compute(
        open_winners(
            folder,
            checkpoints=["toy"],
            source="own sentences",
            own_sentences="\n".join(texts),
            over_classes="predicted",
            over_by=by,
            over_quantity=quantity,
        )
    )
    sample = collect(analysis.load(folder / "toy"), texts)
    wins = quantity == "share of wins"
    if by == "source layer":
        every = [sample.wins_by_layer() if wins else sample.contribution_by_layer()]
    elif wins:
        every = [sample.wins_within_type()[:, :, k] for k in range(3)]
    else:
        every = [sample.contribution_by_type()]
    shown = "".join(html for key, html in pieces(app).items() if key.startswith("drawing-over-"))
    for rows in every:
        parts = summarise_by_class(sample, rows)
        for part in parts:
            assert f"{part.of}: {part.sentences}" in said_by(app)
            for value in part.mean[np.isfinite(part.mean)]:
                assert (
                    number(100 * value if wins else value, "number" if wins else "signed") in shown
                )


def test_classes_that_a_data_set_does_not_give_are_said(open_winners: Any, made: Path):
    app = compute(
        open_winners(
            made,
            checkpoints=["toy-max_seq_mha"],
            source="own sentences",
            own_sentences=OWN,
            over_classes="given",
        )
    )
    assert in_order(said_by(app), "toy-max_seq_mha", "no labels")
