"""Who gets it: one file a strategy. To add one, write its file, name it here, and tell its story in a test."""

from acd.center.strategies import (
    least_used,
    longest_idle,
    most_used,
    priority,
    random,
    ring_all,
    round_robin,
)
from acd.center.strategies.pool import Draw, Pool, Rank, Strategy

__all__ = ["STRATEGIES", "Draw", "Pool", "Rank", "Strategy"]

STRATEGIES = {
    "priority": priority.STRATEGY,
    "random": random.STRATEGY,
    "longest_idle": longest_idle.STRATEGY,
    "least_used": least_used.STRATEGY,
    "most_used": most_used.STRATEGY,
    "round_robin": round_robin.STRATEGY,
    "ring_all": ring_all.STRATEGY,
}
