"""Weights that are not read here: what they are, and what makes safetensors of them.

A new format is one line of ``_FORMATS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_SAVED = "load it in Transformers and call save_pretrained(folder), which writes model.safetensors"
_OLD = (
    "Convert it once in an environment with Transformers 4 and that library: "
    "AutoModelForSequenceClassification.from_pretrained(folder, {flag}=True)"
    ".save_pretrained(folder), or take the same model as safetensors where it comes from"
)
_PICKLE = (
    "a pickle ({file}), which can run code when it is opened, so PoolLens reads safetensors only. "
    f"Convert it once, where you trust it: {_SAVED}."
)
# Files -> what they are and what to do next; the first one that fits is told.
_FORMATS: tuple[tuple[Sequence[str], str], ...] = (
    (("pytorch_model*.bin", "adapter_model.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl"), _PICKLE),
    (
        ("tf_model.h5", "*.h5", "saved_model.pb"),
        "TensorFlow's ({file}), and PoolLens reads safetensors only. "
        f"{_OLD.format(flag='from_tf')}.",
    ),
    (
        ("flax_model*.msgpack",),
        f"Flax's ({{file}}), and PoolLens reads safetensors only. {_OLD.format(flag='from_flax')}.",
    ),
    (
        ("*.gguf",),
        "quantised for llama.cpp (GGUF, {file}), which keeps no hidden states that could be read. "
        "Take the model that it was made of: the folder with its model.safetensors.",
    ),
    (
        ("*.onnx", "onnx/*.onnx", "*.tflite", "openvino_model.xml", "openvino/*.xml"),
        "exported for ONNX or another runtime ({file}), where hidden states and gradients cannot "
        "be read. Take the model that was exported: the folder with its model.safetensors.",
    ),
    (
        ("*.zip", "*.tar", "*.tar.gz", "*.tgz"),
        "packed in an archive ({file}). Unpack it, and name the folder with its config.json.",
    ),
    (
        ("model.*.safetensors",),
        "saved as a variant ({file}). Rename that file to model.safetensors: they are opened in "
        "full precision anyway.",
    ),
)
_LFS = b"version https://git-lfs"


def in_folder(folder: Path) -> str:
    """Format of the weights of a folder without safetensors, and what to do; "" for an unknown one.

    A sentence's end: "its weights are ...".
    """
    for patterns, sentence in _FORMATS:
        files = [
            path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()
        ]
        if files:
            return sentence.format(file=files[0].relative_to(folder))
    return ""


def of_file(file: Path) -> str:
    """Why a file in the place of a checkpoint's folder is none, and what to do: a sentence."""
    if file.name == "config.json" or file.suffix == ".safetensors":
        here = (file.parent / "config.json").is_file()
        what = (
            f"{file.name} is one file of a checkpoint. Name its folder: {file.parent}"
            if here
            else f"{file.name} holds weights alone, and nothing says of which model. Write a "
            "poollens.yaml beside it (encoder, head, labels, keys) and name its folder, or call "
            "analysis.load(file, encoder=..., head=..., keys=...)."
        )
        return what
    for patterns, sentence in _FORMATS:
        if any(file.match(pattern) for pattern in patterns if "/" not in pattern):
            return f"The weights in this file are {sentence.format(file=file.name)}"
    return (
        f"{file.name} is a file, and a checkpoint is a folder with config.json and "
        "model.safetensors. Name the folder."
    )


def is_pointer(start: bytes) -> bool:
    """Whether a file begins as those do that Git leaves in the place of large ones."""
    return start.startswith(_LFS)
