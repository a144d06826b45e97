"""Starts a program that does not outlive whoever started it: leash.py PARENT PROGRAM ARGUMENTS…

Run as a script, by path, so that it costs no more than Python itself. The kernel kills the program at the moment that
its parent is gone, `kill -9` included.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
ENOUGH_FILES = 65536

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A call takes a dozen descriptors, and the usual soft limit is 1,024. Not more: Asterisk walks through all of them.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, ENOUGH_FILES), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.getppid() == int(parent):  # else it went before the kernel was asked
        os.execv(command[0], command)  # noqa: S606 - that is the point
