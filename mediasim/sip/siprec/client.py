"""The session recording client (SRC): forks tracks of a call to a recording server (RFC 7866).

Each recording session has a user agent of its own, on a port that the kernel picks: an INVITE with
session description and metadata, RTP of each track, and a BYE at the end. The server may pause
streams by a re-INVITE, and end the session by a BYE. A connector to the simulated server has
everything but a network: its SIP and RTP are the same bytes, handed over in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.sdp import SdpError
from mediasim.net.siprec_port import (
    SIMULATED,
    SiprecAsked,
    SiprecConnector,
    SiprecRefused,
)
from mediasim.sip.agent import SipAgent
from mediasim.sip.grammar import read_uri
from mediasim.sip.media import (
    SDP,
    MediaAddress,
    UnsupportedBody,
    accepted_bodies,
    description_in,
)
from mediasim.sip.messages import (
    Address,
    Dialog,
    Request,
    Response,
    SipUri,
    check_in_dialog,
    contacts_of,
    cseq_of,
    new_tag,
    tag_of,
    uri_text,
)
from mediasim.sip.outgoing import uri_of
from mediasim.sip.siprec.metadata import METADATA, body_of, metadata_of
from mediasim.sip.siprec.recording_server import (
    MemoryPath,
    MemoryTransports,
    SimulatedRecordingServer,
)
from mediasim.sip.siprec.streams import ForkedStream, UdpPath, described, sections_of
from mediasim.sip.telephone import ALLOW
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transports import Channel, Receive, Transports
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.webhooks.address import is_this_machine

__all__ = ["SiprecClient"]

_PATIENCE: Final = 2.0
"""Seconds that the end of a session may take: a server that does not answer is given up."""
_NOT_HERE: Final = (
    "a recording server over SIP lives in real time, which this clock is not: "
    "use the real clock at rate 1, or a connector whose server is 'simulated'"
)


class SiprecClient:
    """Opens recording sessions (a SiprecPort). Used on the engine's loop."""

    def __init__(
        self,
        refusal: Callable[[str], str | None],
        *,
        real_time: Callable[[], bool],
        server: Callable[[], SimulatedRecordingServer] = SimulatedRecordingServer,
    ) -> None:
        """``refusal`` returns why a host is not allowed, or None.

        ``real_time`` tells whether the clock runs in real time: otherwise only the simulated server
        can be reached, which ``server`` makes.
        """
        self._refusal = refusal
        self._real_time = real_time
        self._server = server

    async def open(
        self, connector: SiprecConnector, asked: SiprecAsked, ended: Callable[[str], None]
    ) -> RecordingSession:
        """Open a session. Raises SiprecRefused."""
        simulated = connector.server == SIMULATED
        if not simulated and not self._real_time():
            raise SiprecRefused(_NOT_HERE)
        uri = _server_of(connector)
        host = uri.host.strip("[]")
        if not simulated and (refusal := self._refusal(host)) is not None:
            raise SiprecRefused(refusal)
        session = RecordingSession(self._refusal, connector, uri, asked, ended)
        try:
            await session.open(self._server() if simulated else None)
        except (OSError, SdpError) as error:
            session.release()
            raise SiprecRefused(f"{uri_text(uri)} cannot be reached: {error}") from None
        except BaseException:
            session.release()
            raise
        return session


def _server_of(connector: SiprecConnector) -> SipUri:
    """Return the URI of a connector's server. Raises SiprecRefused."""
    if connector.server == SIMULATED:
        return SipUri(user="srs", host="server.mediasim")
    try:
        uri = read_uri(connector.server)
    except ValueError as error:
        raise SiprecRefused(str(error)) from None
    if uri.scheme != "sip":
        raise SiprecRefused(f"{connector.server} is no sip: URI")
    return uri


@dataclass(slots=True)
class _Line:
    """What a session's requests go out by."""

    agent: SipAgent
    dialog: Dialog
    channel: Channel

    @property
    def contact(self) -> str:
        """The local Contact, which says that it is a recording client (RFC 7866 section 6.1.1)."""
        return f"{self.agent.contact(self.channel)};+sip.src"


class RecordingSession:
    """A recording session, from its INVITE to its BYE (a SiprecSession)."""

    def __init__(
        self,
        refusal: Callable[[str], str | None],
        connector: SiprecConnector,
        uri: SipUri,
        asked: SiprecAsked,
        ended: Callable[[str], None],
    ) -> None:
        self.notes: list[str] = []
        self._refusal = refusal
        self._connector = connector
        self._asked = asked
        self._ended = ended
        # Twilio's own parameters of the address (secure=true&edge=dublin) are not the server's.
        own = {
            name: value
            for name, value in uri.params.items()
            if name in ("secure", "edge") or (name, (value or "").lower()) == ("transport", "tls")
        }
        for name, value in own.items():
            self.notes.append(f"{name}={value} of the connector's server is not acted on")
        rest = {name: value for name, value in uri.params.items() if name not in own}
        self._uri = SipUri(user=uri.user, host=uri.host, port=uri.port, params=rest)
        self._agent: SipAgent | None = None
        self._line: _Line | None = None
        """The way to the server, once it is known."""
        self._streams: list[ForkedStream] = []
        self._version = 0
        self._over = False
        self._unacknowledged: ServerTransaction | None = None

    # -- opening ----------------------------------------------------------------------------

    async def open(self, server: SimulatedRecordingServer | None) -> None:
        """Invite the server; a simulated one, if given. Raises OSError, SdpError, SiprecRefused."""
        agent = self._agent = SipAgent(
            {},
            "mediasim",
            refusal=lambda host: "this port takes no calls",
            on_invite=_take_no_call,
            now=asyncio.get_running_loop().time,
            transports=Transports if server is None else partial(_memory, server),
        )
        host = self._uri.host
        local = is_this_machine(host)
        here = ("::1" if local else "::") if ":" in host else "127.0.0.1" if local else "0.0.0.0"
        await agent.listen(here, 0)
        channel = await agent.transports.channel_to(self._uri)
        host = agent.transports.host_towards(channel.peer)
        for track in self._asked.tracks:
            path = UdpPath(host) if server is None else MemoryPath(server, len(self._streams))
            self._streams.append(ForkedStream(track, path, self._asked.sid))
        dialog = Dialog(
            call_id=f"{self._asked.sid}-{new_tag()}@mediasim",
            local_tag=new_tag(),
            local_uri=f"sip:mediasim@{agent.address(channel.peer)}",
            remote_uri=uri_text(self._uri),
            remote_target=uri_text(self._uri),
        )
        await self._invite(_Line(agent, dialog, channel))

    async def _invite(self, line: _Line) -> None:
        agent, dialog = line.agent, line.dialog
        request = self._request(line)
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def on_response(response: Response) -> None:
            if response.status_code >= 200 and not final.done():
                final.set_result(response)

        transaction = agent.send(request, line.channel, on_response)
        try:
            response = await final
        except asyncio.CancelledError:
            transaction.cancel()
            raise
        if response.status_code >= 300:
            status = f"{response.status_code} {response.reason_phrase}".strip()
            raise SiprecRefused(f"{uri_text(self._uri)} answered {status}")
        contacts = contacts_of(response)
        dialog.remote_tag = tag_of(response, "to")
        dialog.route_set = list(reversed(response.headers.get("record-route")))
        if contacts:
            dialog.remote_target = uri_text(contacts[0])
            if not dialog.route_set:
                line.channel = agent.towards(contacts[0], line.channel)
        dialog.confirm()
        transaction.acknowledge(agent.create_ack(dialog, line.channel, request), line.channel)
        self._line = line
        agent.dialogs[dialog.call_id, dialog.local_tag] = self
        try:
            self._agree(description_in(response), line)
            if not any(stream.taken for stream in self._streams):
                raise SdpError("it takes none of the streams")
        except (SdpError, UnsupportedBody) as error:
            agent.request(dialog, line.channel, "BYE")
            words = f"{uri_text(self._uri)} answered what cannot be used: {error}"
            raise SiprecRefused(words) from None

    def _request(self, line: _Line) -> Request:
        asked = self._asked
        people = {each.track: uri_of(each.address, "mediasim") for each in asked.participants}
        kind, text = body_of(
            f"mediasim-{asked.sid}", self._description(), metadata_of(asked, people)
        )
        request = line.agent.create_request(line.dialog, line.channel, "INVITE")
        headers = [
            ("Contact", line.contact),
            ("Allow", ALLOW),
            ("Require", "siprec"),
            ("Accept", f"{SDP}, {METADATA}"),
            ("X-Twilio-AccountSid", asked.account_sid),
            ("X-Twilio-CallSid", asked.call_sid),
            ("X-Twilio-ApiVersion", API_VERSION),
            ("Content-Type", kind),
        ]
        if self._connector.header:
            headers.append((self._connector.header, self._connector.credentials))
        for name, value in headers:
            request.headers.set_single(name, value)
        request.text = text
        return request

    def _description(self) -> str:
        text = described(self._streams, self._version)
        self._version += 1
        return text

    def _agree(self, text: str, line: _Line) -> None:
        """Apply the server's description of the streams. Raises SdpError."""
        sections = sections_of(text)
        if len(sections) != len(self._streams):
            raise SdpError(f"expected {len(self._streams)} m= lines, found {len(sections)}")
        host, peer = line.agent.transports.host_towards(line.channel.peer), line.channel.peer[0]
        address = MediaAddress(host, peer, self._refusal)
        for stream, section in zip(self._streams, sections, strict=True):
            stream.agree(section, address.check)

    # -- a SiprecSession --------------------------------------------------------------------

    def send(self, track: str, first_frame: int, pcm: NDArray[np.int16]) -> None:
        for stream in self._streams:
            if stream.track == track and not self._over:
                stream.send(first_frame, pcm, self._asked.unix_ns)

    async def close(self) -> None:
        line, over, self._over = self._line, self._over, True
        self._close_streams()
        if line is not None and not over:
            answered = asyncio.Event()
            request = line.agent.create_request(line.dialog, line.channel, "BYE")
            line.agent.send(request, line.channel, lambda response: answered.set())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(answered.wait(), _PATIENCE)
        self.release()

    def release(self) -> None:
        """Close all ports, without sending a request."""
        self._over = True
        self._close_streams()
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.dialogs.clear()
            agent.close()

    def _close_streams(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.close()

    # -- requests of the server -------------------------------------------------------------

    def receive(self, transaction: ServerTransaction) -> None:
        """Handle a request in the dialog other than ACK and CANCEL."""
        line, request = self._line, transaction.request
        wrong = 481 if line is None else check_in_dialog(line.dialog, request)
        if line is None or wrong is not None:
            transaction.reply(wrong or 481)
        elif request.method == "BYE":
            transaction.reply(200)
            self._over = True
            self._ended("the recording server has ended the session")
        elif request.method in ("INVITE", "UPDATE"):
            self._offered(transaction, line)
        elif request.method in ("OPTIONS", "INFO"):
            transaction.reply(200, headers=[("Allow", ALLOW)])
        else:
            transaction.reply(405, headers=[("Allow", ALLOW)])

    def _offered(self, transaction: ServerTransaction, line: _Line) -> None:
        """Handle a new offer, by which the server pauses and resumes streams, or moves."""
        request = transaction.request
        try:
            text = description_in(request)
            if text:
                self._agree(text, line)
        except UnsupportedBody:
            transaction.reply(415, headers=accepted_bodies())
            return
        except SdpError as error:
            transaction.reply(488, str(error))
            return
        headers = [("Contact", line.contact), ("Allow", ALLOW)]
        body = self._description() if text or request.method == "INVITE" else ""
        if request.method == "INVITE":
            self._unacknowledged = transaction
        transaction.reply(200, headers=headers, body=body)

    def acknowledge(self, ack: Request) -> None:
        """Handle the ACK of a 2xx."""
        waiting = self._unacknowledged
        if waiting is not None and cseq_of(ack).seq == cseq_of(waiting.request).seq:
            self._unacknowledged = None
            waiting.acknowledged()


def _memory(server: SimulatedRecordingServer, receive: Receive) -> Transports:
    return MemoryTransports(receive, server)


def _take_no_call(transaction: ServerTransaction, dialog: Dialog, caller: Address) -> None:
    transaction.reply(403, tag=dialog.local_tag)
