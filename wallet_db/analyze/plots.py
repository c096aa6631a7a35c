"""Columns as inline SVG, in the colours of the page around it (its classes and `currentColor`). Pure.

A plot is as wide as a phone, so that its text is read there without being made smaller; wider places make it larger.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 340, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 4, 8, 20
GAP_SHARE = 0.2


def columns(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]], *, labelled: Sequence[int]) -> str:
    """A column a label, made of the series one on top of the other, the first at the bottom.

    A series' name is the class of its part. labelled: the indices whose labels are written below.
    """
    if not labels:
        raise ValueError("expected columns to plot, got none")
    totals = [sum(values[index] for values in series.values()) for index in range(len(labels))]
    top = scale(max(totals))
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    height = HEIGHT - TOP - BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
    ]
    for value in (0, top // 2, top) if top % 2 == 0 else (0, top):
        y = TOP + height * (1 - value / top)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{short(value)}</text>')
    for index, label in enumerate(labels):
        x, below = LEFT + step * (index + GAP_SHARE / 2), float(HEIGHT - BOTTOM)
        told = ", ".join(f"{name} {values[index]:,}" for name, values in series.items() if values[index])
        bars = []
        for name, values in series.items():
            tall = height * values[index] / top
            if tall:
                below -= tall
                bars.append(
                    f'<rect class="{escape(name)}" x="{x:.1f}" y="{below:.1f}" width="{step * (1 - GAP_SHARE):.1f}"'
                    f' height="{tall:.1f}"/>'
                )
        if bars:
            parts.append(f"<g><title>{escape(label)}: {escape(told)}</title>{''.join(bars)}</g>")
        if index in labelled:
            # At the ends a long label leans inwards.
            centre = LEFT + step * (index + 0.5)
            half = 2.7 * len(label)
            centre = min(max(centre, LEFT + half - 6), WIDTH - RIGHT - half)
            parts.append(f'<text x="{centre:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>')
    return "".join([*parts, "</svg>"])


def scale(greatest: int) -> int:
    """The end of an axis that shows up to `greatest`: 1, 2, 4, 5 or 10 times a power of ten, at least 1."""
    power = 1
    while True:
        for factor in (1, 2, 4, 5):
            if factor * power >= greatest:
                return factor * power
        power *= 10


def short(value: int) -> str:
    """`950`, `12k`, `1.5M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices from 0 to `count` - 1, evenly apart, the first one among them."""
    stride = max(1, -(-count // most))
    return list(range(0, count, stride))
