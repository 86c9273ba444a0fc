"""Connect with a ConversationRelay: the app is told what the caller says, and its words are
spoken."""

from __future__ import annotations

from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.relay.attributes import relay_request
from mediasim.twilio.relay.records import NAMES
from mediasim.twilio.relay.session import RelaySession
from mediasim.twilio.requests import Params
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.action import ended_with

__all__ = ["connect_relay", "socket_url"]


async def connect_relay(session: CallSession, verb: Verb, noun: Verb) -> FollowUp | None:
    """Connect the app over a relay; then the action gives the next document, if there is one.

    The action is asked too when the caller has hung up, but its document is not executed then.
    """
    request, troubles = relay_request(
        {**noun.attributes, "url": socket_url(session, noun.attribute("url"))},
        languages=[each.attributes for each in noun.children if each.name == "Language"],
        parameters=dict(noun.parameters()),
    )
    for words in troubles:
        session.warn(SCHEMA, f"ConversationRelay: {words}", noun.line)
    relay = await session.account.relays.connect(session.call, request)
    try:
        await session.until(relay.ended.wait())
    except CallEnded:
        relay.stop()
        raise await ended_with(session, session.action(verb, _params(relay))) from None
    finally:
        relay.stop()
    return session.action(verb, _params(relay))


def _params(relay: RelaySession) -> Params:
    """Return the parameters that the action gets."""
    params = [
        ("SessionId", relay.record.sid),
        ("SessionStatus", relay.status),
        ("SessionDuration", str(relay.duration_seconds)),
    ]
    if relay.handoff_data is not None:
        params.append(("HandoffData", relay.handoff_data))
    if relay.error is not None:
        code, words = relay.error
        params += [("ErrorCode", str(code)), ("ErrorMessage", f"{NAMES[code]}: {words}")]
    return params


def socket_url(session: CallSession, url: str) -> str:
    """Resolve a relative URL against the document's, with a WebSocket's scheme."""
    if not url or "://" in url:
        return url
    absolute = session.absolute(url)
    return f"ws{absolute[4:]}" if absolute.startswith("http") else absolute
