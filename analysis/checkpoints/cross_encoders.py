"""Settings of sentence-transformers beside a cross-encoder: what its score means, its prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SETTINGS = "config_sentence_transformers.json"


def settings_of(folder: Path) -> dict[str, Any]:
    """Its settings where the folder holds a cross-encoder; {} where it holds something else."""
    file = folder / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError):
        return {}
    is_one = isinstance(settings, dict) and settings.get("model_type") == "CrossEncoder"
    return settings if is_one else {}


def with_activation(config: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with the activation that `settings` name, in the place where earlier versions of
    sentence-transformers wrote it into config.json; what stands there already stays."""
    own = config.get("sentence_transformers")
    held = own if isinstance(own, dict) else {}
    named = settings.get("activation_fn")
    if not named or held.get("activation_fn"):
        return dict(config)
    return {**config, "sentence_transformers": {**held, "activation_fn": named}}


def prompt_of(settings: Mapping[str, Any]) -> str:
    """The prompt that sentence-transformers puts before each text (of a pair, before the first)."""
    prompts, chosen = settings.get("prompts"), settings.get("default_prompt_name")
    return str(prompts.get(chosen) or "") if isinstance(prompts, dict) and chosen else ""


def prompt_note(settings: Mapping[str, Any]) -> str:
    """The prompt in a sentence; "" where there is none."""
    prompt = prompt_of(settings)
    return (
        f"The prompt {prompt!r} stands before each text (of a pair, before the first), as it "
        "declares."
        if prompt
        else ""
    )
