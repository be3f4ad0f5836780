"""A dump is loaded as it was: traces, limit, statistics, attributes of one's own."""

import os
import pathlib
import pickle
import sys
import tempfile
import threading

import tracemalloc
from common import done, raises
from tracemalloc import Snapshot

tracemalloc.stop()  # also under -X tracemalloc
tracemalloc.start(10)
kept = [bytearray(n) for n in range(500)]
snapshot = tracemalloc.take_snapshot()
tracemalloc.stop()


def same(one, other):
    assert one.traceback_limit == other.traceback_limit
    assert len(one.traces) == len(other.traces)
    assert list(one.traces._traces) == list(other.traces._traces)
    assert [t.traceback.total_nframe for t in one.traces] == [
        t.traceback.total_nframe for t in other.traces
    ]
    for key_type in ("traceback", "filename", "lineno"):
        assert one.statistics(key_type) == other.statistics(key_type)
    assert all(s.size_diff == 0 for s in one.compare_to(other, "traceback"))


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "dump é")
    assert snapshot.dump(path) is None
    loaded = Snapshot.load(path)
    assert type(loaded) is Snapshot
    same(snapshot, loaded)
    assert os.listdir(folder) == ["dump é"], "no other file is left"

    # Of what was loaded, a dump again; over a longer file; with a Path, bytes or keywords.
    loaded.dump(path)
    same(snapshot, Snapshot.load(path))
    Snapshot([], 3).dump(filename=path)
    empty = Snapshot.load(filename=pathlib.Path(path))
    assert len(empty.traces) == 0 and empty.traceback_limit == 3
    Snapshot(snapshot.traces._traces, 10).dump(pathlib.Path(path))
    same(snapshot, Snapshot.load(os.fsencode(path)))

    # What a snapshot can hold.
    raw = [
        (0, 0, (("a", 0),), 1),
        (7, 2**40, (("é 🐍.py", 2**31 - 1), ("a\nb", 1)), 70_000),
        (2**32 - 1, 2**50, (("x" * 1000, 1),) * 300, 300),
        (0, 1, (("a", 0),), 1),
        (0, 1, (("a", 0),), 1),
    ]
    Snapshot(raw, 65535).dump(path)
    loaded = Snapshot.load(path)
    assert list(loaded.traces._traces) == raw and loaded.traceback_limit == 65535
    same(Snapshot(raw, 65535), loaded)

    # Attributes of one's own, as in CPython.
    snapshot.note = {"made by": "a test", "numbers": [1, 2.5, None, True]}
    snapshot.dump(path)
    loaded = Snapshot.load(path)
    assert loaded.note == snapshot.note
    same(snapshot, loaded)

    # The file is a pickle, and what others have pickled is a dump.
    with open(path, "rb") as file:
        same(snapshot, pickle.load(file))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with open(path, "wb") as file:
            pickle.dump(snapshot, file, protocol)
        same(snapshot, Snapshot.load(path))

    # The longest name that a file can have.
    long = os.path.join(folder, "n" * 255)
    snapshot.dump(long)
    same(snapshot, Snapshot.load(long))
    os.remove(long)
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]

    # Through a pipe, piece by piece.
    end, start = os.pipe()
    with open(path, "rb") as file:
        whole = file.read()
    feeder = threading.Thread(target=lambda: open(start, "wb").write(whole))
    feeder.start()
    same(snapshot, Snapshot.load(end))
    feeder.join()

    # Where it cannot be written or read.
    for where, error in (
        (os.path.join(folder, "no", "such", "folder"), FileNotFoundError),
        ("", FileNotFoundError),
        (folder, IsADirectoryError),
    ):
        assert where in raises(error, snapshot.dump, where)
        assert where in raises(error, Snapshot.load, where)
    raises(TypeError, snapshot.dump)
    raises(TypeError, Snapshot.load)
    raises(TypeError, snapshot.dump, None)
    raises(TypeError, Snapshot.load, 1.5)
    for call in (snapshot.dump, Snapshot.load):
        raises(ValueError, call, "a\0b")

    # The classes go through pickle and copy on their own.
    import copy

    statistic = snapshot.statistics("traceback")[0]
    diff = snapshot.compare_to(empty, "lineno")[0]
    values = [statistic, diff, statistic.traceback, statistic.traceback[0], snapshot.traces[0]]
    for value in values:
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.copy(value) == value and copy.deepcopy(value) == value

done()
