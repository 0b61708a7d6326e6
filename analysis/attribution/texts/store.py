"""Records of :mod:`analysis.attribution.texts.run` in a file, a line each, as they come."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from analysis.attribution.texts.records import TextEvidence
from analysis.common.record_lines import RecordLines


class EvidenceStore(RecordLines[TextEvidence]):
    """The evidence of each text, method and checkpoint, a line each."""

    WHAT = "evidence"

    @staticmethod
    def write(record: TextEvidence) -> dict[str, Any]:
        """A record as JSON; what was not measured is null."""
        return {name: _plain(value) for name, value in asdict(record).items()}

    @staticmethod
    def read(values: dict[str, Any]) -> TextEvidence:
        """The record of these values. Raises ``KeyError`` or ``TypeError`` for others."""
        values = {"unforeseen": False, **values}  # earlier versions did not say it
        arguments = {field.name: values[field.name] for field in fields(TextEvidence)}
        for name in ("scores", "values", "random", "spread"):
            numbers = [np.nan if number is None else number for number in arguments[name]]
            arguments[name] = np.array(numbers, dtype=np.float64)
        arguments["words"] = tuple(arguments["words"])
        return TextEvidence(**arguments)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [None if np.isnan(number) else number for number in value.tolist()]
    return value
