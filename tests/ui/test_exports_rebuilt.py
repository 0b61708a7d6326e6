"""Every picture that a page exports is made again by its recipe, in another process: no difference.

A page and a state of its controls is a `Case`; each is tried with a checkpoint, a seed group, and a
group beside a checkpoint.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import analysis
from analysis.__main__ import main
from analysis.corpus import bulk
from analysis.figures.files.sidecar import sidecar
from analysis.figures.recipes import folders
from analysis.reading.trace import measure_profile
from analysis.study.fits import write_fit
from tests.support import study_folders, tiny
from tests.support.export_cases import (
    APART,
    CASES,
    CHOSEN,
    EVALUATE,
    HEADS,
    MAP,
    OTHER,
    QUICK,
    ROWS,
    TEXT,
    page,
)
from tests.support.record_samples import known_fit
from tests.support.saved_figures import run


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of each pooling head, each with an encoder and a profile of its own."""
    root = tmp_path_factory.mktemp("toys")
    labels, encoder = ("negative", "positive"), root / "_encoder"
    for seed in range(2):
        shutil.rmtree(encoder, ignore_errors=True)
        tiny.make_bare_encoder(encoder, seed)  # of one name, or the seeds would be no group
        for place, head in enumerate(HEADS):
            folder = root / f"toy-{head}-s{seed}"
            tiny.make_pooling_checkpoint(
                folder,
                head,
                labels,
                task="sst2",
                encoder=encoder,
                seed=10 * place + seed,
                facts={"group": f"toy-{head}", "seed": seed},
            )
            texts = [TEXT, OTHER, tiny.SENTENCE]
            measure_profile(analysis.load(folder), texts, None, "three").save(folder)
    return root


def written(plots: list[Any], folder: Path) -> list[str]:
    """Sidecars of pictures, by name; each picture has what belongs to one."""
    names = []
    for place, plot in enumerate(plots):
        assert plot.recipe, f"{plot.view}: no recipe"
        assert plot.caption
        assert len(plot.frame())
        name = f"{place:02}-{plot.view}.json"
        # as a table: the numbers are compared all the same, and nothing has to be drawn
        (folder / name).write_text(sidecar(plot, format="csv").to_json())
        names.append(name)
    return names


def assert_equal(names: list[str], code: int, lines: str) -> None:
    """The command said of each sidecar that its values are the stored ones."""
    assert code == 0, lines
    equal = [f"{name}: The recomputed values equal the stored ones." for name in names]
    assert [line for line in equal if line not in lines] == [], lines


def every_case() -> list[Any]:
    return [
        pytest.param(
            case,
            state,
            id=f"{case}, {state}",
            marks=() if (case, state) in QUICK else pytest.mark.slow,
        )
        for case in CASES
        for state in CHOSEN
    ]


@pytest.mark.parametrize(("name", "state"), every_case())
def test_every_export_of_a_page_is_rebuilt_without_a_difference(
    name: str,
    state: str,
    toys: Path,
    exported: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    case = CASES[name]
    chosen = [choice.format(case.head) for choice in CHOSEN[state]]
    held = {"text": TEXT, "checkpoints": chosen, **case.held}
    menus = exported(case.page, toys, case.press, case.after, **held)
    plots = [plot for menu in menus.values() for plot in menu.values()]
    assert set(case.views) <= {plot.view for plot in plots}
    if "similarity_centre" in case.after:
        assert any(plot.recipe["params"].get("centre") == "mean" for plot in plots)
    stems = written(plots, tmp_path)
    pairs = "\t" in str(case.held.get("own_sentences", ""))
    lines = ["text\tpair" if pairs else "text"]
    lines += str(case.held["own_sentences"] if pairs else "\n".join(ROWS)).split("\n")
    rows = "rows.tsv" if pairs else "rows.csv"
    text = "\n".join(line.strip() for line in lines) + "\n"
    (tmp_path / rows).write_text(text, encoding="utf-8")
    arguments = ("--checkpoints", toys, "--data", rows, "--recompute", "--output", "out")
    if (name, state) not in APART:
        monkeypatch.chdir(tmp_path)
        code, errors = main(["rebuild", *stems, *map(str, arguments)]), capsys.readouterr().err
    else:
        answer = run("rebuild", *stems, *arguments, cwd=tmp_path)
        code, errors = answer.returncode, answer.stderr
    assert_equal(stems, code, errors)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study all of whose runs are done, on whole training sets and on parts."""
    families = [
        study_folders.family("primary", ("rte", "mrpc", "cola"), 5, primary=True),
        study_folders.family("learning_curves", ("rte",), 5, (0.1, 0.5)),
    ]
    return study_folders.write(tmp_path_factory.mktemp("studies") / "toy", families)


def test_every_export_of_a_study_is_rebuilt_from_its_folder(
    study_folder: Path,
    toys: Path,
    exported: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    plots = []
    for held in ({}, {"tasks_shown": ["mrpc"], "study_metric": "f1"}):
        menus = exported(EVALUATE, toys, study=str(study_folder), **held)
        plots += [plot for menu in menus.values() for plot in menu.values()]
    assert {plot.view for plot in plots} == set(folders.pictures_of("study"))
    stems = written(plots, tmp_path)
    arguments = ["--study", str(study_folder), "--recompute", "--output", str(tmp_path / "out")]
    code = main(["rebuild", *(str(tmp_path / stem) for stem in stems), *arguments])
    assert_equal(stems, code, capsys.readouterr().err)


def test_every_export_of_a_folder_of_vectors_is_rebuilt_from_it(
    toys: Path, exported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, places = tmp_path / "rows.parquet", range(len(ROWS))
    films = [f"film {place % 3}" for place in places]
    rows = pd.DataFrame({"text": ROWS, "label": [str(p % 2) for p in places], "film": films})
    rows.to_parquet(file)
    checkpoint = str(toys / "toy-mha-s0")
    order = bulk.Order(checkpoint, "text", poolings=("mean", "cls"), layers=(0, 2))
    folder = bulk.run([file], tmp_path / "vectors", order)
    held = {
        "vectors_folder": str(folder),
        "map": "pca",
        "poolings": ["mean", "cls"],
        "colour_by": "film",
        "kept_apart": "film",
        "layer_shown": 2,
    }
    menus = exported(MAP, toys, "numbers-go", **held)
    plots = [plot for menu in menus.values() for plot in menu.values()]
    assert {plot.view for plot in plots} == set(folders.pictures_of("vectors"))
    stems = written(plots, tmp_path)
    arguments = ["--vectors", str(folder), "--recompute", "--output", str(tmp_path / "out")]
    code = main(["rebuild", *(str(tmp_path / stem) for stem in stems), *arguments])
    assert_equal(stems, code, capsys.readouterr().err)


def test_every_export_of_a_fit_is_rebuilt_from_its_folder(
    toys: Path, exported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fit = known_fit()
    folder = tmp_path / "results" / "fits" / fit.name
    folder.mkdir(parents=True)
    write_fit(fit, folder)
    (folder / "wish.json").write_text("{}")
    menus = exported(page("Train"), toys)
    plots = [plot for menu in menus.values() for plot in menu.values()]
    assert {plot.view for plot in plots} == set(folders.pictures_of("fit"))
    stems = written(plots, tmp_path)
    arguments = ["--fit", str(folder), "--recompute", "--output", str(tmp_path / "out")]
    code = main(["rebuild", *(str(tmp_path / stem) for stem in stems), *arguments])
    assert_equal(stems, code, capsys.readouterr().err)
    assert main(["rebuild", str(tmp_path / stems[0]), "--output", str(tmp_path / "out")]) == 0
    assert "--fit FOLDER" in capsys.readouterr().err
