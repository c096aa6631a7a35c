"""The loss checker: clients, writers and a seeded schedule of faults, and a verdict on every event of every client."""
