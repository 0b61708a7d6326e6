"""Lines of text out of bytes of any encoding: what a file is, and how its letters are read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from analysis.datasets.files import DataError

Source = bytes | str | Path | BinaryIO
SAMPLE = 262_144  # bytes from which the encoding is told
MOST_LINE = 1_000_000  # characters; a longer line is no row of text
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Encodings of other scripts than the Latin one. That of Central Europe (cp1250) is not among them:
# it has the bytes of Windows-1252 for other letters, and a few lines do not tell the two apart.
_RUSSIAN = ("cp1251", "koi8_r")
_ALPHABETS = (*_RUSSIAN, "cp1253", "cp1255", "cp1256")
_SCRIPTS = (*_ALPHABETS, "shift_jis", "euc_jp", "euc_kr", "gb18030", "big5")
# Bytes that no text has in any encoding of one byte a letter; escapes of ISO-2022 (0x1b) may be.
_CONTROLS = bytes({*range(9), 11, *range(14, 27), *range(28, 32), 127})
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (.xlsx). Save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls). Save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "compressed with gzip. Unpack it first"),
    (b"BZh", "compressed with bzip2. Unpack it first"),
    (b"%PDF", "a PDF. Save its text as CSV"),
    (b"\x89PNG", "a picture. Find the table that it shows"),
    (b"\xff\xd8\xff", "a picture. Find the table that it shows"),
    (b"GIF8", "a picture. Find the table that it shows"),
    (b"SQLite format 3", "a database. Export the table as CSV"),
)


@contextmanager
def opened(source: Source, name: str) -> Iterator[BinaryIO]:
    """The bytes of a source as a stream at its start; a stream of the caller's is not closed.

    Raises
    ------
    DataError
        No such file, or an empty one.
    """
    if isinstance(source, bytes | bytearray):
        stream: BinaryIO = io.BytesIO(source)
    elif isinstance(source, str | Path):
        if not Path(source).is_file():
            raise DataError(f"{name} is not a file. Check the path.")
        stream = Path(source).open("rb")  # noqa: SIM115 (closed below)
    else:
        stream = source
    try:
        stream.seek(0)
        if not stream.read(1):
            raise DataError(f"{name} is empty (0 bytes). Check that the file was saved.")
        stream.seek(0)
        yield stream
    finally:
        if stream is not source:
            stream.close()


def size_of(stream: BinaryIO) -> int:
    """Bytes of a stream, which is left where it is."""
    place = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return end


def head_of(stream: BinaryIO) -> bytes:
    """The first bytes of a stream, which is left at its start."""
    stream.seek(0)
    head = stream.read(SAMPLE)
    stream.seek(0)
    return head


def encoding_of(head: bytes, name: str) -> str:
    """The encoding of a text file from its first bytes; UTF-8 where nothing says otherwise.

    Raises
    ------
    DataError
        The file is no text, and which kind it is where that can be told.
    """
    for start, what in _OTHERS:
        if head.startswith(start):
            raise DataError(f"{name} is {what}, then open that.")
    for start, encoding in _BOMS:
        if head.startswith(start):
            return encoding
    zeros = head.count(0)
    if zeros:
        # UTF-16 without a mark: every second byte of most letters is zero.
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > 0.2 * len(head) > 5 * even:
            return "utf-16-le"
        if even > 0.2 * len(head) > 5 * odd:
            return "utf-16-be"
        if zeros > 0.01 * len(head):
            raise DataError(
                f"{name} is no text file ({zeros} zero bytes at its start). Give a CSV, TSV, JSON "
                "lines or Parquet file."
            )
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > 0.05 * len(head) and len(head) >= 1_000:
        raise DataError(
            f"{name} is no text file: {controls / len(head):.0%} of its first bytes are control "
            "characters. Give a CSV, TSV, JSON lines or Parquet file."
        )
    return _of_another_script(head) or "utf-8"


def _of_another_script(head: bytes) -> str:
    """The encoding of a file of which no line with letters beyond ASCII is UTF-8, as
    charset-normalizer tells it; empty for UTF-8, and for Western letters, which are told line by
    line."""
    lines = [line for line in head.splitlines()[:-1] or [head] if not line.isascii()]
    if not lines or any(_is_utf8(line) for line in lines):
        return ""
    from charset_normalizer import from_bytes

    text = b"\n".join(lines)
    if not re.search(rb"[\x80-\xff]{2}", text):  # no script has letters beyond ASCII one by one
        return ""
    for match in from_bytes(text, cp_isolation=["cp1252", *_SCRIPTS]):
        if match.encoding not in _SCRIPTS or (match.encoding in _ALPHABETS and _is_latin(text)):
            return ""
        if match.encoding != "shift_jis" or not _is_half_width(str(match)):
            return _russian(text) if match.encoding in _RUSSIAN else match.encoding
    return ""


def _russian(text: bytes) -> str:
    """The encoding of Russian text: one reads as capitals what is small in the other."""
    return max(_RUSSIAN, key=lambda name: sum(map(str.islower, text.decode(name, "replace"))))


def _is_half_width(text: str) -> bool:
    """Whether text is of the narrow katakana, as which Shift-JIS reads the bytes of others."""
    beyond = [letter for letter in text if not letter.isascii()]
    return sum("\uff61" <= letter <= "\uff9f" for letter in beyond) > len(beyond) / 2


def _is_latin(text: bytes) -> bool:
    """Whether letters beyond ASCII stand in words with ASCII letters, as in ``café``, and no words
    of their own: one such word alone does not tell an alphabet."""
    words = re.findall(rb"[A-Za-z\x80-\xff]{2,}", text)
    mixed = sum(not word.isascii() and min(word) < 0x80 for word in words)
    own = sum(min(word) >= 0x80 for word in words)
    return bool(own <= mixed)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class Lines:
    """The lines of a text file with their numbers (from 1), and which were not as announced.

    Bytes that are no UTF-8 are read as Windows-1252, which is Latin-1 with quotation marks,
    line by line: a file put together from several sources may change its encoding on the way.
    """

    stream: BinaryIO
    encoding: str
    head: bytes
    odd: list[int] = field(default_factory=list)  # numbers of lines that are not in the encoding
    good: int = 0  # lines with letters beyond ASCII that are
    long: list[int] = field(default_factory=list)  # numbers of lines left out as too long
    _listed: int = 1000

    def __iter__(self) -> Iterator[tuple[int, str]]:
        self.stream.seek(0)
        newline = "\r" if b"\r" in self.head and b"\n" not in self.head else "\n"
        utf8 = self.encoding.startswith("utf-8")
        text = io.TextIOWrapper(
            self.stream,
            self.encoding,
            errors="surrogateescape" if utf8 else "replace",
            newline=newline,
        )
        try:
            number, line = 0, text.readline(MOST_LINE)
            while line:
                number += 1
                if len(line) >= MOST_LINE and not line.endswith(newline):
                    self.long.append(number)
                    while line and not line.endswith(newline):
                        line = text.readline(MOST_LINE)
                else:
                    yield number, self._read(number, line) if utf8 else line
                line = text.readline(MOST_LINE)
        finally:
            with suppress(ValueError):  # the caller has closed the stream before
                text.detach()  # the wrapper would close it

    def forget(self) -> None:
        """Begin anew: what was found in a first look is found again."""
        self.odd.clear()
        self.long.clear()
        self.good = 0

    def _read(self, number: int, line: str) -> str:
        if line.isascii():
            return line
        try:
            line.encode("utf-8")
        except UnicodeEncodeError:
            if len(self.odd) < self._listed:
                self.odd.append(number)
            raw = line.encode("utf-8", "surrogateescape")
            try:
                return raw.decode("cp1252")
            except UnicodeDecodeError:  # a few bytes are no letter there; Latin-1 has all
                return raw.decode("latin-1")
        self.good += 1
        return line
