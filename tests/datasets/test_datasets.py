"""Readers of labelled texts: published counts, hand-written files, and every refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.datasets import hub as dataset_hub
from analysis.datasets.table import TASKS, DataError, Table, read
from analysis.datasets.upload import read_file

# Rows of the classic GLUE download and of TREC, as published.
PUBLISHED = {
    ("cola", "train"): 8551,
    ("cola", "dev"): 1043,
    ("cola", "test"): 1063,
    ("sst2", "train"): 67349,
    ("sst2", "dev"): 872,
    ("sst2", "test"): 1821,
    ("mrpc", "train"): 3668,
    ("mrpc", "dev"): 408,
    ("mrpc", "test"): 1725,
    ("stsb", "train"): 5749,
    ("stsb", "dev"): 1500,
    ("stsb", "test"): 1379,
    ("rte", "train"): 2490,
    ("rte", "dev"): 277,
    ("rte", "test"): 3000,
    ("wnli", "train"): 635,
    ("wnli", "dev"): 71,
    ("wnli", "test"): 146,
}


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


class TestRealData:
    @pytest.mark.parametrize(("task", "split"), PUBLISHED)
    def test_every_row_of_the_published_split_is_read(self, glue_dir, task, split):
        table = read(task, split, glue_dir)
        assert len(table) == PUBLISHED[task, split]
        assert all(text.strip() for text in table.text)
        assert (table.pair is not None) == TASKS[task].pairs

    @pytest.mark.parametrize(("split", "rows"), [("train", 5452), ("test", 500)])
    def test_every_trec_question_is_read(self, text_data_dir, split, rows):
        table = read("trec", split, text_data_dir)
        assert len(table) == rows
        assert set(np.unique(table.label)) == set(range(6))

    def test_trec_classes_are_those_of_the_file(self, text_data_dir):
        table = read("trec", "test", text_data_dir)
        first = [(table.text[i], table.labels[table.label[i]]) for i in range(3)]
        assert first == [
            ("How far is it from Denver to Aspen ?", "number"),
            ("What county is Modesto , California in ?", "location"),
            ("Who was Galileo ?", "human"),
        ]

    def test_majority_of_mrpc_and_wnli_is_as_published(self, glue_dir):
        assert read("mrpc", "dev", glue_dir).label.mean() == pytest.approx(279 / 408)
        assert 1 - read("wnli", "dev", glue_dir).label.mean() == pytest.approx(40 / 71)

    def test_stsb_scores_lie_between_0_and_5(self, glue_dir):
        for split in ("train", "dev", "test"):
            table = read("stsb", split, glue_dir)
            assert table.regression
            assert table.label.dtype == np.float64
            assert 0 <= table.label.min() <= table.label.max() <= 5

    def test_unpublished_labels_are_none(self, glue_dir):
        assert read("sst2", "test", glue_dir).label is None
        assert read("mrpc", "test", glue_dir).label is not None


class TestGlueFormat:
    def test_a_quotation_mark_is_a_character(self, tmp_path):
        write(tmp_path / "SST-2/dev.tsv", 'sentence\tlabel\n" so bad \t0\nit\'s "good\t1\n')
        table = read("sst2", "dev", tmp_path)
        assert table.text == ('" so bad', "it's \"good")
        assert table.label.tolist() == [0, 1]

    def test_a_byte_order_mark_is_no_part_of_the_header(self, tmp_path):
        body = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta b\tc d\n"
        write(tmp_path / "MRPC/dev.tsv", body, "utf-8-sig")
        table = read("mrpc", "dev", tmp_path)
        assert (table.text, table.pair, table.label.tolist()) == (("a b",), ("c d",), [1])
        assert table.labels == ("different", "paraphrase")

    def test_the_folder_of_the_task_itself_serves_as_well(self, tmp_path):
        write(tmp_path / "dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n")
        assert read("rte", "dev", tmp_path).label.tolist() == [0]

    def test_mnli_has_two_dev_sets_with_gold_labels(self, tmp_path):
        header = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
        for name, gold in (("matched", "neutral"), ("mismatched", "contradiction")):
            line = f"0\ta\tb\tentailment\t{gold}\n"
            write(tmp_path / f"MNLI/dev_{name}.tsv", header + line)
        assert TASKS["mnli"].scored == ("dev", "dev_mismatched")
        assert read("mnli", "dev", tmp_path).label.tolist() == [1]
        assert read("mnli", "dev_mismatched", tmp_path).label.tolist() == [2]

    def test_qnli_pairs_question_and_sentence(self, tmp_path):
        write(
            tmp_path / "QNLI/train.tsv",
            "index\tquestion\tsentence\tlabel\n0\tq ?\ts .\tnot_entailment\n",
        )
        table = read("qnli", "train", tmp_path)
        assert (table.text, table.pair, table.label.tolist()) == (("q ?",), ("s .",), [1])

    def test_rows_that_qqp_itself_has_broken_are_counted_and_left_out(self, tmp_path):
        header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
        write(tmp_path / "QQP/dev.tsv", header + "1\t2\t3\ta\tb\t1\n4\t5\t6\tonly one\n")
        table = read("qqp", "dev", tmp_path)
        assert (len(table), table.skipped) == (1, 1)

    def test_latin_1_letters_of_trec_survive(self, tmp_path):
        write(tmp_path / "TREC_10.label", "LOC:city Where is Besançon ?\n", "latin-1")
        table = read("trec", "test", tmp_path)
        assert table.text == ("Where is Besançon ?",)
        assert table.labels[table.label[0]] == "location"

    def test_a_unicode_line_separator_does_not_end_a_row(self, tmp_path):
        write(tmp_path / "SST-2/dev.tsv", "sentence\tlabel\none\u2028two\x85three\t1\n")
        assert read("sst2", "dev", tmp_path).text == ("one\u2028two\x85three",)


class TestRefusals:
    def test_a_wrong_label_names_file_line_column_and_choices(self, tmp_path):
        path = write(tmp_path / "SST-2/dev.tsv", "sentence\tlabel\nfine\t1\nodd\t2\n")
        with pytest.raises(DataError) as error:
            read("sst2", "dev", tmp_path)
        message = str(error.value)
        assert f"{path}, line 3: column 'label' holds '2'" in message
        assert "negative, positive" in message

    def test_a_short_row_names_file_line_and_column(self, tmp_path):
        path = write(tmp_path / "SST-2/dev.tsv", "sentence\tlabel\nfine\n")
        with pytest.raises(DataError, match="line 2: column 'label' is missing") as error:
            read("sst2", "dev", tmp_path)
        assert str(path) in str(error.value)

    def test_a_missing_file_names_every_place_looked_in(self, tmp_path):
        with pytest.raises(DataError) as error:
            read("rte", "dev", tmp_path)
        for place in (tmp_path / "RTE/dev.tsv", tmp_path / "dev.tsv"):
            assert str(place) in str(error.value)

    def test_unknown_task_and_split_list_the_known_ones(self, tmp_path):
        with pytest.raises(DataError, match=r"sst3.*sst2"):
            read("sst3", "dev", tmp_path)
        with pytest.raises(DataError, match=r"no split 'validation'.*dev"):
            read("sst2", "validation", tmp_path)

    def test_another_header_lists_the_columns_there_are(self, tmp_path):
        write(tmp_path / "SST-2/dev.tsv", "text\tlabel\nfine\t1\n")
        with pytest.raises(DataError, match=r"no column 'sentence'.*'text', 'label'"):
            read("sst2", "dev", tmp_path)

    def test_a_file_that_is_no_trec_file_is_refused_with_its_line(self, tmp_path):
        write(tmp_path / "TREC_10.label", "HUM:ind Who ?\nno label here\n")
        with pytest.raises(DataError, match="line 2: expected 'COARSE:fine question'"):
            read("trec", "test", tmp_path)

    def test_an_unknown_trec_class_is_refused(self, tmp_path):
        write(tmp_path / "TREC_10.label", "WHAT:ind Who ?\n")
        with pytest.raises(DataError, match=r"line 1.*'WHAT'.*ABBR"):
            read("trec", "test", tmp_path)

    def test_a_header_alone_is_refused(self, tmp_path):
        write(tmp_path / "SST-2/dev.tsv", "sentence\tlabel\n")
        with pytest.raises(DataError, match="holds no rows"):
            read("sst2", "dev", tmp_path)


class TestOwnFiles:
    def test_quoted_fields_keep_commas_and_line_breaks(self, tmp_path):
        path = write(tmp_path / "a.csv", 'text,label\n"one, ""two""\nthree",yes\nfour,no\n')
        table = read_file(path, "text", label="label")
        assert table.text == ('one, "two"\nthree', "four")
        assert table.labels == ("no", "yes")
        assert table.label.tolist() == [1, 0]

    def test_a_tsv_takes_quotation_marks_as_they_are(self, tmp_path):
        path = write(tmp_path / "a.tsv", 'text\tlabel\n"one\ta\ntwo "2\tb\nthree\ta\n')
        assert read_file(path, "text", label="label").text == ('"one', 'two "2', "three")

    @pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
    def test_the_delimiter_is_found_from_the_header(self, tmp_path, delimiter):
        body = "\n".join(delimiter.join(row) for row in (("x", "y"), ("a", "b"), ("c", "d")))
        table = read_file(write(tmp_path / "a.csv", body), "x", label="y")
        assert table.text == ("a", "c")

    def test_whole_numbers_are_classes_in_numeric_order(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,10\nb,9\nc,10\n")
        table = read_file(path, "t", label="y")
        assert table.labels == ("9", "10")
        assert table.label.tolist() == [1, 0, 1]

    def test_fractions_make_a_regression(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,1\nb,0.5\n")
        table = read_file(path, "t", label="y")
        assert table.regression
        assert table.label.tolist() == [1.0, 0.5]

    def test_whole_numbers_can_be_asked_to_be_a_regression(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,1\nb,3\n")
        assert read_file(path, "t", label="y", kind="number").label.tolist() == [1.0, 3.0]

    def test_the_dev_file_keeps_the_classes_of_the_training_file(self, tmp_path):
        path = write(tmp_path / "dev.csv", "t,y\na,3\n")
        assert read_file(path, "t", label="y", labels=("1", "2", "3")).label.tolist() == [2]

    def test_a_class_unknown_in_training_is_refused_even_if_it_is_a_valid_index(self, tmp_path):
        path = write(tmp_path / "dev.csv", "t,y\na,0\n")
        with pytest.raises(DataError, match=r"row 2:.*'0'.*1, 2, 3"):
            read_file(path, "t", label="y", labels=("1", "2", "3"))

    def test_a_word_among_numbers_is_refused_with_its_line(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,1.5\nb,high\n")
        with pytest.raises(DataError, match=r"row 3:.*'high'.*number"):
            read_file(path, "t", label="y", kind="number")

    def test_nan_is_no_number(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,nan\n")
        with pytest.raises(DataError, match=r"row 2:.*'y'"):
            read_file(path, "t", label="y", kind="number")

    def test_pairs_and_tables_without_labels_are_read(self, tmp_path):
        path = write(tmp_path / "a.csv", "s,t\na,b\n")
        table = read_file(path, "s", "t")
        assert (table.pair, table.label, table.regression) == (("b",), None, False)

    def test_an_empty_text_is_refused_with_its_line(self, tmp_path):
        path = write(tmp_path / "a.csv", "t,y\na,1\n  ,2\n")
        with pytest.raises(DataError, match=r"row 3:.*'t'"):
            read_file(path, "t", label="y")

    def test_an_unknown_column_is_refused_with_the_known_ones(self, tmp_path):
        path = write(tmp_path / "a.csv", "text,label\na,1\n")
        with pytest.raises(DataError, match=r"no column 'txt'.*'text', 'label'"):
            read_file(path, "txt", label="label")

    def test_free_text_is_not_taken_for_classes(self, tmp_path):
        rows = "".join(f"{i},note number {i}\n" for i in range(30))
        path = write(tmp_path / "a.csv", "t,y\n" + rows)
        with pytest.raises(DataError, match="30 different values in 30 rows"):
            read_file(path, "t", label="y")

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
    def test_another_encoding_is_read(self, tmp_path, encoding):
        path = write(tmp_path / "a.csv", "t,y\ncafé au lait,1\nthé,2\n", encoding)
        assert read_file(path, "t", label="y").text == ("café au lait", "thé")

    def test_a_missing_and_an_empty_file_are_refused(self, tmp_path):
        with pytest.raises(DataError, match="is not a file"):
            read_file(tmp_path / "none.csv", "t")
        with pytest.raises(DataError, match="empty"):
            read_file(write(tmp_path / "empty.csv", ""), "t")
        with pytest.raises(DataError, match="no rows"):
            read_file(write(tmp_path / "header.csv", "t,y\n"), "t", label="y")


class TestTable:
    TABLE = Table("rte", "dev", ("a", "b", "c"), ("x", "y", "z"), np.array([0, 1, 0]), ("n", "p"))

    def test_taken_rows_stay_together(self):
        part = self.TABLE.take([2, 1])
        assert (part.text, part.pair, part.label.tolist()) == (("c", "b"), ("z", "y"), [0, 1])

    def test_the_frame_holds_class_names(self):
        frame = self.TABLE.frame()
        assert list(frame.columns) == ["text", "pair", "label"]
        assert frame["label"].tolist() == ["n", "p", "n"]

    def test_columns_of_unequal_length_are_refused(self):
        with pytest.raises(ValueError, match="label has 1 rows, text has 2"):
            Table("t", "dev", ("a", "b"), None, np.array([0]), ("n", "p"))

    def test_labels_cannot_be_written_to(self):
        with pytest.raises(ValueError, match="read-only"):
            self.TABLE.label[0] = 1


def hub_cache(
    root: Path, repo: str, files: dict[str, pd.DataFrame], revision: str = "main"
) -> None:
    """A stand-in for what the Hub client leaves on disk after a download."""
    folder = root / f"datasets--{repo.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    write(folder / "refs" / revision, commit)
    for name, frame in files.items():
        path = folder / "snapshots" / commit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty Hub cache, and a Hub that cannot be reached."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(dataset_hub, "hub_unreachable", lambda: "no connection")
    return tmp_path


class TestHub:
    def test_cached_parquet_is_read_without_a_network(self, hub):
        frame = pd.DataFrame({"sentence": ["bad ", "good"], "label": [0, 1], "idx": [0, 1]})
        hub_cache(hub, "nyu-mll/glue", {"sst2/validation-00000-of-00001.parquet": frame})
        table = read("sst2", "dev", "hub")
        assert (table.text, table.label.tolist()) == (("bad", "good"), [0, 1])
        assert table.labels == ("negative", "positive")

    def test_shards_are_joined_in_order(self, hub):
        parts = {
            f"mnli/train-0000{i}-of-00002.parquet": pd.DataFrame(
                {"premise": [f"p{i}"], "hypothesis": [f"h{i}"], "label": [i + 1]}
            )
            for i in (0, 1)
        }
        hub_cache(hub, "nyu-mll/glue", parts)
        table = read("mnli", "train", "hub")
        assert (table.text, table.pair) == (("p0", "p1"), ("h0", "h1"))
        assert [table.labels[i] for i in table.label] == ["neutral", "contradiction"]

    def test_a_missing_shard_is_not_taken_for_the_whole(self, hub):
        frame = pd.DataFrame({"premise": ["p"], "hypothesis": ["h"], "label": [1]})
        hub_cache(hub, "nyu-mll/glue", {"mnli/train-00000-of-00002.parquet": frame})
        with pytest.raises(ValueError, match=r"Hub cache.*no connection"):
            read("mnli", "train", "hub")

    def test_labels_of_minus_one_are_unpublished(self, hub):
        frame = pd.DataFrame({"sentence": ["a", "b"], "label": [-1, -1]})
        hub_cache(hub, "nyu-mll/glue", {"sst2/test-00000-of-00001.parquet": frame})
        assert read("sst2", "test", "hub").label is None

    def test_regression_scores_of_the_hub_stay_numbers(self, hub):
        frame = pd.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "label": [4.75]})
        hub_cache(hub, "nyu-mll/glue", {"stsb/train-00000-of-00001.parquet": frame})
        assert read("stsb", "train", "hub").label.tolist() == [4.75]

    def test_trec_comes_from_the_converted_branch(self, hub):
        frame = pd.DataFrame({"text": ["Who ?"], "coarse_label": [3], "fine_label": [1]})
        hub_cache(
            hub,
            "CogComp/trec",
            {"default/test/0000.parquet": frame},
            revision="refs/convert/parquet",
        )
        table = read("trec", "test", "hub")
        assert [table.labels[i] for i in table.label] == ["human"]

    def test_an_empty_cache_without_a_network_says_what_to_do(self, hub):
        with pytest.raises(ValueError, match=r"nyu-mll/glue.*no connection.*Give a folder"):
            read("rte", "dev", "hub")

    def test_a_reachable_hub_is_asked_for_this_split_only(self, hub, monkeypatch):
        requests = []
        frame = pd.DataFrame({"sentence": ["a"], "label": [1]})

        def download(repo, **options):
            if options["local_files_only"]:
                from huggingface_hub.errors import LocalEntryNotFoundError

                raise LocalEntryNotFoundError("not cached")
            requests.append((repo, options["repo_type"], options["allow_patterns"]))
            folder = hub / "snapshot"
            (folder / "sst2").mkdir(parents=True)
            frame.to_parquet(folder / "sst2/train-00000-of-00001.parquet")
            return str(folder)

        monkeypatch.setattr("huggingface_hub.snapshot_download", download)
        monkeypatch.setattr(dataset_hub, "hub_unreachable", lambda: "")
        assert read("sst2", "train", "hub").text == ("a",)
        assert requests == [("nyu-mll/glue", "dataset", ["sst2/train-*.parquet"])]

    def test_a_damaged_file_is_named(self, hub):
        hub_cache(hub, "nyu-mll/glue", {})
        commit = next((hub / "datasets--nyu-mll--glue/refs").iterdir()).read_text()
        write(
            hub
            / "datasets--nyu-mll--glue/snapshots"
            / commit
            / "sst2/train-00000-of-00001.parquet",
            "not parquet",
        )
        with pytest.raises(DataError, match=r"train-00000-of-00001.parquet: not readable"):
            read("sst2", "train", "hub")


def test_every_task_has_its_splits_in_both_places():
    for task in TASKS.values():
        assert set(task.files) == set(task.hub.files), task.key
        assert set(task.scored) <= set(task.files)
        assert "train" in task.files


def test_the_readers_load_no_torch():
    code = "import sys, analysis.datasets; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
