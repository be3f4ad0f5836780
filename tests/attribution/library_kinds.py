"""Kinds of objects of the standard library, each with a line that makes one: see `shared.kind`.

Where a class is written in Python the newest frames are the library's own, and the line that called
it is the newest one in this file. IN_LIBRARY names those kinds.
"""

import array
import ast
import asyncio
import bz2
import codecs
import collections
import concurrent.futures
import configparser
import contextlib
import contextvars
import csv
import ctypes
import dataclasses
import datetime
import decimal
import email.message
import enum
import fractions
import functools
import hashlib
import hmac
import inspect
import io
import ipaddress
import itertools
import json
import lzma
import mmap
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import select
import selectors
import socket
import string
import struct
import tempfile
import threading
import time
import types
import typing
import unicodedata
import urllib.parse
import uuid
import weakref
import xml.etree.ElementTree
import zlib
import zoneinfo

from shared import FEW, SOME, kind, long_kind

# --- collections, weakref, types, typing
kind("deque", lambda n: collections.deque())
kind("deque, bounded", lambda n: collections.deque([n], 5))
kind("Counter", lambda n: collections.Counter("abca"))
kind("OrderedDict", lambda n: collections.OrderedDict(a=n))
kind("OrderedDict items", lambda n: ORDERED.items())
kind("iterator of an OrderedDict", lambda n: iter(ORDERED))
kind("defaultdict", lambda n: collections.defaultdict(list))
kind("value of a defaultdict", lambda n: collections.defaultdict(list)[n])
kind("ChainMap", lambda n: collections.ChainMap({}))
kind("UserDict", lambda n: collections.UserDict())
kind("namedtuple class", lambda n: collections.namedtuple("Made", "a b"), FEW)
kind("namedtuple instance", lambda n: Pair(n, n))
kind("namedtuple, _make", lambda n: Pair._make((n, n)))
kind("struct sequence", lambda n: time.gmtime(n))
kind("stat result", lambda n: os.stat("/"))
kind("array", lambda n: array.array("i", [n]))
kind("array, slice", lambda n: ARRAY[1:])
kind("weakref.ref", lambda n: weakref.ref(THING, print))
kind("weakref.ref without callback", lambda n: kept(weakref.ref(Thing())))
kind("weakref.proxy", lambda n: weakref.proxy(THING, print))
kind("weakref.WeakMethod", lambda n: weakref.WeakMethod(THING.method))
kind("WeakValueDictionary", lambda n: weakref.WeakValueDictionary(), SOME)
kind("WeakKeyDictionary", lambda n: weakref.WeakKeyDictionary(), SOME)
kind("WeakSet", lambda n: weakref.WeakSet(), SOME)
kind("weakref.finalize", lambda n: weakref.finalize(THING, int), SOME)
kind("SimpleNamespace", lambda n: types.SimpleNamespace(a=n))
kind("mappingproxy", lambda n: types.MappingProxyType({}))
kind("module", lambda n: types.ModuleType("made"), SOME)
kind("GenericAlias", lambda n: list[n])
kind("union", lambda n: int | list[n])
kind("typing alias", lambda n: typing.Optional[typing.NamedTuple("Made", [("a", int)])], FEW)
kind("TypeVar", lambda n: typing.TypeVar("T"), SOME)
kind("dataclass", lambda n: Data(n))
kind("dataclass, frozen with slots", lambda n: Frozen(n))
kind("dataclass class", lambda n: dataclasses.make_dataclass("Made", ["a"]), FEW)
kind("member of an enumeration", lambda n: Flags(2 << (next(COUNT) % 1000 + 3)), FEW)

# --- functools, operator, context variables
kind("functools.partial", lambda n: functools.partial(print, n))
kind("functools.partial, nested", lambda n: functools.partial(PARTIAL, n))
kind("functools.partialmethod", lambda n: functools.partialmethod(print, n))
kind("functools.lru_cache", lambda n: functools.lru_cache(PARTIAL), SOME)
kind("functools.cached_property", lambda n: functools.cached_property(print), SOME)
kind("functools.cmp_to_key", lambda n: KEY(n))
kind("operator.attrgetter", lambda n: operator.attrgetter("a"))
kind("operator.itemgetter", lambda n: operator.itemgetter(n))
kind("operator.methodcaller", lambda n: operator.methodcaller("a"))
kind("ContextVar", lambda n: contextvars.ContextVar("made"), SOME)
kind("Context", lambda n: contextvars.copy_context(), SOME)
kind("Token", lambda n: VARIABLE.set(n))
kind("ExitStack", lambda n: contextlib.ExitStack(), SOME)
kind("nullcontext", lambda n: contextlib.nullcontext())
kind("signature", lambda n: inspect.signature(kept), FEW)

# --- numbers, time, chance
kind("Decimal", lambda n: decimal.Decimal(n), SOME)
kind("Decimal, sum", lambda n: DECIMAL + DECIMAL, SOME)
kind("Fraction", lambda n: fractions.Fraction(n, 7), SOME)
kind("Random", lambda n: random.Random(n), FEW)
kind("date", lambda n: datetime.date(2000, 1, n % 28 + 1))
kind("datetime", lambda n: datetime.datetime(2000, 1, n % 28 + 1))
kind("datetime, sum", lambda n: MOMENT + DELTA)
kind("time", lambda n: datetime.time(n % 24))
kind("timedelta", lambda n: datetime.timedelta(n))
kind("timezone", lambda n: datetime.timezone(DELTA))
kind("UUID", lambda n: uuid.UUID(int=n), SOME)
kind("IPv4Address", lambda n: ipaddress.ip_address(n), SOME)

# --- text
kind("compiled regular expression", lambda n: re.compile("a(b)%d" % next(COUNT)), FEW)
kind("match", lambda n: PATTERN.match("abc"))
kind("match, group", lambda n: PATTERN.match("abc").group(1) + str(n))
kind("iterator of matches", lambda n: PATTERN.finditer("abc"))
kind("list of matches", lambda n: PATTERN.findall("abc"))
kind("scanner", lambda n: PATTERN.scanner("abc"))
kind("string.Template", lambda n: string.Template("$a"))
kind("string.Formatter", lambda n: string.Formatter())
kind("json text", lambda n: json.dumps([n]))
kind("json value", lambda n: json.loads("[1]"))
kind("JSONDecoder", lambda n: json.JSONDecoder(), SOME)
kind("JSONEncoder", lambda n: json.JSONEncoder(), SOME)
kind("csv.reader", lambda n: csv.reader([]))
kind("csv row", lambda n: next(csv.reader(["a,b"])))
kind("csv.writer", lambda n: csv.writer(io.StringIO()))
kind("ConfigParser", lambda n: configparser.ConfigParser(), FEW)
kind("email message", lambda n: email.message.Message(), SOME)
kind("XML element", lambda n: xml.etree.ElementTree.Element("a"), SOME)
kind("syntax tree", lambda n: ast.parse("a"), FEW)
kind("syntax node", lambda n: ast.Name("a"), SOME)
kind("normalised text", lambda n: unicodedata.normalize("NFD", "\xe9\xe9"))
kind("split URL", lambda n: urllib.parse.urlsplit("http://a/%d" % next(COUNT)), SOME)

# --- files, bytes, the system
kind("StringIO", lambda n: io.StringIO())
kind("StringIO, value", lambda n: io.StringIO("text").getvalue() + "a")
kind("BytesIO", lambda n: io.BytesIO())
kind("BytesIO, buffer", lambda n: io.BytesIO(b"abc").getbuffer())
kind("file, text", lambda n: open(os.devnull), SOME)
kind("file, buffered", lambda n: open(os.devnull, "rb"), SOME)
kind("file, raw", lambda n: open(os.devnull, "rb", buffering=0), SOME)
kind("BufferedReader", lambda n: io.BufferedReader(io.BytesIO()), SOME)
kind("BufferedWriter", lambda n: io.BufferedWriter(io.BytesIO()), SOME)
kind("TextIOWrapper", lambda n: io.TextIOWrapper(io.BytesIO()), SOME)
kind("directory entry", lambda n: next(os.scandir("/")), SOME)
kind("path", lambda n: pathlib.Path("a", str(n)))
kind("path, parent", lambda n: PATH.parent)
kind("socket", lambda n: socket.socket(), FEW)
kind("socket, raw class", lambda n: type(socket.socket()).__base__(), FEW)
kind("selector", lambda n: selectors.SelectSelector(), SOME)
kind("poll object", lambda n: select.poll(), SOME)
kind("mmap", lambda n: mmap.mmap(-1, 4096), FEW)
kind("temporary file name", lambda n: tempfile.SpooledTemporaryFile(), FEW)
kind("struct.Struct", lambda n: struct.Struct("<i"))
kind("struct, packed", lambda n: struct.pack("<i", n))
kind("struct, unpacked", lambda n: struct.unpack("<i", b"abcd"))
kind("struct, iterator", lambda n: struct.iter_unpack("<i", b"abcd"))
kind("hash", lambda n: hashlib.sha256())
kind("hash, copy", lambda n: HASH.copy())
kind("hash, digest", lambda n: HASH.digest())
kind("hash, hexdigest", lambda n: HASH.hexdigest())
kind("HMAC", lambda n: hmac.new(b"key", b"text", "md5"), SOME)
kind("zlib compressor", lambda n: zlib.compressobj(), FEW)
kind("zlib decompressor", lambda n: zlib.decompressobj(), FEW)
kind("zlib, compressed", lambda n: zlib.compress(b"abc"), SOME)
kind("bz2 compressor", lambda n: bz2.BZ2Compressor(), FEW)
kind("lzma decompressor", lambda n: lzma.LZMADecompressor(), FEW)
kind("pickle", lambda n: pickle.dumps([n]))
kind("unpickled", lambda n: pickle.loads(PICKLE), SOME)
kind("Pickler", lambda n: pickle.Pickler(io.BytesIO()), SOME)
kind("codec information", lambda n: codecs.CodecInfo(None, None), SOME)
kind("incremental decoder", lambda n: codecs.getincrementaldecoder("utf-8")(), SOME)
kind("ctypes value", lambda n: ctypes.c_int(n))
kind("ctypes array", lambda n: ARRAY_TYPE())

# --- threads, asyncio
kind("Lock", lambda n: threading.Lock())
kind("RLock", lambda n: threading.RLock())
kind("Condition", lambda n: threading.Condition(), SOME)
kind("Event", lambda n: threading.Event(), SOME)
kind("Semaphore", lambda n: threading.Semaphore(), SOME)
kind("Thread", lambda n: threading.Thread(), SOME)
kind("Timer", lambda n: threading.Timer(n, print), SOME)
kind("threading.local", lambda n: threading.local(), SOME)
kind("Queue", lambda n: queue.Queue(), SOME)
kind("SimpleQueue", lambda n: queue.SimpleQueue(), SOME)
kind("future", lambda n: concurrent.futures.Future(), SOME)
kind("asyncio future", lambda n: asyncio.Future(loop=LOOP), SOME)
kind("asyncio queue", lambda n: asyncio.Queue(), SOME)
kind("asyncio lock", lambda n: asyncio.Lock(), SOME)


@long_kind("thread that has run", FEW)
def _(n):
    thread = threading.Thread(target=kept, args=(n,))  # made
    thread.start()
    thread.join()
    return thread


@long_kind("object made by a thread", FEW)
def _(n):
    made = []
    thread = threading.Thread(target=lambda: made.append([n]))  # made
    thread.start()
    thread.join()
    return made[0]


@long_kind("value that a key function makes")
def _(n):
    made = []
    sorted(WORDS, key=lambda word: made.append([word]) or 0)  # made
    return made[-1]


@long_kind("value that a replacement makes")
def _(n):
    made = []
    re.sub("a", lambda match: made.append(match) or "", "aa")
    return made[0].string + str([made])  # made


class Thing:
    def method(self):
        pass


@dataclasses.dataclass
class Data:
    a: int


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: int


class Flags(enum.IntFlag, boundary=enum.KEEP):
    A = 1


def kept(value):
    KEPT.append(value)
    return value


KEPT = collections.deque(maxlen=5)
THING = Thing()
ORDERED = collections.OrderedDict(a=1)
Pair = collections.namedtuple("Pair", "a b")
ARRAY = array.array("i", [1, 2, 3])
WORDS = ["some", "words"]
COUNT = itertools.count()
PARTIAL = functools.partial(print)
KEY = functools.cmp_to_key(print)
VARIABLE = contextvars.ContextVar("variable")
DECIMAL = decimal.Decimal("1.25")
DELTA = datetime.timedelta(hours=1)
MOMENT = datetime.datetime(2000, 1, 1)
PATTERN = re.compile("a(b)")
PATH = pathlib.Path("a/b/c")
HASH = hashlib.sha256()
PICKLE = pickle.dumps([1, 2])
ARRAY_TYPE = ctypes.c_int * 5
LOOP = asyncio.new_event_loop()
