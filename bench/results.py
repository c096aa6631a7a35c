"""Where results go: `bench/results/`, as JSON and as a plot, with the machine they were measured on."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Finding
from bench.plot import svg

RESULTS = Path(__file__).resolve().parent / "results"


def write(name: str, title: str, findings: Sequence[Finding], more: Mapping[str, Any]) -> str:
    """JSON, with `more` beside the findings, and a plot of the ratios if there are any; returns their paths."""
    RESULTS.mkdir(exist_ok=True)
    measured = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()},
        **more,
        "findings": [asdict(finding) | {"verdict": finding.verdict} for finding in findings],
    }
    data, plot = RESULTS / f"{name}.json", RESULTS / f"{name}.svg"
    data.write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not any(finding.unit == "x" for finding in findings):
        return str(data)
    plot.write_text(svg(title, findings), encoding="utf-8")
    return f"{data}, {plot}"
