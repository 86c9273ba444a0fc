"""Who waits for what in a sandbox, since when, in words. On the engine's loop."""

from __future__ import annotations

from mediasim.exchange.stillness import is_still, waits_of
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.session import VerbEvent

__all__ = ["calls_in_words", "run_until_idle", "who_waits"]


async def run_until_idle(sandbox: Sandbox, most_ns: int) -> str | None:
    """Let virtual time pass until nothing is left to do, for ``most_ns`` nanoseconds at most.

    Returns None when it is; otherwise what goes on, in words. It gives up at once where nothing
    more can happen before. Raises ClockRefuses.
    """
    clock = sandbox.clock
    end_ns = clock.now_ns + most_ns

    def gives_up(before_ns: int) -> bool:
        return bool(sandbox.service.sessions) and is_still(sandbox.service.exchange, before_ns)

    if await clock.run_until_idle(most_ns, gives_up):
        return None
    if clock.now_ns < end_ns:
        return _nothing_more_can_happen(sandbox)
    return f"after {most_ns / 1e9:g}s it is not over: {calls_in_words(sandbox)}"


def calls_in_words(sandbox: Sandbox) -> str:
    """Return the active calls, each with what its party and its document wait for."""
    service, waits = sandbox.service, who_waits(sandbox)
    lines = []
    for session in service.sessions.values():
        record = session.call.record
        words = f"{record.sid} from {record.from_} to {record.to} is {record.status}"
        lines.append("; ".join([words, *waits.get(record.sid, ())]))
    return "\n  ".join(lines) or "something has been set for later"


def _nothing_more_can_happen(sandbox: Sandbox) -> str:
    """Return the message of a deadlock."""
    seconds = sandbox.clock.now_ns / 1e9
    return (
        f"nothing more can happen (seen at {seconds:.1f}s):\n  {calls_in_words(sandbox)}\n"
        "What is waited for never comes: give the wait_for a timeout, let a party hang up or speak "
        "(hangup, .hang_up(), .say()), or let the app go on with the call"
    )


def who_waits(sandbox: Sandbox) -> dict[str, list[str]]:
    """Return what each active call waits for in words: its party, and the verb that it is in."""
    found: dict[str, list[str]] = {}
    service = sandbox.service
    for wait in waits_of(session.call for session in service.sessions.values()):
        found.setdefault(wait.call.sid, []).append(wait.words(0))
    for sid, verb in _running_verbs(sandbox).items():
        if sid in service.sessions:
            since = verb.at_ns / 1e9
            words = f"its document is in <{verb.verb}> on line {verb.line} since {since:.1f}s"
            found.setdefault(sid, []).append(words)
    return found


def _running_verbs(sandbox: Sandbox) -> dict[str, VerbEvent]:
    """Return the innermost verb that each call's document is in, by call SID."""
    running: dict[str, list[VerbEvent]] = {}
    for _, event in sandbox.events:
        if not isinstance(event, VerbEvent):
            continue
        verbs = running.setdefault(event.call_sid, [])
        if event.kind == "twiml.verb":
            verbs.append(event)
        elif verbs:
            verbs.pop()
    return {sid: verbs[-1] for sid, verbs in running.items() if verbs}
