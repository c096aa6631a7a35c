"""The table: an outcome for each fault point and provider. Pure."""

from collections.abc import Sequence

from bench.faults.run import Cell, Point


def rows_of(cells: Sequence[Cell], providers: Sequence[str]) -> list[tuple[str, ...]]:
    """A row for each point in the order it was met: (operation, step, fault, a cell for each provider)."""
    found: dict[Point, dict[str, Cell]] = {}
    for cell in cells:
        found.setdefault(cell.point, {})[cell.provider] = cell
    return [
        (
            point.operation,
            point.step,
            f"killed {point.fault}" if point.killed else point.fault,
            *(_text(of_provider.get(provider)) for provider in providers),
        )
        for point, of_provider in sorted(found.items(), key=lambda item: _place(item[0], list(found)))
    ]


def _place(point: Point, points: Sequence[Point]) -> tuple[int, int, bool, int]:
    """By operation, step, then kill: each in the order in which they were first met."""
    operations = list(dict.fromkeys(each.operation for each in points))
    steps = list(dict.fromkeys(each.step for each in points if each.operation == point.operation))
    faults = ("before", "after", "lost")
    return operations.index(point.operation), steps.index(point.step), point.killed, faults.index(point.fault)


def _text(cell: Cell | None) -> str:
    if cell is None:
        return "·"
    return f"WRONG {cell.outcome}" if cell.wrong else cell.outcome


def report(cells: Sequence[Cell], providers: Sequence[str]) -> str:
    """The table, what is wrong cell by cell, and the verdict."""
    rows = rows_of(cells, providers)
    head = ("fault", *providers)
    lines = []
    for operation in dict.fromkeys(row[0] for row in rows):
        of_operation = [(f"  {step}, {fault}", *outcomes) for name, step, fault, *outcomes in rows if name == operation]
        widths = [max(len(line[column]) for line in (head, *of_operation)) for column in range(len(head))]
        lines.append("  ".join(cell.ljust(width) for cell, width in zip((operation, *providers), widths, strict=False)))
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in of_operation
        ]
        lines.append("")
    wrong = [cell for cell in cells if cell.wrong]
    lines += [
        f"WRONG {cell.provider}: {cell.point.operation}, {'killed ' if cell.point.killed else ''}{cell.point.fault}"
        f" {cell.point.step}: {'; '.join(cell.wrong)} (order {cell.order})"
        for cell in wrong
    ]
    lines.append(
        f"{len(rows):,} fault points, {len(cells):,} outcomes with {len(providers)} providers: "
        + (f"{len(wrong):,} WRONG" if wrong else "all right")
    )
    return "\n".join(lines)
