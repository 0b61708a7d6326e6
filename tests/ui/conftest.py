"""Page tests: the app runs inside the test, on checkpoints made for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analysis.common import jobs
from tests.support import attributions_reader as reading_attributions
from tests.support import layers_reader, tiny
from tests.support import map_reader as reading_maps
from tests.support import winners_reader as reading_winners

ROOT = Path(__file__).resolve().parent.parent.parent
HEADS = ("cls", "max_cls", "mha", "max_seq_mha")


@pytest.fixture(scope="session", autouse=True)
def one_look_at_the_installed_packages() -> Iterator[None]:
    """A server reads their metadata once, when it starts; AppTest does so at every run."""
    from streamlit.components.v2 import manifest_scanner

    real = manifest_scanner.scan_component_manifests
    manifest_scanner.scan_component_manifests = cache(real)
    yield
    manifest_scanner.scan_component_manifests = real


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_a_browser() -> Iterator[None]:
    """Compare waits until a browser has drawn its cards; here is none, and most runs would wait."""
    from pages.ui.compare import input_attribution

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_attribution, "PAUSE", 0.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_polling() -> Iterator[None]:
    """AppTest looks a thousand times a second whether its script has ended, which takes the script
    a part of its core: here its thread is waited for."""
    from streamlit.testing.v1 import local_script_runner

    looked = local_script_runner.require_widgets_deltas

    def waited(runner: Any, timeout: float = 3) -> None:
        runner._script_thread.join(timeout)
        looked(runner, 1 if runner.script_stopped() else 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", waited)
        yield


@pytest.fixture(scope="session")
def loaded_toys() -> dict[Any, Any]:
    """Toy checkpoints that a test has loaded, by their content."""
    return {}


@pytest.fixture(autouse=True)
def toys_are_loaded_once(loaded_toys: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has copies of the toys in a folder of its own and begins with empty caches; what
    loading makes of the same files is the same."""
    from pages.ui.engine import models

    real = models._load

    def load(checkpoint: Any) -> Any:
        if not checkpoint.name.startswith("toy-"):
            return real(checkpoint)
        key = (checkpoint.id, checkpoint.sha256, models.precision())
        if key not in loaded_toys:
            loaded_toys[key] = real(checkpoint)
        return replace(loaded_toys[key], checkpoint=checkpoint)

    monkeypatch.setattr(models, "_load", load)


@pytest.fixture(autouse=True)
def no_results_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What somebody fitted and ran on this machine is no part of a test."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only: toy-cls, toy-max_cls, toy-mha, toy-max_seq_mha, with three random class names."""
    root = tmp_path_factory.mktemp("made")
    for seed, head in enumerate(HEADS):
        tiny.make_pooling_checkpoint(
            root / f"toy-{head}", head, tiny.random_labels(11), task="toy", seed=seed
        )
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of checkpoints."""
    root = tmp_path / "checkpoints"
    root.mkdir()
    return root


@pytest.fixture
def four(made: Path, folder: Path) -> Path:
    """The four toy checkpoints in a folder of the test's own."""
    for path in made.iterdir():
        shutil.copytree(path, folder / path.name)
    return folder


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`open_app(folder, text="...", target="...") -> AppTest`, run once on that address.

    ``page`` is where it opens (Compare), ``held`` what its session state holds at the start,
    ``query`` what stands in the address under names that are no keywords here.
    """
    from streamlit.testing.v1 import AppTest

    def start(
        root: Path,
        arguments: tuple[str, ...] | list[str] = (),
        page: str = "",
        held: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        **address: Any,
    ) -> Any:
        # What stands behind "--" on the command line of the tests is not the app's.
        monkeypatch.setattr("sys.argv", ["app.py", *arguments])
        monkeypatch.setenv("POOLLENS_CHECKPOINTS", str(root))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
        if page:
            app.switch_page(page)
        for name, value in {**address, **(query or {})}.items():
            app.query_params[name] = value
        for name, value in (held or {}).items():
            app.session_state[name] = value
        return app.run()

    return start


@pytest.fixture
def open_attributions(open_app, monkeypatch, tmp_path):
    """`open_attributions(folder, **chosen) -> AppTest` on the Attributions page."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    first = {"text": reading_attributions.SENTENCE}
    return lambda root, **chosen: reading_attributions.start(open_app, root, **(first | chosen))


@pytest.fixture
def downloads(monkeypatch):
    """Key of a download button -> what a click on it would save."""
    import streamlit

    files, real = {}, streamlit.download_button

    def button(label, data=None, **options):
        files[options.get("key")] = data
        return real(label, data, **options)

    monkeypatch.setattr(streamlit, "download_button", button)
    return files


@pytest.fixture
def open_winners(open_app: Any) -> Any:
    """`open_winners(folder, **chosen) -> AppTest` on the winners page."""

    def start(root: Path, **chosen: Any) -> Any:
        held = {"text": reading_winners.TEXT, **chosen}
        return open_app(root, page="pages/2_Max_pool_winners.py", held=held)

    return start


@pytest.fixture
def seeds(folder: Path) -> Path:
    """Two seed groups of two whose maximum runs over layers: toy-one and toy-two."""
    labels = tiny.random_labels(5)
    heads = {"toy-one": "max_cls", "toy-two": "max_seq_mha"}
    for shift, (group, head) in enumerate(heads.items()):
        for seed in range(2):
            tiny.make_pooling_checkpoint(
                folder / f"{group}-s{seed}",
                head,
                labels,
                task="toy",
                seed=10 * shift + seed,
                facts={"group": group, "seed": seed},
            )
    return folder


@pytest.fixture
def exported(open_app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`exported(page, folder, **held)` -> what each export menu of the page offers, by its key.

    `press` is the key of a button that is clicked first, `after` what is set once its job is done.
    """
    from pages.ui.export import panel

    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    offered: dict[str, dict[str, Any]] = {}
    real = panel._menu

    def watched(plots: Any, key: str, label: str, together: str = "") -> None:
        offered[key] = dict(plots)
        real(plots, key, label, together)

    monkeypatch.setattr(panel, "_menu", watched)

    def start(
        page: str, root: Path, press: str = "", after: Any = None, **held: Any
    ) -> dict[str, dict[str, Any]]:
        for key in list(jobs._jobs):
            jobs.forget(key)
        app = open_app(root, page=page, held=held)

        def settle() -> None:
            """Wait for what the page began by itself, and draw what came of it."""
            for _ in range(4):
                known = list(jobs._jobs.values())
                for job in known:
                    assert job.wait(300)
                if not known:
                    return
                for name, value in held.items():  # a control that was not drawn forgets
                    app.session_state[name] = value
                app.run()

        settle()
        assert not app.exception, [error.value for error in app.exception]
        if press:
            app.button(key=press).click().run()
            for job in list(jobs._jobs.values()):
                assert job.wait(300)
            settle()
        for name, value in (after or {}).items():
            app.session_state[name] = value
        offered.clear()
        app.run()
        assert not app.exception, [error.value for error in app.exception]
        return dict(offered)

    return start


@pytest.fixture
def open_map(open_app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`open_map(folder, **chosen) -> AppTest`, run until its jobs have ended."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))

    def start(root: Path, **chosen: Any) -> Any:
        settings = {
            "text": "the plot is good",
            "map": "pca",
            "source": "own sentences",
            "own_sentences": "\n".join(reading_maps.ROWS),
            **chosen,
        }
        app = open_app(root, page=reading_maps.PAGE, held=settings)
        reading_maps.settle(app)
        return app

    return start


@pytest.fixture
def open_layers(open_app: Any) -> Callable[..., Any]:
    """`open_layers(folder, **chosen) -> AppTest` on the Layers page."""

    def start(root: Path, **chosen: Any) -> Any:
        app = open_app(root, page="pages/1_Layers.py", held={"text": layers_reader.TEXT, **chosen})
        assert not app.exception, [error.value for error in app.exception]
        return app

    return start
