"""The Max-pool winners page: seed groups, other pooling heads, references, what is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.reading.dimensions import dimensions
from pages.ui.engine.replies import common_class
from tests.support import tiny
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order
from tests.support.winners_reader import TEXT, charts, heat, pieces, said_by


def test_the_map_of_a_seed_group_is_the_mean_of_its_members(open_winners: Any, seeds: Path):
    app = open_winners(seeds, checkpoints=["toy-two"], unit="pieces", target="predicted")
    assert not app.exception
    classifiers = [analysis.load(seeds / f"toy-two-s{seed}") for seed in range(2)]
    traces = [analysis.record(classifier, TEXT) for classifier in classifiers]
    mean = np.mean([trace.probabilities for trace in traces], axis=0)
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    cells = [split.contrast(int(mean.argmax())).sum(axis=0).T for split in splits]
    np.testing.assert_allclose(heat(charts(app)["map-toy-two"]), np.mean(cells, axis=0), atol=1e-6)
    assert "Mean over 2 seeds" in said_by(app)


def test_a_maximum_over_tokens_shows_who_wins_how_often(open_winners: Any, folder: Path):
    tiny.make_pooling_checkpoint(folder / "toy-t", "max", tiny.random_labels(3), seed=4)
    app = open_winners(folder, checkpoints=["toy-t"], unit="pieces")
    assert not app.exception
    won = analysis.record(analysis.load(folder / "toy-t"), TEXT).head.winners
    assert won is not None
    assert won.token is not None
    shown = pieces(app)["strips-toy-t"]
    counts = np.bincount(won.token)
    best = int(counts.argmax())
    assert f"{100 * counts[best] / won.token.size:.0f} % of the dimensions" in said_by(app)
    assert shown.count('class="title"') == 2, "share of wins, and contribution"


def test_a_maximum_that_is_only_a_part_shows_its_winners_and_says_what_is_beside_it(
    open_winners: Any, folder: Path
):
    tiny.make_pooling_checkpoint(folder / "toy-t", "concat", tiny.random_labels(3), seed=4)
    app = open_winners(folder, checkpoints=["toy-t"], unit="pieces", target="predicted")
    assert not app.exception
    trace = analysis.record(analysis.load(folder / "toy-t"), TEXT)
    holders = trace.hidden[-1].argmax(axis=0)
    counts = np.bincount(holders, minlength=len(trace.tokens))
    page_text = said_by(app)
    assert f"{100 * counts.max() / holders.size:.0f} % of the dimensions" in page_text
    assert in_order(page_text, "maximum alone", "cls and mean")
    split = analysis.decompose(trace, "zero").contrast(trace.predicted)[2].sum(axis=1)
    shown = pieces(app)["strips-toy-t"]
    for token in np.argsort(-np.abs(split))[:3]:
        assert f": {split[token]:+.2f} logit" in shown.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("head", ["max", "concat"])
def test_where_tokens_compete_the_table_holds_what_a_token_holds(
    open_winners: Any, folder: Path, head: str
):
    tiny.make_pooling_checkpoint(folder / "toy-t", head, tiny.random_labels(3), seed=4)
    start = TEXT.index("acting")
    app = open_winners(
        folder,
        checkpoints=["toy-t"],
        unit="pieces",
        target="predicted",
        mark=(0, start, start + len("acting")),
    )
    trace = analysis.record(analysis.load(folder / "toy-t"), TEXT)
    place = trace.tokens.labels.index("acting")
    held = np.flatnonzero(trace.hidden[-1].argmax(axis=0) == place)
    assert in_order(said_by(app), "holds", f"{len(held)} of 32 dimensions")
    weights = trace.head.readout[:, -1].astype(float)
    own = weights[trace.predicted] - np.delete(weights, trace.predicted, axis=0).mean(axis=0)
    adds = own[held] * trace.hidden[-1, place, held]
    order = held[np.argsort(-np.abs(adds), kind="stable")][:10]
    assert app.dataframe[0].value["dimension"].tolist() == order.tolist()


def test_the_reference_is_named_and_changes_what_is_shown(open_winners: Any, four: Path):
    from analysis.reading.trace import measure_profile

    folder = four / "toy-max_seq_mha"
    texts = [TEXT, "the film is good", "who said it was dull?"]
    measure_profile(analysis.load(folder), texts, None, "three sentences").save(folder)
    shown = {}
    for chosen in ("corpus mean", "zero"):
        app = open_winners(
            four,
            checkpoints=["toy-max_seq_mha"],
            unit="pieces",
            reference=chosen,
            target="predicted",
        )
        shown[chosen] = heat(charts(app)["map-toy-max_seq_mha"])
        named = {"corpus mean": "the corpus mean", "zero": "zero"}[chosen]
        assert f"relative to {named}" in said_by(app)
        trace = analysis.record(analysis.load(folder), TEXT)
        split = analysis.decompose(trace, chosen.split()[0])
        np.testing.assert_allclose(
            shown[chosen], split.contrast(trace.predicted).sum(axis=0).T, atol=1e-6
        )
        assert f"(reference: {chosen.split()[0]})" in said_by(app)
    assert np.abs(shown["zero"] - shown["corpus mean"]).max() > 1e-3


def test_without_a_corpus_profile_zero_is_said_and_noise_is_not_measured_in_words(
    open_winners: Any, made: Path
):
    app = open_winners(made, checkpoints=["toy-max_cls"], reference="corpus mean")
    page_text = said_by(app)
    assert in_order(page_text, "toy-max_cls has no corpus mean", "zero")
    assert in_order(page_text, "Contributions", "exact", "relative to zero", "error")
    assert in_order(page_text, "Not known", "flip under noise", "toy-max_cls", "profile")
    app = open_winners(made, checkpoints=["toy-max_cls"], reference="zero")
    assert "no corpus mean" not in said_by(app)


def test_a_single_layer_that_competes_leaves_no_panel_out_without_a_reason(
    open_winners: Any, folder: Path
):
    tiny.make_pooling_checkpoint(
        folder / "toy-one", "max_cls", tiny.random_labels(3), seed=4, head_options={"last_k": 1}
    )
    page_text = said_by(open_winners(folder, checkpoints=["toy-one"]))
    assert in_order(page_text, "No drop effect", "toy-one", "layer 4", "last_k = 1")
    assert "no win has a runner-up" in page_text


def test_memory_that_runs_out_for_drop_effects_is_said(
    open_winners: Any, made: Path, monkeypatch: pytest.MonkeyPatch
):
    from analysis.common.faults import CheckpointError

    def refuse(*_: Any, **__: Any) -> None:
        raise CheckpointError("toy-max_cls: the device ran out of memory while dropping layers")

    monkeypatch.setattr(interventions, "drop_effects", refuse)
    app = open_winners(made, checkpoints=["toy-max_cls"])
    assert not app.exception
    assert in_order(said_by(app), "No drop effect", "toy-max_cls", "out of memory")


def test_the_percentile_of_each_share_stands_beside_it(open_winners: Any, four: Path):
    from analysis.reading.trace import measure_profile

    folder = four / "toy-max_cls"
    classifier = analysis.load(folder)
    texts = [TEXT, "the film is good", "who said it was dull?", "he lives in a city"]
    measure_profile(classifier, texts, None, "four sentences").save(folder)
    app = open_winners(four, checkpoints=["toy-max_cls"])
    own = analysis.record(classifier, TEXT).head.winners.share_by_layer()
    others = [analysis.record(classifier, text).head.winners.share_by_layer() for text in texts]
    shown = pieces(app)["bars-toy-max_cls"]
    panel = shown.split("percentile</div>")[1].split("pl-sub")[0]
    for k, share in enumerate(own):
        below = sum((row[k] < share) + 0.5 * (row[k] == share) for row in others)
        assert f">{100 * below / 4:.0f}<" in panel or f">{100 * below / 4:.1f}<" in panel


def test_a_long_text_has_its_drop_effects_at_every_token_without_being_asked_twice(
    open_winners: Any, made: Path
):
    text = " ".join(["plot"] * (tiny.POSITIONS - 2))
    app = open_winners(
        made, checkpoints=["toy-max_seq_mha"], unit="pieces", text=text, quantity="drop effect"
    )
    assert not app.exception
    assert heat(charts(app)["map-toy-max_seq_mha"]).shape == (3, tiny.POSITIONS)


def test_a_token_marked_on_another_page_is_the_one_in_detail(open_winners: Any, made: Path):
    start = TEXT.index("acting")
    app = open_winners(
        made,
        checkpoints=["toy-max_seq_mha"],
        unit="pieces",
        mark=(0, start, start + len("acting")),
        marked_layer=3,
    )
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    place = trace.tokens.labels.index("acting")
    table = dimensions(trace, place, reference="zero")
    assert app.dataframe[0].value["dimension"].tolist() == table.largest(10).tolist()
    names = charts(app)["map-toy-max_seq_mha"]["layout"]
    assert "▸ acting" in names["xaxis"]["ticktext"]
    assert "▸ 3" in names["yaxis"]["ticktext"]


def test_without_a_chosen_token_the_one_that_adds_most_is_in_detail(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], target="predicted")
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    added = analysis.decompose(trace, "zero").by_token(trace.predicted)
    table = dimensions(trace, int(np.abs(added).argmax()), reference="zero")
    assert app.dataframe[0].value["dimension"].tolist() == table.largest(10).tolist()


def test_all_sweeps_stand_in_one_picture(open_winners: Any, made: Path):
    names = ("toy-max_cls", "toy-max_seq_mha")
    classifiers = {name: analysis.load(made / name) for name in names}
    predicted = {
        name: analysis.record(classifier, TEXT).predicted
        for name, classifier in classifiers.items()
    }
    assert len(set(predicted.values())) == 2, "the toys must disagree"
    labels = classifiers[names[0]].checkpoint.labels
    common = labels.index(common_class([labels[predicted[name]] for name in names]))
    for target, index in ((labels[1], 1), ("predicted", common)):
        app = open_winners(made, checkpoints=list(names), target=target)
        keys = [key for key in charts(app) if re.fullmatch(r"drawing-sweep-\d", key)]
        assert len(keys) == 1, "one class is drawn of all of them"
        assert "drawing-sweep-pooled-0" in charts(app)
        assert "drawing-sweep-winners" in charts(app)
        for name, classifier in classifiers.items():
            expected = interventions.sweep_last_k(classifier, TEXT).probabilities[:, index]
            shown = [
                numbers(trace["y"])
                for key in keys
                for trace in charts(app)[key]["data"]
                if trace["type"] == "scatter"
                and trace.get("name") == name
                and "lines" in trace.get("mode", "")
            ]
            assert len(shown) == 1
            np.testing.assert_allclose(shown[0], expected, atol=1e-6)
