"""Memory that belongs to an object but is no object goes to the line that made it grow.

Something is made on one line and grows on another, each in a file of its own. Then the one may keep
at most some bytes, and the other must have at least some, keys and values included. That is CPython's
rule for `realloc`: the whole block belongs to the line that resized it last.
"""

import array
import bz2
import collections
import io
import json
import re
import string
import sys
import tracemalloc
import types
import warnings
import zlib

from shared import Findings, settle, start

N = 100_000

# name: (made, grown, bytes that the growing line has at least, and the making line at most)
GROWTH = {
    "list, append": ("x = []", "for i in range(N): x.append(None)", 8 * N, 200),
    "list, extend": ("x = []", "x.extend([None] * N)", 8 * N, 200),
    "list, +=": ("x = []", "x += [None] * N", 8 * N, 200),
    "list, *=": ("x = [None]", "x *= N", 8 * N, 200),
    "list, insert": ("x = []", "for i in range(N): x.insert(i, None)", 8 * N, 200),
    "list, slice": ("x = []", "x[:] = [None] * N", 8 * N, 200),
    "list, subclass": ("x = type('L', (list,), {})()", "x.extend([None] * N)", 8 * N, 9000),
    "dict": ("x = {}", "for i in range(N // 10): x[i % 250, i] = None", 8 * N // 10, 1500),
    "dict, update": ("x = {}", "x.update(dict.fromkeys(map(str, range(N // 10))))", 8 * N // 10, 400),
    "dict, |=": ("x = {}", "x |= dict.fromkeys(map(str, range(N // 10)))", 8 * N // 10, 400),
    "dict, setdefault": ("x = {}", "for i in range(N // 10): x.setdefault(i)", 8 * N // 10, 400),
    "set": ("x = set()", "for i in range(N // 10): x.add(i)", 8 * N // 10, 400),
    "set, update": ("x = set()", "x.update(range(N // 10))", 8 * N // 10, 400),
    "instance": ("class C: pass\nx = C()", "for i in range(5000): setattr(x, f'a{i}', None)", 8 * 5000, 20_000),
    "module": ("x = types.ModuleType('m')", "for i in range(5000): setattr(x, f'a{i}', None)", 8 * 5000, 9000),
    "class": ("class x: pass", "for i in range(500): setattr(x, f'a{i}', None)", 8 * 500, 20_000),
    "bytearray, extend": ("x = bytearray(10)", "x.extend(bytes(N))", N, 200),
    "bytearray, +=": ("x = bytearray(10)", "for i in range(N // 10): x += b'0123456789'", N, 200),
    "bytearray, append": ("x = bytearray(10)", "for i in range(N): x.append(1)", N, 200),
    "bytearray, slice": ("x = bytearray(10)", "x[5:] = bytes(N)", N, 200),
    "array, append": ("x = array.array('i')", "for i in range(N): x.append(1)", 4 * N, 200),
    "array, extend": ("x = array.array('i')", "x.extend(range(N))", 4 * N, 200),
    "array, frombytes": ("x = array.array('i')", "x.frombytes(bytes(N))", N, 200),
    "BytesIO": ("x = io.BytesIO()", "x.write(bytes(N))", N, 400),
    "BytesIO, little by little": ("x = io.BytesIO()", "for i in range(N // 10): x.write(bytes(10))", N, 400),
    "StringIO": ("x = io.StringIO()", "x.write('\\u20ac' * N); x.seek(0)", 2 * N, 400),
    "StringIO, little by little": ("x = io.StringIO()", "for i in range(N): x.write('ab')", N, 400),
    "deque": ("x = collections.deque()", "for i in range(N): x.append(None)", 8 * N, 1500),
    "deque, left": ("x = collections.deque()", "x.extendleft([None] * N)", 8 * N, 1500),
    "Counter": ("x = collections.Counter()", "x.update(range(N // 10))", 8 * N // 10, 2500),
    "OrderedDict": ("x = collections.OrderedDict()", "for i in range(N // 10): x[i] = None", 8 * N // 10, 2500),
    "defaultdict": ("x = collections.defaultdict(int)", "for i in range(N // 10): x[i] = None", 8 * N // 10, 600),
    "str, by +=": ("x = 'ab' * len(sys.argv)", "for i in range(1000): x += 'a' * 100", N, 200),
    "str, joined": ("x = ['ab' * 50] * 1000", "x = ''.join(x)", N, 8200),
    "str, encoded": ("x = '\\u20ac' * N", "x = x.encode()", 3 * N, 400),
    "str, decoded": ("x = b'ab' * N", "x = x.decode()", 2 * N, 400),
    "bytes, joined": ("x = [b'ab' * 50] * 1000", "x = b''.join(x)", N, 8200),
    "int": ("x = 7 + len(sys.argv)", "x = x << (8 * N)", N, 200),
    "tuple": ("x = [None] * N", "x = tuple(x)", 8 * N, 200),
    "compressed": ("x = bytes(range(256)) * 400; d = zlib.compressobj(0)", "x = d.compress(x) + d.flush()", N, 300_000),
    "decompressed": ("x = zlib.compress(bytes(N))", "x = zlib.decompress(x)", N, 900),
    "read from a file": ("x = open(__file__ if '__file__' in globals() else sys.argv[0], 'rb')", "x = x.read(), x.close()", 3000, 9000),
}

# name: (source of one line that makes it and keeps it in x, the bytes that it has at least)
MADE = {
    "compiled regular expression": ("x = re.compile('(a|b){2,3}[x-z]+' * 50 + str(len(sys.argv)))", 2000),
    "code object": ("x = compile('a = b + c\\n' * 2000, 'name', 'exec')", 8000),
    "function of a code object": ("exec('def f():\\n' + ' a = b + c\\n' * 2000); x = f", 8000),
    "class": ("x = type('C', (), {f'a{i}': None for i in range(200)})", 200 * 8),
    "json": ("x = json.loads('[' + '1.5,' * 5000 + '1]')", 5000 * 8),
    "interned strings": ("x = [sys.intern(f'a name {i}') for i in range(5000)]", 5000 * 8),
    "frames of a generator": ("x = [(lambda a: (yield))(i) for i in range(1000)]", 1000 * 8),
}

def bytes_by_file(*names):
    settle()
    found = dict.fromkeys(names, 0)
    for trace in tracemalloc.take_snapshot().traces:
        for frame in reversed(trace.traceback):
            if frame.filename in found:
                found[frame.filename] += trace.size
                break
    return [found[name] for name in names]


def main():
    warnings.simplefilter("ignore")
    findings = Findings()
    for name, (made, grown, least, rest) in GROWTH.items():
        space = {**globals(), "N": N}
        made = compile(made, "<made>", "exec")
        grown = compile(grown, "<grown>", "exec")
        for turn in range(2):  # what is made once for the whole program is not counted
            start(25)
            exec(made, space)
            exec(grown, space)
            on_made, on_grown = bytes_by_file("<made>", "<grown>")
            tracemalloc.stop()
        if on_grown < least or on_grown > 40 * least:
            findings.add(f"{name}: the line that grows it has {on_grown}, not {least} or somewhat more")
        if on_made > rest:
            findings.add(f"{name}: the line that makes it keeps {on_made}, more than {rest}")
        if "-v" in sys.argv:
            print(name, on_made, on_grown, least)
    for name, (source, least) in MADE.items():
        space = dict(globals())
        code = compile(source, "<made>", "exec")
        start(25)
        exec(code, space)
        (on_made,) = bytes_by_file("<made>")
        space.clear()
        re.purge()
        (left,) = bytes_by_file("<made>")
        tracemalloc.stop()
        if on_made < least or on_made > 300 * least:
            findings.add(f"{name}: its line has {on_made}, not {least} or somewhat more")
        # Caches and interned names stay, for the program or the interpreter.
        if left > on_made / 2 and name != "interned strings":
            findings.add(f"{name}: {left} of {on_made} stay when it is gone")
        if "-v" in sys.argv:
            print(name, on_made, least, left)
    findings.end(f"{len(GROWTH) + len(MADE)} ways to grow")


main()
