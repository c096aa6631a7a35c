"""Tables for people, as text. Pure."""

from collections.abc import Sequence

from bench.figures import Finding, Goal


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be: the first one to the left, the others to the right; a rule below the head.

    Raises `ValueError` if a row is not as long as the head.
    """
    if any(len(row) != len(head) for row in rows):
        raise ValueError(f"expected rows of {len(head)} cells")
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()

    return "\n".join([line(head), "  ".join("─" * width for width in widths), *(line(row) for row in rows)])


def findings_table(findings: Sequence[Finding]) -> str:
    """Each finding's median, its least and greatest, its goal and whether that is met."""
    return table(
        ("measure", "median", "least, most", "goal", ""),
        [
            (
                finding.title,
                figure(finding.found.median, finding.unit),
                f"{figure(finding.found.low)}, {figure(finding.found.high)}",
                goal_text(finding.goal, finding.unit),
                finding.verdict,
            )
            for finding in findings
        ],
    )


def goal_text(goal: Goal | None, unit: str) -> str:
    """`≥ 0.95x`, `≤ 250 ms`, or nothing."""
    if goal is None:
        return ""
    return f"{'≥' if goal.kind == 'at least' else '≤'} {figure(goal.value, unit)}"


def figure(value: float, unit: str = "") -> str:
    """Three digits are what such a measurement can bear: `0.953x`, `12.5 ms`, `8,114`."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}" + {"": "", "x": "x"}.get(unit, f" {unit}")
