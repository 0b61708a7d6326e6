"""Labelled texts as one kind of table, whatever file they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common.lazy import lazy

if TYPE_CHECKING:
    from analysis.datasets.files import BROKEN as BROKEN
    from analysis.datasets.files import Column as Column
    from analysis.datasets.files import DataError as DataError
    from analysis.datasets.files import File as File
    from analysis.datasets.files import Row as Row
    from analysis.datasets.files import column_name as column_name
    from analysis.datasets.files import pick as pick
    from analysis.datasets.files import position as position
    from analysis.datasets.files import records as records
    from analysis.datasets.files import trec_rows as trec_rows
    from analysis.datasets.files import tsv_rows as tsv_rows
    from analysis.datasets.numerals import number_of as number_of
    from analysis.datasets.table import HUB as HUB
    from analysis.datasets.table import Kind as Kind
    from analysis.datasets.table import Table as Table
    from analysis.datasets.table import own_classes as own_classes
    from analysis.datasets.table import read as read
    from analysis.datasets.tasks import METRIC_NAMES as METRIC_NAMES
    from analysis.datasets.tasks import TASKS as TASKS
    from analysis.datasets.tasks import Hub as Hub
    from analysis.datasets.tasks import Task as Task
    from analysis.datasets.tasks import metric_name as metric_name
    from analysis.datasets.tasks import task_name as task_name
    from analysis.datasets.upload import read_file as read_file

_MODULES = {
    "analysis.datasets.numerals": ("number_of",),
    "analysis.datasets.table": (
        "HUB",
        "Kind",
        "Table",
        "own_classes",
        "read",
    ),
    "analysis.datasets.files": (
        "BROKEN",
        "Column",
        "DataError",
        "File",
        "Row",
        "column_name",
        "pick",
        "position",
        "records",
        "trec_rows",
        "tsv_rows",
    ),
    "analysis.datasets.upload": ("read_file",),
    "analysis.datasets.tasks": ("Hub", "METRIC_NAMES", "TASKS", "Task", "metric_name", "task_name"),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)
__getattr__ = lazy(__name__, _MODULES)
