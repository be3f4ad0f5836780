"""The sizes of all traces add up to `get_traced_memory()[0]`, to the byte, whatever the program did.

A dozen uses of the standard library, each with 1 and with 25 frames. What the interpreter frees late
is drained first, and the collector is off while the figures are compared. Between the two figures
nothing is allocated that was not there: the numbers of the turn before are what the next one
replaces, and a snapshot takes its columns from outside of the traced memory.
"""

import argparse
import ast
import asyncio
import collections
import csv
import datetime
import decimal
import email.message
import fractions
import gc
import io
import json
import logging
import pickle
import queue
import random
import re
import string
import sys
import textwrap
import threading
import tracemalloc
import xml.etree.ElementTree as ElementTree
import zlib

from shared import Findings, settle, start

TEXT = "The quick brown fox jumps over the lazy dog; " * 50


def use_json():
    data = json.loads(json.dumps([{"a": i, "b": [i * 1.5, str(i)]} for i in range(1000)]))
    return data, json.dumps(data, indent=2)


def use_re():
    found = [m.groups() for m in re.finditer(r"(\w)(\w+)", TEXT)]
    return found, re.compile("a+b{2,}|[c-e]%d" % random.randrange(10**9))


def use_csv():
    out = io.StringIO()
    csv.writer(out).writerows([i, i * 2, str(i)] for i in range(1000))
    return out, list(csv.DictReader(io.StringIO(out.getvalue()), ["a", "b", "c"]))


def use_xml():
    root = ElementTree.Element("root")
    for i in range(300):
        ElementTree.SubElement(root, "item", name=str(i)).text = TEXT[:i]
    return root, ElementTree.fromstring(ElementTree.tostring(root))


def use_pickle():
    data = [{i: (i, [i] * 3)} for i in range(500)]
    return pickle.loads(pickle.dumps(data)), zlib.compress(pickle.dumps(data))


def use_asyncio():
    async def one(i):
        await asyncio.sleep(0)
        return [i] * 10

    async def main():
        return await asyncio.gather(*(one(i) for i in range(200)))

    return asyncio.run(main())


def use_threads():
    results = queue.Queue()

    def work(n):
        for i in range(200):
            results.put([n, i, str(i)])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, threads


def use_numbers():
    day = datetime.date(2000, 1, 1)
    days = [day + datetime.timedelta(i) for i in range(500)]
    thirds = [fractions.Fraction(i, 3) + 1 for i in range(200)]
    return days, thirds, [decimal.Decimal(i) / 7 for i in range(50)], 7**5000


def use_collections():
    counter = collections.Counter(TEXT)
    groups = collections.defaultdict(list)
    for word in TEXT.split():
        groups[word].append(len(word))
    return counter, groups, collections.deque(range(5000), maxlen=999), dict.fromkeys(range(5000))


def use_ast():
    source = "def f(a, b=[1, 2]):\n    return {a: b, **{'c': f'{a!r}'}}\n" * 50
    return ast.parse(source), compile(source, "name", "exec")


def use_classes():
    made = [type(f"C{i}", (), {"__slots__": ("a",), "f": lambda self: i}) for i in range(50)]
    return made, [c() for c in made for _ in range(20)]


def use_errors():
    found = []
    for i in range(300):
        try:
            {}[i]
        except KeyError as error:
            found.append(error)
    return found


def use_options():
    parser = argparse.ArgumentParser(prog="name")
    for i in range(50):
        parser.add_argument(f"--option{i}", default=[i], help=TEXT[:40])
    message = email.message.EmailMessage()
    message["Subject"] = "text"
    message.set_content(TEXT)
    return parser, parser.format_help(), str(message), textwrap.wrap(TEXT, 30), parser.parse_args([])


def use_generators():
    def numbers(n):
        block = bytearray(n)
        yield block
        yield from numbers(n - 1) if n else ()

    started = [numbers(i) for i in range(200)]
    return started, [next(g) for g in started], sorted(TEXT, key=lambda c: (c, c * 2))


def use_logging():
    stream = io.StringIO()
    logger = logging.Logger("name")
    logger.addHandler(logging.StreamHandler(stream))
    for i in range(300):
        logger.warning("%d %s", i, string.Template("$a").substitute(a=i))
    return logger, stream


def nothing_kept():
    for use in (use_json, use_re, use_classes, use_errors):
        use()


USES = [value for name, value in list(globals().items()) if name.startswith("use_")]
USES.append(nothing_kept)


def main():
    findings = Findings()
    for frames in (1, 25):
        for use in USES:
            start(frames)
            kept = use()
            traced = total = 0
            settle()
            gc.disable()
            for _ in range(3):
                traced = tracemalloc.get_traced_memory()[0]
                snapshot = tracemalloc.take_snapshot()
                total = 0
                for trace in snapshot.traces:
                    total += trace.size
                del trace, snapshot
            if total != traced:
                wrong = f"the traces are {total}, the counter says {traced}"
                findings.add(f"{use.__name__}, {frames} frames: {wrong}: {total - traced:+}")
            if total < 500:
                findings.add(f"{use.__name__}: traced only {total} bytes")
            if "-v" in sys.argv:
                print(use.__name__, frames, total, traced)
            gc.enable()
            del kept
    tracemalloc.stop()
    if tracemalloc.get_traced_memory() != (0, 0):
        findings.add("there is traced memory after the stop")
    findings.end(f"{len(USES)} uses")


main()
