"""What the unit tests of `tracemalloc_tools` share. Figures are asserted where they are known: a bytearray of
n bytes takes n bytes and a header, which `HEADER` bounds.
"""

import gc
import sys
import tracemalloc
import unittest

#: What a large block may take over its size: its object, names, numbers.
HEADER = 4000


def here():
    """The line that calls."""
    return sys._getframe(1).f_lineno


class Off(unittest.TestCase):
    """Tracing is off before, and whatever a test does, off again afterwards."""

    def setUp(self):
        self.assertFalse(tracemalloc.is_tracing())
        # Tables that the tests fill the first time.
        gc.collect()

    def tearDown(self):
        was_on = tracemalloc.is_tracing()
        tracemalloc.stop()
        self.assertFalse(was_on, "tracing was left on")

    def about(self, value, expected, slack=HEADER):
        # What is freed after the reading at the start: the bound `__enter__`.
        self.assertLess(expected - max(100, slack // 20), value)
        self.assertLess(value, expected + slack)
