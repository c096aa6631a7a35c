"""The HTTP API: requests in, rows and their JSON out."""
