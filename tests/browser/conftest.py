"""Journeys: the app in a process of its own, on tiny checkpoints, seen through Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny

# Other work may share the machine; a journey waits for conditions, and this long at most.
PATIENCE = 120_000
HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
SENTIMENTS, KINDS = ("negative", "positive"), ("place", "person", "number")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


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
def app(serve: Callable[..., Any], checkpoints: Path) -> Any:
    """The app on the tiny checkpoints."""
    return serve(env={"POOLLENS_CHECKPOINTS": str(checkpoints)})


@pytest.fixture
def page(browser_page: Any) -> Iterator[Any]:
    """A page that fails the test if the console ever says error."""
    browser_page.set_default_timeout(PATIENCE)
    errors: list[str] = []

    def note(message: Any) -> None:
        # On /Layers Streamlit's own client asks for /Layers/_stcore/... before it finds its root.
        if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
            errors.append(message.text)

    browser_page.on("console", note)
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    yield browser_page
    assert not errors, errors
