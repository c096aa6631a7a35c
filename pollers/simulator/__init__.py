"""A provider to develop and test against: the real protocols over real HTTP, with time that bends and faults on order.

    app (routes) ─► control (/sim/…) ─┐
        │                             ├─► state (orders, money, time as an argument) ─► catalogue (what is sold)
        └─► sms_activate (dialect) ───┘
    server runs the app; faults holds what is to go wrong; simulation keeps the account in a file, as record writes it.

Without SIM_STATE_FILE everything lives in memory and ends with the process.
"""

from pollers.simulator.app import create_app
from pollers.simulator.server import run, running
from pollers.simulator.settings import SimulatorSettings

__all__ = ["SimulatorSettings", "create_app", "run", "running"]
