"""The Attention page: what it draws is what the models did, and what is missing it says."""

from __future__ import annotations

import re

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.figures.style.style import number
from analysis.reading import attention
from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attention_reader import eager_attentions, matrices, percent, rows, start
from tests.support.sentences import in_order

SENTENCE = "the plots thinned, not dully but fine"
LAYERS, HEADS = tiny.LAYERS, tiny.ATTENTION_HEADS


@pytest.fixture
def open_attention(open_app):
    """`open_attention(folder, **chosen) -> AppTest` on the Attention page."""
    return lambda root, **chosen: start(open_app, root, **{"text": SENTENCE, **chosen})


# --- the attention of the pooling head --------------------------------------------------------


@pytest.mark.parametrize("name", ["toy-mha", "toy-max_seq_mha"])
def test_table_tells_the_attention_of_every_attention_head(open_attention, four, name):
    app = open_attention(four, checkpoints=[name], unit="pieces")
    table = rows(seen.pieces(app)[f"answer-{name}"])
    trace = analysis.record(analysis.load(four / name), SENTENCE)
    weights = attention.pooling_attention(trace)
    assert [row.label for row in table] == list(trace.tokens.labels)
    for position, row in enumerate(table):
        for head in range(4):
            assert row.hints[f"attention head {head}"] == percent(weights[head, position])
        assert row.hints["mean"] == percent(weights.mean(axis=0)[position])


def test_table_tells_the_encoders_row_as_transformers_computes_it(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], unit="pieces")
    row = eager_attentions(four / "toy-mha", SENTENCE)[-1, :, 0].mean(axis=0)
    title = f"Attention of [CLS] in layer {LAYERS}, mean over attention heads"
    shown = [each.hints[title] for each in rows(seen.pieces(app)["answer-toy-mha"])]
    assert shown == [percent(value) for value in row]


def test_table_tells_the_exact_split(open_attention, four):
    app = open_attention(four, checkpoints=["toy-max_seq_mha"], unit="pieces")
    true = truth.pooling(four / "toy-max_seq_mha", SENTENCE)
    others = np.delete(true.by_token, true.predicted, axis=0).mean(axis=0)
    expected = true.by_token[true.predicted] - others
    table = rows(seen.pieces(app)["answer-toy-max_seq_mha"])
    shown = [float(row.hints["contribution (exact split)"]) for row in table]
    assert shown == pytest.approx(expected.tolist(), abs=0.0051)


@pytest.mark.parametrize("where", interventions.WHERE)
def test_table_tells_what_each_word_costs_when_left_out(open_attention, four, where):
    app = open_attention(four, checkpoints=["toy-mha"], leave=where)
    classifier = analysis.load(four / "toy-mha")
    result = interventions.leave_one_out(classifier, SENTENCE, where=where, words=True)
    target = truth.pooling(four / "toy-mha", SENTENCE).predicted
    expected = [number(value, "signed") for value in result.contrast(target).tolist()]
    piece = seen.pieces(app)["answer-toy-mha"]
    assert [row.hints["fall of the logit when hidden"] for row in rows(piece)] == expected
    weights = attention.pooling_attention(analysis.record(classifier, SENTENCE))
    tau = attention.agreement(weights, result, target)
    lines = " ".join(line.text for line in piece.all("line"))
    assert f"pooling head {tau.tau:+.2f}" in lines
    assert in_order(lines, f"rankings of {tau.n}", f"{tau.null[0]:+.2f}", f"{tau.null[1]:+.2f}")


def test_value_norms_replace_the_weights(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], unit="pieces", weigh="value norms")
    classifier = analysis.load(four / "toy-mha")
    norms = attention.value_norms(classifier, analysis.record(classifier, SENTENCE)).share
    table = rows(seen.pieces(app)["answer-toy-mha"])
    assert [row.hints["attention head 0"] for row in table] == [percent(v) for v in norms[0]]


def test_value_norms_of_a_word_are_the_sum_of_its_pieces_and_say_so(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], unit="words", weigh="value norms")
    classifier = analysis.load(four / "toy-mha")
    trace = analysis.record(classifier, SENTENCE)
    norms = attention.value_norms(classifier, trace).share[1]
    piece = seen.pieces(app)["answer-toy-mha"]
    expected = [percent(norms[list(word)].sum()) for word in trace.tokens.word_groups()]
    assert [row.hints["attention head 1"] for row in rows(piece)] == expected
    assert in_order(piece.text, "value norm of a word", "sum", "pieces")


def test_tau_is_that_of_the_attention_heads_that_are_shown(open_attention, four):
    app = open_attention(
        four,
        checkpoints=["toy-mha"],
        unit="pieces",
        leave="encoder",
        marked_part=1,
        marked_head=2,
        marked_layer=3,
    )
    classifier = analysis.load(four / "toy-mha")
    trace = analysis.record(classifier, SENTENCE, attentions=True)
    effects = interventions.leave_one_out(classifier, SENTENCE)
    own = attention.agreement(trace.head.attention[1], effects, trace.predicted)
    row = attention.agreement(trace.attentions[2, 2, 0], effects, trace.predicted)
    answer = seen.pieces(app)["answer-toy-mha"].text
    assert in_order(answer, "pooling head", "attention head 1", f"{own.tau:+.2f}")
    assert in_order(answer, "[CLS] row", "attention head 2", f"{row.tau:+.2f}")


def test_hidden_special_tokens_leave_their_mass_behind(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], special=False)
    piece = seen.pieces(app)["answer-toy-mha"]
    trace = analysis.record(analysis.load(four / "toy-mha"), SENTENCE)
    mass = attention.special_mass(attention.pooling_attention(trace), trace.tokens).mean()
    assert [row.label for row in rows(piece)] == SENTENCE.replace(",", " ,").split()
    assert f"{100 * mass:.0f} % of the attention" in piece.text


def test_most_heard_comes_first_when_asked_for(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], ranked=True)
    trace = analysis.record(analysis.load(four / "toy-mha"), SENTENCE)
    weights = attention.pooling_attention(trace).mean(axis=0)
    groups = trace.tokens.word_groups()
    heard = np.array([weights[list(group)].sum() for group in groups])
    table = rows(seen.pieces(app)["answer-toy-mha"])
    expected = [percent(value) for value in np.sort(heard)[::-1]]
    assert [row.hints["mean"] for row in table] == expected


def test_answer_names_the_word_listened_to_most(open_attention, four):
    app = open_attention(four, checkpoints=["toy-cls", "toy-mha"], unit="pieces")
    trace = analysis.record(analysis.load(four / "toy-mha"), SENTENCE)
    weights = attention.pooling_attention(trace).mean(axis=0)
    best = int(np.where(trace.tokens.special, -1, weights).argmax())
    verdict = seen.verdict(app)
    word = f"“{trace.tokens.labels[best]}”"
    assert in_order(verdict, "toy-mha", "most", word, f"{100 * weights[best]:.0f} %")
    assert "toy-cls has no attention" in verdict


def test_who_listens_stands_before_who_does_not(open_attention, four):
    app = open_attention(four)
    keys = [key for key in seen.pieces(app) if key.startswith("answer-")]
    assert keys == [f"answer-toy-{h}" for h in ("mha", "max_seq_mha", "cls", "max_cls")]


# --- what is not there is said ------------------------------------------------------------------


def test_silent_pooling_head_foreign_model_and_bare_encoder_say_why(open_attention, four):
    tiny.make_foreign_checkpoint(four / "stock", seed=7)
    tiny.make_bare_encoder(four / "bare")
    app = open_attention(four, checkpoints=["toy-cls", "stock", "bare"])
    pieces = seen.pieces(app)
    silent = {
        name: pieces[f"answer-{name}"].all("none")[0].text for name in ("toy-cls", "stock", "bare")
    }
    assert in_order(silent["toy-cls"], "cls", "no attention")
    assert in_order(silent["stock"], "no attention", "[CLS]", "dense", "tanh")
    assert "without pooling head" in silent["bare"]
    assert "no logit to split" in pieces["answer-bare"].text
    assert "no prediction" in pieces["answer-bare"].text
    for name in silent:
        assert len(rows(pieces[f"answer-{name}"])) == 10, "the encoder's [CLS] row is there"
        assert len(matrices(pieces[f"encoder-{name}"])) == LAYERS * HEADS + 1


def test_a_bare_encoder_cannot_hide_a_token_from_a_pooling_head(open_attention, four):
    tiny.make_foreign_checkpoint(four / "stock", seed=7)
    tiny.make_bare_encoder(four / "bare")
    app = open_attention(four, checkpoints=["stock", "bare"], leave="head")
    pieces = seen.pieces(app)
    assert "no prediction" in pieces["answer-bare"].text
    assert "no prediction" not in pieces["answer-stock"].text


def test_empty_text_and_no_checkpoint_ask_for_one(open_attention, four):
    app = open_attention(four, text=" ")
    assert "Type a sentence above" in seen.text_of(app)
    app = open_attention(four)
    app.multiselect(key="checkpoints").set_value([]).run()
    assert "at least one checkpoint" in seen.text_of(app)


def test_layer_that_another_encoder_lacks_is_said_and_stops_nothing(open_attention, four):
    tiny.make_bare_encoder(four / "short", num_hidden_layers=2)
    app = open_attention(four, checkpoints=["toy-mha", "short"])
    app.session_state["marked_layer"] = 4
    app.run()
    pieces = seen.pieces(app)
    for part in ("encoder-short", "answer-short"):
        assert re.search(r"layer 4\b.* 1 to 2", pieces[part].text)
    assert matrices(pieces["encoder-toy-mha"])


# --- seed groups, and when attentions are computed ----------------------------------------------


def test_seed_group_is_mean_and_spread_over_its_seeds(open_attention, folder):
    for seed in range(3):
        tiny.make_pooling_checkpoint(
            folder / f"toy-mha-s{seed}",
            "mha",
            tiny.random_labels(5),
            task="toy",
            seed=seed,
            facts={"group": "toy-mha", "seed": seed},
        )
    app = open_attention(folder, checkpoints=["toy-mha"], unit="pieces")
    table = rows(seen.pieces(app)["answer-toy-mha"])
    traces = [
        analysis.record(analysis.load(folder / f"toy-mha-s{s}"), SENTENCE, attentions=True)
        for s in range(3)
    ]
    heard = np.array([attention.pooling_attention(trace).mean(axis=0) for trace in traces])
    for position, row in enumerate(table):
        for seed in range(3):
            assert row.hints[f"seed s{seed}"] == percent(heard[seed, position])
        spread = 100 * heard[:, position].std(ddof=1)
        assert row.hints["mean"] == f"{percent(heard[:, position].mean())} ± {spread:.1f}"
        own = np.array([t.attentions[-1, :, 0, position].mean() for t in traces])
        cell = row.hints[f"Attention of [CLS] in layer {LAYERS}, mean over attention heads"]
        assert cell == f"{percent(own.mean())} ± {100 * own.std(ddof=1):.1f}"
    target = int(np.mean([trace.probabilities for trace in traces], axis=0).argmax())
    effects = [
        interventions.leave_one_out(analysis.load(folder / f"toy-mha-s{s}"), SENTENCE).contrast(
            target
        )
        for s in range(3)
    ]
    splits = [analysis.decompose(trace, "zero").by_token(target) for trace in traces]
    for each, name in (
        (effects, "fall of the logit when hidden"),
        (splits, "contribution (exact split)"),
    ):
        assert table[3].hints[name].endswith(f" ± {np.std(each, axis=0, ddof=1)[3]:.2f}")
    mean = np.mean([trace.attentions for trace in traces], axis=0)
    piece = seen.pieces(app)["encoder-toy-mha"]
    np.testing.assert_allclose(matrices(piece)[0], mean[0, 0], atol=2e-5)
    apart = 100 * np.std([trace.attentions for trace in traces], axis=0, ddof=1)
    spread = ("standard deviation", f"{apart.mean():.2g} points", f"{apart.max():.2g} at most")
    assert in_order(piece.text, "Mean over 3 seeds", *spread)
    rolled = [attention.rollout(trace).values[1, 0] for trace in traces]
    rows_of_seeds = [trace.attentions[1].mean(axis=0)[0] for trace in traces]
    for view, each in (("Rollout", rolled), ("One token", rows_of_seeds)):
        app.segmented_control(key="encoder_view").set_value(view).run()
        shown = rows(seen.pieces(app)["encoder-toy-mha"])[3].hints["layer 2"]
        spread = 100 * np.std(each, axis=0, ddof=1)[3]
        assert shown == f"{percent(np.mean(each, axis=0)[3])} ± {spread:.1f}"
    app.segmented_control(key="encoder_view").set_value("Input parts").run()
    masses = [
        attention.block_masses(t.attentions, t.tokens).values[-1].mean(axis=0) for t in traces
    ]
    cells = seen.pieces(app)["encoder-toy-mha"].all("wide")
    spread = 100 * np.std(masses, axis=0, ddof=1)[0, 0]
    assert cells[2].attributes["title"].endswith(f"% ± {spread:.1f}")


def test_attentions_are_computed_only_where_this_page_asks(
    open_app, open_attention, four, monkeypatch
):
    from analysis.reading import trace

    with_attentions, record = [], trace.record

    def watched(classifier, text, pair=None, attentions=False):
        with_attentions.append(attentions)
        return record(classifier, text, pair, attentions)

    monkeypatch.setattr(trace, "record", watched)
    open_app(four, text=SENTENCE)
    assert with_attentions
    assert not any(with_attentions)
    app = open_attention(four)
    with_attentions.clear()
    app.session_state["text"] = SENTENCE + " fine"
    app.run()
    assert sum(with_attentions) == 4, "one forward with attentions for each checkpoint"
    with_attentions.clear()
    app.segmented_control(key="encoder_view").set_value("Rollout").run()
    assert with_attentions == []
