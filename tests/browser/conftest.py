"""Journeys: the app in a process of its own, on tiny checkpoints, seen through Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import study_folders as made_studies
from tests.support import tiny
from tests.support.chromium import chromium, fresh_profile
from tests.support.compare_browser import PATIENCE, errors_of

HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SENTIMENTS, KINDS = ("negative", "positive"), ("place", "person", "number")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser. What waited in vain is tried once more, and the summary
    says so: an action that comes while a busy machine draws the page anew goes to what was there
    before. Any other failure counts at once."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]))


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pooling heads each for two tasks, one for pairs, and a folder that is none."""
    root = tmp_path_factory.mktemp("checkpoints")
    for seed, head in enumerate(HEADS):
        for task, labels in (("sst2", SENTIMENTS), ("trec", KINDS)):
            tiny.make_pooling_checkpoint(
                root / f"{task}-{head}", head, labels, task=task, seed=seed
            )
    tiny.make_pooling_checkpoint(
        root / "mrpc-mha", "mha", ("different", "same"), task="mrpc", pairs=True, seed=4
    )
    (root / "unfinished").mkdir()
    return root


@pytest.fixture(scope="session")
def app(
    serve: Callable[..., Any], checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """The app on the tiny checkpoints and a small study, with folders of its own for what it
    keeps. One for all modules: a server takes a quarter of a minute until it has answered."""
    kept = tmp_path_factory.mktemp("kept")
    study = made_studies.write(
        kept / "studies" / "toy", [made_studies.family("primary", ("rte",), 5, primary=True)]
    )
    return serve(
        env={
            "POOLLENS_CHECKPOINTS": str(checkpoints),
            "POOLLENS_STUDIES": str(study.parent),
            "POOLLENS_RESULTS": str(kept / "results"),
            "POOLLENS_FIGURES": str(kept / "figures"),
        }
    )


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, started once for all modules here, and gone before other tests begin."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def profiles(browser: Any) -> Iterator[Callable[[str], Any]]:
    """`profiles(motion)`: the profile that all modules with this answer to motion share."""
    with ExitStack() as stack:
        yield cache(lambda motion: stack.enter_context(fresh_profile(browser, motion)))


@pytest.fixture(scope="module")
def profile(profiles: Callable[[str], Any], motion: str) -> Any:
    """See `profiles`; what a test stores in it is cleared when the test ends."""
    return profiles(motion)


@pytest.fixture
def page(browser_page: Any) -> Iterator[Any]:
    """A page that fails the test if the console ever says error."""
    browser_page.set_default_timeout(PATIENCE)
    errors = errors_of(browser_page)
    yield browser_page
    assert not errors, errors


@pytest.fixture(scope="session")
def axe() -> str:
    """The checks of axe-core, as npm installed them."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci")
    return AXE.read_text(encoding="utf-8")
