"""Every kind of object is attributed to the line that made it, and not to that of a dead one.

For each kind: thousands of objects are made by *other* code (the same instructions under another
file name), and die; before the tracing starts, and again while it is on, with and without a
`gc.collect()`. Free lists and allocators then hold blocks of that kind that other lines made. Then
the line of the kind makes one, again and again, with others in between: the newest frame of each
object's traceback that is in the table's file must be that line, and frames newer than that may
only be those of a library written in Python.
"""

import gc
import sys
import tracemalloc
import types
import warnings

import builtin_kinds
import error_kinds
import library_kinds
from shared import KINDS, OURS, Findings, line_of_maker

# What is one object for the whole program, or for the code that holds it: no line makes it.
SHARED = {
    "None": lambda n: print(end=""),
    "True": lambda n: n == n,
    "Ellipsis": lambda n: ...,
    "NotImplemented": lambda n: n.__eq__(""),
    "small int": lambda n: n - n + 7,
    "small negative int": lambda n: n - n - 3,
    "bool of an int": lambda n: bool(n),
    "empty tuple": lambda n: tuple([]),
    "empty tuple, slice": lambda n: (n, n)[:0],
    "empty str": lambda n: str(n)[:0],
    "str of one character": lambda n: "abc"[n % 3],
    "interned str": lambda n: sys.intern("wrong" + str(n)[:0]),
    "constant int": lambda n: 123456789,
    "constant float": lambda n: 1.25,
    "constant str": lambda n: "constant",
    "constant tuple": lambda n: (1, 2, "three"),
    "constant bytes": lambda n: b"constant",
    "name of a function": lambda n: wrong.__name__,
    "type": lambda n: type(n),
    "builtin function": lambda n: len,
    "module": lambda n: sys.modules["sys"],
    "the same tuple": lambda n: tuple(SAME),
    "the same str": lambda n: str("same"),
    "the same frozenset": lambda n: frozenset(SAME_SET),
    "empty bytes": lambda n: bytes(n)[:0],
    "bytes of one byte": lambda n: bytes(BYTES[n % 3 : n % 3 + 1]),
    "empty frozenset": lambda n: frozenset([]),
    "str of one latin-1 character": lambda n: chr(200 + n % 9),
    "the same str, whole slice": lambda n: "constant"[:],
}
# The differences: what the one has once and the other makes anew, which is then attributed.
MADE_ANEW = ["empty str", "bytes of one byte"] if OURS else ["empty frozenset"]
SAME = (1, 2, [])
SAME_SET = frozenset(SAME[:2])
BYTES = b"abc"

TABLES = (builtin_kinds.__file__, error_kinds.__file__, library_kinds.__file__)
ELSEWHERE = "<other lines>"
N = 12345


def moved(code):
    consts = [moved(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return code.replace(co_filename=ELSEWHERE, co_firstlineno=1, co_consts=tuple(consts))


def elsewhere(maker):
    """The same instructions, as if they were in another file."""
    code = moved(maker.__code__)
    made = types.FunctionType(code, maker.__globals__, "elsewhere", None, maker.__closure__)
    made.__defaults__ = maker.__defaults__
    return made


def place(obj):
    """Return (file name, line) of the newest frame of a table or of the other lines, or None."""
    traceback = tracemalloc.get_object_traceback(obj)
    if traceback is None:
        return None
    for frame in reversed(traceback):
        if frame.filename in TABLES or frame.filename == ELSEWHERE:
            return frame.filename, frame.lineno
        if frame.filename == __file__:
            break
    return str(traceback[-1]), len(traceback)


def fill(other, count):
    """Make many and let them die, the last ones first."""
    made = [other(N + i) for i in range(count)]
    while made:
        made.pop()


def wrong(maker, count):
    """Return what the objects of a kind show that they should not, as a set."""
    file = maker.__code__.co_filename
    right = file, line_of_maker(maker)
    # Where a helper makes the object, the other lines get it from the same line.
    in_maker = {line for _, _, line in maker.__code__.co_lines()}
    helper = None if right[1] in in_maker else right
    other = elsewhere(maker)
    found = set()
    for turn in range(4):
        fill(other, count)
        if turn % 2:
            gc.collect()
        for step in range(4):
            made = maker(N + 1000 * turn + step)
            if (at := place(made)) != right:
                found.add(at)
            # A life of another line in the same block, or beside it.
            of_other = other(N - step)
            at = place(of_other)
            if at is None or at[0] != ELSEWHERE and at != helper:
                found.add(("other", at))
            if step % 2:
                del made, of_other
            else:
                del of_other, made
    return found


def main():
    warnings.simplefilter("ignore")
    findings = Findings()
    kinds = [(name, *KINDS[name]) for name in KINDS if all(arg in name for arg in sys.argv[1:])]
    tracemalloc.stop()
    for _, maker, count in kinds:
        fill(elsewhere(maker), count)
    tracemalloc.start(25)
    for name, maker, count in kinds:
        if found := wrong(maker, count):
            findings.add(f"{name}: line {line_of_maker(maker)}, but", *sorted(found, key=repr))
    for name, maker in SHARED.items():
        traceback = tracemalloc.get_object_traceback(maker(N))
        line = maker.__code__.co_firstlineno
        here = (__file__, line)
        anew = traceback is not None and (traceback[-1].filename, traceback[-1].lineno) == here
        if anew != (name in MADE_ANEW):
            findings.add(f"{name}: made anew: {anew}")
    findings.end(f"{len(kinds)} kinds")


main()
