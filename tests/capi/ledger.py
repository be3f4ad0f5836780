"""What is traced is what was allocated, to the byte: the tracer against a second bookkeeper.

    tracepy-with-testcapi tests/capi/ledger.py FRAMES

Runs workloads of the standard library, one after the other, each between a start and a stop. After
each one three sums must be equal, and the sizes of the blocks the same ones: what
get_traced_memory() counts, all traces of a snapshot, and what an allocator around the tracing one
wrote down by itself (tests/capi/ledger.rs).
"""

import gc
import sys
import tracemalloc

import _testcapi

KEPT = []


def json_documents():
    import json

    text = json.dumps({"rows": [{"id": n, "name": f"n{n}", "x": n / 7} for n in range(500)]})
    return [json.loads(text) for _ in range(5)]


def regular_expressions():
    import re

    words = re.findall(r"(\w+)@(\w+)\.(?:org|com)", "anna@example.org, bob@example.com; " * 200)
    return [re.compile(f"a{n}+(b|c)*") for n in range(40)], words


def tables_of_text():
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    for n in range(800):
        writer.writerow([n, f"é{n}", n * 1.5, "x" * (n % 50)])
    return list(csv.reader(io.StringIO(out.getvalue())))


def containers():
    from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

    Point = namedtuple("Point", "x y")
    groups = defaultdict(list)
    for n in range(3000):
        groups[n % 97].append(Point(n, -n))
    return groups, deque(range(5000), 4000), Counter("abracadabra" * 99), OrderedDict.fromkeys("xyz")


def numbers():
    from decimal import Decimal, getcontext
    from fractions import Fraction

    getcontext().prec = 60
    sums = [sum(Fraction(1, n) for n in range(1, 60)), sum(Decimal(1) / n for n in range(1, 90))]
    return sums, [3**n for n in range(300)], [complex(n, n) for n in range(500)]


def pickles():
    import copy
    import pickle

    tree = {n: [str(n), (n, n + 1), {n}] for n in range(600)}
    return pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)


def dates():
    from datetime import datetime, timedelta

    start = datetime(2024, 2, 28)
    days = [start + timedelta(days=n, hours=n) for n in range(900)]
    return {day.strftime("%Y-%m-%d %H:%M"): day for day in days}


def source_code():
    import ast
    import inspect

    source = inspect.getsource(ast)
    return compile(source, "again.py", "exec"), ast.dump(ast.parse(inspect.getsource(ast.NodeVisitor)))


def compressed():
    import base64
    import hashlib
    import zlib

    data = bytes(range(256)) * 400
    return zlib.compress(data), base64.b64encode(data), hashlib.sha256(data).digest()


def classes():
    from dataclasses import asdict, dataclass, field

    @dataclass
    class Node:
        name: str
        below: list = field(default_factory=list)

    def tree(depth):
        return Node(str(depth), [tree(depth - 1) for _ in range(3)] if depth else [])

    return asdict(tree(5)), [type(f"C{n}", (), {"n": n}) for n in range(60)]


def generators():
    import contextlib
    import itertools

    @contextlib.contextmanager
    def around(n):
        try:
            yield n
        finally:
            KEPT.append(n)

    def flat(n):
        yield n
        if n:
            yield from flat(n - 1)

    for n in range(200):
        with contextlib.suppress(ValueError), around(n):
            raise ValueError(n)
    pairs = itertools.groupby(sorted(f"{n}" for n in range(2000)), key=len)
    return list(flat(80)), [(key, list(group)) for key, group in pairs]


def coroutines():
    import asyncio

    async def step(n):
        await asyncio.sleep(0)
        return [n] * n

    async def main():
        return await asyncio.gather(*(step(n) for n in range(150)))

    return asyncio.run(main())


def threads():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: [str(n)] * n, range(400)))


def texts():
    import difflib
    import textwrap

    words = " ".join(f"word{n % 113}" for n in range(1500))
    left, right = textwrap.wrap(words, 40), textwrap.wrap(words, 44)
    return list(difflib.unified_diff(left, right)), "".join(chr(n) for n in range(1000, 9000))


def recycled():
    # From before the start are floats, tuples, lists and dicts that wait to be born again.
    return [(n * 1.5, [n], {n: n}, slice(n), n * 1j) for n in range(1000)]


WORKLOADS = [json_documents, regular_expressions, tables_of_text, containers, numbers, pickles, dates,
             source_code, compressed, classes, generators, coroutines, threads, texts, recycled]


def fill_free_lists():
    held = [(n * 1.5, [n], {n: n}, slice(n), n * 1j) for n in range(3000)]
    del held


def main(frames):
    different = 0
    for workload in WORKLOADS:
        fill_free_lists()
        _testcapi.ledger_start(frames)
        KEPT.append(workload())
        gc.collect()
        counted, traced, allocated, traces, blocks, same = _testcapi.ledger_compare()
        tracemalloc.stop()
        agree = counted == traced == allocated and traces == blocks and same and traced > 0
        different += not agree
        print(f"{workload.__name__}: counted {counted}, traced {traced} in {traces}, "
              f"allocated {allocated} in {blocks}{'' if agree else '  DIFFERENT'}")
    print(f"{len(WORKLOADS)} workloads with {frames} frames, {different} different")
    return different != 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
