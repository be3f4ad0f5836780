"""Measuring, limits, sizes and `display_top`: run by unittest, on tracepy and on CPython.

    PYTHONPATH=Lib python3 tests/tools/test_tools.py
"""

import asyncio
import io
import sys
import threading
import tracemalloc
import unittest

import tracemalloc_tools
from common import HEADER, Off, here
from tracemalloc_tools import (
    MemoryLimitError, display_top, format_size, limit_memory, measure, no_leaks, parse_size,
)

class Sizes(unittest.TestCase):
    def test_parse(self):
        for text, size in [
            (0, 0), (7, 7), ("0", 0), ("7", 7), ("7 B", 7), ("10kB", 10_000), ("10 KB", 10_000),
            ("24 MiB", 24 << 20), ("24mib", 24 << 20), (" 1.5 GB ", 1_500_000_000), ("2K", 2048),
            (".5 KiB", 512), ("1.25 kB", 1250), ("3 T", 3 << 40), ("1 tb", 10**12), ("1M", 1 << 20),
            ("123456789012345678", 123456789012345678), ("1.9 B", 1),
        ]:
            self.assertEqual(parse_size(text), size, text)

    def test_refused(self):
        for wrong, error, words in [
            ("", ValueError, "not a size: ''"), ("MiB", ValueError, "not a size"),
            ("-1 MiB", ValueError, "not a size"), ("1 2", ValueError, "not a size"),
            ("1e3", ValueError, "not a size"), ("nan", ValueError, "not a size"),
            ("12 parsecs", ValueError, "unknown unit 'parsecs'"), (-1, ValueError, "negative: -1"),
            ("1 MiB\n2", ValueError, "not a size"), ("\u0661 B", ValueError, "not a size"),
            (1.5, TypeError, "not float"), (True, TypeError, "not bool"), (None, TypeError, "not None"),
            (b"1", TypeError, "not bytes"),
        ]:
            with self.assertRaisesRegex(error, words):
                parse_size(wrong)

    def test_format_is_that_of_tracemalloc(self):
        for size in [0, 1, 511, 1024, 10239, 10240, 12345, 102399, 102400, 10**6, 10**7, 10**8, 10**9,
                     10**10, 10**12, 10**14, 10**16, -5, -20480]:
            frame = tracemalloc.Traceback((("file", 1),))
            text = str(tracemalloc.Statistic(frame, size, 0))
            self.assertIn(f"size={format_size(size)},", text)
            self.assertEqual(format_size(size, sign=True), ("" if size < 0 else "+") + format_size(size))


class Measure(Off):
    def test_kept_and_peak(self):
        with measure("work") as m:
            self.assertFalse(m.finished)
            line = here() + 1
            kept = bytearray(100_000)
            self.about(m.grown, 100_000)
            extra = bytearray(500_000)
            del extra
        self.assertTrue(m.finished)
        self.about(m.grown, 100_000)
        self.about(m.peak, 600_000)
        self.assertIsNone(m.peak_before)
        self.assertIsNone(m.before)
        self.assertGreaterEqual(m.current, m.grown)
        first = m.top(1)[0]
        self.assertEqual((first.traceback[0].filename, first.traceback[0].lineno), (__file__, line))
        self.about(first.size_diff, 100_000)
        self.assertIn("work: kept +9", str(m))
        self.assertIn("kept = bytearray(100_000)", m.report())
        self.assertEqual(len(kept), 100_000)

    def test_an_empty_block_is_empty(self):
        for peak in (True, False):
            for _ in range(3):
                with measure(lines=False, peak=peak) as m:
                    pass
                self.about(m.grown, 0, 600)

    def test_freed_is_negative(self):
        tracemalloc.start()
        data = bytearray(100_000)
        with measure() as m:
            del data
        tracemalloc.stop()
        self.assertLess(m.grown, -99_000)
        self.assertLess(m.peak, 1000)
        self.assertTrue(m.top(None)[-1].size_diff <= -100_000)

    def test_tracing_that_was_on_stays_on(self):
        tracemalloc.start(3)
        data = bytearray(1_000_000)
        del data
        outer_peak = tracemalloc.get_traced_memory()[1]
        with measure(frames=9) as m:
            kept = bytearray(1000)
        self.assertTrue(tracemalloc.is_tracing())
        self.assertEqual(tracemalloc.get_traceback_limit(), 3)
        # The peak of the process is reset, and told.
        self.about(m.peak_before, outer_peak)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)
        self.assertIsNotNone(m.before)
        with measure(peak=False) as m:
            bytearray(1_000_000)
        self.assertGreater(tracemalloc.get_traced_memory()[1], 1_000_000)
        before = tracemalloc.get_traced_memory()[1]
        with measure(peak=False) as m:
            pass
        self.assertEqual(tracemalloc.get_traced_memory()[1], before)
        self.assertIsNone(m.peak_before)
        with self.assertRaisesRegex(RuntimeError, "peak=False"):
            m.peak
        tracemalloc.stop()
        del kept

    def test_nested(self):
        with measure() as outer:
            bytearray(1_000_000)
            with measure() as inner:
                bytearray(300_000)
                with measure() as innermost:
                    bytearray(10_000)
            with measure() as second:
                bytearray(2_000_000)
        self.about(innermost.peak, 10_000)
        self.about(inner.peak, 300_000)
        self.about(second.peak, 2_000_000)
        self.about(outer.peak, 2_000_000, 40_000)

    def test_the_outer_peak_is_from_before_the_inner(self):
        with measure(lines=False) as outer:
            bytearray(1_000_000)
            with measure(lines=False) as inner:
                bytearray(1000)
            bytearray(2000)
        self.about(outer.peak, 1_000_000)
        self.about(inner.peak, 1000)

    def test_overlapping(self):
        first, second = measure(lines=False), measure(lines=False)
        a = first.__enter__()
        bytearray(100_000)
        b = second.__enter__()
        bytearray(300_000)
        first.__exit__(None, None, None)
        self.assertTrue(tracemalloc.is_tracing())
        bytearray(500_000)
        second.__exit__(None, None, None)
        self.about(a.peak, 300_000)
        self.about(b.peak, 500_000)
        self.assertFalse(tracemalloc.is_tracing())

    def test_exception(self):
        reports = []
        with self.assertRaises(ZeroDivisionError):
            with measure(report=reports.append) as m:
                kept = bytearray(100_000)
                1 / 0
        self.assertEqual(reports, [m])
        self.about(m.grown, 100_000, 2 * HEADER)
        del kept

    def test_stop_inside(self):
        with self.assertRaisesRegex(RuntimeError, "stopped inside"):
            with measure() as m:
                tracemalloc.stop()
        with self.assertRaisesRegex(RuntimeError, "stopped inside"):
            m.grown
        self.assertIn("stopped inside", repr(m))
        # Another exception goes first.
        with self.assertRaises(ZeroDivisionError):
            with measure():
                tracemalloc.stop()
                1 / 0

    def test_decorators(self):
        results = []

        @measure(report=results.append)
        def work(size):
            """Makes something."""
            return bytearray(size)

        kept = [work(100_000), work(200_000)]
        self.assertEqual([len(data) for data in kept], [100_000, 200_000])
        self.assertEqual((work.__name__, work.__doc__), ("work", "Makes something."))
        self.about(results[0].grown, 100_000)
        self.about(results[1].grown, 200_000)
        self.assertTrue(results[0].label.endswith("work"))

        @measure(report=results.append)
        async def later(size):
            await asyncio.sleep(0)
            return bytearray(size)

        self.assertEqual(len(asyncio.run(later(300_000))), 300_000)
        self.about(results[2].peak, 300_000, 10 * HEADER)

    def test_bare_decorator_prints(self):
        @measure
        def work():
            return 7

        real, sys.stderr = sys.stderr, io.StringIO()
        try:
            self.assertEqual(work(), 7)
            text = sys.stderr.getvalue()
        finally:
            sys.stderr = real
        self.assertRegex(text, r"^Measure.*work: kept \+\d+ B, peak \+\d+ B\n$")

    def test_recursive_decorated_function(self):
        results = []

        @measure(report=results.append, lines=False)
        def deep(n):
            data = bytearray(100_000)
            return deep(n - 1) + len(data) if n else len(data)

        self.assertEqual(deep(3), 400_000)
        for depth, m in enumerate(results, 1):
            self.about(m.peak, 100_000 * depth, 10 * HEADER)

    def test_generators_are_refused(self):
        def rows():
            yield 1

        async def arows():
            yield 1

        for decorator in (measure(), no_leaks(), limit_memory(1)):
            for function in (rows, arows):
                with self.assertRaisesRegex(TypeError, "rows is a generator"):
                    decorator(function)
            with self.assertRaisesRegex(TypeError, "not int"):
                decorator(7)

    def test_used_wrongly(self):
        twice = measure()
        with twice:
            with self.assertRaisesRegex(RuntimeError, "measuring already"):
                twice.__enter__()
        with twice as m:
            pass
        self.assertTrue(m.finished)
        with measure(lines=False) as m:
            pass
        with self.assertRaisesRegex(RuntimeError, "lines=False"):
            m.top()

    def test_threads(self):
        start, end = threading.Barrier(3), threading.Barrier(3)
        results, kept = {}, []

        def work(size):
            with measure(lines=False) as m:
                start.wait()
                kept.append(bytearray(size))
                end.wait()
            results[size] = m

        threads = [threading.Thread(target=work, args=(size,)) for size in (1_000_000, 2_000_000)]
        for thread in threads:
            thread.start()
        start.wait()
        end.wait()
        for thread in threads:
            thread.join()
        # Both see what both have made: memory belongs to the process.
        for m in results.values():
            self.about(m.grown, 3_000_000, 200_000)
            self.about(m.peak, 3_000_000, 200_000)

    def test_many_threads_leave_tracing_off(self):
        def work():
            for _ in range(20):
                with measure(lines=False) as m:
                    bytearray(1000)
                # Others free at the same time what they had when this began.
                assert m.peak >= max(m.grown, 0), (m.peak, m.grown)

        failures = []
        real, threading.excepthook = threading.excepthook, failures.append
        try:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            threading.excepthook = real
        self.assertEqual(failures, [])

    def test_tasks(self):
        async def work(size):
            with measure(lines=False) as m:
                kept = bytearray(size)
                await asyncio.sleep(0.01)
            del kept
            return m

        async def main():
            return await asyncio.gather(work(1_000_000), work(2_000_000))

        one, two = asyncio.run(main())
        # The second began after the first had allocated.
        self.about(one.peak, 3_000_000, 200_000)
        self.about(two.peak, 2_000_000, 200_000)


class Limit(Off):
    def test_below(self):
        with limit_memory("1 MiB") as m:
            bytearray(1_000_000)
        self.about(m.peak, 1_000_000)

    def test_above(self):
        with self.assertRaises(MemoryLimitError) as caught:
            with limit_memory(1_000_000, label="the import"):
                kept = bytearray(2_000_000)
        message = str(caught.exception)
        self.assertRegex(message, "^the import needed 195\\d KiB of memory at its peak, "
                                  "9[78]\\d KiB more than the limit of 977 KiB\n")
        self.assertIn("kept = bytearray(2_000_000)", message)
        self.assertEqual(caught.exception.limit, 1_000_000)
        self.about(caught.exception.measurement.peak, 2_000_000)
        del kept

    def test_what_was_there_does_not_count(self):
        tracemalloc.start()
        kept = bytearray(2_000_000)
        with limit_memory("1 MiB"):
            bytearray(500_000)
        with self.assertRaises(MemoryLimitError):
            with limit_memory("1 MiB"):
                bytearray(1_500_000)
        tracemalloc.stop()
        del kept

    def test_another_exception_goes_first(self):
        with self.assertRaises(ZeroDivisionError):
            with limit_memory(1000):
                bytearray(100_000)
                1 / 0

    def test_decorators(self):
        @limit_memory("1 MB")
        def work(size):
            return len(bytearray(size))

        @limit_memory("1 MB")
        async def later(size):
            return len(bytearray(size))

        self.assertEqual(work(500_000), 500_000)
        self.assertEqual(asyncio.run(later(500_000)), 500_000)
        for call in (lambda: work(1_500_000), lambda: asyncio.run(later(1_500_000))):
            with self.assertRaisesRegex(MemoryLimitError, "(work|later) needed"):
                call()


class DisplayTop(Off):
    def test_lines(self):
        tracemalloc.start()
        kept = [bytearray(100_000)]  # the largest
        kept.append(bytearray(50_000))
        out = io.StringIO()
        display_top(limit=1, file=out)
        lines = out.getvalue().splitlines()
        snapshot = tracemalloc.take_snapshot()
        everything = io.StringIO()
        display_top(snapshot, 1, filters=(), file=everything)
        by_file = io.StringIO()
        display_top(snapshot, key_type="filename", file=by_file)
        tracemalloc.stop()
        self.assertRegex(lines[0], r"^Top 1 lines of \d+$")
        self.assertRegex(lines[1], r"^#1: .*test_tools.py:\d+: 97\.. KiB in \d blocks?$")
        self.assertEqual(lines[2], "    kept = [bytearray(100_000)]  # the largest")
        self.assertRegex(lines[3], r"^\d+ other: ")
        self.assertRegex(lines[4], r"^Total: ")
        total = sum(trace.size for trace in snapshot.traces)
        self.assertIn(f"Total: {format_size(total)}", everything.getvalue())
        self.assertRegex(by_file.getvalue(), r"#1: .*test_tools.py: 14")
        with self.assertRaises(RuntimeError):
            display_top()
        with self.assertRaisesRegex(ValueError, "negative"):
            display_top(snapshot, -1)
        del kept


class Package(unittest.TestCase):
    def test_every_public_name_has_words(self):
        for name in tracemalloc_tools.__all__:
            self.assertTrue(getattr(tracemalloc_tools, name).__doc__, name)


if __name__ == "__main__":
    unittest.main()
