"""A program of many kinds of allocations, for `refused.py`: what it does, one section after the other.

A section that gets a MemoryError says so, and the next one runs; whatever else goes wrong is said as
well. What the sections make stays alive, so that many blocks are new ones. The garbage collector runs where
it is called, in the last section, and not whenever enough objects were made, of which some are older than
the workload.

Invariant: run() makes the same requests for memory each time that it is the first run of its process, for
nothing here depends on addresses, times, or random numbers.
"""

import collections
import functools
import gc
import io
import itertools
import json
import re
import weakref
import zlib


def lists(kept):
    rows = [[n, str(n), None] for n in range(60)]
    for n in range(20):
        rows[n].extend(range(n))
        rows[n].insert(0, -n)
        rows[n] += (n, n)
        rows.append(rows[n][1:] * 2)
        rows[n][2:4] = [n] * n
    rows.sort(key=len)
    kept.append(rows)
    return sum(map(len, rows)), [0] * 1000 == [0] * 999


def repeated(kept):
    # What the VM asks for in a way that can fail.
    for n in range(1, 60):
        kept.append([n] * (n + 20))
        kept.append(bytes(n + 300))
        kept.append(bytearray(n + 100))
        kept.append(list(range(n)))
        kept.append(tuple([n] * n) * 3)
        kept.append(f"{n}," * (n + 30))
    return sum(len(item) for item in kept)


def reserved(kept):
    for n in range(1, 20):
        kept.append(list(itertools.product(range(2), repeat=2)))
        kept.append(list(itertools.combinations(range(4), 2))[:n])
        kept.append((1 << (n * 64)) + n)
        grown = list(map(str, range(n % 9)))
        grown[1:3] = (item + "." for item in "abcdefgh"[: n % 8])
        grown.extend(item for item in range(n % 30))
        kept.append(collections.deque(grown) * 2)
    return len(kept), repr(kept[-1]), kept[-2] % 1_000_003


def too_large(kept):
    said = []
    for ask in (lambda: bytes(1 << 61), lambda: [0] * (1 << 60), lambda: "ab" * (1 << 61)):
        try:
            kept.append(ask())
        except (MemoryError, OverflowError) as error:
            said.append(type(error).__name__)
    return said


def with_a_way_out(kept):
    # A program that takes less where there is not as much as it wants.
    sizes = []
    for n in range(40):
        try:
            block = bytearray(4000 + n)
        except MemoryError:
            block = bytearray(16)
        sizes.append(len(block))
        kept.append(block)
    return sizes


def dicts(kept):
    table = {f"key{n}": (n, n * 1000) for n in range(70)}
    nested = {n: {str(n): [n]} for n in range(25)}
    table.update({f"more{n}": n for n in range(40)})
    for n in range(0, 70, 3):
        del table[f"key{n}"]
    merged = table | {"x": 1}
    counted = collections.Counter("a reasonable number of letters" * 3)
    groups = collections.defaultdict(list)
    for n in range(90):
        groups[n % 17].append(n)
    kept += [table, nested, merged, counted, groups]
    return len(merged), counted.most_common(3), sum(map(len, groups.values()))


def texts(kept):
    words = [f"{n:04d}-{n:x}".upper() for n in range(40)]
    joined = ", ".join(words)
    kept += [joined.split(", "), joined.replace("-", "--"), joined.encode().decode("latin-1")]
    kept += [word.center(40, "*").strip("*") + "é" for word in words]
    kept += ["%s=%r" % (word, n) for n, word in enumerate(words)]
    text = "".join(chr(300 + n % 90) for n in range(200))
    kept.append(text.title())
    return zlib.crc32(joined.encode()), len(text), text[::-1][:5]


class Point:
    __slots__ = ("x", "y", "__weakref__")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Base:
    total = 0

    def __init__(self, name):
        self.name = name
        self.notes = []

    @property
    def size(self):
        return len(self.name) + len(self.notes)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"


class Derived(Base):
    def __init__(self, name, extra):
        super().__init__(name)
        self.extra = {"extra": extra}

    def method(self, *args, **kwargs):
        self.notes.append((args, kwargs))
        return self


def objects(kept):
    points = [Point(n, -n) for n in range(60)]
    things = [Derived(f"thing {n}", n).method(n, n=n) for n in range(30)]
    references = [weakref.ref(point) for point in points[:30]]
    kept += [points, things, references]
    made = [type(f"Made{n}", (Base,), {"n": n}) for n in range(4)]
    kept.append([cls(cls.__name__) for cls in made])
    return sum(thing.size for thing in things), repr(things[7]), len([r for r in references if r()])


def generators(kept):
    def counting(n):
        for i in range(n):
            got = yield [i]
            if got:
                yield got

    def through(n):
        result = yield from counting(n)
        return result

    total = 0
    for n in range(14):
        source = through(n % 7 + 1)
        kept.append(source)
        total += next(source)[0]
        total += sum(len(item) for item in source)
    kept.append([list(group) for _, group in itertools.groupby(range(100), lambda n: n // 9)])
    kept.append(list(itertools.accumulate(range(300, 340))))
    kept.append([pair for pair in zip(map(str, range(40)), reversed(range(40)))])
    return total


class Failure(Exception):
    pass


class Around:
    def __init__(self, kept):
        self.kept = kept

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.kept.append((kind, value))
        return kind is Failure


def exceptions(kept):
    def deep(n):
        if n == 0:
            raise Failure("at the bottom", [n])
        try:
            return deep(n - 1)
        finally:
            kept.append([n])

    caught = 0
    for n in range(7):
        with Around(kept):
            deep(n)
        try:
            try:
                {}[str(n)]
            except KeyError as error:
                raise ValueError(n) from error
        except ValueError as error:
            caught += isinstance(error.__cause__, KeyError)
            kept.append(error)
        try:
            int(f"x{n}")
        except ValueError as error:
            kept.append(str(error))
    try:
        raise ExceptionGroup("two", [Failure(1), ValueError(2)])
    except* Failure as group:
        kept.append(group.exceptions)
    except* ValueError as group:
        kept.append(group)
    return caught, len(kept)


def recursion(kept):
    def down(n):
        kept.append([n])
        return 1 + down(n - 1) if n else 0

    @functools.lru_cache(None)
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    kept.append(fibonacci)
    return down(60), fibonacci(50)


def numbers(kept):
    kept += [3**n for n in range(60)]
    kept += [n / 7 for n in range(50)]
    kept += [complex(n, n) * 1j for n in range(20)]
    kept += [divmod(10**40 + n, 10**20 - n) for n in range(20)]
    return sum(3**n for n in range(120)) % 1_000_003, str(7**200)[:20], float("1e10"), hex(2**100)


def sets(kept):
    even = {n * 2 for n in range(90)}
    kept += [even, frozenset(str(n) for n in even), even & set(range(90)), even ^ {1, 2, 3}]
    kept += [{n, str(n)} for n in range(20)]
    return len(even | {1, 3}), sorted(even - set(range(160)))


def cycles(kept):
    for n in range(12):
        ring = [n, {}]
        ring[1]["ring"] = ring
        one, other = Base("one"), Base("other")
        one.other, other.other = other, one
        if n % 3 == 0:
            kept.append(ring)
    gc.collect()
    return len(kept)


def source_code(kept):
    space = {}
    for n in range(2):
        code = compile(f"def made{n}(a, b={n}):\n    return [a, b, lambda: a + b]\n", "<made>", "exec")
        exec(code, space)
        kept.append(space[f"made{n}"](1)[2]())
    return kept, eval("[n * n for n in range(9)]")


def library(kept):
    text = json.dumps({"rows": [{"id": n, "name": f"n{n}", "x": n / 4} for n in range(6)]})
    kept.append(json.loads(text))
    found = re.findall(r"(\w+)@(\w+)\.(?:org|com)", "anna@example.org, bob@example.com; " * 4)
    out = io.StringIO()
    for n in range(15):
        out.write(f"line {n}\n")
    out.seek(0)
    kept += [found, out.readlines(), zlib.compress(text.encode())]
    Place = collections.namedtuple("Place", "name size")
    kept.append([Place(str(n), n) for n in range(25)])
    kept.append(sorted(kept[-1], key=lambda place: place.name))
    return len(text), found[0], zlib.decompress(kept[3]) == text.encode()


SECTIONS = [repeated, lists, dicts, texts, objects, reserved, generators, exceptions, too_large, recursion,
            with_a_way_out, numbers, sets, source_code, library, cycles]


def run():
    """What each section gave, or the exception that ended it. What it made before that stays alive."""
    outcome, kept = [], []
    gc.disable()
    for section in SECTIONS:
        try:
            kept.append([])
            outcome.append(section(kept[-1]))
        except MemoryError:
            outcome.append(MemoryError)
        except Exception as error:
            outcome.append(error)
    return outcome, kept
