"""The Max-pool winners page: map, table and what-if are what the library computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.reading.dimensions import dimensions
from tests.support import tiny
from tests.support.sentences import in_order
from tests.support.winners_reader import TEXT, charts, heat, pieces, said_by


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
    app = open_winners(
        made, checkpoints=["toy-max_seq_mha"], unit="words", target="predicted", text=text
    )
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), text)
    pieces_add = analysis.decompose(trace, "zero").contrast(trace.predicted).sum(axis=0)
    words = trace.tokens.word_groups()
    assert len(words) < len(trace.tokens)
    expected = np.array([pieces_add[list(word)].sum(axis=0) for word in words]).T
    np.testing.assert_allclose(heat(charts(app)["map-toy-max_seq_mha"]), expected, atol=1e-6)


def test_drop_effects_are_the_true_changes(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-max_seq_mha"], unit="pieces", quantity="drop effect")
    classifier = analysis.load(made / "toy-max_seq_mha")
    effects = interventions.drop_effects(classifier, TEXT, by_token=True)
    trace = analysis.record(classifier, TEXT)
    others = np.delete(effects.by_token, trace.predicted, axis=0).mean(axis=0)
    expected = (effects.by_token[trace.predicted] - others).T
    shown = heat(charts(app)["map-toy-max_seq_mha"])
    np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_a_pooling_head_without_layers_to_compare_says_so(open_winners: Any, made: Path):
    app = open_winners(made, checkpoints=["toy-cls", "toy-mha"])
    page_text = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert "toy-cls and toy-mha do not max-pool" in page_text
    assert not charts(app)


@pytest.mark.parametrize("kind", ["foreign", "bare"])
def test_other_models_say_what_is_not_there(open_winners: Any, folder: Path, kind: str):
    if kind == "foreign":
        tiny.make_foreign_checkpoint(folder / "other", "bert", ["yes", "no"])
    else:
        tiny.make_bare_encoder(folder / "other")
    app = open_winners(folder, checkpoints=["other"])
    assert not app.exception
    page_text = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    if kind == "bare":
        assert in_order(page_text, "no pooling head", "does not max-pool")
        return
    assert in_order(page_text, "does not max-pool", "[CLS]", "dense", "tanh")
    trace = analysis.record(analysis.load(folder / "other"), TEXT)
    split = analysis.decompose(trace, "zero")
    value = f"{split.by_layer(trace.predicted)[0]:+.2f}"
    assert value in pieces(app)["bars-other"]
    assert "completeness gap" in page_text


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
    result = interventions.what_if(analysis.load(made / "toy-max_cls"), TEXT, drop_layers=(layer,))
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
    shown = pieces(app)
    for name in names:
        result = interventions.what_if(
            analysis.load(four / name), text, mask_tokens=word, where=where
        )
        for value in result.probabilities.ravel():
            assert f">{value:.2f}<" in shown[f"drawing-what-if-{name}"]
    app.session_state["unit"] = "pieces"
    app.session_state["drop_layers"] = [4]
    app.run()
    assert len(app.multiselect(key="mask_tokens").options) == len(tokens) - 1
    assert "no maximum over layer 4" in said_by(app)
    result = interventions.what_if(
        analysis.load(four / "toy-max_seq_mha"), text, (4,), word[:1], where
    )
    for value in result.probabilities.ravel():
        assert f">{value:.2f}<" in pieces(app)["drawing-what-if-toy-max_seq_mha"]


def test_what_if_of_a_seed_group_is_mean_and_spread(open_winners: Any, seeds: Path):
    app = open_winners(seeds, checkpoints=["toy-two"], unit="pieces", mask_where="encoder")
    app.session_state["mask_tokens"] = [2]
    app.run()
    effects = [
        interventions.what_if(analysis.load(seeds / f"toy-two-s{s}"), TEXT, (), (2,), "encoder")
        for s in range(2)
    ]
    shown = pieces(app)["drawing-what-if-toy-two"]
    for value in np.mean([effect.probabilities for effect in effects], axis=0).ravel():
        assert f">{value:.2f}<" in shown
    assert shown.count('class="dot"') == 2 * effects[0].probabilities.size
    assert in_order(said_by(app), "standard deviation", "dots", "2 seeds")


def test_empty_text_asks_for_a_sentence(open_winners: Any, made: Path):
    app = open_winners(made, text="")
    assert any("Type a sentence" in info.value for info in app.info)


@pytest.mark.parametrize("quantity", ["contribution", "attention"])
def test_an_attention_head_chosen_on_one_page_is_the_one_of_the_map_on_the_other(
    open_winners: Any, made: Path, quantity: str
):
    trace = analysis.record(analysis.load(made / "toy-max_seq_mha"), TEXT)
    app = open_winners(
        made,
        checkpoints=["toy-max_cls", "toy-max_seq_mha"],
        unit="pieces",
        target=trace.checkpoint.labels[trace.predicted],
        quantity=quantity,
        marked_part=2,
    )
    assert not app.exception
    if quantity == "contribution":
        expected = analysis.decompose(trace, "zero").contrast(trace.predicted)[2].T
    else:
        shares = [(trace.head.winners.layer == layer).mean(axis=1) for layer in (2, 3, 4)]
        expected = 100 * trace.head.attention[2] * np.array(shares)
    np.testing.assert_allclose(heat(charts(app)["map-toy-max_seq_mha"]), expected, atol=1e-5)
    titles = " ".join(element.value for element in app.markdown).replace("\\", "")
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
            folder / f"toy-m-s{seed}",
            "max",
            tiny.random_labels(3),
            task="toy",
            seed=seed,
            facts={"group": "toy-m", "seed": seed},
        )
    page_text = said_by(
        open_winners(folder, checkpoints=["toy-m"], unit="pieces", target="predicted")
    )
    traces = [analysis.record(analysis.load(folder / f"toy-m-s{s}"), TEXT) for s in range(2)]
    wins = [100 * np.bincount(t.head.winners.token, minlength=len(t.tokens)) / 32 for t in traces]
    top = np.std(wins, axis=0, ddof=1).max()
    assert in_order(page_text, "points on average", f"{top:.2g} at most")
    index = int(np.mean([t.probabilities for t in traces], axis=0).argmax())
    adds = [analysis.decompose(t, "zero").by_token(index) for t in traces]
    assert f"logits on average, {np.std(adds, axis=0, ddof=1).max():.2g} at most" in page_text
