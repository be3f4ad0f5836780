"""A result as text for a terminal, and as Markdown for docs/performance.md."""

import figures

TITLES = {"seconds": "time", "peak": "peak memory", "cpu": "processor time of the whole process"}


def grid(rows, markdown=False):
    """Lines of a table; the first row is the heading, the first column is left-aligned."""
    rows = [[str(cell) for cell in row] for row in rows]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + "---|" + "---:|" * (len(rows[0]) - 1))
        return lines
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if at == 0 else cell.rjust(width)
                 for at, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def number(value, digits=3):
    """A ratio, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def per_program(result, pairs, key, of=figures.ratio):
    """Rows: each program with its ratios, then the geometric mean and the worst."""
    columns = [(a, b, figures.ratios(result, a, b, key, of)) for a, b in pairs]
    columns = [column for column in columns if column[2]]
    if not columns:
        return []
    rows = [["program"] + [f"{a} ÷ {b}" for a, b, _ in columns]]
    for program in result["programs"]:
        rows.append([program] + [number(found.get(program)) for _, _, found in columns])
    means = [figures.geometric_mean(found.values()) for _, _, found in columns]
    rows.append(["geometric mean"] + [number(mean) for mean in means])
    rows.append(["worst"] + [number(max(found.values())) for _, _, found in columns])
    return rows


def absolute(result):
    """Rows: the median seconds of each program in each configuration, and the peak of some."""
    rows = [["program"] + result["configs"]]
    for program in result["programs"]:
        values = [figures.middle(result, program, config, "seconds") for config in result["configs"]]
        rows.append([program] + [number(value) for value in values])
    return rows


def bar_rows(result):
    """Rows: each bar of the project with its figure."""
    words = {True: "yes", False: "NO", None: "-"}
    rows = [["bar (geometric mean / worst program)", "wanted", "figure", "met"]]
    return rows + [[what, bar, figure, words[met]] for what, bar, figure, met in figures.bars(result)]


def probe_rows(result):
    """Rows: memory of an empty program, and of many live traces."""
    rows = [["configuration", "empty program, MiB", "live traces",
             "tracer bytes per trace", "process bytes per trace"]]
    for config, probe in result.get("probes", {}).items():
        empty = probe.get("empty_peak")
        live = probe.get("live") or {}
        traces = live.get("traces")
        rows.append([
            config,
            number(figures.median(empty) / figures.MIB, 2) if empty else "-",
            f"{traces:,}" if traces else "-",
            number(live["tracer_bytes"] / traces, 1) if traces else "-",
            number(live["process_bytes"] / traces, 1) if traces and live.get("process_bytes") else "-",
        ])
    return rows if len(rows) > 1 else []


def build_rows(result):
    """Rows: other builds against the usual one; geometric mean / worst program."""
    rows = [["build", "off ÷ usual off", "25 ÷ usual 25", "25 ÷ off"]]
    for name, *found in figures.other_builds(result):
        rows.append([name, *("-" if one is None else f"{one['mean']:.3f} / {one['worst']:.3f}" for one in found)])
    return rows if len(rows) > 1 else []


def document(result, markdown=False):
    """The whole text."""
    about = result["about"]
    # Of one round it would say what the medians say.
    fastest = per_program(result, figures.RATIOS, "seconds", figures.of_fastest) if about["rounds"] > 1 else []
    sections = [
        ("The bars", bar_rows(result)),
        ("Time, ratios", per_program(result, figures.RATIOS, "seconds")),
        ("Time, ratios of the fastest runs", fastest),
        ("Peak memory, ratios", per_program(result, figures.PEAKS, "peak")),
        ("Processor time of the whole process, ratios", per_program(result, figures.RATIOS[:8], "cpu")),
        ("Seconds, medians", absolute(result)),
        ("Memory by itself", probe_rows(result)),
        ("Other builds, time", build_rows(result)),
    ]
    lines = []
    head = "## " if markdown else "== "
    count, rounds = len(result["programs"]), about["rounds"]
    lines.append(f"{count} programs, {rounds} rounds, {about['date']}, {about['machine']}")
    lines.append("")
    for title, rows in sections:
        if rows:
            lines += [head + title, "", *grid(rows, markdown), ""]
    missing = about.get("missing", {})
    if missing:
        lines += [head + "Not measured", ""]
        lines += [f"- {config}: {why}" for config, why in missing.items()] + [""]
    failed = figures.problems(result)
    if failed:
        lines += [head + "Runs that failed", ""]
        lines += [f"- {program}, {config}: {text} ({count} of {about['rounds']} rounds)"
                  for program, config, text, count in failed] + [""]
    return "\n".join(lines)
