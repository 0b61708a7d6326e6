"""A sentence-transformers folder gives the vector that sentence-transformers gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import analysis
from analysis.checkpoints import CheckpointError
from tests.support import tiny

TEXTS = ["the plot is thin", "A dull film, but the acting is good.", "who?"]
SIZE = tiny.HIDDEN_SIZE


def encoder(folder: Path):
    from sentence_transformers.sentence_transformer.modules import Transformer

    return Transformer(str(tiny.make_bare_encoder(folder / "encoder", seed=5)), max_seq_length=9)


def save(folder: Path, *modules, **options):
    """The folder and the model that wrote it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(modules=[encoder(folder), *modules], device="cpu", **options)
    model.save(str(folder / "saved"))
    return folder / "saved", model


def pooling(*modes: str):
    from sentence_transformers.sentence_transformer.modules import Pooling

    return Pooling(SIZE, pooling_mode=list(modes))


def dense(activation, **options):
    from sentence_transformers.base.modules import Dense

    torch.manual_seed(3)
    return Dense(SIZE, options.pop("out_features", 12), activation_function=activation, **options)


def vectors(folder: Path) -> np.ndarray:
    loaded = analysis.load(folder, device="cpu")
    one_by_one = np.stack([analysis.record(loaded, text).head.pooled for text in TEXTS])
    together = analysis.corpus.embed(loaded, TEXTS)
    assert [pooling for pooling, _ in together] == ["head"]
    np.testing.assert_allclose(next(iter(together.values())), one_by_one, rtol=1e-5, atol=1e-5)
    return one_by_one


@pytest.mark.parametrize(
    "modes",
    [
        ("mean",),
        ("cls",),
        ("max",),
        ("mean_sqrt_len_tokens",),
        ("weightedmean",),
        ("lasttoken",),
        ("cls", "max", "mean"),
        ("mean", "lasttoken"),
    ],
    ids="+".join,
)
def test_the_declared_pooling_is_the_checkpoints_own(tmp_path, modes):
    folder, theirs = save(tmp_path, pooling(*modes))
    np.testing.assert_allclose(vectors(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)
    checkpoint = analysis.checkpoints.describe(folder)
    assert (checkpoint.kind, checkpoint.labels) == ("encoder", ())
    assert checkpoint.head in checkpoint.notes[0]


def test_dense_layer_norm_and_normalize_follow_the_pooling(tmp_path):
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import LayerNorm

    for name, modules in {
        "tanh": [pooling("mean"), dense(torch.nn.Tanh()), Normalize()],
        "identity": [pooling("cls"), dense(torch.nn.Identity(), bias=False), LayerNorm(12)],
        "residual": [pooling("mean"), dense(torch.nn.GELU(), use_residual=True)],
        "same": [pooling("max"), dense(torch.nn.ReLU(), out_features=SIZE, use_residual=True)],
    }.items():
        folder, theirs = save(tmp_path / name, *modules)
        np.testing.assert_allclose(vectors(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("behind", [False, True])
def test_vectors_are_cut_to_the_declared_numbers(tmp_path, behind):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    modules = [pooling("cls", "mean"), Normalize()] if behind else [pooling("mean")]
    folder, _ = save(tmp_path, *modules)
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "truncate_dim": 8}))
    theirs = SentenceTransformer(str(folder), device="cpu")
    assert vectors(folder).shape == (len(TEXTS), 8)
    np.testing.assert_allclose(vectors(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)


def test_its_layers_are_followed_without_an_answer_at_each(tmp_path):
    from analysis.reading import layers

    folder, _ = save(tmp_path, pooling("mean"))
    path = layers.trajectory(analysis.load(folder, device="cpu"), TEXTS[1])
    assert path.logits is None
    assert len(path.norm) == tiny.LAYERS + 1


def test_a_default_prompt_stands_before_each_text(tmp_path):
    folder, theirs = save(
        tmp_path, pooling("mean"), prompts={"query": "what is: "}, default_prompt_name="query"
    )
    np.testing.assert_allclose(vectors(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)
    assert "'what is: '" in " ".join(analysis.checkpoints.describe(folder).notes)


def test_the_declared_length_is_the_limit(tmp_path):
    folder, _ = save(tmp_path, pooling("mean"))
    loaded = analysis.load(folder, device="cpu")
    assert loaded.limit == 9
    assert analysis.record(loaded, "the film " * 20).tokens.dropped > 0


def test_the_older_folders_with_a_numbered_transformer_open(tmp_path):
    folder, theirs = save(tmp_path, pooling("cls", "mean"))
    inner = folder / "0_Transformer"
    inner.mkdir()
    for file in [path for path in folder.iterdir() if path.is_file()]:
        if not file.name.startswith(("modules", "config_sentence", "README")):
            shutil.move(file, inner / file.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    modules[0]["type"] = "sentence_transformers.models.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {
                "word_embedding_dimension": SIZE,
                "pooling_mode_cls_token": True,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_max_tokens": False,
            }
        )
    )
    np.testing.assert_allclose(vectors(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)


def test_a_linear_pooling_is_read_token_by_token(tmp_path):
    folder, _ = save(tmp_path, pooling("mean", "cls"))
    trace = analysis.record(analysis.load(folder, device="cpu"), TEXTS[0])
    weighted = trace.head.weights[:, :, None] * trace.head.values[None]
    np.testing.assert_allclose(weighted.sum(1).ravel(), trace.head.pooled, rtol=1e-5, atol=1e-5)


def test_a_setfit_pickle_is_refused_with_the_line_that_converts_it(tmp_path):
    import joblib
    from sklearn.linear_model import LogisticRegression

    folder, theirs = save(tmp_path, pooling("mean"))
    logistic = LogisticRegression().fit(theirs.encode(TEXTS * 4), [0, 1, 2] * 4)
    joblib.dump(logistic, folder / "model_head.pkl")
    (folder / "config_setfit.json").write_text(json.dumps({"labels": ["no", "so", "yes"]}))
    with pytest.raises(
        CheckpointError, match=r"pickle .*joblib.load\('model_head.pkl'\)"
    ) as refusal:
        analysis.load(folder)
    line = str(refusal.value)[str(refusal.value).index("import joblib") :]
    here = Path.cwd()
    try:
        __import__("os").chdir(folder)
        exec(line, {})  # the line as a user would run it
    finally:
        __import__("os").chdir(here)
    loaded = analysis.load(folder, device="cpu")
    assert loaded.checkpoint.labels == ("no", "so", "yes")
    got = np.stack([analysis.record(loaded, text).probabilities for text in TEXTS])
    np.testing.assert_allclose(got, logistic.predict_proba(theirs.encode(TEXTS)), atol=1e-5)
    assert analysis.decompose(analysis.record(loaded, TEXTS[0]), "zero").error < 1e-4


def test_a_module_of_another_kind_is_named(tmp_path):
    folder, _ = save(tmp_path, pooling("mean"))
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_LSTM", "type": "sentence_transformers.LSTM"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match="module LSTM"):
        analysis.load(folder)
