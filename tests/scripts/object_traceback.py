"""get_object_traceback: the traceback of the block of one object, whatever its kind."""

import tracemalloc
from common import OURS, done, line_of

tracemalloc.stop()
before = bytearray(500)
tracemalloc.start(10)


class Plain:
    pass


class Slots:
    __slots__ = ("a", "b", "__weakref__")


class Bare:
    __slots__ = ()


class Text(str):
    pass


class Table(dict):
    pass


def make():
    return [
        bytearray(100), bytes(range(200)), "text" * number, [number], {number: 1}, {number}, (number,), frozenset([number]), Plain(), Slots(), Bare(), Text("abc"), Table(), 10.5 * number, 10**40 * number, 3j * number, slice(number), range(number), lambda: number, (n for n in "a"), iter([1]), memoryview(b"ab" * number), object(), type("Made", (), {}), Plain().__init__, ValueError(number), number.bit_length, super(Table, Table()), property(make), map(str, "a"), enumerate("a")  # <make>
    ]


# What waits in a free list since before the start has no trace: take all of it away first.
number = 12345
held = []
for n in range(2500):
    held.append(([n], {n: n}, {n}, (n,), (n, n), (n, n, n), (n, n, n, n), (n, n, n, n, n), (), []))
    held.append((n * 1.5, 10**40 + n, n * 3j, slice(n), range(n), lambda: n, ValueError(n), {}))
    held.append((iter([]), Plain(), Plain().__init__, number.bit_length, (n for n in "a")))

objects = make()
line = line_of("make", __file__)
for thing in objects:
    traceback = tracemalloc.get_object_traceback(thing)
    kind = type(thing).__name__
    assert isinstance(traceback, tracemalloc.Traceback), kind
    assert [f.filename for f in traceback] == [__file__] * 2, (kind, traceback)
    assert traceback[-1].lineno == line, (kind, traceback)
    assert traceback.total_nframe in (None, 2), (kind, traceback.total_nframe)

# Objects that were made before, and objects without a block of their own.
assert tracemalloc.get_object_traceback(before) is None
for shared in (None, True, False, Ellipsis, NotImplemented, 1, "", (), int, len, tracemalloc.start):
    # Made at start-up. (Under -X tracemalloc they have been dropped by the stop above.)
    assert tracemalloc.get_object_traceback(shared) is None, shared

# An object from a free list has the traceback of its new life, not of its first.
def first():
    return [[], {}, 1.5 * number, (number, number), 10**30 + number]  # <first>


def second():
    return [[], {}, 2.5 * number, (number, 3, number), 10**31 + number]  # <second>


for _ in range(20):
    old = first()
    del old
    new = second()
    line = line_of("second", __file__)
    for thing in new:
        traceback = tracemalloc.get_object_traceback(thing)
        assert traceback[-1].lineno == line, (type(thing).__name__, traceback)
    del new, thing

# The traceback is a value of its own: it outlives the object and the tracing.
block = bytearray(100)  # <block>
traceback = tracemalloc.get_object_traceback(block)
del block
tracemalloc.stop()
assert traceback[-1].lineno == line_of("block", __file__)
assert str(traceback) == f"{__file__}:{line_of('block', __file__)}"

done()
