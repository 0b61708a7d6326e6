"""Layouts of other people's MaxPoolBERT checkpoints, against an independent forward in NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.special import erf

import analysis
from analysis.checkpoints import CheckpointError
from tests.support import tiny, zoo

D, LAYERS, HEADS, INNER, DEEP = 32, 4, 4, 24, 3
TEXTS = ("the plot is thin, but the acting is good", "a dull film", "who?")
POOLINGS = (
    "cls",
    "mean",
    "max_cls",
    "cls_mha",
    "max_seq_mha",
    "max_seq_mean",
    "sum_mean",
    "sum_sum",
    "mean_sum",
    "mean_mean",
)


def modchembert(folder: Path, pooling: str, deep: int = DEEP) -> dict[str, np.ndarray]:
    """A folder in ModChemBERT's layout with random weights, and these weights."""
    tiny.make_tokenizer(folder)
    words = len(tiny.SPECIAL) + len(tiny.WORDS) + len(tiny.PIECES) + len(tiny.MARKS)
    draw = np.random.default_rng(7)

    def matrix(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.25, shape).astype(np.float32)

    def norm() -> np.ndarray:
        return (1 + 0.2 * draw.normal(size=D)).astype(np.float32)

    w = {"model.embeddings.tok_embeddings.weight": matrix(words, D)}
    w["model.embeddings.norm.weight"] = norm()
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        if i:
            w[at + "attn_norm.weight"] = norm()
        w[at + "attn.Wqkv.weight"] = matrix(3 * D, D)
        w[at + "attn.Wo.weight"] = matrix(D, D)
        w[at + "mlp_norm.weight"] = norm()
        w[at + "mlp.Wi.weight"] = matrix(2 * INNER, D)
        w[at + "mlp.Wo.weight"] = matrix(D, INNER)
    w["model.final_norm.weight"] = norm()
    w["head.dense.weight"], w["head.norm.weight"] = matrix(D, D), norm()
    if pooling.endswith("mha"):
        w |= {f"pooling_attn.{name}.weight": matrix(D, D) for name in ("Wq", "Wk", "Wv", "Wo")}
    w["classifier.weight"], w["classifier.bias"] = matrix(3, D), matrix(3)
    save_file(w, folder / "model.safetensors")
    config = {
        "architectures": ["ModChemBertForSequenceClassification"],
        "model_type": "modchembert",
        "auto_map": {"AutoConfig": "evil.Config"},
        "vocab_size": words,
        "hidden_size": D,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": 64,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "local_attention": 128,
        "norm_eps": 1e-5,
        "pad_token_id": 0,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "classifier_pooling": pooling,
        "classifier_pooling_last_k": deep,
        "classifier_pooling_num_attention_heads": 2,
        "classifier_activation": "gelu",
        "id2label": {"0": "low", "1": "mid", "2": "high"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return w


def normed(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, theta: float) -> np.ndarray:
    """(T, D) each -> (T, D), one attention head after the other, queries and keys turned."""
    size, out = D // HEADS, []
    angle = np.arange(len(q))[:, None] * theta ** -(np.arange(0, size, 2) / size)
    for h in range(HEADS):
        part = slice(h * size, (h + 1) * size)
        turned = []
        for x in (q[:, part], k[:, part]):
            a, b = x[:, : size // 2], x[:, size // 2 :]
            turned.append(
                np.concatenate(
                    [a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)],
                    1,
                )
            )
        scores = turned[0] @ turned[1].T / np.sqrt(size)
        weight = np.exp(scores - scores.max(1, keepdims=True))
        out.append(weight / weight.sum(1, keepdims=True) @ v[:, part])
    return np.concatenate(out, 1)


def forward(w: dict[str, np.ndarray], ids: np.ndarray, pooling: str, deep: int) -> np.ndarray:
    """(C,) logits of one text: ModernBERT, the pooling, the prediction head."""
    w = {key: tensor.astype(np.float64) for key, tensor in w.items()}
    x = normed(w["model.embeddings.tok_embeddings.weight"][ids], w["model.embeddings.norm.weight"])
    states = [x]
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        into = normed(x, w[at + "attn_norm.weight"]) if i else x
        q, k, v = np.split(into @ w[at + "attn.Wqkv.weight"].T, 3, axis=1)
        x = x + attend(q, k, v, 160000.0 if i % 3 == 0 else 10000.0) @ w[at + "attn.Wo.weight"].T
        a, gate = np.split(normed(x, w[at + "mlp_norm.weight"]) @ w[at + "mlp.Wi.weight"].T, 2, 1)
        x = x + (gelu(a) * gate) @ w[at + "mlp.Wo.weight"].T
        states.append(x)
    last = normed(x, w["model.final_norm.weight"])
    some = np.stack(states[-deep:])

    def attended(y: np.ndarray) -> np.ndarray:
        q, k, v = (y @ w[f"pooling_attn.{name}.weight"].T for name in ("Wq", "Wk", "Wv"))
        return (attend(np.repeat(q[:1], len(y), 0), k, v, 160000.0)).mean(0) @ w[
            "pooling_attn.Wo.weight"
        ].T

    vector = {
        "cls": lambda: last[0],
        "mean": lambda: last.mean(0),
        "max_cls": lambda: some.max(0)[0],
        "cls_mha": lambda: attended(last),
        "max_seq_mha": lambda: attended(some.max(0)),
        "max_seq_mean": lambda: some.max(0).mean(0),
        "sum_mean": lambda: some.sum(0).mean(0),
        "sum_sum": lambda: some.sum(0).sum(0),
        "mean_sum": lambda: some.mean(0).sum(0),
        "mean_mean": lambda: some.mean(0).mean(0),
    }[pooling]()
    done = normed(gelu(vector @ w["head.dense.weight"].T), w["head.norm.weight"])
    return done @ w["classifier.weight"].T + w["classifier.bias"]


class TestModChemBert:
    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_logits_are_those_of_the_formulas(self, tmp_path, pooling):
        weights = modchembert(tmp_path, pooling)
        loaded = analysis.load(tmp_path, device="cpu")
        traces = [analysis.record(loaded, text) for text in TEXTS]
        for trace in traces:
            want = forward(weights, trace.tokens.ids, pooling, DEEP)
            np.testing.assert_allclose(trace.logits, want, rtol=1e-5, atol=1e-5)
        data = analysis.corpus.embed(loaded, list(TEXTS), pooling=("head",))
        together = next(iter(data.values()))
        alone = np.stack([trace.head.pooled for trace in traces])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_every_pooling_has_its_split(self, tmp_path, pooling):
        modchembert(tmp_path, pooling)
        trace = analysis.record(analysis.load(tmp_path, device="cpu"), TEXTS[0])
        split = analysis.decompose(trace, "zero")
        assert split.error < 1e-3
        if pooling.startswith("max"):
            assert trace.head.winners.layers == (2, 3, 4)
        if pooling.endswith("mha"):
            np.testing.assert_allclose(trace.head.attention.sum(1), 1, atol=1e-6)

    def test_more_layers_than_there_are_means_all_of_them(self, tmp_path):
        weights = modchembert(tmp_path, "max_seq_mean", deep=9)
        trace = analysis.record(analysis.load(tmp_path, device="cpu"), TEXTS[0])
        want = forward(weights, trace.tokens.ids, "max_seq_mean", 9)
        np.testing.assert_allclose(trace.logits, want, rtol=1e-5, atol=1e-5)
        assert trace.head.winners.layers == (0, 1, 2, 3, 4)

    def test_the_card_says_whose_attention_heads_are_used(self, tmp_path):
        modchembert(tmp_path, "max_seq_mha")
        notes = " ".join(analysis.checkpoints.describe(tmp_path).notes)
        assert "names 2 attention heads" in notes
        assert "the encoder's 4" in notes

    def test_a_tensor_that_is_missing_is_named(self, tmp_path):
        weights = modchembert(tmp_path, "max_seq_mha")
        del weights["pooling_attn.Wk.weight"]
        save_file(weights, tmp_path / "model.safetensors")
        with pytest.raises(CheckpointError, match=r"head\.Wk\.weight"):
            analysis.load(tmp_path)


def chem_mrl(folder: Path, strategy: str) -> Any:
    """A sentence-transformers folder with chem-mrl's module; its attention as PyTorch has it."""
    import torch

    tiny.make_bare_encoder(folder, seed=2)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_MaxPoolBERT",
            "type": "chem_mrl.models.MaxPoolBERT.MaxPoolBERT",
        },
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    place = folder / "1_MaxPoolBERT"
    place.mkdir()
    config = {
        "word_embedding_dimension": D,
        "num_attention_heads": HEADS,
        "last_k_layers": DEEP,
        "pooling_strategy": strategy,
    }
    (place / "config.json").write_text(json.dumps(config))
    attention = torch.nn.MultiheadAttention(D, HEADS, batch_first=True)
    tiny.randomize(attention, 4, 0.2)
    state = {
        f"multi_head_attention.{key}": tensor.numpy()
        for key, tensor in attention.state_dict().items()
    }
    save_file(state, place / "model.safetensors")
    return attention.eval()


@pytest.mark.parametrize(
    "strategy", ["cls", "max_cls", "mha", "max_seq_mha", "mean_seq_mha", "sum_seq_mha"]
)
def test_chem_mrl_vectors_are_those_of_pytorchs_attention(tmp_path, strategy):
    import torch

    attention = chem_mrl(tmp_path, strategy)
    loaded = analysis.load(tmp_path, device="cpu")
    for text in TEXTS:
        trace = analysis.record(loaded, text)
        states = torch.tensor(trace.hidden[-DEEP:].copy())
        values = {
            "max": states.amax(0),
            "mean": states.mean(0),
            "sum": states.sum(0),
        }.get(strategy.split("_")[0], states[-1])
        want = values[0]
        if strategy.endswith("mha"):
            with torch.no_grad():
                want = attention(values[None, :1], values[None], values[None])[0][0, 0]
        np.testing.assert_allclose(trace.head.pooled, want.numpy(), rtol=1e-5, atol=1e-5)
        assert trace.logits is None
    assert strategy in loaded.checkpoint.notes[0]


class TestKeys:
    """Weights of somebody's own script, by a table of key names."""

    KEYS: ClassVar = {"bert.": "encoder.", "pool.attn.": "head.attention.", "out.": "classifier."}

    def weights(self, folder: Path) -> Path:
        own = zoo.loaded("max_seq_mha")
        theirs = {ours: name for name, ours in self.KEYS.items()}
        state = {}
        for key, tensor in own.model.state_dict().items():
            room = next(room for room in theirs if key.startswith(room))
            state[theirs[room] + key.removeprefix(room)] = tensor.numpy()
        state["optimizer.step"] = np.ones(1, np.float32)
        save_file(state, folder / "run.safetensors")
        tiny.make_bare_encoder(folder / "encoder", seed=9)
        return folder / "run.safetensors"

    def spec(self) -> dict:
        own = zoo.loaded("max_seq_mha").checkpoint
        return {
            "encoder": "encoder",
            "head": "max_seq_mha",
            "head_options": dict(own.head_options),
            "labels": list(own.labels),
            "keys": self.KEYS,
        }

    def test_a_yaml_beside_the_weights_opens_them(self, tmp_path):
        import yaml

        self.weights(tmp_path)
        spec = {"weights": "run.safetensors", **self.spec()}
        (tmp_path / "poollens.yaml").write_text(yaml.safe_dump(spec))
        loaded = analysis.load(tmp_path, device="cpu")
        want = analysis.record(zoo.loaded("max_seq_mha"), TEXTS[0]).logits
        np.testing.assert_allclose(analysis.record(loaded, TEXTS[0]).logits, want, atol=1e-6)
        assert loaded.report.unexpected == ("optimizer.step",)

    def test_the_same_as_arguments(self, tmp_path):
        loaded = analysis.load(self.weights(tmp_path), device="cpu", **self.spec())
        want = analysis.record(zoo.loaded("max_seq_mha"), TEXTS[0]).logits
        np.testing.assert_allclose(analysis.record(loaded, TEXTS[0]).logits, want, atol=1e-6)

    def test_what_is_missing_is_named(self, tmp_path):
        file = self.weights(tmp_path)
        keys = {"bert.": "encoder.", "out.": "classifier."}
        with pytest.raises(CheckpointError, match=r"head\.attention"):
            analysis.load(file, device="cpu", **{**self.spec(), "keys": keys})
        with pytest.raises(CheckpointError, match=r"keys names: .*pool\.attn"):
            analysis.load(file, device="cpu", **{**self.spec(), "keys": keys})
        with pytest.raises(CheckpointError, match="name keys as well"):
            analysis.load(file, device="cpu", **{**self.spec(), "keys": {}})
        keys = {"bert.": "encoder.", "pool.attn.": "head.attention."}
        with pytest.raises(CheckpointError, match=r"leads to classifier\.weight"):
            analysis.load(file, device="cpu", **{**self.spec(), "keys": keys, "labels": None})
        with pytest.raises(CheckpointError, match=r"leads to 'model\.x'"):
            analysis.load(file, device="cpu", **{**self.spec(), "keys": {"a.": "model.x"}})

    def test_classes_without_names_are_numbered_and_dots_may_be_left_out(self, tmp_path):
        keys = {"bert": "encoder", "pool.attn.": "head.attention.", "out": "classifier"}
        spec = {name: value for name, value in self.spec().items() if name != "labels"}
        loaded = analysis.load(self.weights(tmp_path), device="cpu", **{**spec, "keys": keys})
        own = zoo.loaded("max_seq_mha")
        want = analysis.record(own, TEXTS[0]).logits
        np.testing.assert_allclose(analysis.record(loaded, TEXTS[0]).logits, want, atol=1e-6)
        count = len(own.checkpoint.labels)
        assert loaded.checkpoint.labels == tuple(f"LABEL_{n}" for n in range(count))

    def test_a_pickle_is_refused_with_the_line_that_converts_it(self, tmp_path):
        self.weights(tmp_path)
        (tmp_path / "best.pt").write_bytes(b"no pickle is opened")
        with pytest.raises(CheckpointError, match="weights_only=True"):
            analysis.load(tmp_path / "best.pt", device="cpu", **self.spec())
