"""Random raw traces, filters and arguments.

Invariant: everything comes from the one `random.Random` that is handed in, so a seed tells all.
"""

import pathlib

HERE = __file__
NAMES = [
    "a.py", "b.py", "a.pyc", "b.pyc", "A.PY", "dir/a.py", "dir/sub/b.pyc", "dir\\c.py", "é.py",
    "日本/🐍.py", "x\udc80y.py", "<unknown>", "<string>", "", ".pyc", "pyc", "a.pyc.py", "a.pycc",
    "[x].py", "a*b.py", "two\nlines.py", "a.pyo", "{a,b}.py", HERE,
]
LINES = [0, 1, 2, 3, 4, 5, 10, 99, 2**31 - 1, 2**32 - 1]
WIDE_LINES = [-1, 2**32, 2**63, -(2**70), 2**100]
ODD_LINES = [True, 1.0, None, "1", (1,)]
SIZES = [0, 1, 2, 3, 10, 10, 10, 99, 100, 1023, 1024, 10239, 10240, 102400, 2**20, 2**40, 2**50]
WIDE_SIZES = [-1, -10, -(2**40), 2**62, 2**63, 2**64 + 1, -(2**80), 10**30]
ODD_SIZES = [1.5, True, None, "10", 1j]
DOMAINS = [0, 0, 0, 0, 1, 1, 7, 123456, 2**32 - 1]
WIDE_DOMAINS = [-1, 2**32, 2**64]
ODD_DOMAINS = [True, False, 0.0, 1.0, None, "domain", ()]
ODD_NAMES = [b"a.py", None, 7, pathlib.PurePosixPath("a.py"), type("Name", (str,), {})("a.py")]
KEYS = ["traceback", "lineno", "filename"]
ODD_KEYS = ["", "Lineno", "line", None, 0, b"lineno", ("lineno",), [], "line\udc80"]


class Inputs:
    """A source of random values: plain, `wide` (numbers beyond the real ones) or `odd` ones."""

    def __init__(self, rng):
        self.rng = rng
        self.wildness = rng.choice([0, 0, 0, 1, 1, 2])

    def one(self, plain, wide=(), odd=()):
        rng, choices = self.rng, plain
        if self.wildness == 1 and wide and rng.random() < 0.3:
            choices = wide
        elif self.wildness == 2 and rng.random() < 0.15:
            choices = list(wide) + list(odd) or plain
        return rng.choice(choices)

    def name(self):
        return self.one(NAMES, (), ODD_NAMES)

    def line(self):
        return self.one(LINES, WIDE_LINES, ODD_LINES)

    def size(self):
        if self.rng.random() < 0.1:
            return self.rng.randrange(2**30)
        return self.one(SIZES, WIDE_SIZES, ODD_SIZES)

    def domain(self):
        return self.one(DOMAINS, WIDE_DOMAINS, ODD_DOMAINS)

    def total(self, length):
        plain = [length, length, length + 3, 65535, None]
        return self.one(plain, [-1, 2**32, 2**70], ["3", 1.5, True])

    def frame(self):
        frame = (self.name(), self.line())
        if self.wildness == 2 and self.rng.random() < 0.05:
            frame = self.rng.choice([list(frame), frame + (1,), frame[:1], (), None, "ab", 5])
        return frame

    def frames(self):
        rng = self.rng
        frames = [self.frame() for _ in range(rng.choice([1, 1, 1, 2, 3, 5]))]
        if rng.random() < 0.3:  # recursion
            frames += rng.choice(frames and [frames, frames[:1] * 3])
        frames = tuple(frames)
        if self.wildness == 2 and rng.random() < 0.08:
            frames = rng.choice([list(frames), (), None, "ab", {}, 3, iter(())])
        elif self.wildness == 1 and rng.random() < 0.05:
            frames = ()
        return frames

    def traces(self, most=12):
        """A list of raw traces with shared, equal and different tracebacks."""
        rng = self.rng
        pool = [self.frames() for _ in range(rng.randint(1, 6))]
        rows = []
        for _ in range(rng.randint(0, most)):
            frames = rng.choice(pool)
            if type(frames) is tuple and rng.random() < 0.3:
                frames = tuple(tuple(f) if type(f) is tuple else f for f in frames)[:]
                frames = (*frames,) if rng.random() < 0.5 else frames[:1] + frames[1:]
            length = len(frames) if hasattr(frames, "__len__") else 1
            row = (self.domain(), self.size(), frames, self.total(length))
            if self.wildness == 2 and rng.random() < 0.05:
                row = rng.choice([list(row), row[:3], row[:2], (*row, 1), None, 5, "abcd", ()])
            rows.append(row)
            if rng.random() < 0.1:
                rows.append(row)
        return rows

    def container(self, rows):
        """The traces as a snapshot may get them."""
        if self.wildness == 2 and self.rng.random() < 0.2:
            return self.rng.choice([tuple(rows), None, 7, dict(enumerate(rows)), "traces", set()])
        return tuple(rows) if self.rng.random() < 0.1 else rows

    def changed(self, rows):
        """A later (or earlier) state of the same traces."""
        rng = self.rng
        kept = [row for row in rows if rng.random() < 0.7]
        return kept + [row for row in self.traces(4)]

    def limit(self):
        return self.one([1, 2, 5, 25, 65535], [0, -1, 2**40], [None, "25", 1.5])

    def key(self):
        return self.one(KEYS, KEYS, ODD_KEYS)

    def flag(self):
        return self.one([True, False], [0, 1], [None, "", "x", [], 2.0, ...])

    def pattern(self):
        rng = self.rng
        name = self.name()
        if not isinstance(name, str) or rng.random() < 0.3:
            return name
        if rng.random() < 0.3:
            return rng.choice(["*", "*.py", "*.pyc", "?.py*", "", "[ab].py", "[!a]*", "dir/*", "["])
        # A pattern that was a name, most of it still matching.
        parts = []
        for letter in name:
            other = rng.choice([letter] * 8 + ["?", "*", f"[{letter}]", f"[!{letter}]", f"[{letter}"])
            parts.append(other)
        return "".join(parts)

    def filter_arguments(self):
        rng = self.rng
        arguments = [self.flag(), self.pattern()]
        if rng.random() < 0.7:
            arguments.append(rng.choice([None, self.line()]))
            arguments.append(self.flag())
            arguments.append(rng.choice([None, None, self.domain()]))
        return tuple(arguments[: rng.choice([2, 3, 4, 5, 5, 5])])

    def filters(self):
        """Constructor arguments of some filters: two for a DomainFilter with its mark."""
        made = []
        for _ in range(self.rng.choice([0, 1, 1, 1, 2, 3, 4])):
            if self.rng.random() < 0.3:
                made.append(("DomainFilter", (self.flag(), self.domain())))
            else:
                made.append(("Filter", self.filter_arguments()))
        return made

    def anything(self):
        return self.rng.choice([
            None, 0, 1, -1, 2**70, 1.5, "", "a.py", b"a", (), ("a.py", 1), [], {}, ..., object(), int,
        ])
