"""What all tests share: optional data, the running app, a browser, and what "skipped" may mean.

With ``POOLLENS_NOTHING_SKIPPED=1`` a skip is a failure: on the machine that decides whether a
change is good, missing data or a missing browser must not look like success. Tests marked ``gpu``
are left out, not skipped, where there is no CUDA device; so are those of a base-size encoder with
``POOLLENS_WITHOUT_MPNET=1``, for a machine that cannot get one, and those that use axe-core with
``POOLLENS_WITHOUT_NODE=1``.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from tests.support.chromium import chromium, fresh_profile
from tests.support.parts import EXAMPLES

ROOT = Path(__file__).resolve().parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread for each of several workers, their servers included: threads of torch that wait
    # for each other on shared cores make both crawl. Read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
NOTHING_SKIPPED = os.environ.get("POOLLENS_NOTHING_SKIPPED", "") not in ("", "0")
SERVER_START_SECONDS = 60

# The first example of a property may load a model; a deadline would then fail at random.
settings.register_profile("poollens", deadline=None, print_blob=True, max_examples=EXAMPLES)
settings.register_profile("nothing_skipped", settings.get_profile("poollens"), derandomize=True)
settings.load_profile("nothing_skipped" if NOTHING_SKIPPED else "poollens")


# --- what is collected, and what a skip means -------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the ``gpu`` tests where there is no CUDA device, and what needs a base-size encoder
    where there is said to be none."""
    left_out = {item for item in items if item.get_closest_marker("gpu")}
    if left_out:
        import torch

        if torch.cuda.is_available():
            left_out = set()
    if os.environ.get("POOLLENS_WITHOUT_MPNET", "") not in ("", "0"):
        left_out |= {item for item in items if "mpnet_dir" in getattr(item, "fixturenames", ())}
    if os.environ.get("POOLLENS_WITHOUT_NODE", "") not in ("", "0"):
        left_out |= {item for item in items if "axe" in getattr(item, "fixturenames", ())}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """What is imported by now stays until the end. Without this each full collection of garbage
    walks through half a million objects, and statsmodels and Streamlit ask for many."""
    gc.collect()
    gc.freeze()


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not NOTHING_SKIPPED or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"Nothing may be skipped here, but this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    report = yield
    _forbid_skip(report)
    return report


# --- optional data ----------------------------------------------------------------------------


def _data_folder(variable: str, holds: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: it names the folder with {holds}")
    folder = Path(value)
    if not folder.is_dir():
        pytest.skip(f"{variable} names {folder}, which is not a folder; it should hold {holds}")
    return folder


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder of the GLUE tasks, from ``GLUE_DIR``."""
    return _data_folder("GLUE_DIR", "the GLUE tasks, a folder each")


@pytest.fixture(scope="session")
def text_data_dir() -> Path:
    """The folder of the other text data sets, from ``TEXT_DATA_DIR``."""
    return _data_folder("TEXT_DATA_DIR", "the text data sets, a folder each")


@pytest.fixture(scope="session")
def mpnet_dir() -> Path:
    """The folder of all-mpnet-base-v2, an encoder of base size, from ``MPNET_DIR``."""
    return _data_folder("MPNET_DIR", "the encoder all-mpnet-base-v2")


# --- the app ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def fresh_streamlit_caches(request: pytest.FixtureRequest) -> None:
    """A page test starts with empty caches, so that none passes on another one's results."""
    if "ui" in request.path.relative_to(ROOT).parts and "streamlit" in sys.modules:
        import streamlit as st

        st.cache_data.clear()
        st.cache_resource.clear()
        if server_wide := sys.modules.get("pages.ui.engine.server_wide"):
            server_wide.forget()


@dataclass(frozen=True)
class Server:
    """The app in a process of its own. ``start_seconds``: from the command to a healthy answer."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]
    start_seconds: float

    @property
    def host(self) -> str:
        """Host and port, the only address that the app may ask."""
        return urlsplit(self.url).netloc

    def output(self) -> str:
        """What the server has printed so far."""
        return self.log.read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """``serve(script=app.py, arguments=[...], env={...}) -> Server``; all are stopped at the end.

    ``arguments`` come after ``--`` and are the app's own. A ``command`` that opens an app takes the
    place of the script and is given Streamlit's options. The server runs in a folder that is not
    the repository, as it does for someone who starts the app from elsewhere.
    """
    running: list[subprocess.Popen[bytes]] = []

    def start(
        script: Path | str = ROOT / "app.py",
        arguments: list[str] | None = None,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> Server:
        folder = tmp_path_factory.mktemp("server")
        log = folder / "server.log"
        url = f"http://127.0.0.1:{_free_port()}"
        command = [
            *(command or (sys.executable, "-m", "streamlit", "run", str(script))),
            *("--server.port", url.rsplit(":", 1)[1], "--server.address", "127.0.0.1"),
            *("--server.headless", "true"),
            *(["--", *arguments] if arguments else []),
        ]
        began = time.monotonic()
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        while not _healthy(url):
            waited = time.monotonic() - began
            if process.poll() is not None or waited > SERVER_START_SECONDS:
                pytest.fail(f"The app did not start in {waited:.0f} s:\n{log.read_text()}")
            time.sleep(0.1)
        return Server(url, log, process, time.monotonic() - began)

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


# --- the browser ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, one for each module; all of tests/browser has one of its own."""
    with chromium() as running:
        yield running


@pytest.fixture
def asked_hosts() -> set[str]:
    """Host and port of every request and web socket of ``browser_page`` and its pop-ups."""
    return set()


@pytest.fixture(scope="module")
def motion() -> str:
    """Nothing moves for its own sake: without a GPU, Streamlit's sign that it runs costs a third
    of a core. A module about what moves has a fixture of this name that says "no-preference"."""
    return "reduce"


@pytest.fixture(scope="module")
def profile(browser: Any, motion: str) -> Iterator[Any]:
    """A browser profile that the tests of a module share."""
    with fresh_profile(browser, motion) as context:
        yield context


@pytest.fixture
def browser_page(profile: Any, asked_hosts: set[str]) -> Iterator[Any]:
    """A page of 1280 x 800 where nothing is stored yet; what it asks for goes to
    ``asked_hosts``."""

    def note(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            asked_hosts.add(parts.netloc)

    def request(requests: Any) -> None:
        note(requests.url)

    def opened(page: Any) -> None:
        page.on("websocket", lambda socket: note(socket.url))

    profile.on("request", request)
    profile.on("page", opened)
    page = profile.new_page()
    # Who was here before; the steps of a first visit have a test of their own.
    page.add_init_script("localStorage.setItem('poollens-visited', 'true')")
    yield page
    storage = profile.new_cdp_session(page)
    for host in asked_hosts:
        storage.send(
            "Storage.clearDataForOrigin", {"origin": f"http://{host}", "storageTypes": "all"}
        )
    for tab in profile.pages:
        tab.close()
    profile.remove_listener("request", request)
    profile.remove_listener("page", opened)
