"""Benchmarks that anyone can run again: each starts what it needs, measures, prints a table and stops everything.

Machines are noisy, so no figure stands alone: contestants take turns in every round, what counts is the ratio of two
figures of the same round, and each ratio is told as the median of the rounds with the least and the greatest.
"""
