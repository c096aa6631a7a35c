"""Providers: one contract (`contract.py`), one package for each protocol that fulfils it."""
