"""Blocks of a known size are seen with that size, within the header of their object."""

import tracemalloc
from common import begin, done, line_of, on_line, settle, traced

HEADER = 256  # the object around the bytes, whatever the interpreter
SIZES = (0, 1, 7, 8, 9, 100, 511, 512, 513, 4095, 4096, 4097, 10**5, 10**6, 2**20 + 1, 2**26)


def seen_at(marker):
    return on_line(tracemalloc.take_snapshot(), __file__, line_of(marker, __file__))


def a_bytearray(size):
    before = traced()
    block = bytearray(size)  # <bytearray>
    grown = traced() - before
    seen, count = seen_at("bytearray")
    assert size <= seen <= size + HEADER, (size, seen)
    assert 1 <= count <= 3, count
    # A number or two may go back to the allocator meanwhile, from a full free list.
    assert size - 256 <= grown <= size + 4096, (size, grown)
    del block
    left = traced() - before
    assert abs(left) <= 4096, (size, left)
    assert seen_at("bytearray") == (0, 0), size


def a_bytes(size):
    block = bytes(size)  # <bytes>
    seen, _ = seen_at("bytes")
    assert size <= seen <= size + HEADER, (size, seen)
    del block


def a_text(size):
    text = "x" * size  # <text>
    seen, _ = seen_at("text")
    assert size <= seen <= size + HEADER, (size, seen)
    del text


def a_list(size):
    items = [None] * size  # <list>
    seen, _ = seen_at("list")
    assert 8 * size <= seen <= 8 * size + HEADER, (size, seen)
    del items


def the_peak():
    """The peak knows of a block that lived within one call."""
    settle()
    tracemalloc.reset_peak()
    low = tracemalloc.get_traced_memory()[0]
    assert not any(bytes(30_000_000)[:10])
    current, peak = tracemalloc.get_traced_memory()
    assert 30_000_000 <= peak - low <= 30_000_000 + 8192, peak - low
    assert abs(current - low) <= 8192, (current, low)


def a_huge_one():
    """Zeroed memory that the system hands out lazily has its whole size."""
    before = traced()
    huge = bytearray(1 << 30)
    grown = traced() - before
    assert (1 << 30) <= grown <= (1 << 30) + 4096, grown
    del huge
    left = traced() - before
    assert abs(left) <= 4096, left


def too_much():
    """What cannot be had is an error that leaves no trace."""
    before = traced()
    for wish in (1 << 62, (1 << 63) - 1):
        try:
            bytearray(wish)
        except (MemoryError, OverflowError):
            pass
        else:
            raise AssertionError("so much memory?")
    left = traced() - before
    assert abs(left) <= 4096, left


begin(3)
for size in SIZES:
    a_bytearray(size)
    if size > 1:  # shorter ones are shared
        a_bytes(size)
        a_text(size)
        a_list(size)
the_peak()
a_huge_one()
too_much()

done()
