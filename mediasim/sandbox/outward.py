"""The ways from a sandbox to apps: webhooks and media streams, by name and by address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.net.trust import Trust
from mediasim.net.web_streams import WebStreams
from mediasim.sandbox.http_port import WebPort
from mediasim.sandbox.names import NamedPort, NamedStreams, Note, Reachable

if TYPE_CHECKING:
    from mediasim.sandbox.clocks import Clock
    from mediasim.sandbox.proxy.hosts import HostTable
    from mediasim.sandbox.settings import Settings

__all__ = ["Outward"]


class Outward:
    """The HTTP client and the WebSockets of one sandbox, with one trust for both.

    Made and closed on the web loop.
    """

    def __init__(self, settings: Settings, clock: Clock, hosts: HostTable, own_url: str) -> None:
        """``hosts`` has who answers under which name; ``own_url`` is where Twilio's API is."""
        config, loop = settings.config, asyncio.get_running_loop()
        trust = Trust(config.authorities)
        self.names = Reachable(hosts, own_url)
        self._clock = clock
        self._web = WebPort(loop, clock.hold, trust)
        self._sockets = WebStreams(
            loop,
            clock.hold,
            waits=clock.kind != "real",
            grace=config.stream_grace / NS_PER_SECOND,
            trust=trust,
        )
        self.streams = NamedStreams(self._sockets, self.names)

    def http(self, note: Note) -> NamedPort:
        """Return the port of webhooks; ``note`` takes what Twilio's sites have to say."""
        return NamedPort(self._web, self.names, self._clock.hold, note)

    async def close(self) -> None:
        """Close all connections."""
        await self._sockets.close()
        await self._web.close()
