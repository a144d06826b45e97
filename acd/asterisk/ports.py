"""Ports on the loopback for a private Asterisk: free ones, which no other run on this machine is given meanwhile."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from acd.asterisk.packages import PrivatePbxError

LOOPBACK = "127.0.0.1"
BLOCKS = range(10000, 32000, 1000)
"""Below the ports that the kernel gives to whoever asks for any."""
SPARE = 100


@dataclass(frozen=True)
class Ports:
    sip: int
    ami: int
    rtp: range
    spare: range = range(0)
    """For whoever plays a phone or a server beside it."""


@contextmanager
def reserved() -> Iterator[Ports]:
    """A block of ports that are all ours for the while.

    The reservation is a bound socket: the kernel keeps it, for all users, and drops it with the process.
    """
    for start in random.sample(BLOCKS, len(BLOCKS)):
        with ExitStack() as ours:
            try:
                ours.enter_context(_bound(socket.SOCK_STREAM, start))
            except OSError:
                continue  # somebody else has it
            ports = Ports(
                start + 2, start + 1, range(start + SPARE, start + BLOCKS.step), range(start + 3, start + SPARE)
            )
            if not taken(ports):
                yield ports
                return
    raise PrivatePbxError("no free block of ports on the loopback: stop some of the private Asterisks that run")


def taken(ports: Ports) -> str:
    """Says which port is taken, if one is."""
    for kind, port, what in ((socket.SOCK_DGRAM, ports.sip, "SIP, UDP"), (socket.SOCK_STREAM, ports.ami, "AMI, TCP")):
        try:
            with _bound(kind, port):
                pass
        except OSError:
            return f"port {port} ({what}) on {LOOPBACK} is taken"
    return ""


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        raise
    return bound
