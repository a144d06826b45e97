"""A call distributor for Asterisk. Start reading at `acd.center` (what is decided) and `acd.daemon` (how it is wired)."""
