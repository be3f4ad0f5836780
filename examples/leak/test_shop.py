"""Orders leave nothing behind. Fails until `fix.diff` is applied.

    cargo tracepy examples/leak/test_shop.py
"""

import unittest

import shop
from tracemalloc_tools.unittest import MemoryAssertions, no_leaks


class TestShop(MemoryAssertions, unittest.TestCase):
    def setUp(self):
        self.shop = shop.Shop()
        shop.work(self.shop, 0, 500)  # now the log is full, and the texts are made

    @no_leaks
    def test_orders_leave_nothing_behind(self):
        shop.work(self.shop, 500, 10)


if __name__ == "__main__":
    unittest.main()
