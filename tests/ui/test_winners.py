"""The Max-pool winners page shows what the library computes, and says where nothing wins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

import analysis
from analysis import interventions
from analysis.dimensions import dimensions
from analysis.figures.style import number

TEXT = "the plot is thin but the acting is fine"
PAGE = "pages/2_Max_pool_winners.py"


@pytest.fixture
def open_winners(open_app: Any) -> Any:
    """`open_winners(folder, **chosen) -> AppTest` on the winners page."""

    def start(root: Path, **chosen: Any) -> Any:
        return open_app(root, page=PAGE, held={"text": TEXT, **chosen})

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


def test_the_map_of_words_sums_what_their_pieces_add(open_winners: Any, made: Path):
    text = "the plots thinned, not dully but fine"
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], unit="words", target="predicted",
                       text=text)  # fmt: skip
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), text)
    pieces_add = analysis.decompose(trace, "zero").contrast(trace.predicted).sum(axis=0)
    words = trace.tokens.word_groups()
    assert len(words) < len(trace.tokens)
    expected = np.array([pieces_add[list(word)].sum(axis=0) for word in words]).T
    np.testing.assert_allclose(
        heat(charts(app)["map-toy-max_seq_mha"]), expected, atol=1e-6
    )


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
    shown = pieces(app)["drawing-what-if-toy-max_cls"]
    for label, values in zip(result.checkpoint.labels, result.probabilities.T, strict=True):
        assert label in shown
        for value in values:
            assert f">{value:.2f}<" in shown


@pytest.mark.parametrize("where", ["head", "encoder", "replace"])
def test_a_masked_word_moves_the_probabilities_of_every_checkpoint_at_once(
    open_winners: Any, four: Path, where: str
):
    text = "the plots thinned but the acting is fine"  # thinned is two pieces
    tiny.make_foreign_checkpoint(four / "stock", seed=7)
    names = ("toy-cls", "toy-mha", "toy-max_seq_mha", "stock")
    app = open_winners(four, checkpoints=list(names), text=text, unit="words", mask_where=where)
    tokens = analysis.record(analysis.load(four / "toy-mha"), text).tokens
    word = next(g for g in tokens.word_groups() if len(g) > 1)
    menu = app.multiselect(key="mask_tokens")
    assert any(option.endswith("· thinned") for option in menu.options), "words, not pieces"
    assert len(menu.options) == len(tokens.word_groups()) - 1
    app.session_state["mask_tokens"] = [word[0]]
    app.run()
    assert not app.exception
    shown, said = pieces(app), said_by(app)
    for name in names:
        if name == "stock" and where == "head":
            assert "drawing-what-if-stock" not in shown
            assert "stock is a foreign model without pooling head: nothing can be hidden" in said
            continue
        result = interventions.what_if(
            analysis.load(four / name), text, mask_tokens=word, where=where
        )
        for value in result.probabilities.ravel():
            assert f">{value:.2f}<" in shown[f"drawing-what-if-{name}"]
    app.session_state["unit"] = "pieces"
    app.session_state["drop_layers"] = [4]
    app.run()
    assert len(app.multiselect(key="mask_tokens").options) == len(tokens) - 1
    assert "It takes no maximum over layer 4" in said_by(app)
    result = interventions.what_if(
        analysis.load(four / "toy-max_seq_mha"), text, (4,), word[:1], where
    )
    for value in result.probabilities.ravel():
        assert f">{value:.2f}<" in pieces(app)["drawing-what-if-toy-max_seq_mha"]


def test_what_if_of_a_seed_group_is_mean_and_spread(open_winners: Any, seeds: Path):
    app = open_winners(seeds, checkpoints=["toy-two"], unit="pieces", mask_where="encoder")
    app.session_state["mask_tokens"] = [2]
    app.run()
    found = [
        interventions.what_if(analysis.load(seeds / f"toy-two-s{s}"), TEXT, (), (2,), "encoder")
        for s in range(2)
    ]
    shown = pieces(app)["drawing-what-if-toy-two"]
    for value in np.mean([one.probabilities for one in found], axis=0).ravel():
        assert f">{value:.2f}<" in shown
    assert shown.count('class="dot"') == 2 * found[0].probabilities.size
    assert "standard deviation and dots of 2 seeds" in said_by(app)


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


@pytest.mark.parametrize("quantity", ["contribution", "attention"])
def test_an_attention_head_chosen_on_one_page_is_the_one_of_the_map_on_the_other(
    open_winners: Any, made: Path, quantity: str
):
    app = open_winners(made, checkpoints=["toy-max_cls", "toy-max_seq_mha"], unit="pieces",
                       target="predicted", quantity=quantity, marked_part=2)  # fmt: skip
    assert not app.exception
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    if quantity == "contribution":
        expected = analysis.decompose(trace, "zero").contrast(trace.predicted)[2].T
    else:
        shares = [(trace.head.winners.layer == layer).mean(axis=1) for layer in (2, 3, 4)]
        expected = 100 * trace.head.attention[2] * np.array(shares)
    np.testing.assert_allclose(heat(charts(app)["map-toy-max_seq_mha"]), expected, atol=1e-5)
    titles = " ".join(one.value for one in app.markdown).replace("\\", "")
    assert f"toy-max_seq_mha**: {quantity}, attention head 2" in titles
    assert app.selectbox(key="winner_part").value == "2"
    app.selectbox(key="winner_part").set_value("all").run()
    assert app.session_state["marked_part"] is None


def test_a_layer_is_chosen_where_there_is_no_map_to_click(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_cls"])
    app.selectbox(key="follow_layer").set_value("3").run()
    assert app.session_state["marked_layer"] == 3
    assert "▸ 3" in pieces(app)["bars-toy-max_cls"]


def test_strips_of_a_seed_group_say_how_far_its_seeds_lie_apart(open_winners: Any, folder: Path):
    for seed in range(2):
        tiny.make_pooling_checkpoint(
            folder / f"toy-m-s{seed}", "max", tiny.random_labels(3), task="toy", seed=seed,
            facts={"group": "toy-m", "seed": seed},
        )  # fmt: skip
    said = said_by(open_winners(folder, checkpoints=["toy-m"], unit="pieces", target="predicted"))
    traces = [analysis.record(analysis.load(folder / f"toy-m-s{s}"), TEXT) for s in range(2)]
    wins = [100 * np.bincount(t.head.winners.token, minlength=len(t.tokens)) / 32 for t in traces]
    top = np.std(wins, axis=0, ddof=1).max()
    assert f"points on average, {top:.2g} at most" in said
    index = int(np.mean([t.probabilities for t in traces], axis=0).argmax())
    adds = [analysis.decompose(t, "zero").by_token(index) for t in traces]
    assert f"logits on average, {np.std(adds, axis=0, ddof=1).max():.2g} at most" in said


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


def test_without_a_corpus_profile_zero_is_said_and_noise_is_not_measured_in_words(
    open_winners: Any, made: Path
):
    app = open_winners(made, checkpoints=["toy-max_cls"], reference="corpus mean")
    said = said_by(app)
    assert "toy-max_cls has no corpus mean: its exact split is measured from zero." in said
    assert "Contributions: exact given source layers, relative to zero; measured error" in said
    assert "Not known how many wins flip under noise: toy-max_cls has no corpus profile" in said
    app = open_winners(made, checkpoints=["toy-max_cls"], reference="zero")
    assert "no corpus mean" not in said_by(app)


def test_a_single_layer_that_competes_leaves_no_panel_out_without_a_reason(
    open_winners: Any, folder: Path
):
    tiny.make_pooling_checkpoint(folder / "toy-one", "max_cls", tiny.random_labels(3), seed=4,
                                 head_options={"last_k": 1})  # fmt: skip
    said = said_by(open_winners(folder, checkpoints=["toy-one"]))
    assert "No drop effect: toy-one: only layer 4 competes (last_k = 1)" in said
    assert "no win has a runner-up" in said


def test_memory_that_runs_out_for_drop_effects_is_said(
    open_winners: Any, made: Path, monkeypatch: pytest.MonkeyPatch
):
    from analysis.checkpoints import CheckpointError

    def refuse(*_: Any, **__: Any) -> None:
        raise CheckpointError("toy-max_cls: the device ran out of memory while dropping layers")

    monkeypatch.setattr(interventions, "drop_effects", refuse)
    app = open_winners(made, checkpoints=["toy-max_cls"])
    assert not app.exception
    assert "No drop effect: toy-max_cls: the device ran out of memory" in said_by(app)


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
    names = ("toy-max_cls", "toy-max_seq_mha")
    classifiers = {name: analysis.load(made / name) for name in names}
    predicted = {name: analysis.record(one, TEXT).predicted for name, one in classifiers.items()}
    assert len(set(predicted.values())) == 2, "the toys must disagree for the second half"
    labels = classifiers[names[0]].checkpoint.labels
    for target, pictures in ((labels[1], 1), ("predicted", 2)):
        app = open_winners(made, checkpoints=list(names), target=target)
        keys = [key for key in charts(app) if re.fullmatch(r"drawing-sweep-\d", key)]
        assert len(keys) == pictures, "each predicted class has a picture of its own"
        assert "drawing-sweep-pooled-0" in charts(app)
        assert "drawing-sweep-winners" in charts(app)
        for name, classifier in classifiers.items():
            index = predicted[name] if target == "predicted" else 1
            expected = interventions.sweep_last_k(classifier, TEXT).probabilities[:, index]
            shown = [_numbers(trace["y"]) for key in keys for trace in charts(app)[key]["data"]
                     if trace["type"] == "scatter" and trace.get("name") == name
                     and "lines" in trace.get("mode", "")]  # fmt: skip
            assert len(shown) == 1
            np.testing.assert_allclose(shown[0], expected, atol=1e-6)


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
        made, checkpoints=["toy-max_seq_mha"], source="own sentences", own_sentences=OWN,
    ))  # fmt: skip
    sample = collect(analysis.load(made / "toy-max_seq_mha"), OWN.splitlines())
    shown = pieces(app)["drawing-over-toy-max_seq_mha"]
    for value in sample.wins_by_layer().mean(axis=0):
        assert f">{100 * value:.0f}" in shown or f">{100 * value:.3g}" in shown
    assert any(b.label == "Computed over 4 sentences" and b.disabled for b in app.button)


def test_seed_groups_are_held_against_their_own_disagreement(open_winners: Any, seeds: Path):
    from analysis.winner_statistics import between_groups, collect, seed_disagreement

    app = compute(open_winners(
        seeds, checkpoints=["toy-one", "toy-two"], source="own sentences", own_sentences=OWN,
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
    app = open_winners(made, checkpoints=["toy-max_cls"], source="own sentences",
                       own_sentences="one")  # fmt: skip
    assert "1 sentences: give 2 to 2000 different ones" in said_by(app)


def test_the_behaviour_suite_is_at_hand_and_spread_evenly(open_winners: Any, made: Path):
    from analysis import suite
    from pages.ui.sentence_sets import COUNTS, spread

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
    from analysis.winner_statistics import collect, summarise_by_class

    labels = analysis.load(made / "toy-max_seq_mha").checkpoint.labels
    given = [labels[0], labels[2], labels[0], labels[2]]
    lines = [f"{text}\t{name}" for text, name in zip(OWN.splitlines(), given, strict=True)]
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], source="file", over_classes="given",
                       over_by="token type")  # fmt: skip
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
    from analysis.winner_statistics import collect, summarise_by_class

    tiny.make_pooling_checkpoint(folder / "toy", "max_seq_mha", tiny.random_labels(3), seed=2)
    texts = [f"{a} {b} is {c}" for a in ("the", "who") for b in ("film", "plot")
             for c in ("good", "dull", "thin")]  # fmt: skip
    app = compute(open_winners(
        folder, checkpoints=["toy"], source="own sentences", own_sentences="\n".join(texts),
        over_classes="predicted", over_by=by, over_quantity=quantity,
    ))  # fmt: skip
    sample = collect(analysis.load(folder / "toy"), texts)
    wins = quantity == "share of wins"
    if by == "source layer":
        every = [sample.wins_by_layer() if wins else sample.contribution_by_layer()]
    elif wins:
        every = [sample.wins_within_type()[:, :, k] for k in range(3)]
    else:
        every = [sample.contribution_by_type()]
    shown = "".join(html for key, html in pieces(app).items()
                    if key.startswith("drawing-over-"))  # fmt: skip
    for rows in every:
        parts = summarise_by_class(sample, rows)
        for part in parts:
            assert f"{part.of}: {part.sentences}" in said_by(app)
            for value in part.mean[np.isfinite(part.mean)]:
                assert number(100 * value if wins else value,
                              "number" if wins else "signed") in shown  # fmt: skip


def test_classes_that_a_data_set_does_not_give_are_said(open_winners: Any, made: Path):
    app = compute(open_winners(
        made, checkpoints=["toy-max_seq_mha"], source="own sentences", own_sentences=OWN,
        over_classes="given",
    ))  # fmt: skip
    assert "toy-max_seq_mha: the data set gives no classes" in said_by(app)
