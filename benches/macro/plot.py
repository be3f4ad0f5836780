"""The result as a picture: for each program, how many times slower it becomes when traced.

SVG written by hand. Rows are programs, sorted by what 25 frames cost in CPython (or here, where
there is no CPython); the axis is logarithmic, since the two differ by a power of ten. It follows the
reader's light or dark colours.
"""

import math
from xml.sax.saxutils import escape

import figures

#: (config, base, shape, class, words of the legend)
SERIES = [
    ("1", "off", "circle", "ours", "tracepy, 1 frame"),
    ("25", "off", "dot", "ours", "tracepy, 25 frames"),
    ("cpython-1", "cpython", "circle", "theirs", "CPython 3.13 tracemalloc, 1 frame"),
    ("cpython-25", "cpython", "dot", "theirs", "CPython 3.13 tracemalloc, 25 frames"),
    ("memray", "cpython", "cross", "other", "memray on CPython 3.13"),
]
TICKS = (0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200)

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 178, 28, 17, 116
STYLE = """
  .page { fill: #ffffff } text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .small { font-size: 11px; fill: #59636e }
  .mean { font-weight: 600 }
  .grid { stroke: #d8dee4 } .one { stroke: #59636e; stroke-width: 1.5 }
  .span { stroke-width: 2; opacity: .35 }
  .ours { stroke: #0a7d4f; fill: #0a7d4f } .theirs { stroke: #c2410c; fill: #c2410c }
  .other { stroke: #6639ba; fill: #6639ba } .hollow { fill: none; stroke-width: 1.6 }
  .cross { fill: none; stroke-width: 1.8 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 }
    .grid { stroke: #2b323b } .one { stroke: #9198a1 }
    .ours { stroke: #3fb984; fill: #3fb984 } .theirs { stroke: #f0883e; fill: #f0883e }
    .other { stroke: #b083f0; fill: #b083f0 } .hollow, .cross { fill: none }
  }
"""


def mark(shape, kind, x, y, title=""):
    """One point."""
    label = f"<title>{escape(title)}</title>" if title else ""
    if shape == "cross":
        path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
        return f'<path class="{kind} cross" d="{path}">{label}</path>'
    hollow = " hollow" if shape == "circle" else ""
    return f'<circle class="{kind}{hollow}" cx="{x:.1f}" cy="{y:.1f}" r="4">{label}</circle>'


def svg(result):
    """The text of the picture, or None where there is nothing to show."""
    series = [(*entry, figures.ratios(result, entry[0], entry[1], "seconds")) for entry in SERIES]
    series = [entry for entry in series if entry[5]]
    if not series:
        return None
    values = [value for entry in series for value in entry[5].values()]
    low = max(tick for tick in TICKS if tick <= max(0.5, min([1, *values]) * 0.98))
    high = min([tick for tick in TICKS if tick >= max([2, *values])] or [max(values)])

    def across(value):
        share = math.log(max(value, low) / low) / math.log(high / low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    first = next((entry[5] for entry in series if entry[0] == "cpython-25"), series[-1][5])
    programs = sorted((name for name in result["programs"] if any(name in entry[5] for entry in series)),
                      key=lambda name: -first.get(name, 0))
    rows = [("geometric mean", {entry[0]: figures.geometric_mean(entry[5].values()) for entry in series})]
    rows += [(name, {entry[0]: entry[5].get(name) for entry in series}) for name in programs]
    bottom = TOP + (len(rows) + 0.6) * ROW
    height = bottom + 44

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="Cost of tracing for each program">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height:.0f}"/>',
        '<text class="title" x="16" y="28">What tracing every allocation costs</text>',
        '<text class="small" x="16" y="46">Time of a program traced ÷ the same interpreter untraced. '
        f"Medians over rounds: {result['about']['rounds']}. Logarithmic; further left is better.</text>",
    ]
    x, y = 20, 68
    for _, _, shape, kind, words, _ in series:
        wide = 22 + 6.3 * len(words)
        if x + wide > WIDTH - RIGHT:
            x, y = 20, y + 18
        out.append(mark(shape, kind, x, y - 4))
        out.append(f'<text x="{x + 10}" y="{y}">{escape(words)}</text>')
        x += wide + 12
    for tick in TICKS:
        if low <= tick <= high:
            at = across(tick)
            line = "one" if tick == 1 else "grid"
            out.append(f'<line class="{line}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 4}" y2="{bottom:.1f}"/>')
            out.append(f'<text class="small" text-anchor="middle" x="{at:.1f}" '
                       f'y="{bottom + 15:.1f}">{tick:g}×</text>')
    for at, (name, points) in enumerate(rows):
        y = TOP + (at + 0.5) * ROW + (ROW * 0.5 if at else 0)
        kind = ' class="mean"' if at == 0 else ""
        out.append(f'<text{kind} text-anchor="end" x="{LEFT - 12}" y="{y + 4:.1f}">{escape(name)}</text>')
        for side in ("ours", "theirs"):
            ends = [points[entry[0]] for entry in series if entry[3] == side and points.get(entry[0])]
            if len(ends) > 1:
                out.append(f'<line class="{side} span" x1="{across(min(ends)):.1f}" '
                           f'x2="{across(max(ends)):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        for config, _, shape, side, words, _ in series:
            if points.get(config):
                title = f"{name}: {words}, {points[config]:.2f}×"
                out.append(mark(shape, side, across(points[config]), y, title))
    about = result["about"]
    foot = f"{about['machine']}; {about['date']}; {len(programs)} programs of pyperformance"
    out.append(f'<text class="small" x="16" y="{height - 10:.0f}">{escape(foot)}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
