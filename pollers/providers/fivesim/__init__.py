"""The 5sim protocol: refusals and protocol are pure, client has the I/O."""

from pollers.providers.fivesim.client import FiveSim

__all__ = ["FiveSim"]
