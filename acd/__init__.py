"""A call distributor for Asterisk. Start reading at `acd.center` (what is decided) and `acd.daemon` (the wiring)."""

from importlib.metadata import version

__version__ = version("acd")
