"""Runs the queries of docs/fleet.md, and compares what they give with Python's own tracemalloc.

    python3 tests/fleet/queries.py --tracemalloc PROGRAM --engine duckdb|spark|none DUMP...

Dumps are named SERVICE-VERSION-PID-TIME.dump. They are converted by the program, the queries are taken
out of the page, an engine answers them, and each answer is computed once more here, from
`Snapshot.load` and its traces alone. Also held against that module: `merge`, the sums of which are those
of all dumps, and the ids of tracebacks. The engine is imported from where Python finds it (`PYTHONPATH`).
The Python that runs this must be 3.9 or later. Prints a line for each thing compared.
"""

import argparse
import math
import re
import struct
import subprocess
import sys
import tempfile
import tracemalloc
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet.md"
PATTERN = "{service}-{version}-{pid}-{time}.dump"
MASK = (1 << 64) - 1


def xxh64(data):
    """XXH64 with seed 0, as its specification has it."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def turn(x, by):
        return (x << by | x >> (64 - by)) & MASK

    def step(lane, word):
        return turn((lane + word * p2) & MASK, 31) * p1 & MASK

    at, end = 0, len(data)
    if end < 32:
        value = p5
    else:
        lanes = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        while at + 32 <= end:
            words = struct.unpack_from("<4Q", data, at)
            lanes = [step(lane, word) for lane, word in zip(lanes, words)]
            at += 32
        value = sum(turn(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ step(0, lane)) * p1 + p4) & MASK
    value = (value + end) & MASK
    for size, code in ((8, "<Q"), (4, "<I"), (1, "<B")):
        while at + size <= end:
            (word,) = struct.unpack_from(code, data, at)
            if size == 8:
                value = (turn(value ^ step(0, word), 27) * p1 + p4) & MASK
            elif size == 4:
                value = (turn(value ^ word * p1 & MASK, 23) * p2 + p3) & MASK
            else:
                value = turn(value ^ word * p5 & MASK, 11) * p1 & MASK
            at += size
    for shift, prime in ((33, p2), (29, p3), (32, 1)):
        value = (value ^ value >> shift) * prime & MASK
    return value


def traceback_id(frames):
    """`frames`: (file name, line), the most recent first."""
    data = b""
    for name, line in frames:
        name = name.encode("utf-8", "surrogatepass")
        data += struct.pack("<I", len(name)) + name + struct.pack("<I", line)
    value = xxh64(data)
    return value - (1 << 64) if value >> 63 else value


def shown(name):
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in name)


class Fleet:
    """The dumps as Python's module sees them: {dump: {(domain, frames): [size, count]}}."""

    def __init__(self, files):
        self.dumps = {}
        for file in files:
            service, version, pid, time = file.stem.split("-")
            sums = defaultdict(lambda: [0, 0])
            snapshot = tracemalloc.Snapshot.load(str(file))
            # A dump of 3.8 has no total.
            for domain, size, frames, *_ in snapshot.traces._traces:
                sums[domain, frames][0] += size
                sums[domain, frames][1] += 1
            time = datetime.strptime(time, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=timezone.utc)
            self.dumps[str(file)] = dict(service=service, version=version, process=pid, time=time, sums=sums)

    def rows(self):
        for name, dump in self.dumps.items():
            for (_, frames), (size, count) in dump["sums"].items():
                yield name, dump, frames, size, count

    def by_line(self):
        """{dump: {(file, line): [size, count]}}"""
        lines = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for name, _, frames, size, count in self.rows():
            line = lines[name][shown(frames[0][0]), frames[0][1]]
            line[0] += size
            line[1] += count
        return lines

    def top_lines(self):
        sums = defaultdict(lambda: [0, 0, 0])
        for lines in self.by_line().values():
            for line, (size, count) in lines.items():
                for at, value in enumerate((size, count, 1)):
                    sums[line][at] += value
        rows = [(*line, *values) for line, values in sums.items()]
        rows.sort(key=lambda r: (r[2], r[3], r[0].encode(), r[1]), reverse=True)
        return rows[:20]

    def top_callers(self):
        sums = defaultdict(lambda: [0, 0])
        for _, _, frames, size, count in self.rows():
            for name, line in {(shown(name), line) for name, line in frames}:
                sums[name, line][0] += size
                sums[name, line][1] += count
        rows = [(*line, *values) for line, values in sums.items()]
        rows.sort(key=lambda r: (r[2], r[3], r[0].encode(), r[1]), reverse=True)
        return rows[:20]

    def growth_between_versions(self):
        processes = defaultdict(int)
        for dump in self.dumps.values():
            processes[dump["version"]] += 1
        sums = defaultdict(lambda: {"1": 0, "2": 0})
        for name, lines in self.by_line().items():
            for line, (size, _) in lines.items():
                sums[line][self.dumps[name]["version"]] += size
        rows = []
        for line, of in sums.items():
            old, new = (of[v] / processes[v] if processes[v] else 0.0 for v in "12")
            rows.append((*line, old, new, new - old))
        rows.sort(key=lambda r: (-r[4], r[0].encode(), r[1]))
        return rows[:20]

    def totals(self):
        totals = defaultdict(dict)
        for name, dump in self.dumps.items():
            totals[dump["service"]][name] = sum(size for size, _ in dump["sums"].values())
        return totals

    def processes_that_differ(self):
        rows = []
        for service, sizes in self.totals().items():
            mean = sum(sizes.values()) / len(sizes)
            deviation = math.sqrt(sum((s - mean) ** 2 for s in sizes.values()) / len(sizes))
            if deviation > 0:
                rows += [(service, self.dumps[d]["process"], s, (s - mean) / deviation)
                         for d, s in sizes.items()]
        rows.sort(key=lambda r: (-abs(r[3]), r[0], r[1]))
        return rows[:20]

    def lines_that_differ(self):
        processes = {service: len(sizes) for service, sizes in self.totals().items()}
        by_line = self.by_line()
        sums = defaultdict(int)
        for name, lines in by_line.items():
            for line, (size, _) in lines.items():
                sums[self.dumps[name]["service"], line] += size
        rows = []
        for name, lines in by_line.items():
            service = self.dumps[name]["service"]
            for line, (size, _) in lines.items():
                more = size - sums[service, line] / processes[service]
                rows.append((service, self.dumps[name]["process"], *line, size, more))
        rows.sort(key=lambda r: (-r[5], r[0], r[1], r[2].encode(), r[3]))
        return rows[:20]

    def the_largest_traceback(self):
        sums = defaultdict(int)
        for _, _, frames, size, _ in self.rows():
            sums[frames] += size
        largest = min(sums, key=lambda frames: (-sums[frames], traceback_id(frames)))
        return [(shown(name), line) for name, line in reversed(largest)]

    def memory_over_time(self):
        sums = defaultdict(lambda: [0, 0])
        for name, dump in self.dumps.items():
            if dump["sums"]:
                total = sums[dump["service"], dump["time"]]
                total[0] += sum(size for size, _ in dump["sums"].values())
                total[1] += 1
        return [(*key, *sums[key]) for key in sorted(sums)]


def blocks(start):
    """The blocks of code of the page whose first line begins like this: {rest of the line: code}."""
    found = re.findall(r"^```\w+\n(?:--|#) " + start + r"(.*)\n((?:.*\n)*?)```", PAGE.read_text("utf-8"), re.M)
    return {name.strip(): code for name, code in found}


class DuckDB:
    def __init__(self, folder):
        import duckdb
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        (views,) = blocks("DuckDB: the tables").values()
        self.connection.execute(views.replace("'fleet/", f"'{folder}/"))

    def ask(self, query):
        return self.connection.execute(query).fetchall()


class Spark:
    def __init__(self, folder):
        from pyspark.sql import SparkSession
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.shuffle.partitions", "4")
        builder = builder.config("spark.sql.session.timeZone", "UTC")
        spark = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        (views,) = blocks("Spark: the tables").values()
        exec(views.replace('"fleet/', f'"{folder}/'), {"spark": spark})
        self.spark = spark

    def ask(self, query):
        return [tuple(row) for row in self.spark.sql(query).collect()]


def plain(value):
    """A value as both sides have it: times as seconds since 1970."""
    if isinstance(value, datetime):
        # Spark's are in the zone of the process, without saying so.
        return value.timestamp()
    return value


def same(ours, theirs):
    if len(ours) != len(theirs):
        return False
    for a, b in zip(ours, theirs):
        for x, y in zip(map(plain, a), map(plain, b)):
            near = isinstance(y, float) and math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-6)
            if not near and x != y:
                return False
        if len(a) != len(b):
            return False
    return True


def compare(what, found, expected):
    if not same(found, expected):
        sys.exit(f"{what} differs.\nfound:    {found[:4]}\nexpected: {expected[:4]}")
    print(f"same: {what} ({len(expected)} rows)", flush=True)


def check_merge(program, files, folder):
    merged = folder / "merged.dump"
    subprocess.run([program, "merge", *files, "-o", merged], check=True)
    snapshot = tracemalloc.Snapshot.load(str(merged))
    whole = [trace[:3] for trace in snapshot.traces._traces]
    parts = [trace[:3] for f in files for trace in tracemalloc.Snapshot.load(str(f)).traces._traces]
    if whole != parts:
        sys.exit("the merged dump is not what its parts are")
    print(f"same: merge ({len(whole)} traces)")
    small = folder / "small.dump"
    subprocess.run([program, "merge", "--by-traceback", *files, "-o", small], check=True)
    small = tracemalloc.Snapshot.load(str(small))
    for key in ("lineno", "filename", "traceback"):
        sizes = [{s.traceback: s.size for s in d.statistics(key)} for d in (small, snapshot)]
        if sizes[0] != sizes[1]:
            sys.exit(f"merge --by-traceback: other sizes by {key}")
    print(f"same: merge --by-traceback ({len(small.traces)} traces)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracemalloc", required=True)
    parser.add_argument("--engine", choices=("duckdb", "spark", "none"), required=True)
    parser.add_argument("dumps", nargs="+", type=Path)
    args = parser.parse_args()
    fleet = Fleet(args.dumps)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = folder / "fleet"
        command = [args.tracemalloc, "convert", *args.dumps, "--to", "parquet", "-o", data]
        subprocess.run([*command, "--name-pattern", PATTERN], check=True)
        check_merge(args.tracemalloc, args.dumps, folder)
        if args.engine == "none":
            return
        engine = {"duckdb": DuckDB, "spark": Spark}[args.engine](data)
        queries = blocks("query: ")
        if len(queries) < 7:
            sys.exit(f"only {len(queries)} queries were found in {PAGE}")
        for name, query in queries.items():
            expected = getattr(fleet, name.replace(" ", "_"))()
            compare(f"{args.engine}: {name}", engine.ask(query), expected)
        # The tables themselves.
        rows = engine.ask("SELECT dump, domain, traceback_id, size, count FROM traces")
        expected = [(name, domain, traceback_id(frames), size, count)
                    for name, dump in fleet.dumps.items()
                    for (domain, frames), (size, count) in dump["sums"].items()]
        compare(f"{args.engine}: traces", sorted(rows), sorted(expected))
        rows = engine.ask("SELECT traceback_id, position, leaf, root, filename, lineno FROM frames")
        distinct = {frames for dump in fleet.dumps.values() for _, frames in dump["sums"]}
        expected = [(traceback_id(frames), at, at == 0, at == len(frames) - 1, shown(name), line)
                    for frames in distinct for at, (name, line) in enumerate(frames)]
        compare(f"{args.engine}: frames", sorted(rows), sorted(expected))
        (collisions,) = [sql for sql in re.findall(r"^```sql\n(SELECT(?:.*\n)*?)```", PAGE.read_text("utf-8"), re.M)]
        compare(f"{args.engine}: collisions", engine.ask(collisions), [])


if __name__ == "__main__":
    main()
