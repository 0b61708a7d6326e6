"""What pages keep for all sessions is bounded by bytes, at each place that keeps something."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import threading

import numpy as np
import pytest

import pages.ui
from pages.ui.engine import server_wide
from tests.support.pages import ROOT

for module in pkgutil.walk_packages(pages.ui.__path__, "pages.ui."):
    importlib.import_module(module.name)
PLACES = sorted(name for name in server_wide.BUDGETS if name.startswith("pages."))
MB = 2**20


@pytest.fixture(autouse=True)
def _own_places(monkeypatch):
    monkeypatch.setattr(server_wide, "BUDGETS", dict(server_wide.BUDGETS))
    server_wide.forget()
    yield
    server_wide.forget()


@pytest.mark.parametrize("name", PLACES)
def test_every_place_lets_go_at_its_bound(name):
    budget, cache = server_wide.BUDGETS[name], server_wide.cache_of(name)
    for number in range(12):
        cache.put(number, object(), budget.size // 4)
        assert cache.used <= budget.size
        assert cache.get(number) is not None
    assert len(cache) == min(4, budget.most)
    for number in range(budget.most + 3):
        cache.put(("small", number), object(), 1)
    assert len(cache) <= budget.most


def test_together_they_are_bounded():
    assert len(PLACES) > 10
    assert sum(server_wide.BUDGETS[name].size for name in PLACES) <= 5 * 2**30


def test_pages_keep_nothing_in_streamlits_own_caches():
    for path in (ROOT / "pages").rglob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.Attribute)}  # fmt: skip
        assert not names & {"cache_resource", "cache_data"}, path


def test_what_is_large_leaves_by_bytes_and_what_was_used_last_stays():
    made = []

    @server_wide.kept_up_to(3, most=100)
    def large(number: int, _note: str = "") -> np.ndarray:
        made.append(number)
        return np.zeros(MB - 10_000, np.uint8)

    for number in (1, 2, 3):
        large(number, _note=f"another {number}")
    assert large(1, "unlike before") is large(1)
    assert made == [1, 2, 3]
    large(4)
    large(1)
    assert made == [1, 2, 3, 4]
    large(2)
    assert made == [1, 2, 3, 4, 2]


def test_a_result_that_grows_is_measured_again():
    @server_wide.kept_up_to(2, most=100, growing=True)
    def store(name: str) -> list[np.ndarray]:
        return []

    first, second = store("first"), store("second")
    store("first").append(np.zeros(3 * MB, np.uint8))
    assert store("first") is first
    assert store("second") is not second


def test_an_error_is_not_kept_and_records_with_lists_are_told_apart():
    calls = []

    @server_wide.kept_up_to(1, most=100)
    def read(arguments: list[int]) -> str:
        calls.append(arguments)
        if len(calls) == 1:
            raise ValueError("the disk was away")
        return f"{arguments}"

    with pytest.raises(ValueError, match="away"):
        read([1])
    assert (read([1]), read([1]), read([2])) == ("[1]", "[1]", "[2]")
    assert len(calls) == 3


def test_two_sessions_that_ask_at_once_have_it_made_once():
    begun, go_on, calls = threading.Event(), threading.Event(), []

    @server_wide.kept_up_to(1, most=100)
    def slow(name: str) -> str:
        calls.append(name)
        begun.set()
        assert go_on.wait(10)
        return name

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(slow("a"))) for _ in range(3)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == ["a"] * 3
    assert calls == ["a"]
