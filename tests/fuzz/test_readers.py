"""Every reader on damaged and hostile files: a result, or a sentence; never anything else."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings  # noqa: F401
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.support.readers import NAMES, readers, same

SECONDS = 200  # of the long run, for all readers together
QUIET = dict(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)


def _check(name: str, data: bytes) -> None:
    try:
        readers()[name].read(data)
    except Exception as error:
        if not same(error):
            raise
        sentence = str(error)
        sentence.encode("utf-8")  # a page could not show half a character
        assert sentence.strip()
        assert len(sentence) < 2_000, f"{len(sentence)} characters: {sentence[:200]}"


def test_every_reader_is_in_the_list():
    assert set(NAMES) == set(readers())


@pytest.mark.parametrize("name", NAMES)
def test_whole_files_are_read(name):
    for data in readers()[name].corpus:
        readers()[name].read(data)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_answers_any_file_with_a_result_or_a_sentence(name):
    @settings(max_examples=25, **QUIET)
    @given(readers()[name].files)
    def check(data: bytes) -> None:
        _check(name, data)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_answers_many_files_with_a_result_or_a_sentence(name, record_property):
    reader, cases = readers()[name], 0
    until = time.monotonic() + SECONDS / len(NAMES)

    for number in itertools.count():

        @seeded(number)
        @settings(max_examples=200, **QUIET)
        @given(reader.files, st.just(number))
        def check(data: bytes, _: int) -> None:
            nonlocal cases
            cases += 1
            _check(name, data)

        check()
        if time.monotonic() > until:
            break
    record_property("cases", cases)
    print(f"{name}: {cases:,} files in {SECONDS / len(NAMES):.0f} s")
