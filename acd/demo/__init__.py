"""A call centre to watch: a private Asterisk, simulated agents and callers, and the live picture of who talks."""
