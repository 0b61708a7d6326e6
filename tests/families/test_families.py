"""Every family of the table works as the guide says, or is refused in words, by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.commands import main
from analysis.families.checks import COLUMNS, check
from analysis.families.markdown import line, reasons
from analysis.families.table import FAMILIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "families.md"
QUICK = {"bert", "roberta", "deberta-v2", "modernbert (mmBERT)", "xlnet", "qwen3", "gpt2", "t5"}
# The type of an error that nobody meant for people, as `check` writes it in front.
UNFORESEEN = r"\w*(Error|Exception|Warning): "


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in FAMILIES],
)
def test_a_family_works_or_is_refused_as_the_guide_says(name):
    cells = check(name)
    unforeseen = {c: why for c, why in cells.items() if re.match(UNFORESEEN, why)}
    assert not unforeseen
    page = PAGE.read_text("utf-8")
    assert line(name, cells) in page
    for reason in reasons(name, cells):
        assert reason in page
    if cells["load"]:  # then nothing is promised that fails later
        refused = {"load", "logits", "pair", "batch", "attentions", "split", "gradients", "words"}
        assert all(cells[column] == cells["load"] for column in refused)


def test_the_guide_has_a_row_for_every_family():
    rows = [text for text in PAGE.read_text("utf-8").splitlines() if text.startswith("| `")]
    assert [text.split("`")[1] for text in rows] == list(FAMILIES)


def test_the_command_prints_the_table(capsys):
    assert main(["families", "--only", "bert"]) == 0
    printed = capsys.readouterr().out
    assert line("bert", dict.fromkeys(COLUMNS, "")) in printed


def test_a_family_that_is_not_there_is_named(capsys):
    assert main(["families", "--only", "berd"]) == 1
    assert "'berd' is no family" in capsys.readouterr().err
