"""The enumeration: each operation with each provider, cut at its first step, its second … until it ends uncut.

Three ways: the worker's task is cut off (before and after the step), its answer is lost and it lives on, and, with
`kill`, the worker's process is really killed. Each time another worker then brings the order to its end.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from typing import TypeAlias
from uuid import UUID

from bench.faults.card_operations import CardOperation
from bench.faults.judge import faults_of, outcome_of
from bench.faults.operations import Operation
from bench.faults.point import DEADLY, FAULTS, Cutter, Fault
from bench.faults.stage import Stage
from bench.faults.victim import kill
from bench.faults.ware import Job
from bench.faults.worker import cut_off
from notifier.retry import DATABASE_FAULTS
from wallet_db.check import check
from wallet_db.periodic import find_faulty_wallets

STEPS_MAX = 60

AnyOperation: TypeAlias = Operation | CardOperation


@dataclass(frozen=True, slots=True)
class Point:
    """Where a fault happened. killed: the whole process died of it."""

    operation: str
    step: str
    fault: Fault
    killed: bool = False


@dataclass(slots=True)
class Cell:
    """What came of one point with one provider."""

    point: Point
    provider: str
    outcome: str
    order: UUID
    user: UUID
    wrong: list[str] = field(default_factory=list)


Show = Callable[[str], None]


async def enumerate_faults(
    stage: Stage, operations: Sequence[AnyOperation], nursery: ForkServerContext | None, show: Show, *, kills_all: bool
) -> list[Cell]:
    """All points of these operations with the stage's provider. nursery: kill processes, too, at the main ones or all.

    show: is told what is being done.
    """
    cells: list[Cell] = []
    for operation in operations:
        stage = operation.staged(stage)
        show(f"{stage.kind.name}: {operation.name}")
        steps: list[str] = []
        for fault in FAULTS:
            for nth in range(STEPS_MAX):
                cell, struck = await _cut(stage, operation, nth, fault, steps)
                cells.append(cell)
                if not struck:
                    cells.pop()
                    break
            else:
                raise RuntimeError(f"expected {operation.name} to end within {STEPS_MAX} steps")
        if nursery is not None and (kills_all or operation.is_main):
            for nth, fault in _deaths(len(steps)):
                cells.append(await _kill(stage, operation, nth, fault, steps[nth], nursery))
    await _audit(stage, cells)
    return cells


def _deaths(steps: int) -> Iterator[tuple[int, Fault]]:
    return ((nth, fault) for fault in DEADLY for nth in range(steps))


async def _cut(stage: Stage, operation: AnyOperation, nth: int, fault: Fault, steps: list[str]) -> tuple[Cell, bool]:
    """One point; whether the work came as far as that. `steps` becomes the longest list of them seen."""
    before = {each.id for each in await stage.sold()}
    order = await operation.prepare(stage)
    cutter = Cutter(nth, fault, cut_off)
    raised = await _run(stage, await operation.claim(stage, order), cutter)
    if len(cutter.steps) > len(steps):
        steps[:] = cutter.steps
    step = cutter.steps[nth] if cutter.struck else ""
    cell = await _judge(stage, operation, order, before, Point(operation.name, step, fault))
    cell.wrong += raised
    return cell, cutter.struck


async def _run(stage: Stage, job: Job | None, cutter: Cutter) -> list[str]:
    """The work with its fault. To die and to lose the database are expected, as the loop over orders expects them."""
    if job is None:
        return ["not due"]
    task = asyncio.create_task(stage.do(job, cutter))
    await asyncio.wait([task])
    if task.cancelled() or (error := task.exception()) is None or isinstance(error, DATABASE_FAULTS):
        return []
    return [f"the worker raised {type(error).__name__}: {error}"]


async def _kill(
    stage: Stage, operation: AnyOperation, nth: int, fault: Fault, step: str, nursery: ForkServerContext
) -> Cell:
    before = {each.id for each in await stage.sold()}
    order = await operation.prepare(stage)
    job = await operation.claim(stage, order)
    died = job is not None and await asyncio.to_thread(
        kill, nursery, stage.url, stage.base_url, stage.kind.name, job, nth, fault, stage.control, stage.refused_by
    )
    cell = await _judge(stage, operation, order, before, Point(operation.name, step, fault, killed=True))
    if not died:
        cell.wrong.append("the worker came to its end before this step")
    return cell


async def _judge(stage: Stage, operation: AnyOperation, order: UUID, before: set[str], point: Point) -> Cell:
    await operation.settle(stage, order)
    end, sold = await stage.end(order), await stage.sold(before)
    user = (await stage.row(order))["user_id"]
    return Cell(point, stage.kind.name, outcome_of(end, sold), order, user, faults_of(end, sold))


async def _audit(stage: Stage, cells: Sequence[Cell]) -> None:
    """`check` and `health` over everything; what they find is written to the cell whose user it is about."""
    by_user = {cell.user: cell for cell in cells}
    report = await check(stage.url, shown_max=1_000)
    for mismatch in report.shown:
        cell = by_user.get(mismatch.user_id) if mismatch.user_id else None
        if cell is not None:
            cell.wrong.append(f"check: {mismatch.rule}: {mismatch.place}")
    _, faulty = await find_faulty_wallets(stage.db)
    for user in faulty:
        if user in by_user:
            by_user[user].wrong.append("health: not OK")
    if (not report.is_clean or faulty) and not any(cell.wrong for cell in cells):
        cells[-1].wrong.append(f"check or health found faults of nobody's cell: {report.mismatches}")
