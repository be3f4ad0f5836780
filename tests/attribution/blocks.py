"""Objects inside their blocks are found, and what only lies near a block is not.

An instance with slots, a dict or weak references does not start where its block starts. Thousands
of neighbours are made alternately while tracing is off and on, so that traced and untraced blocks of
the same size lie side by side: each traced one must give its own line, each untraced one None.
"""

import gc
import random
import tracemalloc
import weakref

from shared import OURS, Findings, newest, start


class Plain:
    pass


class Slots:
    __slots__ = ("a", "b")


class SlotsAndAll:
    __slots__ = ("a", "b", "__dict__", "__weakref__")


class ManySlots:
    __slots__ = tuple("abcdefghijklmnopqrstuvwxyz")


class Inherited(SlotsAndAll):
    __slots__ = ("c",)


class Bare:
    __slots__ = ()


class Int(int):
    pass


class Text(str):
    pass


class List(list):
    __slots__ = ("a",)


class Tuple(tuple):
    pass


class Table(dict):
    def __init__(self):
        self.a = 1


class Error(Exception):
    pass


class Meta(type):
    pass


Made = type("Made", (Plain,), {"__slots__": ("x",)})
MetaMade = Meta("MetaMade", (), {})

# Two makers a kind, on two lines.
MAKERS = {
    "Plain": (lambda: Plain(),
              lambda: Plain()),
    "Slots": (lambda: Slots(),
              lambda: Slots()),
    "SlotsAndAll": (lambda: SlotsAndAll(),
                    lambda: SlotsAndAll()),
    "ManySlots": (lambda: ManySlots(),
                  lambda: ManySlots()),
    "Inherited": (lambda: Inherited(),
                  lambda: Inherited()),
    "Bare": (lambda: Bare(),
             lambda: Bare()),
    "object": (lambda: object(),
               lambda: object()),
    "Int": (lambda: Int(5),
            lambda: Int(6)),
    "Text": (lambda: Text("a"),
             lambda: Text("b")),
    "List": (lambda: List(),
             lambda: List()),
    "Tuple": (lambda: Tuple((1, 2)),
              lambda: Tuple((1, 2))),
    "Table": (lambda: Table(),
              lambda: Table()),
    "Error": (lambda: Error(),
              lambda: Error()),
    "Made": (lambda: Made(),
             lambda: Made()),
    "MetaMade": (lambda: MetaMade(),
                 lambda: MetaMade()),
    "bytearray": (lambda: bytearray(),
                  lambda: bytearray()),
    "bytes": (lambda: bytes(10),
              lambda: bytes(10)),
    "list": (lambda: [],
             lambda: []),
    "float": (lambda: number * 1.5,
              lambda: number * 2.5),
    "int": (lambda: number + 10**20,
            lambda: number + 10**19),
}  # fmt: skip
FROM_FREE_LISTS = {"float": 100, "list": 80}
number = 12345
N = 600


def is_of(obj, maker):
    return newest(obj) == (__file__, maker.__code__.co_firstlineno)


def neighbours(name, one, other, findings):
    """Objects of two lines, and such as are older than the tracing, in a mix."""
    rng = random.Random(name)
    tracemalloc.stop()
    old = [one() for _ in range(3 * N)]
    # Holes among the old ones, which new ones fill. Free lists are emptied by what is kept.
    rng.shuffle(old)
    del old[2 * N :]
    tracemalloc.start(2)
    made = []
    for _ in range(N):
        maker = rng.choice((one, other))
        made.append((maker(), maker))
    bad = sum(not is_of(obj, maker) for obj, maker in made)
    # CPython does not trace what is reborn in a block from before the start.
    if bad > (0 if OURS else FROM_FREE_LISTS.get(name, 0)):
        findings.add(f"{name}: {bad} of {N} new ones are not on their line")
    bad = sum(newest(obj) is not None for obj in old)
    if bad:
        findings.add(f"{name}: {bad} of {2 * N} that are older than the tracing have a trace")
    # What lies on every second place goes, and comes again from the other line.
    for i in range(0, N, 2):
        maker = other if made[i][1] is one else one
        made[i] = None
        made[i] = maker(), maker
    bad = sum(not is_of(obj, maker) for obj, maker in made)
    if bad > (0 if OURS else FROM_FREE_LISTS.get(name, 0)):
        findings.add(f"{name}: {bad} of {N} are not on their line after half of them were made anew")
    # And after all traces were cleared, those that come in between.
    tracemalloc.clear_traces()
    made += [(other(), other) for _ in range(N)]
    bad = sum(newest(obj) is not None for obj, _ in made[:N])
    bad += sum(not is_of(obj, maker) for obj, maker in made[N:])
    if bad:
        findings.add(f"{name}: {bad} of {2 * N} are wrong after the traces were cleared")


def prefixes(findings):
    """What a prefix holds comes and goes while the object lives."""
    start(5)
    thing = SlotsAndAll()  # made here
    line = newest(thing)
    assert line[0] == __file__ and line[1] is not None
    thing.a = thing.c = bytearray(10)
    reference = weakref.ref(thing)
    if newest(thing) != line or newest(reference) == line:
        findings.add("an object with values and weak references moved to another line")
    thing.__dict__ = {}
    del reference
    gc.collect()
    if newest(thing) != line:
        findings.add("an object that lost its values moved to another line")
    old = thing
    tracemalloc.stop()
    start(5)
    old.a = bytearray(10)
    old.d = old.e = bytearray(10)
    reference = weakref.ref(old, print)
    if newest(old) is not None:
        findings.add("an old object got a trace from what it refers to", newest(old))


def main():
    findings = Findings()
    for name, (one, other) in MAKERS.items():
        neighbours(name, one, other, findings)
    prefixes(findings)
    findings.end(f"{len(MAKERS)} kinds of neighbours")


main()
