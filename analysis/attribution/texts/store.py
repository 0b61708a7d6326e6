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
        given = {field.name: values[field.name] for field in fields(TextEvidence)}
        for name in ("scores", "values", "random", "spread"):
            numbers = [np.nan if number is None else number for number in given[name]]
            given[name] = np.array(numbers, dtype=np.float64)
        given["words"] = tuple(given["words"])
        return TextEvidence(**given)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [None if np.isnan(number) else number for number in value.tolist()]
    return value
