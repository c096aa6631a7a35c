"""Strowallet, a provider of virtual cards: the adapter for its `bitvcard` API."""

from pollers.cards.strowallet.client import Strowallet

__all__ = ["Strowallet"]
