"""Ways to run the whole: on one machine, `make run`."""
