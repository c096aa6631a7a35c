"""What the peers run: a server's program or configuration each, as a user of it would write, small."""
