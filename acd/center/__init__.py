"""The center decides: inputs come in, facts go out. It is pure: no I/O, no asyncio, no clock, no chance of its own.

Read `model` for the words, `inputs` and `facts` for what goes in and out, `center` for how one becomes the other.
"""

from acd.center.center import Center, Undecided
from acd.center.model import Refused

__all__ = ["Center", "Refused", "Undecided"]
