"""Weights in other formats, half-copied tokenizers, configurations that contradict themselves."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

import analysis
from analysis.checkpoints.folder import describe
from analysis.common.faults import CheckpointError
from analysis.families.table import make
from tests.support import tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "The film is fine."
SHORT = ("the plot is thin", "the film is fine")  # within the limit of the tokenizer's own


def copy(name, folder, drop=(), **changes):
    shutil.copytree(zoo.folder(name), folder)
    path = folder / "config.json"
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: v for key, v in values.items() if key not in drop}))
    return folder


FORMATS = {
    "model-q4.gguf": "GGUF",
    "tf_model.h5": "TensorFlow's .* from_tf=True",
    "flax_model.msgpack": "Flax's .* from_flax=True",
    "onnx/model.onnx": "ONNX",
    "pytorch_model.bin": "pickle",
    "model.fp16.safetensors": "variant .* Rename that file to model.safetensors",
    "weights.zip": "Unpack it",
}


@pytest.mark.parametrize("file", FORMATS)
def test_weights_of_another_format_are_named_with_the_way_on(tmp_path, file):
    folder = copy("bert", tmp_path / "bert")
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / "model.safetensors").rename(folder / file)
    with pytest.raises(CheckpointError, match=FORMATS[file]):
        describe(folder)


@pytest.mark.parametrize("file", ["model-q4.gguf", "model.safetensors", "packed.zip", "notes.docx"])
def test_a_file_in_the_place_of_a_folder_is_told_what_to_name(tmp_path, file):
    (tmp_path / file).write_bytes(b"GGUF")
    with pytest.raises(CheckpointError, match=rf"{file}.*(folder|analysis\.load)"):
        analysis.load(tmp_path / file)


def test_a_pointer_of_git_lfs_is_no_truncated_file(tmp_path):
    folder = copy("bert", tmp_path / "bert")
    (folder / "model.safetensors").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 133466304\n"
    )
    with pytest.raises(CheckpointError, match="git lfs pull"):
        describe(folder)


def test_quantised_weights_are_refused_by_their_kind(tmp_path):
    folder = copy("bert", tmp_path / "bert", quantization_config={"quant_method": "gptq"})
    with pytest.raises(CheckpointError, match=r"quantised \(gptq\).*dequantize"):
        describe(folder)


def test_label2id_alone_names_the_classes(tmp_path):
    table = {"pos": 2, "neg": 0, "neu": 1}
    folder = copy("bert", tmp_path / "bert", drop=("id2label",), label2id=table)
    assert describe(folder).labels == ("neg", "neu", "pos")


def test_two_tables_of_classes_that_differ_are_told(tmp_path):
    names = {"0": "neg", "1": "neu", "2": "pos"}
    table = {"neg": 2, "neu": 1, "pos": 0}
    checkpoint = describe(copy("bert", tmp_path / "bert", id2label=names, label2id=table))
    assert any(
        "class 0 is neg by id2label" in note and "pos by label2id" in note
        for note in checkpoint.notes
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"problem_type": "multi_label"}, "problem_type"), ({"num_labels": "3"}, "num_labels")],
)
def test_a_misspelt_entry_is_refused_by_its_name(tmp_path, changes, named):
    with pytest.raises(CheckpointError, match=named):
        describe(copy("bert", tmp_path / "bert", **changes))


def test_blank_names_of_classes_are_numbered(tmp_path):
    names = {"0": "", "1": " ", "2": "pos"}
    assert describe(copy("bert", tmp_path / "b", id2label=names)).labels == (
        "LABEL_0",
        "LABEL_1",
        "pos",
    )


def test_without_an_architecture_the_weights_decide(tmp_path):
    folder = copy("bert", tmp_path / "bert", drop=("architectures",))
    trace = analysis.record(analysis.load(folder, device="cpu"), TEXT)
    np.testing.assert_allclose(
        trace.logits, analysis.record(zoo.loaded("bert"), TEXT).logits, atol=1e-5
    )


def test_without_a_model_type_it_is_refused_with_the_line_to_write(tmp_path):
    with pytest.raises(CheckpointError, match='"model_type": "bert"'):
        describe(copy("bert", tmp_path / "bert", drop=("model_type",)))


def test_a_classification_layer_beside_a_declared_encoder_is_told(tmp_path):
    checkpoint = describe(copy("bert", tmp_path / "bert", architectures=["BertModel"]))
    assert checkpoint.kind == "encoder"
    assert any("BertForSequenceClassification" in note for note in checkpoint.notes)


def test_a_vocabulary_without_its_merges_is_refused_by_name(tmp_path):
    folder = copy("roberta", tmp_path / "roberta")
    stored = json.loads((folder / "tokenizer.json").read_text())
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.json").write_text(json.dumps(stored["model"]["vocab"]))
    with pytest.raises(CheckpointError, match=r"merges\.txt"):
        analysis.load(folder, device="cpu")


def test_a_tokenizer_of_characters_is_refused_for_what_it_is(tmp_path):
    from transformers import CanineTokenizer

    folder = make(tmp_path / "canine", "canine")
    for file in folder.glob("*token*"):
        file.unlink()
    CanineTokenizer().save_pretrained(folder)
    with pytest.raises(CheckpointError, match="CanineTokenizer reads single characters"):
        analysis.load(folder, device="cpu")


def test_a_tokenizer_with_more_token_types_than_the_model_is_anothers(tmp_path):
    from transformers import AutoTokenizer

    folder = copy("bert", tmp_path / "bert")
    other = AutoTokenizer.from_pretrained(folder)
    from tokenizers.processors import TemplateProcessing

    other.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A [SEP] [CLS]:2",
        pair="$A [SEP] $B:1 [SEP]:1 [CLS]:2",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    other.save_pretrained(folder)
    with pytest.raises(CheckpointError, match="token types up to 2"):
        analysis.load(folder, device="cpu")


def test_tied_tensors_may_stand_in_a_file_once(tmp_path):
    from transformers import AutoTokenizer, T5EncoderModel

    encoder = make(tmp_path / "t5", "t5", classifier=False)
    model = T5EncoderModel.from_pretrained(encoder).eval()
    state = {
        f"transformer.{key}": tensor.clone()
        for key, tensor in model.state_dict().items()
        if key != "encoder.embed_tokens.weight"
    }
    draw = torch.Generator().manual_seed(3)
    state["out.weight"] = torch.randn(3, 32, generator=draw)
    state["out.bias"] = torch.randn(3, generator=draw)
    save_file(state, tmp_path / "mine.safetensors")
    loaded = analysis.load(
        tmp_path / "mine.safetensors",
        encoder=encoder,
        head="mean",
        keys={"transformer": "encoder", "out": "classifier"},
        device="cpu",
    )
    inputs = AutoTokenizer.from_pretrained(encoder)(TEXT, return_tensors="pt")
    with torch.no_grad():
        vector = model(**inputs).last_hidden_state[0].mean(0)
    want = (state["out.weight"] @ vector + state["out.bias"]).numpy()
    np.testing.assert_allclose(analysis.record(loaded, TEXT).logits, want, atol=1e-4)


def test_a_long_text_is_read_alike_before_and_after_a_short_one(tmp_path):
    folder = make(tmp_path / "big", "big_bird")
    path = folder / "config.json"
    blocks = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}
    path.write_text(json.dumps({**json.loads(path.read_text()), **blocks}))
    loaded = analysis.load(folder, device="cpu")
    long = " ".join([TEXT] * 5)
    before = analysis.record(loaded, long, attentions=True)
    analysis.record(loaded, "thin")
    after = analysis.record(loaded, long, attentions=True)
    np.testing.assert_array_equal(before.logits, after.logits)
    assert len(before.tokens) > 28
    assert before.attentions.shape[-1] == len(before.tokens)
    assert any("28 tokens" in note for note in loaded.checkpoint.notes)


@pytest.mark.parametrize("activation", [None, "Identity", "Sigmoid"])
def test_a_cross_encoder_answers_as_sentence_transformers_does(tmp_path, activation):
    st = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    tiny.make_foreign_checkpoint(tmp_path / "one", "bert", ("score",), seed=4)
    options = {} if activation is None else {"activation_fn": getattr(torch.nn, activation)()}
    own = st.CrossEncoder(str(tmp_path / "one"), device="cpu", **options)
    own.save_pretrained(str(tmp_path / "saved"))
    loaded = analysis.load(tmp_path / "saved", device="cpu")
    trace = analysis.record(loaded, *SHORT)
    np.testing.assert_allclose(trace.probabilities, own.predict([SHORT]), atol=1e-5)
    assert not any("Pooling" in note for note in loaded.checkpoint.notes)


def test_a_default_prompt_stands_before_the_first_text_of_a_pair_and_is_no_word_of_it(tmp_path):
    st = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    tiny.make_foreign_checkpoint(tmp_path / "one", "bert", ("score",), seed=4)
    prompts = {"prompts": {"query": "what is: "}, "default_prompt_name": "query"}
    own = st.CrossEncoder(str(tmp_path / "one"), device="cpu", **prompts)
    own.save_pretrained(str(tmp_path / "saved"))
    loaded = analysis.load(tmp_path / "saved", device="cpu")
    trace = analysis.record(loaded, *SHORT)
    np.testing.assert_allclose(trace.probabilities, own.predict([SHORT]), atol=1e-5)
    assert own.predict([SHORT], prompt="")[0] != pytest.approx(float(trace.probabilities[0]))
    ids = own.preprocess([SHORT], prompt="what is: ")["input_ids"][0].tolist()
    assert trace.tokens.ids.tolist() == ids
    batch = pa.RecordBatch.from_pydict({"row": [0], "text": [SHORT[0]], "pair": [SHORT[1]]})
    logits = analysis.corpus.predict_batch(loaded, batch).column("logits").to_pylist()
    np.testing.assert_allclose(logits[0], trace.logits, atol=1e-5)
    plain = analysis.record(analysis.load(tmp_path / "one", device="cpu"), *SHORT).tokens
    pieces = [
        trace.tokens.pieces[i] for i in range(len(trace.tokens)) if not trace.tokens.special[i]
    ]
    assert pieces == [plain.pieces[i] for i in range(len(plain)) if not plain.special[i]]
    shown = [trace.tokens.span(i) for i in range(len(trace.tokens)) if not trace.tokens.special[i]]
    assert shown == [plain.span(i) for i in range(len(plain)) if not plain.special[i]]
    assert any("'what is: '" in note for note in loaded.checkpoint.notes)


def test_a_cross_encoder_of_several_classes_gives_their_probabilities(tmp_path):
    st = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    tiny.make_foreign_checkpoint(tmp_path / "one", "bert", ("no", "maybe", "yes"), seed=4)
    own = st.CrossEncoder(str(tmp_path / "one"), device="cpu")
    own.save_pretrained(str(tmp_path / "saved"))
    assert "Identity" in (tmp_path / "saved" / "config_sentence_transformers.json").read_text()
    trace = analysis.record(analysis.load(tmp_path / "saved", device="cpu"), *SHORT)
    want = own.predict([SHORT], apply_softmax=True)[0]
    np.testing.assert_allclose(trace.probabilities, want, atol=1e-5)


def test_a_sentence_transformer_with_an_adapter_gives_its_own_vectors(tmp_path):
    st = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from peft import LoraConfig

    tiny.make_bare_encoder(tmp_path / "base", seed=2)
    own = st.SentenceTransformer(str(tmp_path / "base"), device="cpu")
    own.add_adapter(LoraConfig(task_type="FEATURE_EXTRACTION", r=2, target_modules=["query"]))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in own.named_parameters():
            if "lora" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draw))
    own.save_pretrained(str(tmp_path / "saved"))
    assert not (tmp_path / "saved" / "config.json").exists()
    loaded = analysis.load(tmp_path / "saved", device="cpu")
    vectors = analysis.corpus.embed(loaded, [TEXT, PAIR], pooling="head")
    np.testing.assert_allclose(next(iter(vectors.values())), own.encode([TEXT, PAIR]), atol=1e-5)


def test_a_reason_names_a_folder_by_its_last_part(tmp_path):
    folder = copy("bert", tmp_path / "bert", quantization_config={"quant_method": "gptq"})
    with pytest.raises(CheckpointError) as refusal:
        analysis.load(folder)
    assert str(refusal.value).startswith("bert: ")
    assert str(tmp_path) not in str(refusal.value)
