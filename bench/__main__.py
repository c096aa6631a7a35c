"""`python -m bench`: run one of the benchmarks."""

import argparse
import sys

from bench import quick
from bench.delivery import command as delivery
from bench.faults import command as faults
from bench.growth import command as growth
from bench.loss import command as loss
from bench.peers import command as peers
from bench.polling import command as polling
from bench.soak import command as soak
from bench.wallet import command as wallet


def main() -> int:
    """The exit status: 0 measured, 1 could not, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the system on this machine. Everything a benchmark needs it starts and stops itself; the"
        " results are printed, and written to bench/results/ as JSON and as a plot.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="BENCHMARK")
    wallet.add_command(commands)
    delivery.add_command(commands)
    quick.add_command(commands)
    peers.add_command(commands)
    growth.add_command(commands)
    loss.add_command(commands)
    polling.add_command(commands)
    faults.add_command(commands)
    soak.add_command(commands)
    arguments = parser.parse_args()
    status: int = arguments.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
