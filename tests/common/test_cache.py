"""The bounded cache: what stays, what leaves, and what two threads see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from analysis.common.cache import Cache

SIZES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), max_size=40)


@given(SIZES)
def test_the_bytes_kept_are_bounded_and_those_of_what_is_there(puts):
    cache, sizes = Cache(100), {}
    for key, size in puts:
        cache.put(key, key, size)
        sizes[key] = size
        kept = [name for name in sizes if name in cache._values]
        assert cache.used == sum(sizes[name] for name in kept)
        assert cache.used <= 100 or len(cache) == 1
        assert cache.get(key) == key  # the newest stays


@given(SIZES)
def test_every_value_is_kept_or_told_when_it_leaves(puts):
    dropped = []
    cache = Cache(100, on_drop=lambda key, value: dropped.append((key, value)))
    there = {}
    for place, (key, size) in enumerate(puts):
        before = len(dropped)
        there[key] = place
        cache.put(key, place, size)
        for gone, value in dropped[before:]:
            assert there.pop(gone) == value
    assert {key: cache.get(key) for key in there} == there


def test_the_one_used_longest_ago_leaves_first():
    cache = Cache(100)
    cache.put("a", 1, 60)
    cache.put("b", 2, 30)
    assert cache.get("a") == 1
    cache.put("c", 3, 30)
    assert cache.get("b") is None
    assert (cache.get("a"), cache.get("c"), cache.used) == (1, 3, 90)


def test_a_value_is_made_once_and_none_is_asked_for_again():
    cache, made = Cache(100), []

    def read(name):
        return cache.get_or_make(name, lambda: made.append(name) or name, lambda _: 40)

    for name in "abcab":
        assert read(name) == name
    assert made == list("abcab")  # two of 40 bytes have room, three do not
    read("b")
    assert made == list("abcab")
    for _ in range(2):
        assert cache.get_or_make("none", lambda: made.append("none"), lambda _: 1) is None
    assert made.count("none") == 2


def test_many_threads_leave_the_count_of_bytes_right():
    cache = Cache(1000)

    def work(seed):
        for step in range(300):
            key = (seed * step) % 50
            cache.put(key, seed, 20 + key)
            cache.get(step % 50)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert cache.used == sum(sum(size.values()) for _, size in cache._values.values()) <= 1000


@given(SIZES)
def test_no_more_values_are_kept_than_are_asked_for(puts):
    cache = Cache(10**6, most=3)
    for key, size in puts:
        cache.put(key, key, size)
        assert cache.get(key) == key
        assert len(cache) <= 3


def test_what_values_have_in_common_counts_once_until_the_last_of_them_leaves():
    cache = Cache(100)
    cache.put("a", "A", {"encoder": 80, "head a": 5})
    cache.put("b", "B", {"encoder": 80, "head b": 5})
    assert (cache.used, len(cache)) == (90, 2)
    cache.put("b", "B again", {"encoder": 80, "head b": 10})
    assert cache.used == 95
    cache.put("c", "C", 20)  # the oldest leaves, and then the other one: they hold the encoder
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, None, "C")
    assert cache.used == 20
