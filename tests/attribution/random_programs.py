"""Random programs, as text, from a seed.

A program is a list of functions (plain ones, generators, coroutines, asynchronous generators), each
a list of blocks that call one another in every way that the language has. The words in capitals
below are replaced: POINT makes an object and asks for the frames on one line, F, G, C and A are
calls of a function of that kind.

Every function begins with `if spent(d): return`, so that a program ends: `d` is how deep it may
still call, and what `random_runtime` provides counts the points.
"""

import random
import re

POINTS = (
    "keep(bytearray(size()), where())",
    "keep(where=where(), made=bytearray(size()))",
    "keep(made=[bytearray(size())][0], where=where())",
    "(lambda: keep(bytearray(size()), where()))()",
    "keep(bytes(size()), where())",
    "keep([0] * (size() // 8), where())",
    "keep('a' * size(), where())",
    "(keep(bytearray(size()), where()), keep(where=where(), made=[0] * (size() // 8)))[0]",
)

# In any function.
ANYWHERE = """
POINT
---
F
---
F; POINT
---
for _ in range(2): F
---
x = F or F; POINT
---
try:
    F
    raise Error
except Error:
    POINT
    F
finally:
    POINT
---
try:
    unwind(lambda: F)
except Error as error:
    POINT
---
try:
    raising(d)
except Error as error:
    error.__traceback__; POINT
---
try:
    try:
        raising(d)
    finally:
        POINT
except* Error:
    F; POINT
---
sorted([2, 1], key=lambda x: F or 0); POINT
---
list(map(lambda x: F, (1, 2))); POINT
---
max((1, 2), key=lambda x: (F, POINT) and 0)
---
list(filter(lambda x: F, (1, 2)))
---
functools.partial(FN, d - 1)(); POINT
---
functools.lru_cache(FN)(d - 1); POINT
---
functools.reduce(lambda a, b: F, (1, 2, 3)); POINT
---
re.sub("a", lambda match: F or POINT or "b", "aa"); POINT
---
eval("F"); POINT
---
eval("POINT")
---
exec("\\n\\n" "F\\n" "POINT"); POINT
---
exec(compile("POINT\\n" "F", "made up %d.py" % d, "exec")); POINT
---
run_module("POINT\\n" "F\\n" "def late(d): return POINT", d).late(d); POINT
---
WithDel(lambda: F or POINT); POINT
---
final = WithDel(lambda: F or POINT)
final = POINT
---
final = WithDel(lambda: F or POINT)
del final; POINT
---
with_weak_reference(lambda: F or POINT); POINT
---
thing = Thing(); watcher = weakref.ref(thing, lambda dead: F or POINT)
del thing
POINT
---
cycle(lambda: POINT); gc.collect(); POINT
---
with tracing(lambda frame, event: POINT): F
---
with tracing(lambda frame, event: POINT):
    x = 1
    POINT
    F
---
with profiling(lambda frame, event: POINT): F; len("")
---
with profiling(lambda frame, event: POINT): eval("POINT"); exec("x = POINT")
---
with tracing(lambda frame, event: POINT): eval("POINT"); exec("F; x = POINT")
---
in_thread(FN, d - 1); POINT
---
in_threads(lambda: F or POINT, 3)
---
numbers = G; next(numbers, None); POINT; POOL.append(numbers)
---
for x in G: POINT
---
list(G); POINT
---
sum(F or 0 for _ in range(2)); POINT
---
later((F or POINT for _ in range(2)))
---
resume(); POINT
---
resume_by_throw(); POINT
---
resume_by_close(); POINT
---
recurse(d * 7, lambda: F); POINT
---
recurse(35, lambda: POINT)
---
deep(1050, lambda: POINT); POINT
---
drive(C); POINT
---
later(C); POINT
---
drive_async_generator(A); POINT
---
drive_async_generator(A, throw=True); POINT
---
with manager(d) as value: POINT
---
with Manager(lambda: F or POINT) as value, Manager(lambda: POINT):
    POINT
    F
---
[F for _ in (1, 2)]; POINT
---
x = {_: F or POINT for _ in (1, 2)}
---
x = {F or _ for _ in (1, 2)}; POINT
---
operators = Operators(lambda: F or POINT)
operators.attribute; POINT
operators.missing, POINT
operators + 1; POINT
operators[d]; POINT
operators == 1, POINT
str(operators), f"{operators}"; POINT
---
operators = Operators(lambda: F or POINT)
operators(), POINT
operators < 1, bool(operators), len(operators), POINT
1 in operators; POINT
operators[d] = 1; del operators[d]; POINT
operators.new = 1; POINT
operators += 1; POINT
---
for x in Operators(lambda: F or POINT): POINT
---
a, b = Operators(lambda: POINT)
---
match Operators(lambda: F or POINT):
    case Operators(attribute=1): pass
    case x: POINT
---
class Made(metaclass=Meta):
    F; POINT
    def method(self, d): return POINT
Made().method(d)
---
class Made(Base, callback=lambda: F or POINT):
    attribute = Named(lambda: POINT)
---
@decorator(d)
def decorated(x=POINT): return POINT
decorated()
---
def inner(x=F, y=POINT):
    def innermost():
        nonlocal d
        d = d; POINT; return x, y
    return innermost()
inner(); inner(1)
---
def inner(x, *args, y=1, **kwargs): return lambda: (x, args, y, kwargs, d, POINT)
inner(F, POINT)(); inner(1, *[F, POINT], **{"z": POINT})()
---
while True:
    if POINT: continue
    break
---
assert POINT is None, F
---
try:
    assert d is None, POINT
except AssertionError: POINT
---
raise_signal(lambda: F or POINT); POINT
---
restart(); POINT
---
copied(lambda: F or POINT); POINT
---
json.loads("[1.5]", parse_float=lambda text: F or POINT); POINT
---
bisect.bisect([Operators(lambda: POINT)], 1); POINT
---
heapq.heapify([Operators(lambda: POINT), Operators(lambda: POINT)]); POINT
---
itertools.groupby([1, 2], lambda x: POINT).__next__(); POINT
---
list(itertools.accumulate([1, 2], lambda a, b: F or POINT)); POINT
---
list(iter(lambda: F or POINT, None)); POINT
---
contextvars.copy_context().run(FN, d - 1); POINT
---
collections.defaultdict(lambda: F or POINT)[1]; POINT
---
type("Made", (Base,), {"callback": 1}, callback=lambda: POINT); POINT
---
getattr(lazy_module(lambda: POINT), "name", None); POINT
---
try:
    raise Error(WithDel(lambda: F or POINT))
except Error as error:
    POINT
---
try:
    raise Error(WithDel(lambda: F or POINT))
except Error: pass
POINT
---
try:
    try:
        raise Error(WithDel(lambda: POINT))
    except Error as error:
        raise Error from error
except Error: F
---
for x in [WithDel(lambda: F or POINT)]:
    del x
---
for x in [WithDel(lambda: POINT), WithDel(lambda: F or POINT)]:
    pass
---
x = [x for x in [WithDel(lambda: F or POINT)] if False]
---
x = [
    WithDel(lambda: F or POINT)
    for _ in (1, 2)
]
x = (
    1,
    x.clear(),
)
---
def inner():
    x = WithDel(lambda: F or POINT)
    if x:
        return x.__class__
    return 2
inner()
---
def inner():
    x = WithDel(lambda: F or POINT)
    try:
        return F
    finally:
        POINT
inner()
---
def inner():
    x = WithDel(lambda: F or POINT)
    yield x.__class__
    yield 2
for x in inner():
    POINT
---
def inner(x):
    with Manager(lambda: POINT):
        x = x and WithDel(lambda: F or POINT)
        return
inner(1)
---
with Manager(lambda: POINT): x = [WithDel(lambda: POINT)].pop
---
a, *b = WithDel(lambda: F or POINT), 1, 2
a = \
    b = (
        POINT
    )
---
class Made:
    x = WithDel(lambda: F or POINT)
    del x
Made.x = WithDel(lambda: F or POINT)
---
match [WithDel(lambda: F or POINT), 2]:
    case [a, 1]: pass
    case [a, 2] if POINT: pass
    case _: a = F
---
if (
    [WithDel(lambda: F or POINT)] < [Operators(lambda: POINT)]
    < []
):
    POINT
---
f"{WithDel(lambda: F or POINT).__class__}" f"{
    POINT
}"
---
(lambda *args, **kwargs: (args, POINT))(
    *[WithDel(lambda: F or POINT)],
    **{"a": WithDel(lambda: POINT)},
)
---
while x := [WithDel(lambda: F or POINT)]:
    x.pop()
    break
else:
    POINT
---
lambda: (yield)
x = [1, 2, 3]
x[POINT or 0] += F or 1
x[
    POINT or 1
] = F
---
return [WithDel(lambda: F or POINT)] and None
""".split("\n---\n")

IN_GENERATORS = """
yield POINT
---
yield; POINT
---
yield from G; POINT
---
yield from [F, POINT]
---
try:
    yield F
except Error: POINT
finally: F; POINT
---
try:
    yield POINT
finally:
    POINT
---
with Manager(lambda: POINT): yield
---
x = yield [POINT for _ in (1,)]
""".split("\n---\n")

IN_COROUTINES = """
await C; POINT
---
await pause(); POINT
---
await Awaitable(lambda: F or POINT); POINT
---
async for x in A: POINT
---
x = [POINT async for _ in A]; POINT
---
x = [await C for _ in (1, 2)]; POINT
---
async with AsyncManager(lambda: F or POINT): await C; POINT
---
try:
    await C; await pause()
except Error: POINT
finally: POINT
---
numbers = A; await numbers.asend(None); POINT; await numbers.aclose()
---
await functools.partial(CN, d - 1)(); POINT
""".split("\n---\n")

IN_ASYNC_GENERATORS = """
yield POINT
---
yield; await pause(); POINT
---
try:
    yield F
finally: POINT
""".split("\n---\n")

# f: functions, g: generators, c: coroutines, a: asynchronous generators.
HEADERS = {"f": "def", "g": "def", "c": "async def", "a": "async def"}
COUNT = {"f": 6, "g": 3, "c": 3, "a": 2}
# What returns a value cannot be in an asynchronous generator.
RETURNING = [block for block in ANYWHERE if block.lstrip().startswith("return")]
ANYWHERE = [block for block in ANYWHERE if block not in RETURNING]
BLOCKS = {
    "f": ANYWHERE + RETURNING * 2,
    "g": ANYWHERE + IN_GENERATORS * 5,
    "c": ANYWHERE + IN_COROUTINES * 5,
    "a": ANYWHERE + IN_COROUTINES * 3 + IN_ASYNC_GENERATORS * 8,
}
PLACEHOLDER = re.compile(r"\b(POINT|FN|CN|F|G|C|A)\b")


def fill_in(block, rng):
    """Replace the words in capitals."""

    def one(match):
        word = match[0]
        if word == "POINT":
            return rng.choice(POINTS)
        letter = word[0].lower()
        name = letter + str(rng.randrange(COUNT[letter]))
        return name if word.endswith("N") else name + "(d - 1)"

    return PLACEHOLDER.sub(one, block.strip())


def program(seed):
    """Return the functions of a program: a list of (header, blocks)."""
    rng = random.Random(seed)
    functions = []
    for letter, count in COUNT.items():
        for number in range(count):
            blocks = [fill_in(block, rng) for block in rng.choices(BLOCKS[letter], k=4)]
            functions.append((f"{HEADERS[letter]} {letter}{number}(d):", blocks))
    return functions


def text(functions):
    """Return the source of a program."""
    lines = []
    for header, blocks in functions:
        lines += [header, "    if spent(d): return"]
        for block in blocks:
            lines += ["    " + line for line in block.split("\n")]
        if " g" in header or " a" in header:
            lines.append("    yield")
        lines += ["", ""]
    lines.append("f0(7)")
    return "\n".join(lines)
