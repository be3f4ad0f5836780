"""Tracebacks inside asyncio: coroutines, tasks, async generators and async comprehensions."""

import asyncio
import sys

import tracemalloc
from common import done, line_of

tracemalloc.stop()
tracemalloc.start(25)


def stack():
    frame = sys._getframe(1)
    found = []
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def check(pair, marker):
    block, expected = pair
    got = [(f.filename, f.lineno) for f in tracemalloc.get_object_traceback(block)]
    assert got == expected[-25:], f"{marker}\n  traced   {got}\n  expected {expected[-25:]}"
    assert got[-1] == (__file__, line_of(marker, __file__)), (marker, got[-1])


async def leaf():
    before = bytearray(64), stack()  # <before>
    await asyncio.sleep(0)
    after = bytearray(64), stack()  # <after>
    return before, after


async def branch():
    return await leaf()  # <await>


async def numbers():
    for _ in range(3):
        await asyncio.sleep(0)
        yield bytearray(64), stack()  # <async generator>


async def main():
    before, after = await branch()
    check(before, "before")
    check(after, "after")
    for pair in (before, after):
        assert pair[1][-2] == (__file__, line_of("await", __file__)), pair[1]
    for before, after in await asyncio.gather(*(branch() for _ in range(10))):
        check(before, "before")
        check(after, "after")
    async for pair in numbers():
        check(pair, "async generator")
    for pair in [pair async for pair in numbers()]:
        check(pair, "async generator")


asyncio.run(main())
done()
