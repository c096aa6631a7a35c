"""`python -m wallet_db analyze`: what became of the orders of some days, what the audit shows, and what to do about it.

    sql/analyze/ ─► reading ─► figures ─► findings ─► terminal, page (over plots), JSON

All figures are read in one snapshot (REPEATABLE READ, read only). From `figures` on everything is pure. It changes
nothing, proves nothing that `check` and `health` prove, and shows no phone, no code and no name: of users their ids,
where somebody has to look.
"""
