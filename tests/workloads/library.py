"""Many parts of the standard library, a little of each."""

import ast
import base64
import bisect
import collections
import configparser
import copy
import csv
import datetime
import email.message
import hashlib
import html.parser
import io
import json
import os
import pathlib
import pickle
import queue
import random
import re
import shlex
import statistics
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import urllib.parse
import xml.etree.ElementTree
import zipfile
import zlib

chance = random.Random(11)
data = [{"n": n, "name": f"item {n}", "price": round(chance.random(), 3)} for n in range(200)]
text = json.dumps(data, indent=1, sort_keys=True)
print(hashlib.sha256(text.encode()).hexdigest(), json.loads(text) == data)
print(zlib.crc32(zlib.decompress(zlib.compress(text.encode()))), len(base64.b64encode(text.encode())))
print(pickle.loads(pickle.dumps(data)) == copy.deepcopy(data) == data)
out = io.StringIO()
writer = csv.DictWriter(out, ["n", "name", "price"])
writer.writeheader()
writer.writerows(data)
print(len(out.getvalue()), sum(float(r["price"]) for r in csv.DictReader(io.StringIO(out.getvalue()))) > 0)
print(statistics.median(d["price"] for d in data), statistics.mean([1, 2, 4]))
print(bisect.bisect([d["n"] for d in data], 77), collections.Counter("mississippi").most_common(2))
print(re.sub(r"(\w+) (\d+)", r"\2-\1", data[5]["name"]), re.findall(r"\b\w", "one two three"))
print(ast.unparse(ast.parse("def f(a, *b, c=1):\n    return [x for x in b if x > a]")))
parser = configparser.ConfigParser()
parser.read_string("[one]\na = 1\nb = %(a)s2\n")
print(parser["one"]["b"], shlex.split("a 'b c' d\\ e"))
print(datetime.date(2024, 2, 28) + datetime.timedelta(days=2), struct.pack("<Ihq", 1, -2, 3).hex())
message = email.message.EmailMessage()
message["Subject"] = "Grüße"
message.set_content("Hello\n")
print(message.as_string())
tree = xml.etree.ElementTree.fromstring("<a><b k='1'>x</b><b k='2'/></a>")
print([b.attrib for b in tree.iter("b")], xml.etree.ElementTree.tostring(tree))
print(urllib.parse.urlencode({"a b": "ä&"}), urllib.parse.urlsplit("http://h:8/p?q#f"))
print(textwrap.fill("the quick brown fox jumps over the lazy dog", 16))
print(string.Template("$a and $b").substitute(a=1, b=2))


class Links(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        print(tag, attrs)


Links().feed("<p class=x><a href='u'>t</a>")
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "a.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/y.txt", text)
    with zipfile.ZipFile(path) as archive:
        print(archive.namelist(), archive.read("x/y.txt").decode() == text)
    for name in ("b", "a", "c"):
        pathlib.Path(folder, name).write_text(name * 100)
    print(sorted(os.listdir(folder)), sum(p.stat().st_size for p in pathlib.Path(folder).glob("?")))

results = queue.Queue()
threads = [threading.Thread(target=lambda n=n: results.put(sum(range(n * 1000)))) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(results.get() for _ in threads))
child = subprocess.run([sys.executable, "-c", "print(input()[::-1])"], input="olleh", text=True,
                       capture_output=True)
print(child.returncode, child.stdout, child.stderr)


class Checks(unittest.TestCase):
    def test_right(self):
        self.assertEqual(1 + 1, 2)

    def test_wrong(self):
        self.assertEqual(1, 2)


outcome = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(Checks).run(outcome)
print(outcome.testsRun, len(outcome.failures))
print("the end")
