"""Floor 2: follow the outbox, publish to a bus, fan out to subscribers.

    events ──► follower ──► bus ──► hub ──► subscribers          rows ◄── hub: what is missing
              (one leads)   (local, postgres)   (one in each gateway)

The bus may lose, double and reorder; the hub proves by each user's seq that nothing is missing and reads the rest from
`events`. Losing a hint costs latency, never data.
"""
