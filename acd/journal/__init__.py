"""Facts on disk: written in the order in which they were made, read back to the same state."""
