"""Tracebacks: the oldest frame first, at most the limit, the line that runs at that moment.

`stack()` asks the interpreter itself for its frames on the line that makes the block, so each
traceback is held against what `sys._getframe` says; markers check the newest line besides.
"""

import contextlib
import functools
import linecache
import sys
import types

import tracemalloc
from common import OURS, done, line_of

LIMIT = 25
tracemalloc.stop()
tracemalloc.start(LIMIT)
seen = []


def stack(frame=None):
    """Return the frames of the caller as (file name, line), the oldest first."""
    frame = frame or sys._getframe(1)
    found = []
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def check(block, expected, marker=None):
    traceback = tracemalloc.get_object_traceback(block)
    assert traceback is not None, marker
    got = [(f.filename, f.lineno) for f in traceback]
    assert len(got) <= LIMIT
    assert got == expected[-LIMIT:], f"{marker}\n  traced   {got}\n  expected {expected[-LIMIT:]}"
    assert traceback.total_nframe in (None, len(expected)), (marker, traceback.total_nframe)
    if marker:
        assert got[-1] == (__file__, line_of(marker, __file__)), (marker, got[-1])
    seen.append(marker)


# At the top.
block, frames = bytearray(64), stack()  # <top>
check(block, frames, "top")
assert len(frames) == 1


# In a function, called from here.
def function():
    return bytearray(64), stack()  # <function>


pair = function()  # <call>
check(*pair, "function")
assert pair[1][0] == (__file__, line_of("call", __file__))


# In a lambda.
pair = (lambda: (bytearray(64), stack()))()  # <lambda>
check(*pair, "lambda")

# In comprehensions, over several lines.
pairs = [
    (bytearray(64), stack())  # <list comprehension>
    for _ in range(3)
]
for pair in pairs:
    check(*pair, "list comprehension")
pairs = {
    n: (bytearray(64), stack())  # <dict comprehension>
    for n in range(3)
}
for pair in pairs.values():
    check(*pair, "dict comprehension")
pairs = list(
    (bytearray(64), stack())  # <generator expression>
    for _ in range(3)
)
for pair in pairs:
    check(*pair, "generator expression")


# In a decorator: it runs on the line of the `@`.
def decorator(wrapped):
    wrapped.made = (bytearray(64), stack())  # <decorator>
    return wrapped


@decorator  # <at>
def decorated():
    pass


check(*decorated.made, "decorator")
assert decorated.made[1][-2] == (__file__, line_of("at", __file__)), decorated.made[1]


# In what a decorator puts around.
def around(wrapped):
    @functools.wraps(wrapped)
    def wrapper(*args):
        return wrapped(*args)  # <wrapper>

    return wrapper


@around
def wrapped():
    return bytearray(64), stack()  # <wrapped>


pair = wrapped()
check(*pair, "wrapped")
assert pair[1][-2] == (__file__, line_of("wrapper", __file__))


# In the body of a class, of a class in it, and of a metaclass.
class Body:
    pair = bytearray(64), stack()  # <class body>

    class Inner:
        pair = bytearray(64), stack()  # <inner class body>

    def method(self):
        return bytearray(64), stack()  # <method>

    @property
    def attribute(self):
        return bytearray(64), stack()  # <property>

    def __getattr__(self, name):
        return bytearray(64), stack()  # <getattr>

    def __add__(self, other):
        return bytearray(64), stack()  # <operator>

    def __init_subclass__(cls):
        cls.pair = bytearray(64), stack()  # <init subclass>


check(*Body.pair, "class body")
check(*Body.Inner.pair, "inner class body")
check(*Body().method(), "method")
check(*Body().attribute, "property")
check(*Body().missing, "getattr")
check(*(Body() + 1), "operator")
check(*type("Sub", (Body,), {}).pair, "init subclass")


# In a generator that is resumed from other places than where it was made.
def generator():
    while True:
        yield bytearray(64), stack()  # <generator>


made = generator()
check(*next(made), "generator")


def resume(deep):
    if deep:
        return resume(deep - 1)
    return next(made)  # <resume>


for deep in (0, 3, 1):
    pair = resume(deep)
    check(*pair, "generator")
    assert pair[1][-2] == (__file__, line_of("resume", __file__))
    assert len(pair[1]) == deep + 3
check(*next(made), "generator")


# Through `yield from`, and with a value sent in.
def delegating():
    yield from generator()  # <yield from>


outer = delegating()
pair = next(outer)
check(*pair, "generator")
assert pair[1][-2] == (__file__, line_of("yield from", __file__))
pair = outer.send(None)
check(*pair, "generator")


# In an exception handler, in `finally`, and in what unwinds.
def handlers():
    made = []
    try:
        {}["missing"]
    except KeyError as error:
        made.append((bytearray(64), stack()))  # <except>
        assert error.__traceback__ is not None
    finally:
        made.append((bytearray(64), stack()))  # <finally>
    try:
        raise ValueError
    except* ValueError:
        made.append((bytearray(64), stack()))  # <except star>
    return made


for pair, marker in zip(handlers(), ("except", "finally", "except star")):
    check(*pair, marker)


# In `with`: entering, inside, leaving.
class Manager:
    def __enter__(self):
        self.entered = bytearray(64), stack()  # <enter>
        return self

    def __exit__(self, *error):
        self.left = bytearray(64), stack()  # <exit>
        return True


with Manager() as manager:
    inside = bytearray(64), stack()  # <with>
    raise ValueError
check(*manager.entered, "enter")
check(*inside, "with")
check(*manager.left, "exit")


@contextlib.contextmanager
def managed():
    yield bytearray(64), stack()  # <contextmanager>


with managed() as pair:
    check(*pair, "contextmanager")
assert any(name == contextlib.__file__ for name, _ in pair[1]), "a frame of the library"

# From C code (or Rust) that calls back.
for pair in map(lambda _: (bytearray(64), stack()), range(2)):  # <map>
    check(*pair, "map")
(pair,) = sorted([Body()], key=lambda body: seen.append(body.method()) or 0) and seen[-1:]
seen.pop()
check(*pair, "method")
pairs = []
functools.reduce(lambda a, b: pairs.append((bytearray(64), stack())), range(4))  # <reduce>
for pair in pairs:
    check(*pair, "reduce")


# A finalizer runs where the last reference goes.
class Final:
    def __del__(self):
        pairs.append((bytearray(64), stack()))  # <del>


def let_go():
    final = Final()
    del final  # <let go>


pairs = []
let_go()
if pairs:  # at once, with reference counts
    check(*pairs[0], "del")
    assert pairs[0][1][-2] == (__file__, line_of("let go", __file__))

# exec, eval and compile with a file name of one's own; there need not be such a file.
space = {"stack": stack}
exec(compile("\n\nblock, frames = bytearray(64), stack()\n", "made up.py", "exec"), space)
check(space["block"], space["frames"])
assert space["frames"][-1] == ("made up.py", 3)
exec("block, frames = (\n    bytearray(64),\n    stack())", space)
traceback = tracemalloc.get_object_traceback(space["block"])
assert (traceback[-1].filename, traceback[-1].lineno) == ("<string>", 2)
pair = eval(compile("(bytearray(64), stack())", "<an expression>", "eval"), space)
check(*pair)
assert pair[1][-1] == ("<an expression>", 1)
code = compile("def made(stack):\n\n    return bytearray(64), stack()\n", "é 🐍.py", "exec")
exec(code, space)
pair = space["made"](stack)
check(*pair)
assert pair[1][-1] == ("é 🐍.py", 3)
# Two files of one name are one file.
for _ in range(2):
    exec(compile("block = bytearray(64)", "twin.py", "exec"), space)
    assert str(tracemalloc.get_object_traceback(space["block"])[-1]) == "twin.py:1"
# The source that linecache knows is in the formatted traceback.
linecache.cache["known.py"] = (5, None, ["value = bytearray(64)\n"], "known.py")
exec(compile("value = bytearray(64)", "known.py", "exec"), space)
formatted = tracemalloc.get_object_traceback(space["value"]).format()
assert formatted[-2:] == ['  File "known.py", line 1', "    value = bytearray(64)"], formatted
# A code object with other lines and another name.
moved = function.__code__.replace(co_filename="moved.py", co_firstlineno=1000)
pair = types.FunctionType(moved, globals())()
check(*pair)
assert pair[1][-1][0] == "moved.py" and pair[1][-1][1] in (1000, 1001)


# Expressions over several lines: the line of the part that runs.
def several():
    return [
        bytearray(64),  # <first of several>
        bytearray(64),
        bytearray(64),  # <third of several>
    ]


first, _, third = several()
lines = [tracemalloc.get_object_traceback(b)[-1].lineno for b in (first, third)]
assert lines == [line_of(f"{n} of several", __file__) for n in ("first", "third")], lines


# Deeper than the limit: the newest frames are kept, the others counted.
def recursive(depth):
    if depth:
        return recursive(depth - 1)  # <recursion>
    return bytearray(64), stack()  # <ground>


for depth in (0, 1, LIMIT - 3, LIMIT - 2, LIMIT - 1, LIMIT, 40, 100):
    pair = recursive(depth)
    check(*pair, "ground")
    assert len(pair[1]) == depth + 2
    traceback = tracemalloc.get_object_traceback(pair[0])
    assert len(traceback) == min(LIMIT, depth + 2)
    for trace in tracemalloc.take_snapshot().traces:
        if trace.traceback == traceback and trace.traceback[-1].lineno == line_of("ground", __file__):
            assert trace.traceback.total_nframe == depth + 2, trace.traceback.total_nframe
            break
    else:
        raise AssertionError("the block is in the snapshot")


# Mutual recursion, and a callee that is left and entered again from the next line.
def ping(n):
    return pong(n - 1) if n else (bytearray(64), stack())


def pong(n):
    return ping(n)


for n in (1, 5, 9):
    check(*ping(n))


def one_after_the_other():
    a = function()  # <one>
    b = function()  # <other>
    return a, b


pairs = one_after_the_other()
for pair, marker in zip(pairs, ("one", "other")):
    check(*pair, "function")
    assert pair[1][-2] == (__file__, line_of(marker, __file__))

# With a limit of 1, only the newest.
tracemalloc.stop()
tracemalloc.start()
block, frames = recursive(10)
assert [(f.filename, f.lineno) for f in tracemalloc.get_object_traceback(block)] == frames[-1:]
# A generator that lived through a stop and a start.
block, frames = next(made)
assert [(f.filename, f.lineno) for f in tracemalloc.get_object_traceback(block)] == frames[-1:]
tracemalloc.stop()
tracemalloc.start(LIMIT)
check(*next(made), "generator")
check(*resume(2), "generator")

done()
