"""Somebody's own file: its form, its encoding, its rows."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datasets.files import DataError
from analysis.datasets.upload import peek, read_upload
from tests.support.sentences import in_order
from tests.support.upload_reading import CSV, SENTIMENT


def kinds(reading):
    return {(problem.row, problem.kind) for problem in reading.problems}


class TestForms:
    @pytest.mark.parametrize(
        ("name", "content", "form"),
        [
            ("a.csv", CSV, "CSV"),
            ("a.csv", CSV.replace(b",", b";"), "CSV"),
            ("a.csv", CSV.replace(b",", b"|"), "CSV"),
            ("a.tsv", CSV.replace(b",", b"\t"), "TSV"),
            ("a.csv", CSV.replace(b",", b"\t"), "TSV"),  # the name is wrong, the content is not
            ("a.csv", CSV.replace(b"\n", b"\r\n"), "CSV"),
            ("a.csv", CSV.replace(b"\n", b"\r"), "CSV"),
            (
                "a.jsonl",
                b'{"text": "A fine film.", "label": "positive"}\n'
                b'{"label": "negative", "text": "A dull film."}\n',
                "JSON lines",
            ),
            (
                "a.json",
                b'[{"text": "A fine film.", "label": "positive"},\n'
                b' {"text": "A dull film.", "label": "negative"}]',
                "JSON",
            ),
        ],
    )
    def test_the_same_rows_come_out_of_every_form(self, name, content, form):
        upload = read_upload(content, name)
        assert upload.form == form
        assert upload.table.text == ("A fine film.", "A dull film.")
        assert [upload.table.labels[i] for i in upload.table.label] == ["positive", "negative"]
        assert (upload.problems, upload.left_out) == ((), 0)
        assert peek(content, name).rows[0] == {"text": "A fine film.", "label": "positive"}

    def test_parquet_is_read_from_bytes_and_from_a_path(self, tmp_path):
        frame = pd.DataFrame({"id": [7, 8], "text": ["A fine film.", None], "label": [1, 0]})
        frame.to_parquet(tmp_path / "a.parquet")
        for source in (
            tmp_path / "a.parquet",
            (tmp_path / "a.parquet").read_bytes(),
            io.BytesIO((tmp_path / "a.parquet").read_bytes()),
        ):
            upload = read_upload(source, "a.parquet", labels=SENTIMENT)
            assert upload.table.text == ("A fine film.",)
            assert upload.table.label.tolist() == [1]
            assert kinds(upload) == {(2, "without a text")}

    def test_class_names_in_a_parquet_file_of_the_hub_are_used(self, tmp_path):
        about = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}}}
        table = pa.table({"text": ["a b", "c d"], "label": [1, 0]}).replace_schema_metadata(
            {"huggingface": json.dumps(about)}
        )
        pq.write_table(table, tmp_path / "a.parquet")
        upload = read_upload(tmp_path / "a.parquet")
        assert upload.table.labels == ("no", "yes")
        assert upload.table.label.tolist() == [1, 0]

    def test_a_line_each_is_a_table_of_one_column(self):
        upload = read_upload(
            b"The plot is thin, but fun.\nWhat a film, and what a cast!\n", "a.txt"
        )
        assert upload.table.text == ("The plot is thin, but fun.", "What a film, and what a cast!")
        assert upload.table.label is None
        assert upload.form == "text"

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
                .map(str.strip)
                .filter(lambda text: text and text.isprintable()),
                st.sampled_from(SENTIMENT),
            ),
            min_size=1,
            max_size=20,
            unique=True,
        )
    )
    def test_what_pandas_writes_is_read_as_it_was(self, rows):
        frame = pd.DataFrame(rows, columns=["text", "label"])
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            written = frame.to_csv(index=False).encode(encoding)
            upload = read_upload(written, "a.csv", labels=SENTIMENT)
            assert tuple(upload.table.text) == tuple(frame["text"])
            assert [SENTIMENT[i] for i in upload.table.label] == frame["label"].tolist()


class TestEncodings:
    TEXT = "text,label\nUn café très agréable,positive\nÜbel und öde,negative\n"

    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
    )
    def test_letters_survive(self, encoding):
        upload = read_upload(self.TEXT.encode(encoding), "a.csv")
        assert upload.table.text == ("Un café très agréable", "Übel und öde")
        assert upload.left_out == 0
        assert upload.problems == ()
        if encoding in ("latin-1", "cp1252"):
            assert any("Windows-1252" in note for note in upload.notes)

    @pytest.mark.parametrize(
        ("encoding", "texts"),
        [
            ("cp1251", ("Фильм хороший, но длинный", "Игра актёров слабая")),
            ("shift_jis", ("この映画は面白いが長すぎる", "演技は退屈だった")),
            ("euc_kr", ("이 영화는 재미있지만 너무 길다", "연기가 지루했다")),
            (
                "gb18030",
                (
                    "这部电影很好看,但是太长了。",
                    "表演很无聊,我们看了一半就走了。",
                    "导演的新作品比以前的都要好,音乐也很美。",
                    "孩子们都喜欢这个故事,我也是。",
                ),
            ),
            ("cp1253", ("Η ταινία είναι καλή αλλά μεγάλη", "Οι ηθοποιοί είναι κακοί")),
        ],
    )
    def test_other_scripts_are_read_in_their_own_encoding(self, encoding, texts):
        rows = "".join(f'"{text}",{place}\n' for place, text in enumerate(texts))
        upload = read_upload(("text,label\n" + rows).encode(encoding), "a.csv")
        assert tuple(upload.table.text) == texts
        assert any(encoding.upper() in note for note in upload.notes)

    def test_a_file_of_two_encodings_is_read_line_by_line_and_the_odd_ones_are_named(self):
        content = (
            "text,label\nUn café,positive\n".encode()
            + "Übel,negative\n".encode("latin-1")
            + "“Öde”,negative\n".encode("cp1252")
        )
        upload = read_upload(content, "a.csv")
        assert upload.table.text == ("Un café", "Übel", "“Öde”")
        assert kinds(upload) == {(3, "encoding"), (4, "encoding")}
        assert all(problem.kept for problem in upload.problems)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is empty"),
            (b"\n\n  \n", "no rows"),
            (b"text,label\n", "a header and no rows"),
            (b"PK\x03\x04" + bytes(100), "spreadsheet"),
            (b"\x1f\x8b" + bytes(100), "gzip"),
            (b"abc" + bytes(5000), "no text file"),
            (b"PAR1 and then nothing", "damaged Parquet"),
        ],
    )
    def test_what_is_no_table_says_what_it_is_and_what_to_do(self, content, message):
        with pytest.raises(DataError, match=message) as error:
            read_upload(content, "a.csv")
        assert "a.csv" in str(error.value)

    def test_a_name_that_promises_parquet_is_not_believed(self):
        with pytest.raises(DataError, match="no Parquet file"):
            read_upload(CSV, "a.parquet")

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DataError, match="is not a file"):
            read_upload(tmp_path / "none.csv")


class TestRows:
    def test_each_bad_row_is_named_with_its_line_and_the_good_ones_are_kept(self):
        content = (
            b"text,label\n"  # 1
            b"A fine film.,positive\n"  # 2
            b",negative\n"  # 3 no text
            b"A dull film.,\n"  # 4 no label
            b"Too, many, commas,positive\n"  # 5
            b"A fine film.,positive\n"  # 6 as row 2
            b"\n"  # 7 a blank line is no row
            b"Alone\n"  # 8 no label
            b"A fine film.,negative\n"  # 9 same text, other label: kept
            b"A fair film.,neutral\n"  # 10
        )
        upload = read_upload(content, "a.csv", labels=SENTIMENT)
        assert upload.table.text == ("A fine film.", "A fine film.")
        assert upload.lines.tolist() == [2, 9]
        assert kinds(upload) == {
            (3, "without a text"),
            (4, "without a label"),
            (5, "wrong number of columns"),
            (6, "repeated"),
            (8, "without a label"),
            (10, "with an unknown label"),
        }
        assert (upload.rows, upload.left_out) == (8, 6)
        assert [problem.row for problem in upload.problems] == [3, 4, 5, 6, 8, 10]
        assert "as row 2" in upload.problems[3].what
        assert in_order(upload.sentence(), "2 of 8 rows", "left out")
        assert "2 without a label" in upload.sentence()

    def test_repeated_rows_can_be_kept(self):
        upload = read_upload(CSV + b"A fine film.,positive\n", "a.csv", duplicates="keep")
        assert len(upload.table) == 3

    def test_quoted_fields_keep_commas_marks_tabs_and_line_breaks(self):
        content = b'text,label\n"one, ""two""\nthree\tfour",positive\nfive,negative\n'
        upload = read_upload(content, "a.csv")
        assert upload.table.text == ('one, "two"\nthree\tfour', "five")
        assert upload.lines.tolist() == [2, 4]

    def test_a_mark_that_is_never_closed_does_not_swallow_the_file(self):
        rows = [
            f'"Film {n} is open,positive' if n == 3 else f"Film {n}.,positive" for n in range(2000)
        ]
        upload = read_upload("\n".join(["text,label", *rows]).encode(), "a.csv")
        assert len(upload.table) == 2000
        assert upload.table.text[3] == '"Film 3 is open'
        assert kinds(upload) == {(5, "quotes")}
        assert upload.problems[0].kept

    def test_a_mark_closed_by_a_later_row_costs_neither(self):
        content = b'text,label\n"open,positive\nfine,positive\n5" screen,negative\ngood,negative\n'
        upload = read_upload(content, "a.csv")
        assert set(upload.table.text) >= {"fine", "good", '5" screen', '"open'}

    def test_many_open_marks_are_read_quickly(self):
        rows = "".join(f'"never closed {n},positive\n' for n in range(3000))
        upload = read_upload(("text,label\n" + rows).encode(), "a.csv")
        assert len(upload.table) == 3000

    def test_marks_in_a_tsv_are_characters_unless_all_fields_are_quoted(self):
        raw = read_upload(b'text\tlabel\n"so bad\t0\nit\'s "good" \t1\n', "a.tsv")
        assert raw.table.text == ('"so bad', 'it\'s "good"')
        quoted = read_upload(b'"text"\t"label"\n"a\tb ""c"""\t"1"\n"d"\t"0"\n', "a.tsv")
        assert quoted.table.text == ('a\tb "c"', "d")
        assert any("quoted" in note for note in quoted.notes)

    def test_a_tab_inside_a_text_is_a_row_with_too_many_columns(self):
        upload = read_upload(b"text\tlabel\na\tb\t1\nc\t0\nd\t1\n", "a.tsv")
        assert upload.table.text == ("c", "d")
        assert kinds(upload) == {(2, "wrong number of columns")}

    @pytest.mark.parametrize("size", [150_000, 1_500_000])
    def test_a_row_too_long_is_left_out_and_the_next_is_read(self, size):
        content = b"text,label\n" + b"x" * size + b",positive\nfine,negative\n"
        upload = read_upload(content, "a.csv")
        assert upload.table.text == ("fine",)
        assert kinds(upload) == {(2, "too long")}
        assert upload.rows == 2

    def test_lines_that_are_no_objects_are_named(self):
        content = b'{"text": "a b", "label": 1}\n{"text": \n[1, 2]\n\n{"text": "c d", "label": 0}\n'
        upload = read_upload(content, "a.jsonl")
        assert upload.table.text == ("a b", "c d")
        assert kinds(upload) == {(2, "JSON"), (3, "JSON")}
        assert upload.lines.tolist() == [1, 5]

    def test_problems_are_counted_beyond_those_listed(self):
        content = "text,label\n" + "fine,good\n" + ",good\n" * 5000
        upload = read_upload(content.encode(), "a.csv")
        assert upload.counts == {"without a text": 5000}
        assert len(upload.problems) == 200

    def test_control_characters_alone_are_no_text(self):
        upload = read_upload(b"text,label\n\x01\x02,good\nfine,good\nbad,poor\n", "a.csv")
        assert kinds(upload) == {(2, "without a text")}

    @given(st.binary(max_size=300))
    def test_no_bytes_bring_it_down(self, content):
        try:
            upload = read_upload(b"text,label\nfine,good\n" + content, "a.csv")
        except DataError:
            return
        assert len(upload.table) == len(upload.lines)
        assert "fine" in tuple(upload.table.text)


class TestWhatIsNoTable:
    """Refused by what it is, in the time that a look at it takes."""

    def test_bytes_that_are_no_text_are_refused(self):
        raw = np.random.default_rng(0).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
        with pytest.raises(DataError, match="control characters"):
            peek(raw, "a.csv")

    @pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a"])
    def test_a_picture_is_called_one(self, start):
        with pytest.raises(DataError, match="a picture"):
            peek(start + bytes(range(256)) * 10, "a.csv")

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_more_columns_than_a_table_has_are_refused(self, form):
        names = [f"c{n}" for n in range(6_000)]
        rows = [{name: "x", "text": "a"} for name in names]
        raw = ",".join(names) + "\n" + ",".join("x" for _ in names)
        with pytest.raises(DataError, match="columns"):
            peek((raw if form == "csv" else json.dumps(rows)).encode(), f"a.{form}")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("é film", "cp1252"),
        ("à la carte", "cp1252"),
        ("\u201cdull\u201d \u2013 no more", "cp1252"),
        ("Ü", "cp1252"),
        ("ein Käse größer als groß", "cp1252"),
        ("очень плохой фильм", "cp1251"),
        ("очень плохой фильм", "koi8_r"),
        ("πολύ κακή ταινία", "cp1253"),
    ],
)
def test_a_letter_among_latin_ones_makes_no_other_alphabet(text, encoding):
    rows = "".join(f"{text},{'ab'[n % 2]}\n" for n in range(4))
    upload = read_upload(f"text,label\n{rows}".encode(encoding), "old.csv", duplicates="keep")
    assert set(upload.table.text) == {text}
