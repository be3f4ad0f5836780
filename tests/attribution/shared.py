"""What the programs of this folder share.

Each program checks one claim about where memory is attributed to, runs under this project's
interpreter and under CPython 3.13 alike, and prints `ok` at its end. What the two do differently is
a table in the program, with the reason of each entry; an entry that does not hold is a failure.
"""

import os
import sys
import tracemalloc

# What the scripts share is shared here, too; nothing else of their folder is meant to be imported.
SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")
sys.path.append(SCRIPTS)
from common import OURS, line_of, settle  # noqa: E402

sys.path.remove(SCRIPTS)


def start(frames):
    """Start tracing anew, whatever was on before."""
    tracemalloc.stop()
    tracemalloc.start(frames)


def newest(obj):
    """Return (file name, line) of the newest frame of an object's traceback, or None."""
    traceback = tracemalloc.get_object_traceback(obj)
    return traceback and (traceback[-1].filename, traceback[-1].lineno)


def frames_of(obj):
    """Return the object's traceback as (file name, line), the oldest first, or None."""
    traceback = tracemalloc.get_object_traceback(obj)
    return traceback and [(frame.filename, frame.lineno) for frame in traceback]


class Findings:
    """Collects what does not hold, so that one run tells everything."""

    def __init__(self):
        self.lines = []

    def add(self, *words):
        self.lines.append(" ".join(str(word) for word in words))

    def end(self, summary):
        """The last lines of a program."""
        for line in self.lines:
            print("FAILED", line)
        print(summary)
        if self.lines:
            sys.exit(1)
        print("ok")


# --- kinds of objects (`builtin_kinds`, `error_kinds`, `library_kinds`)

MANY = 2100
SOME = 200
FEW = 25

# name -> (a function of an int that makes an object, how many dead ones fill the free lists)
KINDS = {}


def kind(name, maker, count=MANY):
    """Register a kind of objects, made by the line of this `lambda`.

    What is made depends on the int, so that it is no constant of the code.
    """
    assert name not in KINDS, name
    KINDS[name] = maker, count


def long_kind(name, count=MANY):
    """The same for a function of several lines: the line is the next that ends with `# made`."""

    def register(maker):
        kind(name, maker, count)

    return register


def line_of_maker(maker):
    """Return the line that makes the object."""
    first = maker.__code__.co_firstlineno
    if maker.__name__ == "<lambda>":
        return first
    with open(maker.__code__.co_filename, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if number > first and line.rstrip().endswith("# made"):
                return number
    raise AssertionError(maker)
