"""Whether an event costs the same however much there is: stored events, connections, users, open orders, gateways."""
