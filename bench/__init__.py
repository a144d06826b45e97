"""The bench: acd beside app_queue, on one Asterisk, in one run, for anyone to repeat. `python -m bench --help`."""
