"""The Layers page over many sentences: similarity of layers, and percentiles of a sentence."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.corpus.layer_cka import layer_cka
from analysis.reading import layers
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.layers_reader import NAMES, TEXT, charts, lines, path
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order


def sentences(count: int) -> list[str]:
    draw = np.random.default_rng(0)
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[" ".join(draw.choice(tiny.WORDS, 6))] = None
    return list(texts)


def test_similarity_and_percentiles_over_own_sentences_are_the_librarys(open_layers, made):
    texts = sentences(130)
    app = open_layers(
        made,
        checkpoints=["toy-cls", "toy-mha"],
        source="own sentences",
        own_sentences="\n".join(texts),
        many_count=256,
        layer_values="reference",
        layer_reference=texts[3],
        target="predicted",
    )
    assert "cka-chart" not in charts(app)
    app.button(key="many-button").click().run()
    assert not app.exception
    own, other = (analysis.load(made / name) for name in ("toy-cls", "toy-mha"))
    expected = layer_cka(own, other, texts).values
    np.testing.assert_allclose(numbers(charts(app)["cka-chart"]["data"][0]["z"]), expected)
    paths = [layers.trajectory(other, text) for text in texts]
    target = analysis.record(own, TEXT).predicted  # of the first checkpoint
    stand = layers.standing(path(made / "toy-mha"), paths, target)
    shown = lines(app, 3, "standing")["toy-mha"]
    np.testing.assert_allclose(shown, stand.prediction)
    mine = path(made / "toy-mha").vectors[2] @ paths[3].vectors[2]
    mine /= path(made / "toy-mha").norm[2] * paths[3].norm[2]
    near = [
        path.vectors[2] @ paths[3].vectors[2] / (path.norm[2] * paths[3].norm[2]) for path in paths
    ]
    shown = lines(app, 4, "standing")["toy-mha"]
    assert shown[2] == pytest.approx(100 * np.mean(np.array(near) < mine))
    for index, name in enumerate(NAMES):
        shown = lines(app, index, "standing")["toy-mha"]
        np.testing.assert_allclose(shown, getattr(stand, name))
    table = app.dataframe[0].value
    own_rows = table[table["checkpoint"] == "toy-mha"]
    np.testing.assert_allclose(own_rows["norm (percentile among the sentences)"], stand.norm)


def test_similarity_of_seed_groups_is_the_mean_over_their_pairs(open_layers, folder):
    for group, head in (("toy-a", "cls"), ("toy-b", "mha")):
        for seed in range(2):
            tiny.make_pooling_checkpoint(
                folder / f"{group}-s{seed}",
                head,
                tiny.random_labels(3),
                task="toy",
                seed=seed + 10 * len(group + head),
                facts={"group": group, "seed": seed},
            )
    texts = sentences(128)
    models = {
        f"{g}-s{s}": analysis.load(folder / f"{g}-s{s}") for g in ("toy-a", "toy-b") for s in (0, 1)
    }
    app = open_layers(
        folder,
        checkpoints=["toy-a", "toy-b"],
        source="own sentences",
        own_sentences="\n".join(texts),
        many_count=128,
        many_of="mean",
    )
    app.button(key="many-button").click().run()
    pairs = [
        layer_cka(models[f"toy-a-s{s}"], models[f"toy-b-s{s}"], texts, of="mean").values
        for s in (0, 1)
    ]
    shown = numbers(charts(app)["cka-chart"]["data"][0]["z"])
    np.testing.assert_allclose(shown, np.mean(pairs, axis=0), atol=1e-6)
    page_text = seen.text_of(app).replace("\\", "")
    assert in_order(page_text, "2 pairs of seeds", "standard deviation")
    app.selectbox(key="cka_columns").set_value("toy-a").run()
    similarity = layer_cka(models["toy-a-s0"], models["toy-a-s1"], texts, of="mean").values
    shown = numbers(charts(app)["cka-chart"]["data"][0]["z"])
    np.testing.assert_allclose(shown, similarity, atol=1e-6)


def test_too_few_sentences_are_refused_with_the_reason(open_layers, made):
    app = open_layers(
        made,
        checkpoints=["toy-cls"],
        source="own sentences",
        own_sentences="\n".join(sentences(20) * 4),
    )
    app.button(key="many-button").click().run()
    page_text = seen.text_of(app)
    assert in_order(page_text, "20 different sentences", "too few")
    assert f"Give at least {layers.FEWEST}" in page_text
    assert "cka-chart" not in charts(app)


def test_every_number_has_its_percentile_in_the_corpus_of_the_checkpoint(open_layers, four):
    from analysis.reading.trace import measure_profile

    model = analysis.load(four / "toy-mha")
    texts = ["the film is good", TEXT, "a very dull story", "who said it?"]
    measure_profile(model, texts, None, "four sentences").save(four / "toy-mha")
    app = open_layers(four, checkpoints=["toy-mha", "toy-cls"])
    trajectory = path(four / "toy-mha")
    among = layers.standing(trajectory, [layers.trajectory(model, text) for text in texts])
    table = app.dataframe[0].value
    own = table[table["checkpoint"] == "toy-mha"]
    np.testing.assert_allclose(own["norm (percentile)"][1:], among.norm[1:])
    assert table[table["checkpoint"] == "toy-cls"]["norm (percentile)"].isna().all()
    readout = next(html for html in app.get("html") if "pl-numbers" in html.proto.body).proto.body
    assert f"{trajectory.norm[-1]:.2f} <i>{among.norm[-1]:.0f}</i>" in readout
    assert "among the 4 sentences" in readout
    norm = charts(app)["depth-chart-0"]["data"]
    line = next(t for t in norm if t["name"] == "toy-mha" and "lines" in t["mode"])
    np.testing.assert_allclose(numbers(line["customdata"])[1:], np.round(among.norm[1:]))
    assert "percentile" in line["hovertemplate"]
    assert in_order(readout, "No percentiles", "toy-cls", "no profile")
    app.selectbox(key="follow_token").set_value(2).run()
    assert not any("percentile" in name for name in app.dataframe[0].value.columns)
    readout = next(html for html in app.get("html") if "pl-numbers" in html.proto.body).proto.body
    assert in_order(readout, "Percentiles", "[CLS]", "other tokens")
