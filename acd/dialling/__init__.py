"""The dial policy: what acd may dial. Every number that is ever dialled passes through `DialPolicy.check`, and what
comes out is a + and digits. A rule can only refuse, and a refusal names its rule; emergency numbers pass none.
"""

from acd.dialling.dialled import Dialled
from acd.dialling.hours import CalleeHours
from acd.dialling.policy import DialPolicy, DialRules
from acd.dialling.reading import Dialable
from acd.dialling.refusals import DialRefused, Purpose, Rule
from acd.dialling.trunks import Dialling, NoTrunk

__all__ = [
    "CalleeHours",
    "DialPolicy",
    "DialRefused",
    "DialRules",
    "Dialable",
    "Dialled",
    "Dialling",
    "NoTrunk",
    "Purpose",
    "Rule",
]
