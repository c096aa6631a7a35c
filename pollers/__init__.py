"""Floor 3: all traffic with providers. It claims due orders, buys, looks for SMS, cancels, and settles what came of it.

It imports `notifier` and `wallet_db`, never `gateway`: what it finds out reaches users as events.
"""
