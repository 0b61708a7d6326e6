"""Which architectures Transformers has classes of its own for. No torch."""

from __future__ import annotations


def is_known(model_type: str) -> bool:
    """Whether Transformers builds this model type without code from the checkpoint."""
    from transformers.models.auto import configuration_auto

    known: dict[str, str] = vars(configuration_auto)["CONFIG_MAPPING_NAMES"]
    return model_type in known
