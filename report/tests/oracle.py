"""Answers questions about dumps with Python's own tracemalloc, in the simplest way there is.

    python3 oracle.py QUESTION FILE...

Prints JSON, in the shapes of `tracemalloc ... --json`.
"""

import json
import os
import sys
import tracemalloc
from collections import Counter, defaultdict
from tracemalloc import DomainFilter, Filter


def text(name):
    """Lone surrogates do not survive in JSON that others read."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in name)


def frame(f):
    return {"filename": text(f.filename), "lineno": f.lineno}


def frames(traceback):
    return [frame(f) for f in traceback]


def statistics(snapshot, key_type, cumulative):
    return [
        {"traceback": frames(s.traceback), "size": s.size, "count": s.count}
        for s in snapshot.statistics(key_type, cumulative)
    ]


KINDS = [("lineno", False), ("filename", False), ("traceback", False),
         ("lineno", True), ("filename", True)]


def total(snapshot):
    return {"size": sum(t.size for t in snapshot.traces), "count": len(snapshot.traces)}


def top(snapshot):
    return [{"total": total(snapshot), "groups": statistics(snapshot, *kind)} for kind in KINDS]


def filtered(snapshot):
    program = "*program.py"
    line = max(t.traceback[-1].lineno for t in snapshot.traces
               if t.traceback[-1].filename.endswith("program.py"))
    every = [
        [Filter(True, program)],
        [Filter(False, program)],
        [Filter(True, program, line)],
        [Filter(True, program, all_frames=True), Filter(False, "*/json/*", all_frames=True)],
        [DomainFilter(True, 0)],
    ]
    kept = [snapshot.filter_traces(filters) for filters in every]
    return {"line": line, "groups": [statistics(s, "lineno", False) for s in kept]}


def domains(snapshot):
    sums = defaultdict(Counter)
    for t in snapshot.traces:
        sums[t.domain].update(size=t.size, count=1)
    rows = [{"domain": d, "size": s["size"], "count": s["count"]} for d, s in sums.items()]
    return sorted(rows, key=lambda row: (-row["size"], -row["count"], row["domain"]))


def change(s):
    if s.count == s.count_diff:
        return "new"
    if s.count == 0:
        return "gone"
    if (s.size_diff, s.count_diff) > (0, 0):
        return "grown"
    return "same" if (s.size_diff, s.count_diff) == (0, 0) else "shrunk"


def diff(old, new):
    result = []
    for kind in KINDS:
        result.append([
            {"traceback": frames(s.traceback), "change": change(s), "size": s.size,
             "size_diff": s.size_diff, "count": s.count, "count_diff": s.count_diff}
            for s in new.compare_to(old, *kind)
        ])
    return {"old_total": total(old), "total": total(new), "groups": result}


def series(*snapshots):
    sizes = [{s.traceback: s for s in snapshot.statistics("lineno")} for snapshot in snapshots]
    growers = []
    for traceback in set().union(*sizes):
        amounts = [(of[traceback].size, of[traceback].count) if traceback in of else (0, 0)
                   for of in sizes]
        pairs = list(zip(amounts, amounts[1:]))
        grown = sum(a[0] < b[0] for a, b in pairs)
        shrank = any(a[0] > b[0] for a, b in pairs)
        if not shrank and 3 * grown >= 2 * len(pairs):
            growers.append({
                "traceback": frames(traceback),
                "steps_grown": grown,
                "amounts": [{"size": size, "count": count} for size, count in amounts],
                "size_diff": amounts[-1][0] - amounts[0][0],
                "count_diff": amounts[-1][1] - amounts[0][1],
            })
    steps = len(snapshots) - 1
    growers.sort(key=lambda g: (g["steps_grown"] < steps, -g["size_diff"], -g["count_diff"],
                                [(f["filename"], f["lineno"]) for f in g["traceback"]]))
    return {"totals": [total(s) for s in snapshots], "steps": steps, "groups": growers}


def info(snapshot):
    tracebacks = {tuple(t.traceback) for t in snapshot.traces}
    every = {f for traceback in tracebacks for f in traceback}
    before = [getattr(t.traceback, "total_nframe", None) for t in snapshot.traces]
    cut = {(tuple(t.traceback), t.traceback.total_nframe) for t, n in zip(snapshot.traces, before)
           if n is not None and n > len(t.traceback)}
    return {
        "traceback_limit": snapshot.traceback_limit,
        "traces": len(snapshot.traces),
        "size": sum(t.size for t in snapshot.traces),
        "largest_block": max(t.size for t in snapshot.traces),
        "domains": domains(snapshot),
        "tracebacks": len(tracebacks),
        "frames": len({(f.filename, f.lineno) for f in every}),
        "files": len({f.filename for f in every}),
        "deepest": max(map(len, tracebacks)),
        "deepest_before_cut": None if None in before else max(before),
        "cut_tracebacks": len(cut),
        "has_total_nframe": None not in before,
        "extra_attributes": [],
    }


def paths(snapshot, inverted=False):
    """Size and number of blocks by traceback, as `file:line` texts, the root first."""
    sums = {}
    for t in snapshot.traces:
        path = tuple("%s:%d" % (text(f.filename), f.lineno) for f in t.traceback)
        if inverted:
            path = path[::-1]
        size, count = sums.get(path, (0, 0))
        sums[path] = size + t.size, count + 1
    return sums


def tree(snapshot, inverted=False):
    """{path: [total size, total count, own size, own count]}, by adding up every prefix."""
    nodes = defaultdict(lambda: [0, 0, 0, 0])
    for path, (size, count) in paths(snapshot, inverted).items():
        for length in range(len(path) + 1):
            node = nodes[";".join(path[:length])]
            node[0] += size
            node[1] += count
        node[2] += size
        node[3] += count
    return nodes


def inverted_tree(snapshot):
    return tree(snapshot, True)


def collapsed(snapshot):
    return {";".join(path): sums for path, sums in paths(snapshot).items()}


def rows(snapshot):
    """What `convert --to csv` must hold, each row once."""
    sums = defaultdict(Counter)
    for t in snapshot.traces:
        path = ["%s:%d" % (text(f.filename), f.lineno) for f in t.traceback]
        last = t.traceback[-1]
        key = t.domain, text(last.filename), last.lineno, ";".join(path)
        sums[key].update(size=t.size, count=1)
    return {key: (s["size"], s["count"]) for key, s in sums.items()}


def csv_differences(name, dump):
    """The rows that differ, read by Python's own csv module."""
    import csv

    with open(name, newline="", encoding="utf-8") as file:
        read = {}
        for row in csv.DictReader(file):
            key = int(row["domain"]), row["filename"], int(row["lineno"]), row["traceback"]
            assert key not in read, key
            read[key] = int(row["size"]), int(row["count"])
    expected = rows(tracemalloc.Snapshot.load(dump))
    return [str(item) for item in set(read.items()) ^ set(expected.items())]


def statistics_text(snapshot):
    return [text(str(s)) for s in snapshot.statistics("lineno")]


def main(question, *files):
    if question == "version":
        return list(sys.version_info)
    if question == "csv_differences":
        return csv_differences(*files)
    snapshots = [tracemalloc.Snapshot.load(name) for name in files]
    return globals()[question](*snapshots)


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
