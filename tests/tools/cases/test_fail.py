"""Tests that have to fail. The comment above each is what its failure has to say."""

import functools
import unittest

import pytest

kept = []
table = {}


def keep():
    kept.append(bytes(1000))


# says: test_list leaks: the memory of 1 line has grown in each of 5 runs (after 3 to warm up)
@pytest.mark.no_leaks
def test_list():
    kept.append(bytes(1000))


# says: test_called leaks:
# says: called from test_fail.py:
# says: keep()  # the line that calls
@pytest.mark.no_leaks
def test_called():
    keep()  # the line that calls


# says: test_options leaks: the memory of 1 line has grown in each of 3 runs (after 0 to warm up)
@pytest.mark.no_leaks(runs=3, warmup=0, frames=1)
def test_options():
    kept.append(bytes(1000))


@functools.lru_cache(maxsize=None)
def cached(number):
    return bytes(1000)


# says: return bytes(1000)
@pytest.mark.no_leaks
def test_a_cache_that_grows():
    cached(len(table))
    table[len(table)] = "entry"


class Case(unittest.TestCase):
    # says: test_unittest leaks:
    @pytest.mark.no_leaks
    def test_unittest(self):
        kept.append(bytes(1000))


class TestMethod:
    # says: test_method leaks:
    @pytest.mark.no_leaks
    def test_method(self):
        self.__class__.kept = [getattr(self, "kept", None), bytes(1000)]


# says: test_allowed leaks:
@pytest.mark.no_leaks(allow=500)
def test_allowed():
    kept.append(bytes(1000))


# says: test_limit needed 195
# says: more than the limit of 1024 KiB
# says: large = bytearray(2_000_000)
@pytest.mark.limit_memory("1 MiB")
def test_limit():
    large = bytearray(2_000_000)
    kept.append(large)


# says: Most was freed before the end
@pytest.mark.limit_memory("1 MB")
def test_limit_of_what_was_freed():
    bytearray(2_000_000)


# says: test_limit_with_no_leaks needed
@pytest.mark.no_leaks
@pytest.mark.limit_memory("1 MB")
def test_limit_with_no_leaks():
    bytearray(2_000_000)


# says: < (100000 // 2)
# says: block: kept +9
# says: data = bytearray(100_000)
def test_measure(measure_memory):
    with measure_memory() as m:
        data = bytearray(100_000)
    assert m.grown < len(data) // 2


# says: an error of the test itself
@pytest.mark.no_leaks
def test_error():
    raise ValueError("an error of the test itself")


# says: @pytest.mark.limit_memory: unknown unit 'parsecs' in the size '12 parsecs'
@pytest.mark.limit_memory("12 parsecs")
def test_bad_size():
    pass


# says: @pytest.mark.limit_memory: it needs the limit, as in limit_memory("24 MiB")
@pytest.mark.limit_memory
def test_no_size():
    pass


# says: @pytest.mark.no_leaks: runs must be 2 or more, not 1
@pytest.mark.no_leaks(runs=1)
def test_bad_runs():
    pass


# says: @pytest.mark.no_leaks: its options have names, as in no_leaks(runs=5)
@pytest.mark.no_leaks(5)
def test_option_without_name():
    pass


class AsyncCase(unittest.IsolatedAsyncioTestCase):
    # says: @pytest.mark.no_leaks has no effect on an asynchronous test of unittest
    @pytest.mark.no_leaks
    async def test_async(self):
        pass
