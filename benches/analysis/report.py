"""Ratios, bars and tables from the raw runs of a result.

A result is what `run.py` writes as JSON:

    {"about": {...}, "clock": "seconds" or "cpu",
     "runs": {config: {traces: {"ours" or "cpython": [what worker.py printed in each round]}}},
     "calls": {kind: {frames: {"with": ns, "without": ns, "first": ns, "again": ns}}}}

Invariant: a ratio is taken within a round, between medians over the repeats of one process each.
"""

from statistics import median

from figures import geometric_mean
from tables import grid

#: The bar of each operation, of their geometric mean, and of the growth beyond that of the traces.
EACH, MEAN, GROWTH = 5, 20, 1.2
#: The number of traces that the bars are about, and the larger one for the growth.
USUAL, LARGE = 1_500_000, 10_000_000
#: What the bars name; the others are reported beside it.
BARRED = (
    "take_snapshot", "statistics lineno", "statistics filename", "statistics traceback",
    "statistics lineno, cumulative", "filter_traces, 3 filters", "compare_to lineno",
    "compare_to traceback", "dump", "load",
)


def seconds(run, name, clock):
    """The median over the repeats of a process."""
    return median(repeat[clock] for repeat in run["runs"][name])


def middle(runs, name, clock):
    """The median over the rounds."""
    found = [seconds(run, name, clock) for run in runs if name in run["runs"]]
    return median(found) if found else None


def ratio(kinds, name, clock):
    """CPython / ours, the median over the rounds; None where one of them is missing."""
    pairs = zip(kinds.get("cpython", []), kinds.get("ours", []))
    found = [seconds(theirs, name, clock) / seconds(ours, name, clock)
             for theirs, ours in pairs if name in theirs["runs"] and name in ours["runs"]]
    return median(found) if found else None


def operations(kinds):
    """The names, in order."""
    return list(next(iter(kinds.values()))[0]["runs"])


def milliseconds(value):
    """A time for a table."""
    return "-" if value is None else f"{value * 1000:,.2f}"


def times(kinds, clock, with_bars):
    """Rows: each operation with both times and the ratio; then the geometric mean."""
    rows = [["operation", "CPython, ms", "ours, ms", "CPython ÷ ours", "bar"]]
    barred = []
    for name in operations(kinds):
        found = ratio(kinds, name, clock)
        bar = ""
        if name in BARRED and found:
            barred.append(found)
            bar = f"≥ {EACH}: " + ("yes" if found >= EACH else "NO") if with_bars else ""
        rows.append([
            name, *(milliseconds(middle(kinds.get(kind, []), name, clock)) for kind in ("cpython", "ours")),
            f"{found:.1f}" if found else "-", bar,
        ])
    if barred:
        mean = geometric_mean(barred)
        met = f"≥ {MEAN}: " + ("yes" if mean >= MEAN else "NO") if with_bars else ""
        rows.append(["geometric mean of those with a bar", "", "", f"{mean:.1f}", met])
    return rows


def growth(sizes, clock):
    """Rows: our time for each number of traces, and how the growth compares with theirs."""
    sizes = {int(size): kinds["ours"] for size, kinds in sizes.items() if kinds.get("ours")}
    if len(sizes) < 2:
        return []
    compared = USUAL in sizes and LARGE in sizes
    rows = [["operation"] + [f"{size:,}, ms" for size in sorted(sizes)]
            + ([f"time ÷ traces, {USUAL:,} to {LARGE:,}", "bar"] if compared else [])]
    for name in operations({"ours": next(iter(sizes.values()))}):
        found = {size: middle(runs, name, clock) for size, runs in sizes.items()}
        row = [name] + [milliseconds(found[size]) for size in sorted(sizes)]
        if compared:
            more = found[LARGE] / found[USUAL] / (LARGE / USUAL)
            bar = f"≤ {GROWTH}: " + ("yes" if more <= GROWTH else "NO") if name in BARRED else ""
            row += [f"{more:.2f}", bar]
        rows.append(row)
    return rows


def made(runs):
    """Rows: what there was, what the tracer said that it needed, and how long others waited."""
    rows = [["traces", "interpreter", "traced", "tracer bytes per trace", "dump, MB",
             "other thread's gap, ms: taking a snapshot", "idle"]]
    for size, kinds in runs.items():
        for kind, found in kinds.items():
            about = found[0]["made"]
            gaps = [run["made"]["pauses"] or {} for run in found]
            gap = {what: milliseconds(median(median(one[what]) for one in gaps)) if all(gaps) else "-"
                   for what in ("take_snapshot", "idle")}
            rows.append([
                f"{int(size):,}", kind, f"{about['traces']:,}",
                f"{about['tracer_bytes'] / about['traces']:.1f}", f"{about['dump_bytes'] / 1e6:.1f}",
                gap["take_snapshot"], gap["idle"],
            ])
    return rows


def call_rows(calls):
    """Rows: nanoseconds of a call."""
    rows = [["interpreter", "frames", "call without an allocation, ns", "with one, ns",
             "block of a new traceback, ns", "of one known, ns"]]
    for kind, all_frames in calls.items():
        for frames, found in all_frames.items():
            words = "off" if frames == "0" else frames
            rows.append([kind, words] + [f"{found[what]:.1f}" for what in ("without", "with", "first", "again")])
    return rows


def document(result, markdown=False):
    """The whole text."""
    head = "## " if markdown else "== "
    about, clock = result["about"], result["clock"]
    what = {"seconds": "time", "cpu": "processor time"}[clock]
    lines = [f"{about['rounds']} rounds, {what}, {about['date']}, {about['machine']}, "
             f"load {about['load']}", ""]
    for config, sizes in result["runs"].items():
        sections = [(f"{config}, {int(size):,} traces", times(kinds, clock, int(size) == USUAL))
                    for size, kinds in sizes.items() if kinds.get("cpython") and kinds.get("ours")]
        sections.append((f"{config}: growth", growth(sizes, clock)))
        sections.append((f"{config}: memory and pauses", made(sizes)))
        for title, rows in sections:
            if len(rows) > 1:
                lines += [head + title, "", *grid(rows, markdown), ""]
    if result.get("calls"):
        lines += [head + "A call", "", *grid(call_rows(result["calls"]), markdown), ""]
    for problem in result["problems"]:
        lines.append(f"- {problem}")
    return "\n".join(lines)
