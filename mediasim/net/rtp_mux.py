"""The RTP of all legs with real far ends, received and sent together once a frame.

RTP endpoints and SIP telephones have a UDP port each, as their session descriptions say. At the
boundary of a frame everything that has come to any of them is read into one array, which the media
plane takes as a whole, and the packets for all of them are made as one array; only the system calls
are made for each leg by itself.

A packet belongs to a leg by the port it came to. Whether it is the far side's is examined when it
comes from another address than the last one, or is no plain RTP; else it is taken as it is.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.media.leg import Leg
from mediasim.media.room import Room
from mediasim.media.tracks import Tracks
from mediasim.net.batch_reader import STAMPED, BatchReader, ReadBatch
from mediasim.net.direct_receive import Senders
from mediasim.net.newest_packets import NewestPackets
from mediasim.net.udp import UNSENT, Address, drop
from mediasim.rtp.packets import HEADER_SIZE, RTCP_TYPES, PacketBlock, block_of, joined
from mediasim.rtp.sender import WideSender

__all__ = ["PacketWatcher", "RtpMux", "RtpPort"]


class PacketWatcher(Protocol):
    """Receives the packets that pass through a port: a capture."""

    def received(self, block: PacketBlock) -> None:
        """Handle packets of the far side, as they are given to the leg."""

    def sent(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Handle packets sent, one for each frame from ``first_frame`` on; arrays (n, size)."""


class RtpPort(Protocol):
    """A leg's port, and the state of its far side."""

    socket: socket.socket
    watcher: PacketWatcher | None

    @property
    def destination(self) -> Address | None:
        """Address that RTP is sent to now; None: nothing is sent."""

    def take(
        self, at_ns: int, packet: bytes, source: Any, last: tuple[int, bytes] | None
    ) -> list[bytes]:
        """Return the far side's RTP, now that a datagram has come from another source.

        ``last`` is when the newest from the source followed had come, and its header. The result
        may be empty, or include packets that were kept until their source was followed.
        """

    def refused(self, error: Exception) -> None:
        """Count a packet that the system refused to send."""


@dataclass(eq=False, slots=True)
class _Carried:
    """A leg and its port."""

    leg: Leg
    port: RtpPort
    source: Any = None
    """Address that the far side's last packet came from; None: examine the next packet."""
    index: int = -1
    """Index among the legs that are sent to together; -1 if it is not one of them."""


class RtpMux:
    """Carries the RTP of a media plane's legs through their UDP ports, in real time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wall_ns: Callable[[], int]) -> None:
        """``wall_ns`` is the loop's time at this very moment, however late its callbacks are."""
        self._loop = loop
        self._wall_ns = wall_ns
        self._reader = BatchReader()
        self._carried: dict[int, _Carried] = {}
        """Legs and ports by the leg's row, which is its slot."""
        self._early: ReadBatch | None = None
        """Datagrams that came after the boundary at which they were read."""
        self._newest = NewestPackets()
        self._wide = WideSender()
        self._together: list[_Carried] = []
        """Legs that are sent to together, in the order of the wide sender's senders."""
        self._destinations: list[Address] = []
        """Addresses of those legs."""
        self._rows = np.zeros(0, np.int64)
        """Rows of those legs."""
        self._singly: list[_Carried] = []
        """Legs whose codec has a coder for each stream."""
        self._watched: list[_Carried] = []
        """Legs whose port has a watcher."""
        self._sendto: list[Callable[[Any, Address], int]] = []
        """Send functions of the legs that are sent to together."""

    @staticmethod
    def of(leg: Leg) -> RtpMux:
        """Return the mux of a leg's plane. Raises RuntimeError for one that is not in real time."""
        mux = leg.room.plane.mux if isinstance(leg.room, Room) else None
        if not isinstance(mux, RtpMux):
            raise RuntimeError("RTP from elsewhere needs a media plane in real time")
        return mux

    # -- legs -------------------------------------------------------------------------------

    def attach(self, leg: Leg, port: RtpPort) -> None:
        """Carry the leg's packets through this port from now on. Raises OSError."""
        known = self._carried.get(leg.row)
        if known is not None:
            if known.port is port:
                return
            self.detach(leg, known.port)
        self._reader.add(port.socket, leg.row, stamped=True)
        carried = self._carried[leg.row] = _Carried(leg, port)
        self._newest.forget(leg.row)
        if port.watcher is not None:
            self._watched.append(carried)
        self._aim(carried)
        if not STAMPED:
            # Without the kernel's arrival times a packet has to be read as soon as it has come.
            self._loop.add_reader(port.socket, self._read_now)

    def detach(self, leg: Leg, port: RtpPort) -> None:
        """Stop using a port that is not closed yet; ignored if another took its place."""
        if leg.row not in self._carried or self._carried[leg.row].port is not port:
            return
        # Datagrams that were read must be examined while their ports are known; the next leg may
        # get this row.
        waiting = _merged(self._early, self._examined(self._reader.taken()))
        self._early = waiting and _chosen(waiting, waiting.slots != leg.row)
        carried = self._carried.pop(leg.row)
        self._stop(carried)
        self._singly = [each for each in self._singly if each is not carried]
        self._watched = [each for each in self._watched if each is not carried]
        self._reader.remove(carried.port.socket)
        if not STAMPED:
            self._loop.remove_reader(carried.port.socket)

    def redirect(self, leg: Leg) -> None:
        """Note that the port's destination may have changed, and with it the far side's source."""
        carried = self._carried[leg.row]
        carried.source = None
        self._newest.forget(leg.row)
        self._aim(carried)

    def _aim(self, carried: _Carried) -> None:
        """Send to a leg together with the others, singly, or not at all."""
        destination, sender = carried.port.destination, carried.leg.sender
        if carried.index >= 0 and self._wide.senders[carried.index] is not sender:
            self._stop(carried)  # it sends in another format now
        self._singly = [each for each in self._singly if each is not carried]
        if not CODECS[sender.codec].is_bytewise:
            self._singly.append(carried)
        if destination is None or not CODECS[sender.codec].is_bytewise:
            self._stop(carried)
        elif carried.index >= 0:
            self._destinations[carried.index] = destination
        else:
            self._wide.add(carried.leg.sender)
            carried.index = len(self._together)
            self._together.append(carried)
            self._destinations.append(destination)
            self._sendto.append(carried.port.socket.sendto)
            self._rows = np.append(self._rows, carried.leg.row)

    def _stop(self, carried: _Carried) -> None:
        """Stop sending to a leg; the last one takes its index."""
        at, carried.index = carried.index, -1
        if at < 0:
            return
        self._wide.remove(at)
        last, destination = self._together.pop(), self._destinations.pop()
        sendto = self._sendto.pop()
        if last is not carried:
            last.index = at
            self._together[at], self._destinations[at] = last, destination
            self._sendto[at] = sendto
            self._rows[at] = last.leg.row
        self._rows = self._rows[:-1]

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()

    # -- packets in -------------------------------------------------------------------------

    def _read_now(self) -> None:
        self._reader.read(self._wall_ns())

    def receive(self, known_before: int) -> Iterator[tuple[NDArray[np.int64], PacketBlock]]:
        """Yield what came before the boundary at which frame ``known_before`` begins.

        Yields rows of legs, none twice, and a packet of each; a leg's own in order of arrival.
        """
        boundary_ns = known_before * FRAME_NS
        self._reader.read(self._wall_ns(), boundary_ns)
        batch = _merged(self._early, self._examined(self._reader.taken()))
        self._early = None
        if batch is None:
            return
        due = batch.block.arrival < boundary_ns
        if not due.all():
            self._early, batch = _chosen(batch, ~due), _chosen(batch, due)
        if len(batch.slots):
            self._watch(batch)
            yield from _in_rounds(batch.slots, batch.block)

    def _examined(self, batch: ReadBatch | None) -> ReadBatch | None:
        """Return the RTP of the legs' far sides in a batch."""
        if batch is None:
            return None
        block = batch.block
        second = block.data[:, 1]
        good = (block.length >= HEADER_SIZE) & (block.data[:, 0] >> 6 == 2)
        good &= (second < RTCP_TYPES.start) | (second >= RTCP_TYPES.stop)
        good &= self._from_known(batch)
        if not good.all():
            batch = self._sifted(batch, good)
        self._newest.note(batch)
        return batch

    def _from_known(self, batch: ReadBatch) -> NDArray[np.bool_]:
        """Return which datagrams came from where their leg's last one did."""
        if isinstance(batch.sources, Senders):
            return self._newest.from_known(batch.slots, batch.sources.raw)
        rows, carried = batch.slots.tolist(), self._carried
        pairs = zip(rows, batch.sources, strict=True)
        return np.array([carried[row].source == source for row, source in pairs], np.bool_)

    def _sifted(self, batch: ReadBatch, good: NDArray[np.bool_]) -> ReadBatch:
        """Return the good packets, and what the ports make of the others, each leg's in order."""
        block, found = batch.block, list[tuple[int, int, int, bytes]]()
        newest: dict[int, int] = {}
        for index, row in enumerate(batch.slots.tolist()):
            each = self._carried[row]
            if good[index] and each.source == batch.sources[index]:
                newest[row] = index
                continue
            good[index] = False
            last = self._newest.last(row)
            if row in newest:
                at = newest.pop(row)
                last = int(block.arrival[at]), block.data[at, :HEADER_SIZE].tobytes()
            at_ns, source = int(block.arrival[index]), batch.sources[index]
            packet = block.data[index, : int(block.length[index])].tobytes()
            try:
                taken = each.port.take(at_ns, packet, source, last)
            except Exception as error:  # no datagram ends what reads it
                drop("RTP", error)
                taken = []
            self._newest.taken(row)
            found += [(index, row, at_ns, one) for one in taken]
            if taken:
                each.source = source
                if isinstance(batch.sources, Senders):
                    self._newest.known(row, batch.sources.raw[index])
                self._aim(each)
        kept = _chosen(batch, good)
        if not found:
            return kept
        order, rows, arrival, packets = zip(*found, strict=True)
        more = ReadBatch(np.array(rows), block_of(list(zip(arrival, packets, strict=True))))
        merged = _merged(kept, more) if len(kept.slots) else more
        assert merged is not None
        places = np.append(np.flatnonzero(good), order)
        return _in_order(merged, np.argsort(places, kind="stable"))

    def _watch(self, batch: ReadBatch) -> None:
        """Pass the packets of watched ports to their watchers."""
        for each in self._watched:
            own = np.flatnonzero(batch.slots == each.leg.row)
            if len(own) and each.port.watcher is not None:
                each.port.watcher.received(batch.block.select(own))

    # -- packets out ------------------------------------------------------------------------

    def send(self, frame: int, outbound: Tracks) -> None:
        """Send one frame of the legs' outbound tracks."""
        if self._together:
            self._wide.make(outbound.take(self._rows, frame, 1), frame)
            packets = zip(self._sendto, self._wide.rows, self._destinations, strict=True)
            for index, (sendto, packet, to) in enumerate(packets):
                try:
                    sendto(packet, to)
                except UNSENT as error:
                    self._together[index].port.refused(error)
            for each in self._watched:
                if each.port.watcher is not None and each.index >= 0:
                    each.port.watcher.sent(frame, [self._wide.packets[each.index][None]])
        for each in self._singly:
            self._send_singly(each, frame, outbound)

    def _send_singly(self, carried: _Carried, frame: int, outbound: Tracks) -> None:
        port, sender = carried.port, carried.leg.sender
        to = port.destination
        if to is None:
            return
        pcm = outbound.row(carried.leg.row, frame, 1).reshape(1, FRAME_SAMPLES)
        packets = sender.packets(pcm, frame)
        try:
            port.socket.sendto(packets[0][0].data, to)
        except UNSENT as error:
            port.refused(error)
        if port.watcher is not None:
            port.watcher.sent(frame, packets)


def _chosen(batch: ReadBatch, which: NDArray[np.bool_]) -> ReadBatch:
    return _in_order(batch, np.flatnonzero(which))


def _in_order(batch: ReadBatch, chosen: NDArray[np.intp]) -> ReadBatch:
    return ReadBatch(batch.slots[chosen], batch.block.select(chosen))


def _merged(first: ReadBatch | None, then: ReadBatch | None) -> ReadBatch | None:
    """Concatenate two batches, either of which may be None."""
    if first is None or then is None:
        return first or then
    return ReadBatch(np.append(first.slots, then.slots), joined([first.block, then.block]))


def _in_rounds(
    slots: NDArray[np.int64], block: PacketBlock
) -> Iterator[tuple[NDArray[np.int64], PacketBlock]]:
    """Split packets into rounds: the first of each slot, then the second.

    Blocks in which each leg has one packet are what playout takes for all legs at once.
    """
    if np.bincount(slots).max() == 1:
        yield slots, block
        return
    order = np.argsort(slots, kind="stable")
    fresh = np.append(True, np.diff(slots[order]) != 0)
    firsts = np.flatnonzero(fresh)
    number = np.empty(len(slots), np.int64)
    number[order] = np.arange(len(slots)) - firsts[np.cumsum(fresh) - 1]
    of_round = np.argsort(number, kind="stable")
    end = 0
    for count in np.bincount(number).tolist():
        start, end = end, end + count
        chosen = of_round[start:end]
        yield slots[chosen], block.select(chosen)
