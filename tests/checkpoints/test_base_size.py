"""A real encoder of base size, all-mpnet-base-v2: everything that small ones have, its memory too.

Needs the folder that MPNET_DIR names.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis.checkpoints.frozen import HEAD_FILE
from analysis.datasets import Table
from analysis.maps.projection import project

TEXTS = (
    "A warm film with a fine cast.",
    "Dull from start to end.",
    "The plot is thin, but the acting is unbelievably good.",
    "Nobody should see this twice.",
)
HEADS = ("cls", "max_cls", "mean", "max_seq_mha")


@pytest.fixture(scope="module")
def mpnet(mpnet_dir):
    """The encoder as analysis.load gives it, with the pooling that its folder declares."""
    return analysis.load(mpnet_dir, device="cpu")


def own_vectors(folder, texts) -> np.ndarray:
    """(n, 768) mean of the real tokens' last states, each text alone, by Transformers itself."""
    from transformers import AutoModel, AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        means = [
            model(**words(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts
        ]
    return torch.nn.functional.normalize(torch.stack(means), dim=-1).numpy()


def test_its_vector_is_the_declared_one(mpnet, mpnet_dir):
    assert mpnet.parameters > 100e6
    assert "mean" in mpnet.checkpoint.notes[0]
    (vectors,) = analysis.corpus.embed(mpnet, list(TEXTS)).values()
    own = own_vectors(mpnet_dir, TEXTS)
    np.testing.assert_allclose(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), own, atol=1e-5
    )


def test_a_text_is_read_and_compared(mpnet):
    trace = analysis.record(mpnet, TEXTS[0], attentions=True)
    assert trace.hidden.shape == (13, len(trace.tokens), 768)
    np.testing.assert_allclose(np.asarray(trace.attentions).sum(-1), 1, atol=1e-4)
    split = analysis.similarity(mpnet, TEXTS[0], TEXTS[1], "mean")
    assert split.contributions.sum() == pytest.approx(split.score, abs=1e-4)


def test_its_vectors_have_a_map(mpnet):
    vectors = analysis.corpus.embed(mpnet, list(TEXTS), pooling=("cls", "max"), layers=(6, 12))
    assert {layer for _, layer in vectors} == {6, 12}
    for points in vectors.values():
        shown = project(points, method="pca")
        assert shown.points.shape == (len(TEXTS), 2)


@pytest.fixture(scope="module")
def fitted(mpnet_dir, tmp_path_factory):
    """Four pooling heads fitted on the frozen encoder, each a folder of its own."""
    import training

    place = tmp_path_factory.mktemp("fitted")
    texts = tuple(f"{text} Row {n}." for n in range(5) for text in TEXTS)
    labels = np.array([1, 0, 1, 0] * 5)
    table = Table("own", "train", texts, None, labels, ("bad", "good"))
    states = training.states(str(mpnet_dir), table, last_k=3, folder=place / "states")
    fit = training.fit(states, HEADS, seeds=1, epochs=1, learning_rate=1e-3)
    folders = training.save(fit, place / "heads", name="mpnet")
    return [place / "heads" / name for name in sorted(folders)]


@pytest.mark.slow
def test_heads_on_it_are_fitted_and_read(fitted):
    assert len(fitted) == len(HEADS)
    for folder in fitted:
        assert (folder / HEAD_FILE).stat().st_size < 20 * 2**20  # the head alone
        loaded = analysis.load(folder, device="cpu")
        trace = analysis.record(loaded, TEXTS[2])
        assert analysis.decompose(trace, "zero").error < 1e-4


@pytest.mark.slow  # of tiny encoders in test_shared_weights.py
def test_four_heads_hold_the_encoders_weights_once(fitted):
    loaded = [analysis.load(folder, device="cpu") for folder in fitted]
    encoders = [{p.data_ptr() for p in classifier.encoder.parameters()} for classifier in loaded]
    assert all(pointers == encoders[0] for pointers in encoders)


@pytest.mark.slow
def test_a_figure_is_drawn_of_it(fitted, tmp_path):
    from analysis.commands import main

    arguments = ["--text", TEXTS[2], "--format", "svg", "--output", str(tmp_path)]
    assert main(["render", "strips", "--checkpoint", str(fitted[-1]), *arguments]) == 0
    assert list(tmp_path.glob("*.svg"))


@pytest.mark.slow
def test_compare_shows_them_side_by_side(fitted, monkeypatch):
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.support import compare_reader as seen

    root = Path(__file__).resolve().parents[2]
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.setenv("POOLLENS_CHECKPOINTS", str(fitted[0].parent))
    app = AppTest.from_file(str(root / "app.py"), default_timeout=300)
    app.query_params["text"] = TEXTS[2]
    app.query_params["checkpoints"] = [folder.name for folder in fitted]
    app.run()
    assert not app.exception
    shown = seen.cards(app)
    assert set(shown) == {folder.name for folder in fitted}
    for folder in fitted:
        chance = analysis.record(analysis.load(folder, device="cpu"), TEXTS[2]).probabilities
        assert shown[folder.name].shown == f"{chance.max():.2f}"
