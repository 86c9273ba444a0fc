"""The floor of ``realtime_capacity.py``: sockets alone, a port per leg, drained on a 20 ms tick.

Takes the place of ``mediasim serve`` before the same telephones: what comes to a leg's port goes
on to its partner's telephone as it is. Nothing is decoded, placed, recorded or reported, so this is
what the standard library's sockets cost by themselves. Ends when its standard input does.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time

TICK = 0.02


def main() -> None:
    ports, remotes = json.loads(sys.stdin.readline())
    legs, poller = {}, select.epoll()
    room = memoryview(bytearray(2048))
    sockets = []
    for port in ports:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        made.bind(("127.0.0.1", port))
        poller.register(made.fileno(), select.EPOLLIN)
        sockets.append(made)
    for leg, made in enumerate(sockets):
        partner = leg ^ 1
        to = ("127.0.0.1", remotes[partner])
        legs[made.fileno()] = made.recv_into, sockets[partner].sendto, to
    print("ready", flush=True)
    gc.freeze()
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
        while ready := poller.poll(0, len(legs)):
            for descriptor, _ in ready:
                receive, send, to = legs[descriptor]
                send(room[: receive(room)], to)


if __name__ == "__main__":
    main()
