"""Floor 3: what users connect to. The HTTP API, the realtime transports, authentication and the page.

It never talks to a provider: a purchase is a row, and its result comes back as an event like every other. It imports
`notifier` and `wallet_db`, never `pollers`.
"""
