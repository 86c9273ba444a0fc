"""Refer: a SIP leg's telephone is asked to call elsewhere, in place of this call.

Parameters and their values are those of https://www.twilio.com/docs/voice/twiml/refer. A simulated
party at a ``sip:`` address calls the target by the number plan, and hangs up once it has answered.
"""

from __future__ import annotations

from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import RINGING_RULES
from mediasim.exchange.waiting import CallEnded
from mediasim.media.far_end import ReferableFarEnd, Referral
from mediasim.twilio.requests import Params
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.action import ended_with

__all__ = ["refer"]

_NOT_SIP: Final = 13801
_INVALID: Final = 13243
"""Codes of Twilio's error dictionary: Refer on a leg that is not SIP, an invalid SIP address."""
_PATIENCE_NS: Final = 60 * NS_PER_SECOND
"""How long a telephone may take to tell how its call went, in nanoseconds (our choice)."""
_RINGS_NS: Final = 30 * NS_PER_SECOND
"""How long a simulated party lets its target ring, in nanoseconds."""
_BUSY: Final = (486, 600, 603)
_NO_ANSWER: Final = (408, 480, 487)
_OUTCOMES: Final = {"answer": 200, "reject": 486, "busy": 486, "no-answer": 480, "failed": 404}
"""The status of a simulated party's call by how its target reacts."""


@executes("Refer")
async def refer(session: CallSession, verb: Verb) -> FollowUp | None:
    """Refer the party to a SIP address, and report to the action what became of it.

    Raises CallEnded if the call ends, after the action was requested.
    """
    referral, ended = Referral(), False
    noun = next((child for child in verb.children if child.name == "Sip"), None)
    target = "" if noun is None else noun.text.strip()
    status: str | None = "failed"
    if not target.startswith(("sip:", "sips:")) or " " in target:
        words = f"Refer: {target[:80]!r} is no SIP address; one is sip:NAME@HOST"
        session.warn(_INVALID, words, verb.line)
    elif not _is_sip(session.call):
        words = "Refer not allowed on non-SIP call legs"
        session.warn(_NOT_SIP, words, verb.line)
    else:
        try:
            await _referred(session, target, referral)
        except CallEnded:
            ended = True
        status = _status(referral, ended=ended)
    follow_up = session.action(verb, _params(status, referral))
    if ended:
        raise await ended_with(session, follow_up)
    return follow_up


def _is_sip(call: LiveCall) -> bool:
    """Tell whether a call's leg is SIP: by its telephone, or a simulated party's address."""
    if isinstance(call.far_end, ReferableFarEnd):
        return True
    record = call.record
    address = record.from_ if record.direction == "inbound" else record.to
    return call.line is not None and address.startswith(("sip:", "sips:"))


async def _referred(session: CallSession, target: str, referral: Referral) -> None:
    """Refer the party, and wait for the outcome. Raises CallEnded if the call ends before."""
    far_end = session.call.far_end
    if isinstance(far_end, ReferableFarEnd):
        patience = session.exchange.sleep(_PATIENCE_NS)
        await session.until(far_end.refer(target, referral), patience)
    else:
        await session.until(_simulated(session, target, referral))
        if referral.notified == 200:
            session.account.spawn(session.call.hang_up())
            await session.until(session.call.ended.wait())


async def _simulated(session: CallSession, target: str, referral: Referral) -> None:
    """Let a simulated party call the target, as the number plan says."""
    referral.response, referral.notified = 202, 100
    phone = session.account.directory.phone(target.partition("?")[0])
    answering, rule = phone.answering, RINGING_RULES[phone.answering.outcome]
    if phone.gateway is not None:  # a telephone elsewhere, which a simulated party cannot call
        referral.notified = 404
        return
    if rule.rings:
        referral.notified = 180
    in_time = rule.reacts and answering.after_ns <= _RINGS_NS
    await session.exchange.sleep(answering.after_ns if in_time else _RINGS_NS)
    referral.notified = _OUTCOMES[answering.outcome] if in_time else 480


def _status(referral: Referral, *, ended: bool) -> str | None:
    """Return the ReferCallStatus; None if nothing is known of the new call."""
    response, notified = referral.response, referral.notified
    if response is not None and response >= 300:
        return "failed"
    if notified is not None and notified >= 300:
        if notified in _BUSY:
            return "busy"
        return "no-answer" if notified in _NO_ANSWER else "failed"
    if notified is not None and notified >= 200:
        return "in-progress"
    if ended:
        return "canceled"
    if notified is None:
        return None
    return "ringing" if notified > 100 else "initiated"


def _params(status: str | None, referral: Referral) -> Params:
    found = {
        "ReferCallStatus": status,
        "ReferSipResponseCode": referral.response,
        "NotifySipResponseCode": referral.notified,
    }
    return [(name, str(value)) for name, value in found.items() if value is not None]
