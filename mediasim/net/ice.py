"""ICE with a single candidate of ours (RFC 8445), whose agent can be replaced by another's path."""

from __future__ import annotations

import asyncio
from typing import Any

from aioice import Candidate, Connection

from mediasim.net.sdp import SdpError
from mediasim.net.udp import drop

__all__ = ["IcePath", "SingleHostAgent"]


class SingleHostAgent(Connection):
    """An ICE agent with a single host candidate; the controlled side unless we offer."""

    def __init__(self, host: str) -> None:
        super().__init__(ice_controlling=False)
        self.host = host

    async def gather(self) -> None:
        """Open the socket of the one candidate. Raises SdpError where no port can be had."""
        await self.gather_candidates()
        if not self.local_candidates:
            raise SdpError(f"no UDP port can be had on {self.host}")

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109
    ) -> list[Candidate]:
        found = await super().get_component_candidates(component, [self.host], timeout)
        for protocol in self._protocols:
            protocol.transport.set_protocol(_GuardedProtocol(protocol))
        return found


class _GuardedProtocol(asyncio.DatagramProtocol):
    """aioice's protocol of a socket, in which errors are counted and the datagram dropped."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            self._inner.datagram_received(data, addr)
        except Exception as error:
            drop("STUN", error)


class IcePath:
    """The part of an ICE transport that aiortc's DTLS transport uses; its agent can be replaced."""

    def __init__(self, agent: SingleHostAgent) -> None:
        self.agent = agent

    @property
    def role(self) -> str:
        return "controlling" if self.agent.ice_controlling else "controlled"

    async def _recv(self) -> bytes:
        while True:
            agent = self.agent
            try:
                return await agent.recv()
            except ConnectionError:
                if agent is self.agent:  # the path was lost, and not replaced
                    raise

    async def _send(self, data: bytes) -> None:
        await self.agent.send(data)
