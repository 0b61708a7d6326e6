"""The table of architectures, each tried on a tiny random model of Transformers.

A row is a family, a column what is done with it. A new family is one line of FAMILIES.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
_ROBERTA = {**_SIZE, "type_vocab_size": 1}
_DECODER = {**_SIZE, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128}
_GPT = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
_XLM = {"emb_dim": 32, "n_layers": 3, "n_heads": 4}
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
_PERCEIVER = {
    "num_latents": 8,
    "d_latents": 32,
    "d_model": 32,
    "num_self_attends_per_block": 2,
    "num_self_attention_heads": 4,
    "num_cross_attention_heads": 4,
}
# model type (and, in brackets, whose) -> (style of its tokenizer, changes to its configuration)
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("wordpiece", _SIZE),
    "roberta": ("bytes", _ROBERTA),
    "distilbert": ("wordpiece", {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64}),
    "electra": ("wordpiece", {**_SIZE, "embedding_size": 16}),
    "albert": ("pieces", {**_SIZE, "embedding_size": 16}),
    "xlm-roberta": ("pieces", _ROBERTA),
    "camembert": ("pieces", _ROBERTA),
    "mpnet": ("wordpiece", _SIZE),
    "deberta": ("bytes", _SIZE),
    "deberta-v2": ("pieces", {**_SIZE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "modernbert": ("bytes", {**_SIZE, "local_attention": 8}),
    "modernbert (mmBERT)": ("gemma", {**_SIZE, "local_attention": 8}),
    "modernbert-decoder": ("bytes", {**_SIZE, "local_attention": 8}),
    "eurobert": ("bytes", {**_SIZE, "num_key_value_heads": 2, "head_dim": 8}),
    "nomic_bert": ("wordpiece", _SIZE),
    "gte": ("wordpiece", _SIZE),
    "jina_embeddings_v3": ("pieces", _ROBERTA),
    "roberta-prelayernorm": ("bytes", _ROBERTA),
    "xmod": ("pieces", {**_ROBERTA, "languages": ["en_XX"], "default_language": "en_XX"}),
    "ernie": ("wordpiece", _SIZE),
    "roformer": ("wordpiece", {**_SIZE, "embedding_size": 32}),
    "convbert": ("wordpiece", {**_SIZE, "embedding_size": 16, "num_groups": 1, "head_ratio": 2}),
    "mobilebert": (
        "wordpiece",
        {**_SIZE, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    ),
    "squeezebert": ("wordpiece", {**_SIZE, "embedding_size": 32}),
    "ibert": ("bytes", _ROBERTA),
    "data2vec-text": ("bytes", _ROBERTA),
    "megatron-bert": ("wordpiece", _SIZE),
    "rembert": ("pieces", {**_SIZE, "input_embedding_size": 16}),
    "xlm": ("bytes", _XLM),
    "flaubert": ("bytes", _XLM),
    "xlnet": ("xlnet", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 64}),
    "fnet": ("pieces", {**_SIZE, "tpu_short_seq_length": 64}),
    "funnel": (
        "wordpiece",
        {"block_sizes": [2, 2], "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64},
    ),
    "longformer": ("bytes", {**_ROBERTA, "attention_window": 8}),
    "big_bird": ("pieces", {**_SIZE, "attention_type": "original_full"}),
    "nystromformer": ("wordpiece", {**_SIZE, "segment_means_seq_len": 64, "num_landmarks": 64}),
    "yoso": ("bytes", _SIZE),
    "canine": ("wordpiece", {**_SIZE, "num_hash_buckets": 64}),
    "perceiver": ("bytes", _PERCEIVER),
    "t5": ("pieces", _T5),
    "umt5": ("pieces", _T5),
    "bart": ("bytes", _BART),
    "gpt2": ("bytes", _GPT),
    "gpt_neox": ("bytes", _SIZE),
    "opt": ("bytes", {**_SIZE, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    "bloom": ("bytes", {"hidden_size": 32, "n_layer": 3, "n_head": 4}),
    "llama": ("gemma", _DECODER),
    "mistral": ("gemma", _DECODER),
    "qwen2": ("bytes", _DECODER),
    "qwen3": ("bytes", _DECODER),
    "gemma2": ("gemma", _DECODER),
    "gemma3_text": ("gemma", _DECODER),
    "phi3": ("gemma", _DECODER),
    "smollm3": ("bytes", _DECODER),
}
_HALVES = ("t5", "umt5")  # their encoder has a class of its own
CLASSES = ("neg", "neu", "pos")


def make(folder: Path, name: str, *, classifier: bool = True) -> Path:
    """A tiny random model of a family, with a tokenizer of its style; returns `folder`."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

    from analysis.checkpoints.opening import auto_class, model_class
    from analysis.families.tokenizers import tokenizer_of

    style, changes = FAMILIES[name]
    tokenizer = tokenizer_of(style)
    config = AutoConfig.for_model(
        name.split()[0],
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
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    else:
        encoder = model_class(AutoModel, config)
        if not config.is_encoder_decoder or config.model_type in _HALVES:
            encoder = model_class(auto_class(config), config)
        model = encoder(config)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            norm = "norm" in key.lower() and key.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if norm else noise * 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
