"""A file that is no dump is a clear error that names the file, and never runs anything."""

import io
import os
import pickle
import pickletools
import sys
import tempfile

import tracemalloc
from common import OURS, done, raises
from tracemalloc import Snapshot

tracemalloc.stop()  # also under -X tracemalloc
tracemalloc.start(5)
kept = [bytearray(n) for n in range(200)]
snapshot = tracemalloc.take_snapshot()
tracemalloc.stop()

folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "snapshot.dump")


def write(contents):
    with open(path, "wb") as file:
        file.write(contents)


def refused(contents, why):
    """The load fails with an exception (no crash), which names the file in our interpreter."""
    write(contents)
    try:
        loaded = Snapshot.load(path)
    except Exception as error:
        if OURS:
            assert path in str(error), (why, type(error).__name__, error)
            assert "panic" not in str(error), error
            assert not isinstance(error, (MemoryError, RecursionError, SystemError)), error
    else:
        # CPython gives back whatever was pickled; for us that is no snapshot.
        assert not OURS, (why, loaded)


# Missing.
text = raises(FileNotFoundError, Snapshot.load, path)
assert path in text, text

refused(b"", "empty")
refused(b"no pickle at all\n", "text")
refused(b"\x00" * 1000, "zeros")
refused(b"\xff" * 1000, "ones")
refused(b"PK\x03\x04" + b"\0" * 100, "a zip")
refused(b"\x80\x04", "a header only")
refused(b"\x80\xff.", "a protocol of the future")
for value in (1, None, [], {}, "text", b"bytes", (1, 2), {"traces": []}, 1.5, {1}, 10**30):
    for protocol in (0, 2, 4):
        refused(pickle.dumps(value, protocol), f"a pickle of {value!r}")
refused(pickle.dumps(snapshot.statistics("lineno")), "a pickle of statistics")
refused(pickle.dumps(snapshot.traces[0]), "a pickle of a trace")
refused(pickle.dumps(tracemalloc.Filter(True, "x")), "a pickle of a filter")

# Truncated: at every place near the ends, and at some in between.
snapshot.dump(path)
with open(path, "rb") as file:
    whole = file.read()
assert len(whole) > 500
cuts = {*range(0, 150), *range(len(whole) - 150, len(whole)), *range(0, len(whole), 97)}
for cut in sorted(cuts):
    refused(whole[:cut], f"cut at {cut} of {len(whole)}")

# One byte changed: an error or a snapshot, but nothing else. (In CPython anything may happen,
# since a pickle can import and call.)
if OURS:
    chance = __import__("random").Random(5)
    for _ in range(2000):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        write(changed)
        try:
            loaded = Snapshot.load(path)
        except Exception as error:
            assert path in str(error), (type(error).__name__, error)
        else:
            assert type(loaded) is Snapshot
            for trace in loaded.traces:
                str(trace), trace.size, trace.domain, trace.traceback.total_nframe
            loaded.statistics("lineno")

    # Sizes that the file cannot hold: refused without asking for the memory.
    for huge in (
        b"\x80\x04\x8e" + (2**62).to_bytes(8, "little"),  # BINBYTES8
        b"\x80\x04\x8d" + (2**63 - 1).to_bytes(8, "little") + b"x",  # BINUNICODE8
        b"\x80\x04B" + b"\xff\xff\xff\x7f" + b"abc.",  # BINBYTES
        b"\x80\x04X" + b"\xff\xff\xff\xff" + b"abc.",  # BINUNICODE
        b"\x80\x04\x95" + b"\xff" * 8 + b".",  # FRAME
        b"\x80\x04\x96" + (2**60).to_bytes(8, "little"),  # BYTEARRAY8
        b"\x80\x04\x8b" + (2**31 - 1).to_bytes(4, "little") + b".",  # LONG4
        b"\x80\x04r" + b"\xff\xff\xff\xff" + b".",  # LONG_BINPUT of nothing
        b"\x80\x04j" + b"\xff\xff\xff\xff" + b".",  # LONG_BINGET
        b"\x80\x04." , b"\x80\x040.", b"\x80\x04(((((.", b"\x80\x04]a.", b"\x80\x04s.", b"\x80\x04R.",
    ):
        refused(huge, repr(huge[:8]))
    # Nested deeper than any stack.
    refused(b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b".", "deep lists")
    refused(b"(" * 500_000 + b"t" * 500_000 + b".", "deep tuples")
    # A list that contains itself where a snapshot should be.
    refused(b"\x80\x04]\x94h\x00a.", "a list in itself")


# A pickle that would run something does not.
class Bomb:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


marker = os.path.join(folder.name, "it ran")
if OURS:
    for protocol in (0, 2, 4, 5):
        for bomb in (
            Bomb(os.mkdir, (marker,)),
            Bomb(exec, (f"import os; os.mkdir({marker!r})",)),
            [Bomb(eval, (f"__import__('os').mkdir({marker!r})",))],
            {"traces": Bomb(os.mkdir, (marker,)), "traceback_limit": 1},
        ):
            refused(pickle.dumps(bomb, protocol), "a bomb")
            assert not os.path.exists(marker), "the pickle ran code"
        # Inside of a snapshot.
        evil = Snapshot([], 1)
        evil.note = Bomb(os.mkdir, (marker,))
        write(pickle.dumps(evil, protocol))
        try:
            Snapshot.load(path)
        except Exception as error:
            assert path in str(error), error
        assert not os.path.exists(marker), "the pickle ran code"

# What has no end is refused at its beginning, and nothing of it is kept.
if OURS:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for endless in ("/dev/zero", "/dev/urandom", "/dev/full"):
        if os.path.exists(endless):
            assert repr(endless) in raises(pickle.UnpicklingError, Snapshot.load, endless)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"

# It is still a loader of good files.
write(whole)
assert Snapshot.load(path).traceback_limit == 5
folder.cleanup()

done()
