"""A benchmark's results as a picture: CPU per GB of every server, one block per load. SVG by hand.

Reads well on a light and on a dark page, because the page's colours are asked for in the file.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from tests.bench.report import servers_of
from tests.bench.results import RECORDER, WITHOUT, valid

if TYPE_CHECKING:
    from tests.bench.results import Results

WIDTH: Final = 820
_LEFT: Final = 200
_BAR: Final = 420
_ROW: Final = 26
_TITLE: Final = 34

_STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.note { font-size: 11px; fill: #59636e; }
.bar { fill: #afb8c1; } .ours { fill: #0969da; }
.whisker { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; } .note { fill: #9198a1; } .bar { fill: #656c76; } .ours { fill: #4493f8; }
.whisker { stroke: #f0f6fc; }
}
"""


def svg(results: Results) -> str:
    """The whole file."""
    parts: list[str] = []
    y = 8
    for name, rounds in results.comparisons.items():
        good = valid(rounds)
        bars = {
            server: sorted(each[server].machine_s_per_gb for each in good if server in each)
            for server in servers_of(good)
        }
        if not bars:
            continue
        parts.append(_text(8, y + 20, f"{name}: CPU seconds per GB", "title"))
        y += _TITLE
        longest = max(values[-1] for values in bars.values())
        for server, values in bars.items():
            parts += _bar(server, values, y, _BAR / longest)
            y += _ROW
        y += 14
    note = f"{results.machine.get('CPU', '')}, {results.machine.get('date', '')}"
    parts.append(_text(8, y + 14, f"Less is better. The line shows all rounds. {note}", "note"))
    height = y + 26
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="CPU seconds per GB recorded, by server">\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _bar(server: str, values: list[float], y: int, scale: float) -> list[str]:
    middle = statistics.median(values)
    kind = "ours" if server in {RECORDER, WITHOUT} else "bar"
    low, high = _LEFT + values[0] * scale, _LEFT + values[-1] * scale
    return [
        _text(_LEFT - 10, y + 15, server, "", anchor="end"),
        (
            f'<rect class="{kind}" x="{_LEFT}" y="{y + 3}" width="{middle * scale:.1f}" '
            'height="17" rx="2"/>'
        ),
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 11.5}" y2="{y + 11.5}"/>',
        _text(round(max(high, _LEFT + middle * scale)) + 10, y + 16, f"{middle:.2f} s/GB", ""),
    ]


def _text(x: int, y: int, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
