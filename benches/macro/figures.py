"""Ratios, medians, means and bars, from the raw runs of a result.

A result is what `run.py` writes as JSON:

    {"about": {...}, "configs": [name, ...], "programs": [name, ...],
     "runs": {program: {config: [run of round 0, of round 1, ...]}},
     "probes": {config: {"empty_peak": [bytes, ...], "live": {...}}}}

Invariant: a ratio is taken between two runs of the same program in the same round; nothing is
compared across rounds but the fastest runs, which are a table of their own. A run that failed takes
part in no ratio, and is listed.
"""

import math
from statistics import median

#: Ratios of time that are reported: (config, base).
RATIOS = [
    ("off", "stock"), ("1", "off"), ("5", "off"), ("25", "off"), ("500", "off"), ("500", "5"),
    ("cpython-1", "cpython"), ("cpython-25", "cpython"), ("memray", "cpython"),
    ("1", "cpython-1"), ("25", "cpython-25"), ("off", "cpython"),
]
#: Ratios of peak memory.
PEAKS = [("off", "stock"), ("1", "off"), ("25", "off"), ("500", "off"),
         ("cpython-1", "cpython"), ("cpython-25", "cpython"), ("memray", "cpython")]

MIB = 1024 * 1024


def ratio(runs, config, base, key):
    """The median over the rounds of `config / base` for one program; None without a round."""
    pairs = zip(runs.get(config, []), runs.get(base, []))
    whole = [(a, b) for a, b in pairs if not (a.get("problem") or b.get("problem"))]
    ratios = [a[key] / b[key] for a, b in whole if a.get(key) and b.get(key)]
    return median(ratios) if ratios else None


def of_fastest(runs, config, base, key):
    """The least of `config` by the least of `base`, for one program, of the rounds that both have; None without any.

    For a machine that does other things, which make a run slower and never faster.
    """
    pairs = list(zip(runs.get(config, []), runs.get(base, [])))
    least = [min((run[key] for run in side if not run.get("problem") and run.get(key)), default=None)
             for side in zip(*pairs)]
    return least[0] / least[1] if least and all(least) else None


def ratios(result, config, base, key, of=ratio):
    """{program: ratio}, for the programs that have one."""
    found = {name: of(result["runs"].get(name, {}), config, base, key) for name in result["programs"]}
    return {name: value for name, value in found.items() if value is not None}


def geometric_mean(values):
    """Of one value or more."""
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def summary(result, config, base, key):
    """{"mean", "worst", "program", "count"} of a ratio over the programs, or None."""
    found = ratios(result, config, base, key)
    if not found:
        return None
    program = max(found, key=found.get)
    return {
        "mean": geometric_mean(found.values()),
        "worst": found[program],
        "program": program,
        "count": len(found),
    }


def problems(result):
    """[(program, config, text, how many times)] of the runs and probes that failed."""
    found = {}
    for config, probe in result.get("probes", {}).items():
        for what, part in (("(empty program)", probe), ("(live traces)", probe.get("live") or {})):
            if part.get("problem"):
                found[what, config, part["problem"]] = 1
    for program, configs in result["runs"].items():
        for config, runs in configs.items():
            for run in runs:
                if run.get("problem"):
                    key = (program, config, run["problem"])
                    found[key] = found.get(key, 0) + 1
    return [(*key, count) for key, count in found.items()]


def middle(result, program, config, key):
    """The median over the rounds of one figure, or None."""
    runs = result["runs"].get(program, {}).get(config, [])
    values = [run[key] for run in runs if not run.get("problem") and run.get(key) is not None]
    return median(values) if values else None


def other_builds(result):
    """[(build, untraced ÷ ours untraced, 25 frames ÷ ours with 25, 25 frames ÷ its own untraced)]."""
    names = [name for name in result["configs"] if f"{name}-25" in result["configs"] and name != "cpython"]
    return [(name, summary(result, name, "off", "seconds"), summary(result, f"{name}-25", "25", "seconds"),
             summary(result, f"{name}-25", name, "seconds")) for name in names]


#: (what, config, base, key, bar of the mean, bar of the worst)
RATIO_BARS = [
    ("ours off ÷ stock rustpython, time", "off", "stock", "seconds", 1.00, 1.05),
    ("1 frame ÷ off, time", "1", "off", "seconds", 1.05, 1.15),
    ("25 frames ÷ off, time", "25", "off", "seconds", 1.07, 1.20),
    ("500 frames ÷ 5 frames, time", "500", "5", "seconds", 1.05, 1.10),
    ("25 frames ÷ off, peak memory", "25", "off", "peak", 1.25, 1.60),
    ("ours with 25 frames ÷ CPython with 25, time", "25", "cpython-25", "seconds", 0.30, 1.00),
    ("ours with 1 frame ÷ CPython with 1, time", "1", "cpython-1", "seconds", 0.85, None),
]
#: What this harness cannot tell, and what can.
ELSEWHERE = [
    ("8 threads allocating through the hook", "≥ 0.9 of the single-thread ratio", "the micro-benchmarks"),
    ("time to take and analyse snapshots", "≥ 20 times faster than CPython", "the micro-benchmarks"),
]


def bars(result):
    """[(what, bar, figure, met)]; `met` is True, False or None where there is no figure."""
    rows = []
    for what, config, base, key, mean, worst in RATIO_BARS:
        bar = f"≤ {mean:.2f}" + (f" / {worst:.2f}" if worst else "")
        found = summary(result, config, base, key)
        if not found:
            rows.append((what, bar, "not measured", None))
            continue
        figure = f"{found['mean']:.3f} / {found['worst']:.3f} ({found['program']}; {found['count']} programs)"
        met = found["mean"] <= mean and (worst is None or found["worst"] <= worst)
        rows.append((what, bar, figure, met))
    rows.append(empty_bar(result))
    rows.append(live_bar(result))
    rows += [(what, bar, f"see {where}", None) for what, bar, where in ELSEWHERE]
    return rows


def empty_bar(result):
    """Resident memory of an empty program, off against stock."""
    what, bar = "off: resident memory above stock, empty program", "≤ 2 MiB"
    probes = result.get("probes", {})
    off = probes.get("off", {}).get("empty_peak")
    stock = probes.get("stock", {}).get("empty_peak")
    if not off or not stock:
        return what, bar, "not measured", None
    more = (median(off) - median(stock)) / MIB
    return what, bar, f"{more:+.2f} MiB", more <= 2


def live_bar(result):
    """Bytes of tracer per live trace; the figure is the larger one of what it says and what shows."""
    what, bar = "tracer bytes per live trace, 25 frames", "≤ 27"
    live = result.get("probes", {}).get("25", {}).get("live")
    if not live or "traces" not in live:
        return what, bar, "not measured", None
    if live["traces"] < 1_000_000:
        # Tables and start-up would weigh more than the traces.
        return what, bar, f"not told by {live['traces']:,} traces", None
    said = live["tracer_bytes"] / live["traces"]
    figure = f"{said:.1f} by its own account"
    values = [said]
    if live.get("process_bytes"):
        values.append(live["process_bytes"] / live["traces"])
        figure += f", {values[1]:.1f} by the process ({live['traces']:,} traces)"
    return what, bar, figure, max(values) <= 27
