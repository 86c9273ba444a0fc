"""Outgoing calls to SIP telephones: one INVITE, or one for each contact that a user registered.

All telephones ring at once; the first one that answers gets the call, and the others are cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached
from mediasim.exchange.records import SipFacts
from mediasim.net.sdp import SdpError
from mediasim.sip.agent import SipAgent
from mediasim.sip.digest import credentials
from mediasim.sip.media import SipMedia, UnsupportedBody, description_in
from mediasim.sip.messages import (
    Dialog,
    Response,
    auth_params,
    contacts_of,
    new_tag,
    own_headers,
    respond,
    tag_of,
    uri_text,
)
from mediasim.sip.telephone import ALLOW, Telephone
from mediasim.sip.transactions import ClientTransaction
from mediasim.sip.transports import Channel
from mediasim.twilio.representations import API_VERSION

__all__ = ["Destination", "RequestTarget", "SipGateway", "uri_of"]

_LOG: Final = logging.getLogger("mediasim")
_BUSY: Final = (486, 600, 603)
_INVALID_CHARACTERS: Final = re.compile(r"[^A-Za-z0-9+*#.:@\[\]_~!$&'()=-]")
_INVALID_NAME: Final = re.compile(r'[^ -~]|["\\]')
_NO_ANSWER: Final = (408, 480, 487)
_CHALLENGES: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}


class CallRefused(Exception):
    """Raised if a telephone refuses a call or does not response."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status_code} {response.reason_phrase}".strip())
        self.status = response.status_code
        self.response = response

    @property
    def meaning(self) -> Literal["busy", "no-answer", "failed"]:
        """The outcome of the call as the app sees it."""
        if self.status in _BUSY:
            return "busy"
        return "no-answer" if self.status in _NO_ANSWER else "failed"


def _record_response(call: LiveCall, response: Response) -> None:
    """Store the final response for the app's callbacks."""
    call.record.sip = SipFacts(
        response.call_id or "", response_code=response.status_code, headers=own_headers(response)
    )


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """A target of an INVITE."""

    uri: str
    """The Request-URI."""
    channel: Channel
    """The channel to send it over."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of an outgoing call, with what its INVITE needs."""

    to: str
    """The dialled address."""
    targets: Callable[[LiveCall], Awaitable[Sequence[RequestTarget]]]
    """Resolves the address. Raises NotReached."""
    failed: Callable[[LiveCall, str], None]
    """Called with the reason if the call fails other than by being busy or not answered."""
    headers: Sequence[tuple[str, str]] = ()
    """The app's own headers for the INVITE."""
    user: str = ""
    """User name for a challenge; empty if challenges are not answered."""
    password: str = ""


class SipGateway:
    """Rings a destination's telephones as one (a Reach)."""

    def __init__(self, agent: SipAgent, destination: Destination) -> None:
        self._agent = agent
        self._destination = destination

    def as_user(self, user: str, password: str) -> SipGateway:
        """Return a gateway that answers challenges with these credentials."""
        return SipGateway(self._agent, replace(self._destination, user=user, password=password))

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> Telephone:
        """Ring until one answers; ``ringing`` is called when one rings. Raises NotReached."""
        targets = await self._destination.targets(call)
        branches: list[_Branch] = []
        refused: list[CallRefused] = []
        winner: Telephone | None = None
        try:
            for target in targets:
                branches.append(_Branch(self._agent, self._destination, call, target, ringing))
            waiting = {branch.answered for branch in branches}
            while waiting and winner is None:
                done, waiting = await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
                for each in done:
                    error = each.exception()
                    if isinstance(error, CallRefused):
                        refused.append(error)
                    elif error is not None:
                        raise error
                    else:
                        winner, response = each.result()
                if any(each.status >= 600 for each in refused):
                    break  # a global failure: no other branch will succeed (RFC 3261 section 16.7)
        except OSError as error:
            raise NotReached(f"no ports for its media: {error}", "failed") from None
        finally:
            for branch in branches:
                if winner is None or branch.telephone is not winner:
                    branch.stop()
        if winner is None:
            best = _best_response(refused)
            _record_response(call, best.response)
            words = f"the SIP telephone {self._destination.to} answered {best}"
            if best.meaning == "failed":
                self._destination.failed(call, words)
            raise NotReached(words, best.meaning)
        _record_response(call, response)
        return winner


def _best_response(refused: Sequence[CallRefused]) -> CallRefused:
    """Return the best response, as a proxy chooses it (RFC 3261 section 16.7)."""
    return min(
        refused,
        key=lambda each: (each.status < 600, each.status not in _BUSY, each.status),
    )


class _Branch:
    """One INVITE of a call and its outcome."""

    def __init__(
        self,
        agent: SipAgent,
        destination: Destination,
        call: LiveCall,
        target: RequestTarget,
        ringing: Callable[[], None],
    ) -> None:
        self.answered: asyncio.Future[tuple[Telephone, Response]] = (
            asyncio.get_running_loop().create_future()
        )
        """Result of the branch; fails with CallRefused."""
        self.telephone: Telephone | None = None
        self._agent = agent
        self._destination = destination
        self._call = call
        self._target = target
        self._ringing = ringing
        self._stopped = False
        self._media = SipMedia.offering(agent.media_address(target.channel))
        self._dialog = Dialog(
            call_id=f"{call.sid}-{new_tag()}@mediasim",
            local_tag=new_tag(),
            local_uri=uri_of(call.record.from_, agent.address(target.channel.peer)),
            remote_uri=_callee(call, destination.to),
            remote_target=target.uri,
        )
        self._authenticated = False
        self._early: dict[str, str] = {}
        """Descriptions of early media by To tag: a proxy may have forked the INVITE."""
        self._twilio_headers = (
            ("X-Twilio-AccountSid", call.record.account_sid),
            ("X-Twilio-CallSid", call.record.resource_sid),
            ("X-Twilio-ApiVersion", API_VERSION),
        )
        self._transaction = self._invite()

    def stop(self) -> None:
        """Cancel the INVITE, or hang up if it has just been answered."""
        self._stopped = True
        self._transaction.cancel()
        if self.telephone is not None and self.answered.done():
            self.telephone.close()
        elif self.telephone is not None:  # it only sent early media
            self.telephone.release()
            self.telephone = None
        if self.answered.done():
            self.answered.exception()  # marks it as retrieved, so that asyncio does not log it
        else:
            self.answered.cancel()

    def _invite(self, more: tuple[str, str] | None = None) -> ClientTransaction:
        channel = self._target.channel
        request = self._agent.create_request(self._dialog, channel, "INVITE")
        request.headers.set_single("Contact", self._agent.contact(channel))
        request.headers.set_single("Allow", ALLOW)
        shown = _INVALID_NAME.sub("", self._call.record.caller_name or "")
        if shown:
            from_ = request.get_header("from") or ""
            request.headers.set_single("From", f'"{shown}" {from_}')
        for name, value in (
            *self._twilio_headers,
            *self._destination.headers,
            *([more] if more else []),
        ):
            request.headers.set_single(name, value)
        request.headers.set_single("Content-Type", "application/sdp")
        request.text = self._media.description()
        return self._agent.send(request, channel, self._on_response)

    def _on_response(self, response: Response) -> None:
        status = response.status_code
        if status < 200:
            if self._stopped:
                self._transaction.cancel()
            elif status > 100:
                self._ringing()
                self._connect_early_media(response)
        elif status < 300:
            self._accepted(response)
        elif status in _CHALLENGES and not self._stopped and self._answer_challenge(response):
            pass
        else:
            self._refused(response)

    def _answer_challenge(self, response: Response) -> bool:
        """Send the INVITE again with credentials for a challenge; False if that is not possible."""
        if not self._destination.user or self._authenticated:
            return False
        self._authenticated = True  # a second challenge means that the password is wrong
        challenge_header, credentials_header = _CHALLENGES[response.status_code]
        uri = self._target.uri
        for text in response.headers.get(challenge_header):
            challenge = auth_params(text)
            if challenge is None:
                continue
            given = credentials(
                challenge, self._destination.user, self._destination.password, "INVITE", uri
            )
            if given is not None:
                self._transaction = self._invite((credentials_header, given))
                return True
        return False

    def _connect_early_media(self, response: Response) -> None:
        """Connect early media if a provisional response describes it (RFC 3960)."""
        try:
            described, tag = description_in(response), tag_of(response, "to")
            if not described or not tag:
                return
            self._early[tag] = described
            if tag != next(iter(self._early)):
                return  # of several places the first that speaks is heard
            self._media.agree(described, early=True)
        except (UnsupportedBody, SdpError) as error:
            _LOG.info("early media of %s is not heard: %s", self._destination.to, error)
            return
        self._call.early_media_from(self._telephone_of(response))

    def _telephone_of(self, response: Response) -> Telephone:
        """Return the telephone that sent a response, with its dialog updated from it."""
        contacts = contacts_of(response)
        dialog, channel = self._dialog, self._target.channel
        dialog.remote_tag = tag_of(response, "to")
        # A caller's route set is the recorded one in reverse (RFC 3261 section 12.1.2).
        dialog.route_set = list(reversed(response.headers.get("record-route")))
        if contacts:
            dialog.remote_target = uri_text(contacts[0])
            if not dialog.route_set:
                channel = self._agent.towards(contacts[0], channel)
        if self.telephone is None:
            self.telephone = Telephone(self._agent, dialog, channel, self._media)
        self.telephone.channel = channel
        return self.telephone

    def _accepted(self, response: Response) -> None:
        if self.answered.done() and self.telephone is not None:
            self._refuse_fork(response)
            return
        self.telephone = telephone = self._telephone_of(response)
        self._dialog.confirm()
        ack = self._agent.create_ack(self._dialog, telephone.channel, self._transaction.request)
        self._transaction.acknowledge(ack, telephone.channel)
        try:
            described = description_in(response)
            if not described and len(self._early) > 1:
                described = self._early.get(tag_of(response, "to"), "")
            self._media.agree(described)
        except (UnsupportedBody, SdpError) as error:
            telephone.close()
            self._refused(respond(self._transaction.request, 488, str(error)))
            return
        # A 200 may cross the CANCEL: it is acknowledged above, and the call is then ended by a BYE.
        if self._stopped or self.answered.done():
            telephone.close()
        else:
            self.answered.set_result((telephone, response))

    def _refuse_fork(self, response: Response) -> None:
        """End the call of another place that has answered too (RFC 3261 section 13.2.2.4)."""
        contacts, channel = contacts_of(response), self._target.channel
        dialog = replace(
            self._dialog,
            remote_tag=tag_of(response, "to"),
            remote_target=uri_text(contacts[0]) if contacts else self._target.uri,
            route_set=list(reversed(response.headers.get("record-route"))),
        )
        if contacts and not dialog.route_set:
            channel = self._agent.towards(contacts[0], channel)
        channel.send(bytes(self._agent.create_ack(dialog, channel, self._transaction.request)))
        self._agent.request(dialog, channel, "BYE")

    def _refused(self, response: Response) -> None:
        if self.telephone is not None:
            self.telephone.release()
        self._media.close()
        if not self.answered.done():
            self.answered.set_exception(CallRefused(response))


def _callee(call: LiveCall, to: str) -> str:
    """Return whom a call is to: over a trunk the dialled number, wherever it is sent."""
    if call.record.direction != "trunking-originating":
        return to
    number = call.exchange.catalogue.call(call.record.resource_sid).to
    return f"sip:{number}@{to.partition(':')[2].rpartition('@')[2].partition(';')[0]}"


def uri_of(from_: str, here: str) -> str:
    """Return a number or name, here, as a SIP URI; characters that are not allowed are dropped."""
    plain = _INVALID_CHARACTERS.sub("", from_)
    scheme, _, rest = plain.partition(":")
    if scheme in ("sip", "sips") and "@" in rest:
        return plain
    return f"sip:{(rest if scheme == 'client' else plain) or 'anonymous'}@{here}"
