"""The line of a block is the line that runs: the one that CPython 3.13 gives for the same source.

In the cases below a block tells its own line: what has `s5` bytes (10,500 and a few) must be on
line 5 of its case. `Op(s5)` makes such a block when an operator of it runs. The cases are in
`line_cases.txt`, apart from one another by lines of `#`.
"""

import os
import re
import sys
import tracemalloc
import types
import warnings

from shared import OURS, Findings, start

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "line_cases.txt")
KEPT = []

# (case, line that CPython 3.13 gives): (the line that this VM's own line table gives, why)
DIFFERENCES = {
    ("decorators", 9): (None, "annotations are not evaluated: the language is 3.14's"),
}


def keep(made, *more):
    KEPT.extend((made, *more))
    return made


def first(made, *more, **named):
    KEPT.append((made, more, named))
    return made


def decorator(made):
    KEPT.append(made)
    return lambda function: function


class Op:
    """Every operator makes a block of the size, in this file: its caller's line counts."""

    def __init__(self, size, result=None):
        self.__dict__.update(size=size, result=result)

    def __enter__(self):
        return self


def _operator(name):
    def method(self, *args, **named):
        KEPT.append(bytearray(self.__dict__["size"]))
        result = self.__dict__["result"]
        return self if result is None else result

    setattr(Op, name, method)


for name in "add sub mul iadd radd neg getitem setitem delitem call lt gt exit getattr setattr".split():
    _operator(f"__{name}__")


class Truth(Op):
    def __bool__(self):
        KEPT.append(bytearray(self.__dict__["size"]))
        return bool(self.__dict__["result"])


class Exit(Op):
    def __exit__(self, *error):
        KEPT.append(bytearray(self.__dict__["size"]))
        return True


class Iterates(Op):
    def __iter__(self):
        KEPT.append(bytearray(self.__dict__["size"]))
        return iter((1, 2))


class Text(Op):
    def __format__(self, spec):
        KEPT.append(bytearray(self.__dict__["size"]))
        return "text"


@types.coroutine
def pause():
    yield


class Awaits(Op):
    def __await__(self):
        KEPT.append(bytearray(self.__dict__["size"]))
        yield

    async def __aenter__(self):
        KEPT.append(bytearray(self.__dict__["size"]))

    async def __aexit__(self, *error):
        KEPT.append(bytearray(self.__dict__["size"]))

    def __aiter__(self):
        KEPT.append(bytearray(self.__dict__["size"]))
        return self

    async def __anext__(self):
        raise StopAsyncIteration


def drive(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def raising(error=ValueError):
    raise error


def size_of_line(line):
    return 10_000 + 100 * line


def cases():
    """Give (name, source) of each case."""
    with open(CASES, encoding="utf-8") as file:
        parts = re.split(r"^#+ (.+)\n", file.read(), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def run(name, source):
    """Run a case, and return {line that the block tells: lines where it is}."""
    space = {**globals(), **{f"s{n}": size_of_line(n) for n in range(1, 60)}}
    exec(compile(source, name, "exec"), space)
    found = {}
    for trace in tracemalloc.take_snapshot().traces:
        told = (trace.size - size_of_line(0)) // 100
        if not 0 < told <= source.count("\n"):
            continue
        for frame in reversed(trace.traceback):
            if frame.filename == name:
                found.setdefault(told, set()).add(frame.lineno)
                break
            if frame.filename != __file__:
                break  # of a library
    return found


def main():
    warnings.simplefilter("ignore")
    findings = Findings()
    differences = dict(DIFFERENCES) if OURS else {}
    blocks = 0
    for number, (name, source) in enumerate(cases(), 1):
        start(10)
        found = run(name, source)
        tracemalloc.stop()
        KEPT.clear()
        told = {int(n) for n in re.findall(r"\bs(\d+)\b", source)}
        for line in sorted(told):
            blocks += 1
            expected, _ = differences.pop((name, line), (line, ""))
            if found.get(line) != (expected and {expected}):
                findings.add(f"{name}: the block of line {line} is on {found.get(line)}")
    for left in differences:
        findings.add("not seen:", left)
    findings.end(f"{blocks} blocks in {number} cases")


main()
