"""Fuzzing: the API by its own description (`fuzz.api`), the AMI reader by whatever bytes (`fuzz.ami`)."""
