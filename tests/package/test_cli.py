"""The command ``poollens``: what its words lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import commands
from analysis.common import places
from package import cli
from tests.support.sentences import in_order


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"poollens {places.version()}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    output = capsys.readouterr().out
    for name in ("app", "train", "--checkpoints", *commands.COMMANDS):
        assert f"  {name} " in output


def test_a_command_that_is_none_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["rendr"]) == 2
    assert in_order(capsys.readouterr().err, "'rendr'", "app, render")


def test_a_command_of_the_library_gets_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["render", "--list"]) == 0
    assert "winners" in capsys.readouterr().out


def test_training_gets_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "finetune", "--help"])
    assert ended.value.code == 0
    assert "--encoder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "server", "own"),
    [
        ([], [], []),
        (["--server.port", "8600"], ["--server.port", "8600"], []),
        (
            ["--server.port=8600", "--heads", "a.b.py"],
            ["--server.port=8600"],
            ["--heads", "a.b.py"],
        ),
        (
            ["--checkpoints", "d", "--server.headless", "true", "--heads", "h.py"],
            ["--server.headless", "true"],
            ["--checkpoints", "d", "--heads", "h.py"],
        ),
        (["--heads=my.heads.py"], [], ["--heads=my.heads.py"]),
    ],
)
def test_options_with_a_dot_are_streamlits(
    words: list[str], server: list[str], own: list[str]
) -> None:
    assert cli.split_options(words) == (server, own)


def test_the_app_is_started_with_both_kinds_of_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from streamlit.web import cli as streamlit

    started: list[list[str]] = []
    monkeypatch.setattr(streamlit, "main", lambda words, **_: started.append(words))
    assert cli.main(["--server.port", "8600", "--checkpoints", str(tmp_path)]) == 0
    assert cli.main(["app"]) == 0
    assert cli.main([]) == 0
    run = ["run", str(places.APP)]
    assert started[0] == [*run, "--server.port", "8600", "--", "--checkpoints", str(tmp_path)]
    assert started[1] == started[2] == [*run, "--"]


def test_a_mistake_in_the_apps_options_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--chekpoints", "folder"])
    assert ended.value.code == 2
    assert "--chekpoints" in capsys.readouterr().err
