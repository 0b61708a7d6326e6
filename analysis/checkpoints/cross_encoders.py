"""What sentence-transformers writes beside a cross-encoder: how its score is meant."""

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


def prompt_note(settings: Mapping[str, Any]) -> str:
    """In a sentence that a declared prompt is left to the reader; "" where there is none."""
    prompts, chosen = settings.get("prompts"), settings.get("default_prompt_name")
    prompt = prompts.get(chosen) if isinstance(prompts, dict) and chosen else None
    if not prompt:
        return ""
    return (
        f"It declares the prompt {str(prompt)!r} for its texts, which is not put before them here: "
        "type it where you want it."
    )
