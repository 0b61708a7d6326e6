"""``families``: the table of architectures, each tried on a tiny random model of Transformers.

Each row is a family, each column what is done with it; a cell says that it works, or why not. A
new family is one line of FAMILIES.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from analysis.common.faults import reason

TEXTS = (
    "The plot is thin, but the acting is unbelievably good.",
    "A dull film.",
    "thin",
    "How many people live in the city?",
)
_SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
_DECODER = {**_SIZE, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128}
_GPT = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
_T5 = {"d_model": 32, "d_ff": 64, "num_layers": 3, "num_heads": 4, "d_kv": 8}
_BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "decoder_start_token_id": 2,
}
# model type -> (style of its tokenizer, changes to its configuration)
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("wordpiece", _SIZE),
    "roberta": ("bytes", {**_SIZE, "type_vocab_size": 1}),
    "distilbert": ("wordpiece", {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64}),
    "electra": ("wordpiece", {**_SIZE, "embedding_size": 16}),
    "albert": ("pieces", {**_SIZE, "embedding_size": 16}),
    "xlm-roberta": ("pieces", {**_SIZE, "type_vocab_size": 1}),
    "camembert": ("pieces", {**_SIZE, "type_vocab_size": 1}),
    "mpnet": ("wordpiece", _SIZE),
    "deberta": ("bytes", _SIZE),
    "deberta-v2": ("pieces", {**_SIZE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "modernbert": ("bytes", {**_SIZE, "local_attention": 8}),
    "eurobert": ("bytes", {**_SIZE, "num_key_value_heads": 2, "head_dim": 8}),
    "nomic_bert": ("wordpiece", _SIZE),
    "ernie": ("wordpiece", _SIZE),
    "roformer": ("wordpiece", {**_SIZE, "embedding_size": 32}),
    "convbert": ("wordpiece", {**_SIZE, "embedding_size": 16, "num_groups": 1, "head_ratio": 2}),
    "mobilebert": (
        "wordpiece",
        {**_SIZE, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    ),
    "squeezebert": ("wordpiece", {**_SIZE, "embedding_size": 32}),
    "ibert": ("bytes", {**_SIZE, "type_vocab_size": 1}),
    "data2vec-text": ("bytes", {**_SIZE, "type_vocab_size": 1}),
    "megatron-bert": ("wordpiece", _SIZE),
    "rembert": ("pieces", {**_SIZE, "input_embedding_size": 16}),
    "xlm": ("bytes", {"emb_dim": 32, "n_layers": 3, "n_heads": 4}),
    "flaubert": ("bytes", {"emb_dim": 32, "n_layers": 3, "n_heads": 4}),
    "xlnet": ("pieces", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 64}),
    "fnet": ("pieces", {**_SIZE, "tpu_short_seq_length": 64}),
    "funnel": ("wordpiece", {"d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64}),
    "longformer": ("bytes", {**_SIZE, "attention_window": 8, "type_vocab_size": 1}),
    "big_bird": ("pieces", {**_SIZE, "attention_type": "original_full"}),
    "nystromformer": ("wordpiece", {**_SIZE, "segment_means_seq_len": 64, "num_landmarks": 8}),
    "yoso": ("bytes", _SIZE),
    "canine": ("wordpiece", {**_SIZE, "num_hash_buckets": 64}),
    "t5": ("pieces", _T5),
    "umt5": ("pieces", _T5),
    "bart": ("bytes", _BART),
    "gpt2": ("bytes", _GPT),
    "gpt_neox": ("bytes", _SIZE),
    "opt": ("bytes", {**_SIZE, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    "llama": ("gemma", _DECODER),
    "mistral": ("gemma", _DECODER),
    "qwen2": ("bytes", _DECODER),
    "qwen3": ("bytes", _DECODER),
    "gemma3_text": ("gemma", _DECODER),
    "phi3": ("gemma", _DECODER),
}
CLASSES = ("neg", "neu", "pos")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--only", nargs="*", metavar="TYPE", help="some model types")


def run(arguments: argparse.Namespace) -> int:
    """Print the table in Markdown."""
    names = arguments.only or list(FAMILIES)
    print(f"| architecture | {' | '.join(COLUMNS)} | |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name in names:
        cells = row(name)
        told = next((cell for cell in cells.values() if cell != "yes"), "")
        shown = " | ".join("yes" if cell == "yes" else "-" for cell in cells.values())
        print(f"| `{name}` | {shown} | {told} |", flush=True)
    return 0


def row(name: str) -> dict[str, str]:
    """Column -> "yes" or why not, for one model type; nothing is raised."""
    import analysis

    with tempfile.TemporaryDirectory() as place:
        try:
            folder = make(Path(place) / name, name)
            encoder = make(Path(place) / f"{name}-encoder", name, classifier=False)
        except Exception as error:
            return dict.fromkeys(COLUMNS, f"cannot be made ({type(error).__name__}: {error})")
        cells: dict[str, str] = {}
        try:
            loaded: Any = analysis.load(folder, device="cpu")
        except ValueError as error:
            cells = dict.fromkeys(COLUMNS, _short(error, folder))
            loaded = None
        for column, check in COLUMNS.items():
            if loaded is None and column not in ("embed", "fine-tune"):
                continue
            try:
                check(loaded, folder, encoder)
                cells[column] = "yes"
            except Exception as error:
                cells[column] = _short(error, folder)
        return {column: cells[column] for column in COLUMNS}


def _short(error: Exception, folder: Path) -> str:
    told = reason(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    for path in (str(folder) + "-encoder", str(folder)):
        told = told.replace(f"{path}: ", "").replace(path, folder.name)
    return " ".join(told.split()).replace("|", "/")


def _load(loaded: Any, folder: Path, encoder: Path) -> None:
    assert loaded.limit > 8


def _record(loaded: Any, folder: Path, encoder: Path) -> None:
    """Logits of a text and of a pair as Transformers' own forward gives them."""
    import torch
    from transformers import AutoModelForSequenceClassification

    import analysis

    own = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    takes = loaded.inputs.types
    for pair in (None, TEXTS[1]):
        given = loaded.tokenizer(TEXTS[0], pair, return_tensors="pt", padding=False)
        kept = {k: v for k, v in given.items() if k != "token_type_ids" or takes}
        with torch.no_grad():
            want = own(**kept).logits[0].numpy()
        np.testing.assert_allclose(
            analysis.record(loaded, TEXTS[0], pair).logits, want, rtol=1e-3, atol=1e-4
        )


def _batch(loaded: Any, folder: Path, encoder: Path) -> None:
    """A data set's logits are those of each text alone."""
    import pyarrow as pa

    import analysis

    batch = pa.RecordBatch.from_pydict({"row": list(range(len(TEXTS))), "text": list(TEXTS)})
    found = analysis.corpus.predict_batch(loaded, batch).column("logits").to_pylist()
    alone = np.stack([analysis.record(loaded, text).logits for text in TEXTS])
    np.testing.assert_allclose(np.array(found), alone, rtol=1e-3, atol=1e-4)


def _attentions(loaded: Any, folder: Path, encoder: Path) -> None:
    import analysis

    trace = analysis.record(loaded, TEXTS[0], attentions=True)
    assert trace.attentions is not None
    assert trace.attentions.shape[-2:] == (len(trace.tokens), len(trace.tokens))


def _split(loaded: Any, folder: Path, encoder: Path) -> None:
    import analysis

    split = analysis.decompose(analysis.record(loaded, TEXTS[0]), "zero")
    assert split.error < 1e-2


def _gradients(loaded: Any, folder: Path, encoder: Path) -> None:
    import analysis
    from analysis.attribution.problem import default_baseline

    found = analysis.attribute(
        loaded, TEXTS[0], n_steps=8, unit="word", baseline=default_baseline(loaded)
    )
    assert np.isfinite(found.scores).all()
    assert len(found.unit_tokens) > 5


def _embed(loaded: Any, folder: Path, encoder: Path) -> None:
    import analysis

    bare = analysis.load(encoder, device="cpu")
    found = analysis.corpus.embed(bare, list(TEXTS), pooling=("mean", "max"))
    alone = np.concatenate(
        [next(iter(analysis.corpus.embed(bare, [text]).values())) for text in TEXTS]
    )
    np.testing.assert_allclose(next(iter(found.values())), alone, rtol=1e-3, atol=1e-4)


def _finetune(loaded: Any, folder: Path, encoder: Path) -> None:
    """One step of LoRA and of all weights, with the paper's pooling head on the encoder."""
    import torch
    from peft import LoraConfig, get_peft_model

    from analysis.checkpoints.tokenizers import input_rules, load_tokenizer
    from analysis.heads.model import build_classifier
    from analysis.text.tokens import tokenize_rows

    tokenizer = load_tokenizer(encoder)
    for lora in (True, False):
        model: Any = build_classifier(encoder, "max_seq_mha", {"num_heads": 4}, CLASSES)
        rules = input_rules(model, tokenizer)
        if lora:
            targets = model.encoder_linear_names()
            model = get_peft_model(model, LoraConfig(r=2, target_modules=targets))
        arrays = rules.arrays(tokenize_rows(tokenizer, TEXTS, None, 32))
        batch = {key: torch.from_numpy(array) for key, array in arrays.items()}
        loss = model(**batch, labels=torch.tensor([0, 1, 2, 0])).loss
        loss.backward()
        assert torch.isfinite(loss)


Check = Callable[[Any, Path, Path], None]
COLUMNS: dict[str, Check] = {
    "load": _load,
    "record": _record,
    "batch": _batch,
    "attentions": _attentions,
    "split": _split,
    "attributions": _gradients,
    "embed": _embed,
    "fine-tune": _finetune,
}


def make(folder: Path, name: str, *, classifier: bool = True) -> Path:
    """A tiny random model of a family, with a tokenizer of its style."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from analysis.commands.tiny_tokenizers import tokenizer_of
    from analysis.heads.model import auto_class

    style, changes = FAMILIES[name]
    tokenizer = tokenizer_of(style)
    config = AutoConfig.for_model(
        name,
        vocab_size=len(tokenizer) + 3,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id or 0,
        eos_token_id=tokenizer.eos_token_id or 2,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **changes,
    )
    if classifier:
        config.id2label = dict(enumerate(CLASSES))
        config.label2id = {label: index for index, label in enumerate(CLASSES)}
        model: Any = AutoModelForSequenceClassification.from_config(config)
    else:
        model = auto_class(config).from_config(config)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            norm = "norm" in key.lower() and key.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if norm else noise * 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
