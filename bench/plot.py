"""A plot of ratios as SVG: a line each from the least to the greatest round, a dot at the median, a tick at the goal.

The axis is logarithmic, so that twice as fast and half as fast are equally far from 1. Pure.
"""

from collections.abc import Sequence
from math import ceil, floor, log2
from xml.sax.saxutils import escape

from bench.figures import Finding
from bench.table import figure, goal_text

WIDTH = 960
LABEL_WIDTH = 430
FIGURE_WIDTH = 170
ROW_HEIGHT = 28
TOP = 56
COLOURS = {"met": "#1a7f37", "missed": "#bc4c00", "": "#57606a"}


def svg(title: str, findings: Sequence[Finding]) -> str:
    """One picture of all ratios among the findings. Raises `ValueError` if there is none."""
    ratios = [finding for finding in findings if finding.unit == "x"]
    if not ratios:
        raise ValueError("expected a ratio to plot, got none")
    values = [1.0]
    for finding in ratios:
        values += [finding.found.low, finding.found.high, *([finding.goal.value] if finding.goal else [])]
    first, last = floor(log2(min(values))), ceil(log2(max(values)))
    last = max(last, first + 1)
    height = TOP + ROW_HEIGHT * len(ratios) + 16

    def x(value: float) -> float:
        share = (log2(value) - first) / (last - first)
        return LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - FIGURE_WIDTH)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, title, size=15, weight="bold"),
    ]
    for power in range(first, last + 1):
        at = x(2.0**power)
        colour = "#8c959f" if power == 0 else "#eaeef2"
        lines.append(f'<path d="M{at:.1f} {TOP - 8}V{height - 12}" stroke="{colour}"/>')
        lines.append(_text(at, TOP - 14, f"{2.0**power:g}x", anchor="middle", colour="#57606a"))
    for number, finding in enumerate(ratios):
        lines += _row(finding, TOP + ROW_HEIGHT * (number + 0.5), x(finding.found.low), x(finding.found.median),
                      x(finding.found.high), x(finding.goal.value) if finding.goal else None)  # fmt: skip
    return "\n".join([*lines, "</svg>", ""])


def _row(finding: Finding, y: float, low: float, median: float, high: float, goal: float | None) -> list[str]:
    colour = COLOURS[finding.verdict]
    parts = [
        _text(16, y + 4, finding.title),
        f'<path d="M{low:.1f} {y:.1f}H{high:.1f}" stroke="{colour}" stroke-width="4" opacity=".4"/>',
        f'<circle cx="{median:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>',
        _text(WIDTH - FIGURE_WIDTH + 16, y + 4, figure(finding.found.median, "x"), colour=colour, weight="bold"),
    ]
    if goal is not None:
        parts.append(f'<path d="M{goal:.1f} {y - 9:.1f}v18" stroke="#1f2328" stroke-width="2"/>')
        parts.append(_text(WIDTH - FIGURE_WIDTH + 80, y + 4, goal_text(finding.goal, "x"), colour="#57606a"))
    return parts


def _text(
    x: float, y: float, text: str, *, size: int = 13, weight: str = "normal", anchor: str = "start",
    colour: str = "#1f2328",
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
