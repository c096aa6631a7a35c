"""Floor 1: the database. Schema and SQL functions, the wallet, orders and events as rows, and access to them.

Everything that must be true of money is decided in SQL (`sql/functions/`), one function a file, so that it holds for
every caller: the gateway, the pollers, psql. The Python beside it connects, migrates and translates errors.
This package imports none of the others.
"""
