"""The Max-pool winners page shows what the library computes, and says where nothing wins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny

import analysis
from analysis import interventions
from analysis.dimensions import dimensions

TEXT = "the plot is thin but the acting is fine"
PAGE = "pages/2_Max_pool_winners.py"


@pytest.fixture
def open_winners(open_app: Any) -> Any:
    """`open_winners(folder, **chosen) -> AppTest` on the winners page."""

    def start(root: Path, **chosen: Any) -> Any:
        app = open_app(root).switch_page(PAGE).run()
        for name, value in {"text": TEXT, **chosen}.items():
            app.session_state[name] = value  # a browser carries them along; AppTest does not
        return app.run()

    return start


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """Plotly figures of the page by their widget key."""
    found = {}
    for element in app.get("plotly_chart"):
        key = re.search(r"(drawing|map)-[\w-]+$", element.proto.id)
        found[key.group(0) if key else element.proto.id] = json.loads(element.proto.spec)
    return found


def heat(figure: dict[str, Any]) -> np.ndarray:
    """Cells of the first heat map; plotly packs arrays as base64."""
    import base64

    z = next(trace["z"] for trace in figure["data"] if trace["type"] == "heatmap")
    if isinstance(z, dict):
        flat = np.frombuffer(base64.b64decode(z["bdata"]), dtype=z["dtype"])
        return flat.reshape([int(size) for size in str(z["shape"]).split(",")])
    return np.array(z, dtype=float)


def test_the_map_shows_the_contribution_of_each_layer_and_token(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], unit="pieces", target="predicted")
    assert not app.exception
    assert app.title[0].value == "Max-pool winners"
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    split = analysis.decompose(trace, "zero")
    expected = split.contrast(trace.predicted).sum(axis=0).T
    shown = heat(charts(app)["map-toy-max_seq_mha"])
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_drop_effects_are_the_true_changes(open_winners: Any, made: Path):
    app = open_winners(
        made, checkpoints=["toy-max_seq_mha"], unit="pieces", quantity="drop effect"
    )
    classifier = analysis.load(made / "toy-max_seq_mha")
    effects = interventions.drop_effects(classifier, TEXT, by_token=True)
    trace = analysis.record(classifier, TEXT)
    others = np.delete(effects.by_token, trace.predicted, axis=0).mean(axis=0)
    expected = (effects.by_token[trace.predicted] - others).T
    shown = heat(charts(app)["map-toy-max_seq_mha"])
    np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_a_pooling_head_without_layers_to_compare_says_so(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-cls", "toy-mha"])
    said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert ("Nothing wins in toy-cls and toy-mha: the pooling heads cls and mha take no maximum."
            in said)  # fmt: skip
    assert not charts(app)


@pytest.mark.parametrize("kind", ["foreign", "bare"])
def test_other_models_say_what_is_not_there(open_winners: Any, folder: Path, kind: str):
    if kind == "foreign":
        tiny.make_foreign_checkpoint(folder / "other", "bert", ["yes", "no"])
    else:
        tiny.make_bare_encoder(folder / "other")
    app = open_winners(folder, checkpoints=["other"])
    assert not app.exception
    said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert "it has no pooling head that takes a maximum, so nothing wins" in said


def test_the_table_holds_the_dimensions_that_carry_the_most(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"])
    trace = analysis.record(analysis.load(made / "toy-max_cls"), TEXT)
    table = dimensions(trace, 0, reference="zero")
    shown = app.dataframe[0].value
    best = table.largest(10)
    assert shown["dimension"].tolist() == best.tolist()
    assert shown["contribution"].tolist() == [f"{table.contribution[j]:+.3f}" for j in best]
    for row, j in enumerate(best):
        marked = [c for c in shown.columns if str(shown[c][row]).endswith("●")]
        assert marked == [f"layer {table.source[j]}"]


def test_taking_a_layer_away_gives_the_numbers_of_the_library(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"])
    layer = analysis.load(made / "toy-max_cls").model.head.pool_layers[-1]
    app.session_state["drop_layers"] = [layer]
    app.run()
    assert not app.exception
    result = interventions.what_if(
        analysis.load(made / "toy-max_cls"), TEXT, drop_layers=(layer,)
    )
    shown = pieces(app)["drawing-what-if-bars"]
    for label, values in zip(result.checkpoint.labels, result.probabilities.T, strict=True):
        assert label in shown
        for value in values:
            assert f">{value:.2f}<" in shown


def pieces(app: Any) -> dict[str, str]:
    """HTML of the page's pieces by their key."""
    found = {}
    for element in app.get("bidi_component"):
        key = re.search(r"(drawing|bars|strips)-[\w-]+$", element.proto.id)
        if key:
            found[key.group(0)] = json.loads(element.proto.json)["html"]
    return found


def test_empty_text_asks_for_a_sentence(open_winners: Any, made: Path):
    app = open_winners(made, text="")
    assert any("Type a sentence" in info.value for info in app.info)


def said_by(app: Any) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in app.caption)


@pytest.fixture
def seeds(folder: Path) -> Path:
    """Two seed groups of two whose maximum runs over layers: toy-one and toy-two."""
    labels = tiny.random_labels(5)
    heads = {"toy-one": "max_cls", "toy-two": "max_seq_mha"}
    for shift, (group, head) in enumerate(heads.items()):
        for seed in range(2):
            tiny.make_pooling_checkpoint(
                folder / f"{group}-s{seed}", head, labels, task="toy", seed=10 * shift + seed,
                facts={"group": group, "seed": seed},
            )
    return folder


def test_the_map_of_a_seed_group_is_the_mean_of_its_members(open_winners: Any, seeds: Path):
    app = open_winners(seeds, checkpoints=["toy-two"], unit="pieces", target="predicted")
    assert not app.exception
    classifiers = [analysis.load(seeds / f"toy-two-s{seed}") for seed in range(2)]
    traces = [analysis.record(one, TEXT) for one in classifiers]
    mean = np.mean([trace.probabilities for trace in traces], axis=0)
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    cells = [split.contrast(int(mean.argmax())).sum(axis=0).T for split in splits]
    np.testing.assert_allclose(
        heat(charts(app)["map-toy-two"]), np.mean(cells, axis=0), atol=1e-6
    )
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
    said = said_by(app)
    assert f"{100 * counts.max() / holders.size:.0f} % of the dimensions" in said
    assert "Of the maximum alone: cls and mean are read beside it." in said
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
        folder, checkpoints=["toy-t"], unit="pieces", target="predicted",
        marked_token=((TEXT, None), (0, start, start + len("acting"))),
    )
    trace = analysis.record(analysis.load(folder / "toy-t"), TEXT)
    place = trace.tokens.labels.index("acting")
    held = np.flatnonzero(trace.hidden[-1].argmax(axis=0) == place)
    assert f"This token holds {len(held)} of 32 dimensions" in said_by(app)
    weights = trace.head.readout[:, -1].astype(float)
    own = weights[trace.predicted] - np.delete(weights, trace.predicted, axis=0).mean(axis=0)
    adds = own[held] * trace.hidden[-1, place, held]
    order = held[np.argsort(-np.abs(adds), kind="stable")][:10]
    assert app.dataframe[0].value["dimension"].tolist() == order.tolist()


def test_the_reference_is_named_and_changes_what_is_shown(open_winners: Any, four: Path):
    from analysis.trace import measure_profile

    folder = four / "toy-max_seq_mha"
    texts = [TEXT, "the film is good", "who said it was dull?"]
    measure_profile(analysis.load(folder), texts, None, "three sentences").save(folder)
    shown = {}
    for chosen in ("corpus mean", "zero"):
        app = open_winners(four, checkpoints=["toy-max_seq_mha"], unit="pieces", reference=chosen,
                           target="predicted")  # fmt: skip
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


def test_the_percentile_of_each_share_stands_beside_it(open_winners: Any, four: Path):
    from analysis.trace import measure_profile

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
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], unit="pieces", text=text,
                       quantity="drop effect")  # fmt: skip
    assert not app.exception
    assert heat(charts(app)["map-toy-max_seq_mha"]).shape == (3, tiny.POSITIONS)


def test_a_token_marked_on_another_page_is_the_one_in_detail(open_winners: Any, made: Path):
    start = TEXT.index("acting")
    app = open_winners(
        made, checkpoints=["toy-max_seq_mha"], unit="pieces",
        marked_token=((TEXT, None), (0, start, start + len("acting"))), marked_layer=3,
    )
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    place = trace.tokens.labels.index("acting")
    table = dimensions(trace, place, reference="zero")
    assert app.dataframe[0].value["dimension"].tolist() == table.largest(10).tolist()
    names = charts(app)["map-toy-max_seq_mha"]["layout"]
    assert "▸ acting" in names["xaxis"]["ticktext"]
    assert "▸ 3" in names["yaxis"]["ticktext"]


def test_without_a_chosen_token_the_one_that_adds_most_is_in_detail(
    open_winners: Any, made: Path
):
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], target="predicted")
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    added = analysis.decompose(trace, "zero").by_token(trace.predicted)
    table = dimensions(trace, int(np.abs(added).argmax()), reference="zero")
    assert app.dataframe[0].value["dimension"].tolist() == table.largest(10).tolist()


def test_all_sweeps_stand_in_one_picture(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls", "toy-max_seq_mha"], target="predicted")
    targets = set()
    lines = {}
    for name in ("toy-max_cls", "toy-max_seq_mha"):
        classifier = analysis.load(made / name)
        predicted = analysis.record(classifier, TEXT).predicted
        targets.add(predicted)
        sweep = interventions.sweep_last_k(classifier, TEXT)
        lines[name] = sweep.probabilities[:, predicted]
    shown = {
        trace["name"]: _numbers(trace["y"])
        for key, chart in charts(app).items() if re.fullmatch(r"drawing-sweep-\d", key)
        for trace in chart["data"] if trace["type"] == "scatter" and trace.get("name") in lines
    }
    if len(targets) == 1:  # else each has a picture of its own, for its own class
        keys = [key for key in charts(app) if key.startswith("drawing-sweep")]
        assert sorted(keys) == ["drawing-sweep-0", "drawing-sweep-pooled-0",
                                "drawing-sweep-winners"]  # fmt: skip
        for name, line in lines.items():
            np.testing.assert_allclose(shown[name], line, atol=1e-6)


def _numbers(packed: Any) -> list[float]:
    import base64

    if isinstance(packed, dict):
        return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=packed["dtype"]).tolist()
    return [float(value) for value in packed]


OWN = "the film is good\nthe story was dull\nwho said it?\nthe acting is fine and good"


def compute(app: Any) -> Any:
    button = next(b for b in app.button if b.label.startswith("Compute over"))
    app = button.click().run(timeout=120)
    assert not app.exception
    return app


def test_means_over_sentences_are_those_of_the_library(open_winners: Any, made: Path):
    from analysis.winner_statistics import collect

    app = compute(open_winners(
        made, checkpoints=["toy-max_seq_mha"], many_source="own", many_own=OWN,
    ))  # fmt: skip
    sample = collect(analysis.load(made / "toy-max_seq_mha"), OWN.splitlines())
    shown = pieces(app)["drawing-over-toy-max_seq_mha"]
    for value in sample.wins_by_layer().mean(axis=0):
        assert f">{100 * value:.0f}" in shown or f">{100 * value:.3g}" in shown
    assert any(b.label == "Computed over 4 sentences" and b.disabled for b in app.button)


def test_seed_groups_are_held_against_their_own_disagreement(open_winners: Any, seeds: Path):
    from analysis.winner_statistics import between_groups, collect, seed_disagreement

    app = compute(open_winners(
        seeds, checkpoints=["toy-one", "toy-two"], many_source="own", many_own=OWN,
    ))  # fmt: skip
    texts = OWN.splitlines()
    members = {g: [analysis.load(seeds / f"{g}-s{s}") for s in range(2)]
               for g in ("toy-one", "toy-two")}  # fmt: skip
    said = said_by(app)
    for name, group in members.items():
        share = 100 * seed_disagreement(group, texts).share[0]
        assert f"Two seeds of {name} give {share:.0f} % of the places another source layer" in said
    found = between_groups(*([collect(m, texts) for m in group] for group in members.values()))
    top = int(np.abs(found.difference).argmax())
    assert f"differ most at layer {found.layers[top]}" in said
    assert f"{100 * found.difference[top]:+.1f} points" in said
    assert f"two seeds of one group differ there by {100 * found.within[top]:.1f} points" in said


def test_a_stopped_pass_keeps_what_is_done_and_goes_on_from_there(
    open_winners: Any, made: Path, monkeypatch: pytest.MonkeyPatch
):
    from pages.ui import winners_pass

    whole, calls = winners_pass._one, []

    def until_third(entry: Any, store: Any, index: int, *text: Any) -> None:
        calls.append(index)
        if len(calls) == 3:
            from streamlit.runtime.scriptrunner_utils.exceptions import StopException

            raise StopException
        whole(entry, store, index, *text)

    monkeypatch.setattr(winners_pass, "_one", until_third)
    app = open_winners(made, checkpoints=["toy-max_cls"], many_source="own", many_own=OWN)
    app = next(b for b in app.button if b.label.startswith("Compute over")).click().run()
    app.session_state["over_stopped"] = True
    app.run()
    assert "over 2 of 4 sentences" in said_by(app)
    button = next(b for b in app.button if b.label == "Continue after 2 sentences")
    button.click().run()
    assert calls == [0, 1, 2, 2, 3]
    assert any(b.label == "Computed over 4 sentences" for b in app.button)


def test_too_few_sentences_are_refused_in_words(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"], many_source="own", many_own="one")
    assert "1 sentences: give 2 to 2000 different ones" in said_by(app)


def test_the_behaviour_suite_is_at_hand_and_spread_evenly(open_winners: Any, made: Path):
    from analysis.suite import sentences
    from pages.ui.sentence_sets import COUNTS, suite

    app = open_winners(made, checkpoints=["toy-max_cls"])
    assert any(b.label == "Compute over 128 sentences" for b in app.button)
    for task, pairs in (("sst2", False), ("trec", False), ("mrpc", True)):
        first = SimpleNamespace(pairs=pairs)
        entry = SimpleNamespace(task=task, first=first)
        for count in COUNTS:
            rows = suite([entry], count).rows
            assert len(set(rows)) == len(rows) == min(count, len(sentences(task)))
        cases = {(case.text, case.pair): case.capability for case in sentences(task)}
        assert {cases[row] for row in suite([entry], 128).rows} == set(cases.values())
