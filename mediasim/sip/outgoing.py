"""Ringing a SIP telephone: one INVITE, or one for each place where a user has registered.

All ring at once; the first that answers has the call and the others stop ringing.
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
from mediasim.sip.agent import SipAgent
from mediasim.sip.digest import credentials
from mediasim.sip.media import NotAcceptable, SipMedia, UnsupportedBody, description_in
from mediasim.sip.messages import (
    Dialog,
    Request,
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

__all__ = ["RequestTarget", "SipGateway", "Wanted"]

_LOG: Final = logging.getLogger("mediasim")
_BUSY: Final = (486, 600, 603)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9+*#.:@\[\]_~!$&'()=-]")
_NOBODY: Final = (408, 480, 487)
_CHALLENGES: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}


class CallRefused(Exception):
    """One telephone has not answered: with this."""

    def __init__(self, answer: Response) -> None:
        super().__init__(f"{answer.status_code} {answer.reason_phrase}".strip())
        self.status = answer.status_code
        self.answer = answer

    @property
    def meaning(self) -> Literal["busy", "no-answer", "failed"]:
        """What that is to an app."""
        if self.status in _BUSY:
            return "busy"
        return "no-answer" if self.status in _NOBODY else "failed"


def _note(call: LiveCall, answer: Response) -> None:
    """Keep for the app what was answered."""
    call.record.sip = SipFacts(
        answer.call_id or "", response_code=answer.status_code, headers=own_headers(answer)
    )


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """One place to ring at."""

    uri: str
    """What is asked for there,"""
    channel: Channel
    """and the way to it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to ring, and what to say."""

    to: str
    """The address that was dialled."""
    targets: Callable[[LiveCall], Awaitable[Sequence[RequestTarget]]]
    """Where that is. Raises NotReached."""
    failed: Callable[[LiveCall, str], None]
    """Told why neither it rang nor it was busy."""
    headers: Sequence[tuple[str, str]] = ()
    """The app's own, for the INVITE."""
    user: str = ""
    """For who asks for a password,"""
    password: str = ""
    """and that."""


class SipGateway:
    """A Reach: rings these places as one telephone."""

    def __init__(self, agent: SipAgent, wanted: Wanted) -> None:
        self._agent = agent
        self._wanted = wanted

    def as_user(self, user: str, password: str) -> SipGateway:
        """The same, with an answer for who asks who we are."""
        return SipGateway(self._agent, replace(self._wanted, user=user, password=password))

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> Telephone:
        """Raises NotReached."""
        targets = await self._wanted.targets(call)
        branches: list[_Branch] = []
        refused: list[CallRefused] = []
        winner: Telephone | None = None
        try:
            for target in targets:
                branches.append(_Branch(self._agent, self._wanted, call, target, ringing))
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
                        winner, answer = each.result()
                if any(each.status >= 600 for each in refused):
                    break  # everywhere
        except OSError as error:
            raise NotReached(f"no ports for its media: {error}", "failed") from None
        finally:
            for branch in branches:
                if winner is None or branch.telephone is not winner:
                    branch.stop()
        if winner is None:
            best = _best(refused)
            _note(call, best.answer)
            words = f"the SIP telephone {self._wanted.to} answered {best}"
            if best.meaning == "failed":
                self._wanted.failed(call, words)
            raise NotReached(words, best.meaning)
        _note(call, answer)
        return winner


def _best(refused: Sequence[CallRefused]) -> CallRefused:
    """The answer that says most, as a proxy chooses it (RFC 3261 section 16.7)."""
    return min(
        refused,
        key=lambda each: (each.status < 600, each.status not in _BUSY, each.status),
    )


class _Branch:
    """One INVITE and what became of it."""

    def __init__(
        self,
        agent: SipAgent,
        wanted: Wanted,
        call: LiveCall,
        target: RequestTarget,
        ringing: Callable[[], None],
    ) -> None:
        self.answered: asyncio.Future[tuple[Telephone, Response]] = (
            asyncio.get_running_loop().create_future()
        )
        """Ends with Refused where it was not."""
        self.telephone: Telephone | None = None
        self._agent = agent
        self._wanted = wanted
        self._call = call
        self._target = target
        self._rings = ringing
        self._stopped = False
        self._media = SipMedia.offering(agent.place(target.channel))
        self._dialog = Dialog(
            call_id=f"{call.sid}-{new_tag()}@mediasim",
            local_tag=new_tag(),
            local_uri=_caller(call.record.from_, agent.address(target.channel.peer)),
            remote_uri=wanted.to,
            remote_target=target.uri,
        )
        self._asked = False
        self._told = (
            ("X-Twilio-AccountSid", call.record.account_sid),
            ("X-Twilio-CallSid", call.sid),
            ("X-Twilio-ApiVersion", API_VERSION),
        )
        self._transaction = self._invite()

    def stop(self) -> None:
        """Let it ring no longer; what was answered at that very moment is ended."""
        self._stopped = True
        self._transaction.cancel()
        if self.telephone is not None and self.answered.done():
            self.telephone.close()
        elif self.telephone is not None:  # it was only heard ringing
            self.telephone.let_go()
            self.telephone = None
        if self.answered.done():
            self.answered.exception()  # has been seen
        else:
            self.answered.cancel()

    def _invite(self, more: tuple[str, str] | None = None) -> ClientTransaction:
        channel = self._target.channel
        request = self._agent.make(self._dialog, channel, "INVITE")
        request.headers.set_single("Contact", self._agent.contact(channel))
        request.headers.set_single("Allow", ALLOW)
        for name, value in (*self._told, *self._wanted.headers, *([more] if more else [])):
            request.headers.set_single(name, value)
        request.headers.set_single("Content-Type", "application/sdp")
        request.text = self._media.description()
        return self._agent.send(request, channel, self._heard)

    def _heard(self, answer: Response) -> None:
        status = answer.status_code
        if status < 200:
            if self._stopped:
                self._transaction.cancel()
            elif status > 100:
                self._rings()
                self._speaks_early(answer)
        elif status < 300:
            self._is_answered(answer)
        elif status in _CHALLENGES and not self._stopped and self._answers(answer):
            pass
        else:
            self._is_refused(answer)

    def _answers(self, answer: Response) -> bool:
        """Try again with the password that was asked for."""
        if not self._wanted.user or self._asked:
            return False
        self._asked = True
        asking, giving = _CHALLENGES[answer.status_code]
        uri = self._target.uri
        for text in answer.headers.get(asking):
            challenge = auth_params(text)
            if challenge is None:
                continue
            given = credentials(challenge, self._wanted.user, self._wanted.password, "INVITE", uri)
            if given is not None:
                self._transaction = self._invite((giving, given))
                return True
        return False

    def _speaks_early(self, answer: Response) -> None:
        """What it says while it rings is heard, where it tells in what codec (RFC 3960)."""
        try:
            described = description_in(answer)
            if not described or not tag_of(answer, "to"):
                return
            self._media.agree(described, early=True)
        except (UnsupportedBody, NotAcceptable) as error:
            _LOG.info("early media of %s is not heard: %s", self._wanted.to, error)
            return
        self._call.early_media_from(self._reached(answer))

    def _reached(self, answer: Response) -> Telephone:
        """The telephone that has answered so, with its dialog as the answer has it."""
        contacts = contacts_of(answer)
        dialog, channel = self._dialog, self._target.channel
        dialog.remote_tag = tag_of(answer, "to")
        dialog.route_set = list(reversed(answer.headers.get("record-route")))
        if contacts:
            dialog.remote_target = uri_text(contacts[0])
            if not dialog.route_set:
                channel = self._agent.towards(contacts[0], channel)
        if self.telephone is None:
            self.telephone = Telephone(self._agent, dialog, channel, self._media)
        self.telephone.channel = channel
        return self.telephone

    def _is_answered(self, answer: Response) -> None:
        self.telephone = telephone = self._reached(answer)
        self._dialog.confirm()
        self._transaction.acknowledge(self._ack(telephone.channel), telephone.channel)
        try:
            self._media.agree(description_in(answer))
        except (UnsupportedBody, NotAcceptable) as error:
            telephone.close()
            self._is_refused(respond(self._transaction.request, 488, str(error)))
            return
        if self._stopped or self.answered.done():
            telephone.close()
        else:
            self.answered.set_result((telephone, answer))

    def _ack(self, channel: Channel) -> Request:
        """Of the INVITE's number, in a transaction of its own (RFC 3261 section 13.2.2.4)."""
        invited = self._transaction.request.cseq
        assert invited is not None
        before = self._dialog.local_cseq
        ack = self._agent.make(self._dialog, channel, "ACK")
        self._dialog.local_cseq = before
        ack.headers.set_single("CSeq", f"{invited.seq} ACK")
        return ack

    def _is_refused(self, answer: Response) -> None:
        if self.telephone is not None:
            self.telephone.let_go()
        self._media.close()
        if not self.answered.done():
            self.answered.set_exception(CallRefused(answer))


def _caller(from_: str, here: str) -> str:
    """The caller's number or name as an address; the app may have given any text."""
    plain = _UNFIT.sub("", from_)
    scheme, _, rest = plain.partition(":")
    if scheme in ("sip", "sips") and "@" in rest:
        return plain
    return f"sip:{(rest if scheme == 'client' else plain) or 'anonymous'}@{here}"
