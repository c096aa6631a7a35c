"""What is printed at the end. Pure."""

from bench.soak.run import Result

TOLD_MAX = 30


def report(result: Result) -> str:
    """The figures, both sides' books, and the verdict; when something is wrong how to have the run again."""
    plan, verdict = result.plan, result.verdict
    ends = ", ".join(f"{count:,} {status}" for status, count in sorted(verdict.ends.items()))
    answers = ", ".join(f"{count:,} {what}" for what, count in sorted(result.answers.items()))
    hits = ", ".join(f"{what} {count}" for what, count in sorted(result.hits.items())) or "none"
    lines = [
        f"seed       {plan.seed}, scenario {plan.scenario}",
        f"orders     {verdict.ends.total():,}: {ends}",
        f"numbers    {verdict.sold:,} bought upstream, {verdict.late:,} had an SMS after they were given back",
        f"answers    {answers}",
        f"hits       {result.hits.total()}: {hits}; {result.restarts} processes started again",
        f"wallets    {verdict.coherent}",
        f"time       {result.seconds:.1f} s",
        "",
        result.reconciled,
        "",
        *verdict.wrong[:TOLD_MAX],
    ]
    if len(verdict.wrong) > TOLD_MAX:
        lines.append(f"and {len(verdict.wrong) - TOLD_MAX:,} more")
    if verdict.wrong:
        lines += [f"{len(verdict.wrong):,} WRONG", f"again: {again(result)}"]
    else:
        lines.append("every order is over, nothing was lost: all right")
    return "\n".join(lines)


def again(result: Result) -> str:
    """The command that means the same run."""
    plan = result.plan
    return (
        f"python -m bench soak --seed {plan.seed} --orders {plan.orders} --seconds {plan.seconds:g}"
        f" --scenario {plan.scenario} --hit-every {plan.hit_every_s:g}{' --control' if plan.control else ''}"
    )
