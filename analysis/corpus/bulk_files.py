"""Files of any size as Arrow batches: CSV, TSV, JSON lines, Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.datasets.guess import delimiter_of
from analysis.datasets.lines import Lines, encoding_of, head_of, opened
from analysis.datasets.records import DELIMITER_LINE

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLE = 200  # lines from which the delimiter is told
FORMATS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json"}


def format_of(files: Sequence[Path]) -> str:
    """The one format of all files. Raises ``ValueError`` for none, or several."""
    if not files:
        raise ValueError("there are no files to read; give --input FILE ...")
    for file in files:
        if not file.is_file():
            raise ValueError(f"{file} is not there")
        if file.suffix.lower() not in FORMATS:
            raise ValueError(
                f"{file.name}: what ends in {file.suffix!r} cannot be read; known: "
                f"{', '.join(FORMATS)}"
            )
    kinds = {(FORMATS[file.suffix.lower()], file.suffix.lower() == ".tsv") for file in files}
    if len(kinds) > 1:
        raise ValueError("the files are of different formats; give those of one format at a time")
    return FORMATS[files[0].suffix.lower()]


def csv_options(file: Path, strings: Sequence[str]) -> dict[str, Any]:
    """Arrow's options for a CSV or TSV file, whose encoding and delimiter are told from its start.

    In a TSV file quotation marks are characters like others, as GLUE's are written: read as
    quoting, one that is never closed takes the rows after it along.
    """
    import pyarrow as pa
    from pyarrow import csv

    tabs = file.suffix.lower() == ".tsv"
    with opened(file, file.name) as stream:
        head = head_of(stream)
        encoding = encoding_of(head, file.name)
        if encoding == "utf-8" and not _is_utf8(head):
            encoding = "cp1252"
        lines = list(islice((line for _, line in Lines(stream, encoding, head)), _SAMPLE))
    first = DELIMITER_LINE.fullmatch(lines[0]) if lines else None  # "sep=;", as Excel writes it
    names = [line.rstrip("\r\n") for line in lines[1 if first else 0 :]]
    delimiter = first[1] if first else delimiter_of(names or [""], file.suffix.lower()[1:])
    return {
        "read_options": csv.ReadOptions(encoding=encoding, skip_rows=1 if first else 0),
        "parse_options": csv.ParseOptions(
            delimiter="\t" if tabs else delimiter or ",",
            quote_char=False if tabs else '"',
            newlines_in_values=not tabs,
        ),
        # Else the first block decides: a text that is a number there, or empty, becomes no text.
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(strings, pa.string()), strings_can_be_null=False
        ),
    }


def read_batches(file: Path, rows: int = 2_048, strings: Sequence[str] = ()) -> Iterator[pa.Table]:
    """A file in batches of at most ``rows`` rows; memory does not grow with the file.

    The columns named in ``strings`` are text, whatever they look like.
    """
    import pyarrow as pa
    from pyarrow import dataset, parquet

    kind = format_of([file])
    if kind == "parquet":
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(rows):
                yield pa.Table.from_batches([batch])
        return
    if kind == "csv":
        form = dataset.CsvFileFormat(**csv_options(file, strings))
        source: Any = dataset.dataset(file, format=form)
    else:
        source = dataset.dataset(file, format="json")
    for batch in source.to_batches(batch_size=rows):
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def _is_utf8(head: bytes) -> bool:
    """Whether the start of a file is UTF-8; it may end in the middle of a letter."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True
