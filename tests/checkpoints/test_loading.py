"""load(): three kinds through one door, each as its own library computes it, or refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import analysis
from analysis.common.faults import CheckpointError
from tests.support import tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"


def copy(name, folder):
    return shutil.copytree(zoo.folder(name), folder)


def edit_weights(folder, change, file="model.safetensors"):
    state = load_file(folder / file)
    change(state)
    save_file(state, folder / file, metadata={"format": "pt"})
    return folder


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


@pytest.mark.parametrize("pair", [None, PAIR], ids=["single", "pair"])
@pytest.mark.parametrize("name", tiny.FOREIGN)
def test_a_foreign_models_logits_are_its_own(name, pair):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    theirs = AutoModelForSequenceClassification.from_pretrained(zoo.folder(name)).eval()
    tokenizer = AutoTokenizer.from_pretrained(zoo.folder(name))
    encoded = tokenizer(TEXT, pair, return_tensors="pt", padding=False, truncation=False)
    with torch.no_grad():
        want = theirs(**encoded).logits[0]
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT, pair)
    assert trace.tokens.ids.tolist() == encoded["input_ids"][0].tolist()
    np.testing.assert_allclose(trace.logits, want.numpy(), rtol=0, atol=1e-5)
    assert trace.head.readout is None  # layers of its own follow what it reads
    assert trace.head.rest is not None
    assert classifier.report.missing == classifier.report.unexpected == ()
    assert classifier.parameters == sum(p.numel() for p in theirs.parameters())


def test_a_bare_encoder_has_states_and_no_prediction():
    from transformers import AutoModel, AutoTokenizer

    theirs = AutoModel.from_pretrained(zoo.folder("bare")).eval()
    tokenizer = AutoTokenizer.from_pretrained(zoo.folder("bare"))
    encoded = tokenizer(TEXT, return_tensors="pt", padding=False, truncation=False)
    with torch.no_grad():
        want = torch.stack(theirs(**encoded, output_hidden_states=True).hidden_states)[:, 0]
    trace = analysis.record(zoo.loaded("bare"), TEXT)
    np.testing.assert_allclose(trace.hidden, want.numpy(), rtol=0, atol=1e-5)
    assert trace.logits is None
    for question in ("probabilities", "predicted"):
        with pytest.raises(ValueError, match="is a bare encoder"):
            getattr(trace, question)


def test_an_adapter_gives_the_logits_of_the_model_that_was_trained():
    """By hand: encoder, plus B A times alpha / r on each target, then the saved head."""
    from analysis.checkpoints.model import PoolingClassifier, PoolingConfig
    from analysis.checkpoints.opening import load_encoder

    folder = zoo.folder("lora")
    config = PoolingConfig.from_pretrained(folder)
    model = PoolingClassifier(config)
    model.encoder, _ = load_encoder(config.encoder_name)
    state = load_file(folder / "adapter_model.safetensors")
    lora = json.loads((folder / "adapter_config.json").read_text())
    with torch.no_grad():
        for key, low in state.items():
            if key.endswith("lora_A.weight"):
                name = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                change = state[key.replace("lora_A", "lora_B")] @ low
                model.get_submodule(name).weight += change * lora["lora_alpha"] / lora["r"]
            elif "lora_" not in key:
                name = key.removeprefix("base_model.model.")
                model.get_parameter(name).copy_(state[key])
    classifier = zoo.loaded("lora")
    trace = analysis.record(classifier, TEXT)
    with torch.no_grad():
        want = model.eval()(torch.tensor(trace.tokens.ids)[None]).logits[0]
    np.testing.assert_allclose(trace.logits, want.numpy(), rtol=1e-5, atol=1e-5)
    assert not any("lora" in name for name, _ in classifier.model.named_modules())


def test_a_loaded_model_is_in_evaluation_mode_and_takes_no_gradients():
    for name in ("max_seq_mha", "lora", "bert", "bare"):
        model = zoo.loaded(name).model
        assert not any(module.training for module in model.modules()), name
        assert not any(parameter.requires_grad for parameter in model.parameters()), name


def test_the_limit_is_the_models_own():
    for name in ("max_seq_mha", "lora", *tiny.FOREIGN, "bare"):
        assert zoo.loaded(name).limit == tiny.POSITIONS, name


@pytest.mark.parametrize("name", ["max_seq_mha", "lora", "bert"])
def test_the_type_is_the_one_asked_for_whatever_the_file_holds(name, tmp_path):
    copy(name, tmp_path / "half")
    file = "adapter_model.safetensors" if name == "lora" else "model.safetensors"
    halve = {k: v.half() for k, v in load_file(tmp_path / "half" / file).items()}
    edit_weights(tmp_path / "half", lambda state: state.update(halve), file)
    edit_config(tmp_path / "half", dtype="float16")
    full = analysis.load(tmp_path / "half", device="cpu")
    assert {p.dtype for p in full.model.parameters()} == {torch.float32}
    low = analysis.load(tmp_path / "half", device="cpu", dtype="bfloat16")
    assert {p.dtype for p in low.encoder.parameters()} == {torch.bfloat16}
    if name != "bert":
        assert {p.dtype for p in low.model.head.parameters()} <= {torch.float32}
        assert low.model.classifier.weight.dtype == torch.float32
    high, rough = (analysis.record(classifier, TEXT).logits for classifier in (full, low))
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, high, rtol=0.1, atol=0.1)


# --- what is refused, and how -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key", "file"),
    [
        ("max_seq_mha", "head.attention.in_proj_weight", "model.safetensors"),
        ("bert", "classifier.weight", "model.safetensors"),
        ("bare", "embeddings.word_embeddings.weight", "model.safetensors"),
        ("lora", "base_model.model.classifier.weight", "adapter_model.safetensors"),
    ],
)
def test_a_tensor_that_is_missing_is_named_and_nothing_is_loaded(name, key, file, tmp_path):
    copy(name, tmp_path / "one")
    edit_weights(tmp_path / "one", lambda state: state.pop(key), file)
    short = key.removeprefix("base_model.model.").split(".")[-2]
    with pytest.raises(CheckpointError, match=rf"lacks \d+ tensors.*{short}.*would be random"):
        analysis.load(tmp_path / "one", device="cpu")


def test_a_lost_lora_tensor_is_refused(tmp_path):
    copy("lora", tmp_path / "one")

    def change(state):
        del state[next(key for key in state if "lora_B" in key)]

    edit_weights(tmp_path / "one", change, "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors.*lora_B"):
        analysis.load(tmp_path / "one", device="cpu")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("max_seq_mha", "model.safetensors"),
        ("bert", "model.safetensors"),
        ("lora", "adapter_model.safetensors"),
    ],
)
def test_a_tensor_that_fits_nowhere_is_reported(name, file, tmp_path):
    copy(name, tmp_path / "one")
    edit_weights(tmp_path / "one", lambda state: state.update(stray=torch.ones(2)), file)
    report = analysis.load(tmp_path / "one", device="cpu").report
    assert report.missing == ()
    assert any("stray" in key for key in report.unexpected)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["max_seq_mha", "bert", "bare"])
def test_nan_weights_are_refused_by_name(name, value, tmp_path):
    copy(name, tmp_path / "one")

    def change(state):
        key = next(key for key in state if key.endswith("query.weight"))
        state[key][1, 1] = value

    edit_weights(tmp_path / "one", change)
    with pytest.raises(CheckpointError, match=r"^one: .*query\.weight holds NaN"):
        analysis.load(tmp_path / "one", device="cpu")


def test_nan_in_an_adapter_is_refused(tmp_path):
    copy("lora", tmp_path / "one")

    def change(state):
        next(v for key, v in state.items() if "lora_A" in key)[0, 0] = float("nan")

    edit_weights(tmp_path / "one", change, "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match="holds NaN or infinite"):
        analysis.load(tmp_path / "one", device="cpu")


@pytest.mark.parametrize(
    ("name", "key", "file"),
    [
        ("max_seq_mha", "classifier.weight", "model.safetensors"),
        ("bert", "classifier.weight", "model.safetensors"),
        ("bare", "embeddings.word_embeddings.weight", "model.safetensors"),
        ("lora", "base_model.model.classifier.weight", "adapter_model.safetensors"),
    ],
)
def test_weights_of_another_shape_are_refused_by_name(name, key, file, tmp_path):
    copy(name, tmp_path / "one")
    edit_weights(tmp_path / "one", lambda state: state.update({key: torch.zeros(7, 5)}), file)
    with pytest.raises(
        CheckpointError, match=rf"one: .*({key.split('.')[-2]}|classification layer)"
    ):
        analysis.load(tmp_path / "one", device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "no_such_head"}, "'no_such_head' is not known here; known: "),
        ({"head_options": {"last_k": 99}}, "last_k is 99, and the encoder has 4 layers"),
        ({"head_options": {"num_heads": 5}}, "num_heads is 5 and does not divide"),
        ({"head_options": {"mystery": 1}}, "unknown option mystery"),
        ({"encoder": {}}, "names no model_type"),
        ({"encoder": {"model_type": "no_such_model"}}, "no_such_model"),
    ],
)
def test_a_configuration_that_cannot_be_is_answered_with_the_reason(changes, message, tmp_path):
    edit_config(copy("max_seq_mha", tmp_path / "one"), **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        analysis.load(tmp_path / "one", device="cpu")
    assert "one" in str(caught.value)


@pytest.mark.parametrize("name", ["max_seq_mha", "bert"])
def test_a_folder_without_a_tokenizer_is_refused_or_uses_its_encoders(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    copy(name, tmp_path / "one")
    for file in (tmp_path / "one").glob("tokenizer*"):
        file.unlink()
    if name == "bert":
        with pytest.raises(CheckpointError, match=r"^one: .*no tokenizer"):
            analysis.load(tmp_path / "one", device="cpu")
    else:
        own = analysis.load(tmp_path / "one", device="cpu")
        logits = analysis.record(own, TEXT).logits
        assert np.array_equal(logits, analysis.record(zoo.loaded(name), TEXT).logits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, r"dtype is 'float16'; known: float32, bfloat16"),
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"device": "cuda:0"}, "no CUDA device"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    if options.get("device") == "cuda:0" and torch.cuda.is_available():
        return
    with pytest.raises(CheckpointError, match=message):
        analysis.load(zoo.folder("cls"), **options)


def test_a_checkpoint_error_is_a_value_error():
    assert issubclass(CheckpointError, ValueError)
