"""`python -m wallet_db import-cards`: cards and webhook history from tables of another application.

`rows` and `history` judge a row and are pure; `loading` brings what they accept into the database, batch by batch;
`command` reads files, shows how far it is, and reports what was refused.
"""
