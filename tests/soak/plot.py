"""Draws the samples of a soak as an SVG.

    python3 tests/soak/plot.py FILE.csv > FILE.svg

Two panels, one below the other: memory in MiB, and the drift of the counter in bytes.
"""

import csv
import sys

WIDTH, HEIGHT, LEFT, RIGHT, ABOVE, GAP = 860, 240, 90, 20, 50, 70
LINES = [("own", "#c0392b", "the tracer's own"), ("own_after_stop", "#8e44ad", "after a stop"),
         ("traced", "#2471a3", "traced"), ("rss", "#7f8c8d", "resident")]
MIB = 1 << 20


def panel(top, title, unit, seconds, curves):
    """The axes and curves of one panel; `curves` are (colour, name, values)."""
    lowest = min(0, *(min(values) for _, _, values in curves))
    highest = max(1, *(max(values) for _, _, values in curves))
    span = highest - lowest
    right = WIDTH - RIGHT
    end = max(seconds[-1], 1)

    def y(value):
        return top + HEIGHT - (value - lowest) / span * HEIGHT

    out = [f'<text x="{LEFT}" y="{top - 12}" class="title">{title}</text>',
           f'<rect x="{LEFT}" y="{top}" width="{right - LEFT}" height="{HEIGHT}" class="frame"/>']
    for step in range(5):
        value = lowest + span * step / 4
        out.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" class="right">{value:.3g} '
                   f'{unit}</text>')
        out.append(f'<line x1="{LEFT}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
                   'class="grid"/>')
        out.append(f'<text x="{LEFT + (right - LEFT) * step / 4:.1f}" y="{top + HEIGHT + 18}" '
                   f'class="middle">{end * step / 4 / 60:.1f} min</text>')
    for number, (colour, name, values) in enumerate(curves):
        points = " ".join(f"{LEFT + second / end * (right - LEFT):.1f},{y(value):.1f}"
                          for second, value in zip(seconds, values))
        out.append(f'<polyline points="{points}" stroke="{colour}"/>')
        out.append(f'<text x="{LEFT + 10 + 150 * number}" y="{top + 18}" fill="{colour}">'
                   f'{name}</text>')
    return out


def svg(columns, samples):
    """The picture; `samples` are rows of numbers, named by `columns`."""
    column = {name: [float(row[at]) for row in samples] for at, name in enumerate(columns)}
    seconds = column["seconds"]
    memory = [(colour, name, [value / MIB for value in column[key]])
              for key, colour, name in LINES]
    own = [curve for curve in memory if curve[1] in ("the tracer's own", "after a stop")]
    drift = [("#c0392b", "traces less counter", column["drift"])]
    tops = [ABOVE + (HEIGHT + GAP) * number for number in range(3)]
    height = tops[-1] + HEIGHT + 40
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">',
        "<style>text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
        ".right{text-anchor:end}.middle{text-anchor:middle}.frame{fill:none;stroke:#999}"
        ".grid{stroke:#ddd}polyline{fill:none;stroke-width:1.5}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *panel(tops[0], "The tracer's own memory", "MiB", seconds, own),
        *panel(tops[1], "Memory of the process", "MiB", seconds, memory),
        *panel(tops[2], "Drift of the counter", "B", seconds, drift),
        "</svg>", ""])


if __name__ == "__main__":
    with open(sys.argv[1], newline="") as file:
        head, *rows = csv.reader(file)
    sys.stdout.write(svg(head, rows))
