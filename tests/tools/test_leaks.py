"""`no_leaks`, and the assertions of unittest: run by unittest, on tracepy and on CPython.

    PYTHONPATH=Lib python3 tests/tools/test_leaks.py
"""

import asyncio
import collections
import functools
import gc
import tracemalloc
import unittest

from common import Off, here
from tracemalloc_tools import LeakError, no_leaks
from tracemalloc_tools.unittest import MemoryAssertions

kept = []


class Leaks(Off):
    def tearDown(self):
        kept.clear()
        super().tearDown()

    def test_clean_ends_early(self):
        count = 0
        for number in no_leaks(runs=100, warmup=2):
            self.assertEqual(number, count)
            count += 1
            [bytes(100) for _ in range(100)]
        self.assertLess(count, 20)

    def test_leak(self):
        with self.assertRaises(LeakError) as caught:
            for _ in no_leaks("the loop", runs=4, warmup=1, frames=1):
                line = here() + 1
                kept.append(bytes(1000))
        (leak,) = caught.exception.leaks
        self.assertEqual((leak.filename, leak.lineno), (__file__, line))
        self.assertEqual(len(leak.sizes), 4)
        for size in leak.sizes:
            self.about(size, 1000, 200)
        self.assertIn("the loop leaks: the memory of 1 line has grown in each of 4 runs (after 1",
                      str(caught.exception))
        self.assertIn("kept.append(bytes(1000))", str(caught.exception))
        self.assertEqual(len(kept), 5)

    def test_two_leaks_and_who_called(self):
        def keep(size):
            kept.append(bytes(size))

        @no_leaks(frames=10)
        def work():
            keep(1000)
            kept.append(bytes(5000))

        with self.assertRaises(LeakError) as caught:
            work()
        large, small = caught.exception.leaks
        self.about(sum(large.sizes), 25_000)
        self.assertEqual(len(small.calls), 2)
        self.assertEqual(small.calls[-1].lineno, small.lineno)
        self.assertIn("keep(1000)", str(small))
        self.assertIn("work leaks: the memory of 2 lines has", str(caught.exception))

    def test_what_fills_once_is_no_leak(self):
        @functools.lru_cache(maxsize=None)
        def cached():
            return bytes(1000)

        @no_leaks
        def work():
            return cached()

        self.assertEqual(len(work()), 1000)

    def test_what_grows_in_some_runs_only_is_no_leak(self):
        for runs_that_keep in ({1}, {1, 2, 3}, {2, 3, 4}, {4}):
            for number in no_leaks(warmup=1, runs=4):
                if number in runs_that_keep:
                    kept.append(bytes(1000))
        with self.assertRaises(LeakError):
            for number in no_leaks(warmup=1, runs=4):
                if number in {1, 2, 3, 4}:
                    kept.append(bytes(1000))

    def test_blocks_of_another_size_are_no_leak_and_a_buffer_that_grows_is(self):
        data = [bytes(1000)]
        for number in no_leaks():
            data[0] = bytes(1000 + number)
        with self.assertRaises(LeakError):
            for number in no_leaks():
                data[0] = bytes(1000 + 200 * number)

    def test_a_leak_of_cycles_is_garbage_but_not_if_it_is_kept(self):
        @no_leaks
        def garbage():
            loop = [bytes(1000)]
            loop.append(loop)

        @no_leaks
        def leak():
            loop = [bytes(1000)]
            loop.append(loop)
            kept.append(loop)

        # Else it might come by itself, in between.
        gc.disable()
        self.addCleanup(gc.enable)
        garbage()
        with self.assertRaises(LeakError):
            leak()

    def test_allow(self):
        def work():
            kept.append(bytes(1000))

        no_leaks(allow="64 KiB")(work)()
        with self.assertRaises(LeakError):
            no_leaks(allow=900)(work)()

    def test_async(self):
        @no_leaks
        async def clean():
            await asyncio.sleep(0)
            return 7

        @no_leaks
        async def leak():
            await asyncio.sleep(0)
            kept.append(bytes(1000))

        self.assertEqual(asyncio.run(clean()), 7)
        with self.assertRaisesRegex(LeakError, "leak leaks"):
            asyncio.run(leak())

    def test_an_exception_ends_it(self):
        count = []

        @no_leaks
        def work():
            count.append(1)
            1 / 0

        with self.assertRaises(ZeroDivisionError):
            work()
        self.assertEqual(len(count), 1)
        self.assertFalse(tracemalloc.is_tracing())
        for _ in no_leaks():
            break
        gc.collect()
        self.assertFalse(tracemalloc.is_tracing())

    def test_while_tracing(self):
        tracemalloc.start()
        with self.assertRaises(LeakError):
            for _ in no_leaks():
                kept.append(bytes(1000))
        self.assertTrue(tracemalloc.is_tracing())
        tracemalloc.stop()

    def test_bad_options(self):
        for options, error, words in [
            ({"runs": 1}, ValueError, "runs must be 2 or more, not 1"),
            ({"warmup": -1}, ValueError, "warmup must be 0 or more"),
            ({"frames": 0}, ValueError, "frames must be 1 or more"),
            ({"runs": "5"}, TypeError, "runs is a number, not str"),
            ({"allow": "x"}, ValueError, "not a size"),
        ]:
            with self.assertRaisesRegex(error, words):
                no_leaks(**options)


class Assertions(MemoryAssertions, unittest.TestCase):
    def setUp(self):
        self.full = collections.deque((bytes(1000) for _ in range(1000)), maxlen=1000)

    def tearDown(self):
        kept.clear()

    @no_leaks
    def test_what_setup_made_is_replaced(self):
        self.assertTrue(tracemalloc.is_tracing())
        self.full.append(bytes(1000))

    def test_no_leaks(self):
        self.assertNoLeaks(sorted, [3, 1, 2], reverse=True)
        with self.assertRaisesRegex(AssertionError, "leaks: the memory"):
            self.assertNoLeaks(lambda size: kept.append(bytes(size)), 1000, runs=3)

    def test_memory_below(self):
        with self.assertMemoryBelow("1 MiB"):
            bytearray(1_000_000)
        with self.assertRaisesRegex(AssertionError, "the block needed"):
            with self.assertMemoryBelow("1 kB"):
                bytearray(1_000_000)

    @no_leaks
    def test_decorated(self):
        self.assertTrue([bytes(1000)])


if __name__ == "__main__":
    unittest.main()
