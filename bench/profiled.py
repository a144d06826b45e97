"""The daemon under cProfile, its imports left out: python -m bench.profiled FILE run -c acd.toml"""

from __future__ import annotations

import cProfile
import sys

from acd.__main__ import main

if __name__ == "__main__":
    _, file, *arguments = sys.argv
    profile = cProfile.Profile()
    try:
        profile.runcall(main, arguments)
    finally:
        profile.dump_stats(file)
