"""Ports for servers of a test, also for one that is away for a while and comes back.

Not those that the kernel gives to outgoing connections (32768 and up on Linux): a test beside this
one would sooner or later hold the port of a broker that is just being restarted.
"""

import itertools
import os
import random
import socket

FIRST, SHARE, SHARES = 10_000, 1_000, 22
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES
_begin = random.randrange(SHARE)  # another run of the suite may be under way
_own = itertools.cycle(FIRST + _worker * SHARE + (_begin + i) % SHARE for i in range(SHARE))


def free_port() -> int:
    """Return a port of loopback that nobody listens on and that was not given a moment ago."""
    for port in itertools.islice(_own, SHARE):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
