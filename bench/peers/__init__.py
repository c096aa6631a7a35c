"""Who else brings a committed row to its user's open connection, measured beside us by one driver.

A contestant (`contestants/`) is one small file behind `contract`: how it is installed, started and connected to. All
are given the same work by the same writers, on the same PostgreSQL, and are heard by the same cheap clients; `turn` has
one of them do everything once, `measure` has them take turns.
"""
