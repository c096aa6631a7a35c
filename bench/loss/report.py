"""What is printed at the end. Pure."""

from bench.loss.account import TOLD_MAX
from bench.loss.result import Result
from bench.loss.schedule import FAULTS


def report(result: Result) -> str:
    """The figures, then the verdict; on a breach who, where and with which seed."""
    plan, tally, verdict = result.plan, result.tally, result.verdict
    ends = ", ".join(f"{code}: {count:,}" for code, count in sorted(tally.ends.items()))
    transactions = ", ".join(f"{count:,} {how}" for how, count in sorted(result.transactions.items()))
    done = ", ".join(f"{kind} {result.faults[kind]}" for kind in FAULTS if result.faults[kind]) or "none"
    lines = [
        f"seed         {plan.seed}",
        f"connections  {plan.connections:,} of {plan.users:,} users, over all three transports",
        f"events       {tally.delivered:,} delivered and checked against {result.rows:,} rows",
        f"transactions {transactions}",
        f"faults       {result.faults.total()}: {done}",
        f"processes    {result.restarts} started again, {result.unasked} of them ended by themselves",
        f"ends         {ends}",
        f"resumes      {tally.resumes:,} by cursor",
        f"resets       {result.resets:,} by a snapshot for a void cursor, which stood for {result.covered:,} events",
        f"slowest      {tally.away_s:.1f} s until a client was back, {tally.late_s:.1f} s until an event was there",
        f"time         {result.seconds:.1f} s, {result.settled_s:.1f} s of it to settle",
        "",
        ", ".join(f"{count:,} {kind}" for kind, count in verdict.counts.items()),
    ]
    if not verdict.is_clean:
        lines += ["", *(str(breach) for breach in verdict.told)]
        if (others := sum(verdict.counts.values()) - len(verdict.told)) > 0:
            lines.append(f"and {others:,} more than these {TOLD_MAX}")
        lines.append(f"again: {again(result)}")
    return "\n".join(lines)


def again(result: Result) -> str:
    """The command that means the same run."""
    plan = result.plan
    words = [
        "python -m bench loss",
        f"--seed {plan.seed} --users {plan.users} --connections {plan.connections} --seconds {plan.seconds:g}",
        *([f"--events {plan.events}"] if plan.events is not None else []),
        f"--rate {plan.rate:g} --faults {','.join(plan.faults) or 'none'} --fault-every {plan.fault_every_s:g}",
        *([f"--control {plan.control}"] if plan.control is not None else []),
    ]
    return " ".join(words)
