"""`python -m bench wallet`: what the wallet's functions cost, beside what an application would do without them.

Everything is measured on an embedded PostgreSQL of the benchmark's own, with fsync on, over its Unix socket.
"""
