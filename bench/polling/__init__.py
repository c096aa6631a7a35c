"""What looking for SMS costs a provider, and how soon a code is in the database: all open orders of an account."""
