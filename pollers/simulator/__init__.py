"""A provider to develop and test against: the real protocols over real HTTP, with time that bends and faults on order.

    app ─► control… (/sim/…) ───────────────────────┐
     └──► handler_api, fivesim_http ─► desk ─► dialects ─► state, rentals (orders, money, time as an argument)
                                        │     (sms_activate, herosms, fivesim)   └─► routes ─► catalogue (what is sold)
                                        └─► faults, limits, scenarios (what goes wrong)
          strowallet_http passes the same desk to strowallet and strowallet_account: cards, and money on them
    server runs the app; simulation holds all of it, and keeps each provider's account in a file, as record writes it.
    webhooks tells of each SMS, on loopback.

Without SIM_STATE_FILE everything lives in memory and ends with the process.
"""

from pollers.simulator.app import create_app
from pollers.simulator.server import run, running
from pollers.simulator.settings import SimulatorSettings

__all__ = ["SimulatorSettings", "create_app", "run", "running"]
