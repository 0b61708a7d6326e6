"""The tasks that PoolLens knows by name: classes, metrics, files and columns, one entry each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.datasets.files import Column, File


@dataclass(frozen=True)
class Hub:
    """Parquet files of a data set on the Hub: split -> file pattern, and the columns' names."""

    repo: str
    files: Mapping[str, str]
    text: str
    pair: str | None = None
    label: str = "label"
    revision: str | None = None


@dataclass(frozen=True)
class Task:
    """One task: its classes in their fixed order (none: regression), files, metrics and splits.

    ``values`` maps what a file holds to the class index, where that is neither the index nor the
    class name. ``scored`` names the splits a score is reported on.
    """

    key: str
    title: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    folders: tuple[str, ...]
    files: Mapping[str, File]
    hub: Hub
    values: Mapping[str, int] = field(default_factory=dict)
    scored: tuple[str, ...] = ("dev",)
    skip_broken: bool = False

    @property
    def name(self) -> str:
        """As the field writes it: ``CoLA``, ``SST-2``."""
        return self.folders[-1]

    @property
    def pairs(self) -> bool:
        """True where a row has two texts."""
        return self.hub.pair is not None

    def known(self) -> dict[str, int]:
        """Spellings of labels in the task's files -> class index."""
        if self.values:
            return dict(self.values)
        names = {name: index for index, name in enumerate(self.labels)}
        return names | {str(index): index for index in range(len(self.labels))}


def _three(text: Column, pair: Column | None, label: Column) -> dict[str, File]:
    """The usual three files of a GLUE task: train and dev with labels, test without."""
    return {
        "train": File("train.tsv", text, pair, label),
        "dev": File("dev.tsv", text, pair, label),
        "test": File("test.tsv", text, pair),
    }


def _glue(config: str, text: str, pair: str | None = None, **more: str) -> Hub:
    """The GLUE collection on the Hub: one folder per task, one or more Parquet shards a split."""
    names = {"train": "train", "dev": "validation", "test": "test", **more}
    files = {split: f"{config}/{name}-*.parquet" for split, name in names.items()}
    return Hub("nyu-mll/glue", files, text, pair)


_NLI = ("entailment", "not_entailment")
_MRPC = ("#1 String", "#2 String", "Quality")

# One entry reads as one block here; the formatter would spread it over forty lines.
# fmt: off
TASKS: dict[str, Task] = {
    task.key: task
    for task in (
        Task("cola", "linguistic acceptability (CoLA)", ("unacceptable", "acceptable"),
             ("matthews", "accuracy"), ("CoLA",),
             {"train": File("train.tsv", 3, None, 1, header=False),
              "dev": File("dev.tsv", 3, None, 1, header=False),
              "test": File("test.tsv", "sentence")},
             _glue("cola", "sentence")),
        Task("sst2", "sentiment of film reviews (SST-2)", ("negative", "positive"),
             ("accuracy",), ("SST-2",), _three("sentence", None, "label"),
             _glue("sst2", "sentence")),
        Task("mrpc", "paraphrase of sentence pairs (MRPC)", ("different", "paraphrase"),
             ("accuracy", "f1"), ("MRPC",),
             {"train": File("train.tsv", *_MRPC), "dev": File("dev.tsv", *_MRPC),
              "test": File("msr_paraphrase_test.txt", *_MRPC)},
             _glue("mrpc", "sentence1", "sentence2")),
        Task("stsb", "semantic similarity from 0 to 5 (STS-B)", (),
             ("pearson", "spearman"), ("STS-B",),
             {**_three("sentence1", "sentence2", "score"),
              "test": File("test_labelled.tsv", 5, 6, 4, header=False)},
             _glue("stsb", "sentence1", "sentence2")),
        Task("qqp", "duplicate questions (QQP)", ("different", "duplicate"),
             ("accuracy", "f1"), ("QQP",), _three("question1", "question2", "is_duplicate"),
             _glue("qqp", "question1", "question2"), skip_broken=True),
        Task("mnli", "natural language inference (MNLI)",
             ("entailment", "neutral", "contradiction"), ("accuracy",), ("MNLI",),
             {"train": File("train.tsv", "sentence1", "sentence2", "gold_label"),
              "dev": File("dev_matched.tsv", "sentence1", "sentence2", "gold_label"),
              "dev_mismatched": File("dev_mismatched.tsv", "sentence1", "sentence2",
                                     "gold_label"),
              "test": File("test_matched.tsv", "sentence1", "sentence2"),
              "test_mismatched": File("test_mismatched.tsv", "sentence1", "sentence2")},
             _glue("mnli", "premise", "hypothesis", dev="validation_matched",
                   dev_mismatched="validation_mismatched", test="test_matched",
                   test_mismatched="test_mismatched"),
             scored=("dev", "dev_mismatched")),
        Task("qnli", "does the sentence answer the question (QNLI)", _NLI,
             ("accuracy",), ("QNLI",), _three("question", "sentence", "label"),
             _glue("qnli", "question", "sentence")),
        Task("rte", "textual entailment (RTE)", _NLI,
             ("accuracy",), ("RTE",), _three("sentence1", "sentence2", "label"),
             _glue("rte", "sentence1", "sentence2")),
        Task("wnli", "pronoun resolution as entailment (WNLI)", ("not_entailment", "entailment"),
             ("accuracy",), ("WNLI",), _three("sentence1", "sentence2", "label"),
             _glue("wnli", "sentence1", "sentence2")),
        Task("trec", "question type, six coarse classes (TREC)",
             ("abbreviation", "entity", "description", "human", "location", "number"),
             ("accuracy",), ("trec", "TREC"),
             {"train": File("train_5500.label", form="trec"),
              "test": File("TREC_10.label", form="trec")},
             Hub("CogComp/trec",
                 {"train": "default/train/*.parquet", "test": "default/test/*.parquet"},
                 "text", label="coarse_label", revision="refs/convert/parquet"),
             values={"ABBR": 0, "ENTY": 1, "DESC": 2, "HUM": 3, "LOC": 4, "NUM": 5},
             scored=("test",)),
    )
}
# fmt: on

METRIC_NAMES = {
    "f1": "F1", "macro_f1": "macro F1", "matthews": "Matthews", "pearson": "Pearson",
    "rmse": "RMSE", "spearman": "Spearman",
}  # fmt: skip


def task_name(key: str) -> str:
    """A task as the field writes it (``cola``: ``CoLA``); one's own by the name it was given."""
    return TASKS[key].name if key in TASKS else key


def metric_name(key: str) -> str:
    """A metric as a sentence names it (``matthews``: ``Matthews``)."""
    return METRIC_NAMES.get(key, key)
