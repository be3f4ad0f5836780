"""A process of a fleet: FOLDER SERVICE VERSION NUMBER. Leaves one dump, SERVICE-VERSION-PID-TIME.dump.

The version 2 keeps more text, and every seventh process leaks. The numbers of a dump differ from
process to process and from interpreter to interpreter; what is compared are the results of two ways to
add them up.
"""

import json
import sys
import tracemalloc

folder, service, version, number = sys.argv[1:]
number = int(number)
tracemalloc.start(3 + number % 8)
texts = []
leak = []
tree = {}


def keep(count):
    for at in range(count):
        texts.append("%s %d" % (service, at))


def grow(depth):
    if depth:
        return [grow(depth - 1), depth]
    return bytearray(100 + number)


def named(name):
    """Runs code of a file of any name."""
    scope = {}
    exec(compile("def make(n):\n    return [bytes(n + i) for i in range(20)]\n", name, "exec"), scope)
    return scope["make"](number)


keep(200 * int(version))
tree["a"] = [grow(depth) for depth in range(5)]
tree["b"] = json.loads(json.dumps({str(i): [i] * (i % 5) for i in range(60)}))
tree["c"] = [named(name) for name in ("<generated>", "caf\xe9/%s.py" % service, "a, \"b\".py", "\udcff.py")]
if number % 7 == 3:
    leak.extend(b"x" * (500 + i) for i in range(100))

time = "20261121T%02d%02d00.%03dZ" % (14 + number // 60, number % 60, number)
path = "%s/%s-%s-%d-%s.dump" % (folder, service, version, 4000 + number, time)
tracemalloc.take_snapshot().dump(path)
