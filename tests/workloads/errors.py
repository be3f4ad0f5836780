"""Errors: handlers, chains, groups, warnings, and an exit status that is not 0."""

import contextlib
import sys
import traceback
import warnings


class Own(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def fail(n):
    if n == 0:
        raise Own(42)
    try:
        fail(n - 1)
    except Own as error:
        if n % 2:
            raise KeyError(n) from error
        raise
    except KeyError:
        raise ValueError(n)
    finally:
        seen.append(n)


seen = []
try:
    fail(6)
except Exception as error:
    chain = []
    while error is not None:
        chain.append(f"{type(error).__name__}({error})")
        error = error.__cause__ or error.__context__
    print(chain, seen)

try:
    raise ExceptionGroup("several", [ValueError(1), TypeError(2), ExceptionGroup("in", [Own(3)])])
except* ValueError as group:
    print("values", group.exceptions)
except* Own as group:
    print("own", group.exceptions[0].exceptions[0].code)
except* TypeError as group:
    print("types", group.exceptions)

with contextlib.suppress(ZeroDivisionError):
    1 / 0
with contextlib.ExitStack() as stack:
    for n in range(3):
        stack.callback(print, "callback", n)


def deep(n):
    return deep(n + 1)


try:
    deep(0)
except RecursionError as error:
    print(type(error).__name__)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("careful", UserWarning)
    print([str(w.message) for w in caught])

try:
    {}["missing"]
except KeyError:
    text = traceback.format_exc().splitlines()
    print(text[0], text[-1], len(text) > 3)

for bad in ("1 +", "def f(:", "x = = 1", "'unclosed"):
    try:
        compile(bad, "bad.py", "exec")
    except SyntaxError as error:
        print(bad, error.lineno)

for call in (lambda: int("x"), lambda: [][1], lambda: None.x, lambda: len(3), lambda: "a" + 1):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
print(sys.argv[1:])
print("the end")
sys.exit(17)
