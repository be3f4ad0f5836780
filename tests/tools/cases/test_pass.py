"""Tests that have to pass. Each is about something that looks like a leak and is none, or that
pytest itself keeps of each run."""

import collections
import functools
import logging
import re
import sys
import unittest
import warnings

import pytest

runs = {}


def ran(name):
    """Counts how often a test has run."""
    runs[name] = runs.get(name, 0) + 1
    return runs[name]


@pytest.mark.no_leaks
def test_clean():
    ran("clean")
    rows = [{"number": number} for number in range(100)]
    assert len(rows) == 100


def test_clean_ran_several_times():
    assert runs["clean"] >= 4


@functools.lru_cache(maxsize=None)
def cached(number):
    return bytes(1000 * number)


@pytest.mark.no_leaks(runs=4, warmup=1)
def test_caches_fill_once():
    import fractions
    assert cached(7) and re.compile("[a-z]+x").match("ax")
    assert fractions.Fraction(1, 3)
    assert sys.intern("interned-%d" % 7)


@pytest.mark.no_leaks
def test_cycles_are_garbage():
    loop = []
    loop.append([loop, bytes(1000)])


last = None


@pytest.mark.no_leaks
def test_replaced_is_not_kept():
    global last
    last = [bytes(1000)]


kept = []


@pytest.mark.no_leaks(allow="64 kB")
def test_allowed():
    kept.append(bytes(1000))


@pytest.mark.no_leaks(runs=6)
def test_seldom():
    # Grows once in a while, as a table does: not in every run.
    if ran("seldom") % 3 == 0:
        kept.append(bytes(1000))


@pytest.mark.no_leaks
def test_output():
    print("x" * 10_000)
    print("y" * 10_000, file=sys.stderr)


@pytest.mark.no_leaks
def test_capsys(capsys):
    print("z" * 1000)
    assert capsys.readouterr().out == "z" * 1000 + "\n"
    print("left for the next run")


@pytest.mark.no_leaks
def test_logs(caplog):
    logging.getLogger("tested").warning("a warning %s", "w" * 1000)
    assert len(caplog.records) == 1


@pytest.mark.no_leaks
@pytest.mark.filterwarnings("always")
def test_warnings():
    warnings.warn("w" * 1000, UserWarning)


@pytest.mark.no_leaks
@pytest.mark.filterwarnings("always")
def test_recwarn(recwarn):
    warnings.warn("w" * 1000, UserWarning)
    assert len(recwarn) == 1


@pytest.mark.no_leaks
def test_raises():
    with pytest.raises(ValueError):
        int("x" * 100)


@pytest.fixture
def rows():
    return []


@pytest.mark.no_leaks
def test_fixture_is_shared(rows):
    rows[:] = [bytes(1000)]


@pytest.fixture
def full():
    return collections.deque((bytes(1000) for _ in range(1000)), maxlen=1000)


@pytest.mark.no_leaks
def test_what_a_fixture_made_is_replaced(full):
    full.append(bytes(1000))


@pytest.mark.no_leaks
@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number):
    assert [bytes(number)]


@pytest.mark.limit_memory("1 MiB")
def test_limit():
    bytearray(1_000_000)


@pytest.mark.limit_memory("1 MiB")
@pytest.mark.no_leaks
def test_both():
    assert bytearray(1_000_000)
    ran("both")


def test_both_ran_several_times():
    assert runs["both"] >= 4


def test_measure(measure_memory):
    with measure_memory() as m:
        data = bytearray(100_000)
        bytearray(500_000)
    assert 99_900 <= m.grown < 103_000
    assert 599_900 <= m.peak < 610_000
    assert "test_pass.py" in str(m.top(1)[0])
    del data


class TestMethod:
    @pytest.mark.no_leaks
    def test_method(self):
        assert [bytes(1000)]


class Case(unittest.TestCase):
    @pytest.mark.no_leaks
    def test_unittest(self):
        self.assertTrue([bytes(1000)])
        ran("unittest")

    def test_unittest_ran_several_times(self):
        self.assertGreaterEqual(runs["unittest"], 4)


@pytest.mark.no_leaks
def test_skip():
    pytest.skip("a skipped test is skipped")


def test_tracing_is_off_again():
    import tracemalloc
    assert not tracemalloc.is_tracing()
