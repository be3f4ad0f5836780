"""Filter and DomainFilter: what they match, alone and together."""

import fnmatch
import os
import random

import tracemalloc
from common import done, raises
from tracemalloc import DomainFilter, Filter, Snapshot

RAW = [
    (0, 1, (("/lib/json/decoder.py", 10), ("/app/main.py", 5)), 2),
    (0, 2, (("/app/main.py", 5),), 1),
    (0, 4, (("/app/util.py", 7), ("/app/main.py", 6)), 2),
    (3, 8, (("/app/gpu.py", 1),), 1),
    (0, 16, (("<unknown>", 0),), 1),
    (0, 32, (("<frozen importlib._bootstrap>", 241), ("/app/main.py", 1)), 2),
]
SNAPSHOT = Snapshot(RAW, 2)
ALL = 63


def kept(*filters):
    """Return the sum of the sizes that are left; each block has its own bit."""
    return sum(trace.size for trace in SNAPSHOT.filter_traces(filters).traces)


# Attributes and defaults.
f = Filter(True, "/app/*")
assert (f.inclusive, f.filename_pattern, f.lineno, f.all_frames, f.domain) == (
    True, "/app/*", None, False, None,
)
f = Filter(False, "x", 3, True, 7)
assert (f.inclusive, f.filename_pattern, f.lineno, f.all_frames, f.domain) == (
    False, "x", 3, True, 7,
)
d = DomainFilter(False, 3)
assert (d.inclusive, d.domain) == (False, 3)
raises(AttributeError, setattr, f, "filename_pattern", "y")
raises(AttributeError, setattr, d, "domain", 4)
f.inclusive, f.lineno, f.all_frames, f.domain = True, None, False, None
assert (f.inclusive, f.lineno, f.all_frames, f.domain) == (True, None, False, None)
d.inclusive = True
assert Filter(True, "a.pyc").filename_pattern == "a.py"
assert Filter(True, "a.pyo").filename_pattern == "a.pyo"
assert Filter(1, "a").inclusive == 1, "the value itself is kept"
raises(TypeError, Filter, True)
raises(TypeError, Filter)
raises(TypeError, DomainFilter, True)
for bad in (5, None, 1.5):
    text = raises(TypeError, Filter, True, bad)
    assert text.startswith("expected str, bytes or os.PathLike object, not "), text

# No filter keeps all, in another snapshot with the same limit and traces.
copy = SNAPSHOT.filter_traces([])
assert copy is not SNAPSHOT and copy.traceback_limit == 2 and copy.traces == SNAPSHOT.traces
assert kept() == ALL

# One filter.
assert kept(Filter(True, "/app/main.py")) == 2
assert kept(Filter(False, "/app/main.py")) == ALL - 2
assert kept(Filter(True, "/app/*")) == 2 + 4 + 8
assert kept(Filter(True, "/app/main.py", all_frames=True)) == 1 + 2 + 4 + 32
assert kept(Filter(False, "/app/main.py", all_frames=True)) == 8 + 16
assert kept(Filter(True, "/app/main.py", lineno=5)) == 2
assert kept(Filter(True, "/app/main.py", lineno=5, all_frames=True)) == 1 + 2
assert kept(Filter(False, "/app/main.py", lineno=5)) == ALL - 2
assert kept(Filter(False, "/app/*", lineno=7)) == ALL - 4
assert kept(Filter(True, "*", domain=3)) == 8
assert kept(Filter(True, "*", domain=0)) == ALL - 8
assert kept(Filter(False, "/app/gpu.py", domain=0)) == ALL, "another domain: not its business"
assert kept(Filter(False, "/app/gpu.py", domain=3)) == ALL - 8
assert kept(Filter(True, "nothing")) == 0
assert kept(DomainFilter(True, 3)) == 8
assert kept(DomainFilter(False, 3)) == ALL - 8
assert kept(DomainFilter(True, 99)) == 0
assert kept(Filter(False, "<unknown>")) == ALL - 16
assert kept(Filter(False, "<frozen importlib._bootstrap>")) == ALL - 32
assert kept(Filter(True, "/app/main.pyc")) == 2

# Together: any of the inclusive ones, and none of the exclusive ones.
assert kept(Filter(True, "/app/main.py"), Filter(True, "/app/util.py")) == 2 + 4
assert kept(Filter(True, "/app/*"), Filter(False, "/app/util.py")) == 2 + 8
assert kept(Filter(False, "/app/*"), Filter(False, "/lib/*")) == 16 + 32
assert kept(Filter(False, "/app/util.py"), Filter(True, "/app/util.py")) == 0
assert kept(DomainFilter(True, 0), Filter(True, "/app/gpu.py")) == ALL
assert kept(DomainFilter(True, 0), Filter(False, "/app/*")) == 1 + 16 + 32

# Each filter is looked at when it is used.
changing = Filter(True, "/app/main.py")
assert kept(changing) == 2
changing.inclusive = False
assert kept(changing) == ALL - 2
changing.lineno = 99
assert kept(changing) == ALL

# The kinds of collection.
for filters in ([], (), {Filter(True, "*")}, [Filter(True, "*")], {1: 2}.fromkeys([Filter(True, "*")])):
    assert len(SNAPSHOT.filter_traces(filters).traces) == 6, filters
for bad, name in ((None, "NoneType"), (Filter(True, "*"), "Filter"), (5, "int")):
    text = raises(TypeError, SNAPSHOT.filter_traces, bad)
    assert text == f"filters must be a list of filters, not {name}", text
try:
    SNAPSHOT.filter_traces([1])
except (AttributeError, TypeError):
    pass
else:
    raise AssertionError("1 is no filter")


# The pattern is fnmatch's, whatever is in it.
def matches(pattern, name):
    snapshot = Snapshot([(0, 1, ((name, 1),), 1)], 1)
    return len(snapshot.filter_traces([Filter(True, pattern)]).traces) == 1


def expected(pattern, name):
    pattern = os.path.normcase(pattern[:-1] if pattern.endswith(".pyc") else pattern)
    name = name[:-1] if name.endswith(".pyc") else name
    return fnmatch.fnmatch(name, pattern)


for pattern, name in (
    ("a?c", "a/c"), ("a*c", "a/b/c"), ("[!a]", "/"), ("[/]", "/"), ("{a,b}", "a"), ("{a,b}", "{a,b}"),
    ("a\\*", "a\\x"), ("a\\*", "a*"), ("[abc", "[abc"), ("[]", "[]"), ("[]]", "]"), ("[!]]", "x"),
    ("[]-a]", "^"), ("[a-c]x", "bx"), ("[c-a]x", "bx"), ("[^a]", "^"), ("[^a]", "b"), ("", ""),
    ("", "a"), ("*", ""), ("**", "a/b"), ("a.py", "A.PY"), ("A.py", "a.py"), ("*.py", "a.pyc"),
    ("*.pyc", "a.py"), ("*.pyo", "a.pyo"), (".", "x"), ("a+", "aa"), ("a|b", "a"), ("^a$", "a"),
    ("a\nb", "a\nb"), ("a*", "a\nb"), ("?", "é"), ("?", "🐍"), ("[é-ü]", "ö"), ("[[]", "["),
    ("[a--]", "b"), ("[--a]", "-"), ("[!-a]", "-"), ("[a\\]", "\\"), ("[&&]", "&"), ("[~~a]", "~"),
    ("[[:alpha:]]", "a"), ("\\d", "5"), ("(?i)a", "A"), ("$", ""), ("a\x00b", "a\x00b"),
):
    assert matches(pattern, name) == expected(pattern, name), (pattern, name)

chance = random.Random(3)
for _ in range(4000):
    pattern = "".join(chance.choice("ab*?[]!-/.\\^{},é") for _ in range(chance.randint(0, 7)))
    name = "".join(chance.choice("ab[]!-/.\\^{},é") for _ in range(chance.randint(0, 5)))
    assert matches(pattern, name) == expected(pattern, name), (pattern, name)

done()
