"""The three doors: each executes a scenario's document and returns its results."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.documents.durations import Duration
from mediasim.exchange.exchange import VIRTUAL_BLOCK
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import run_virtual
from mediasim.sandbox.config import Config, parse_config
from mediasim.scenario.model.call import AnswerSpec, Call
from mediasim.scenario.model.conference import ConferenceSpec, ParticipantSpec
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.recording import RecordingSpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runner import run_scenario
from mediasim.seeds import Seeds
from mediasim.testing.doors.account import AccountUnderTest, RequestRefused
from mediasim.testing.doors.compile import (
    APP,
    CannotSay,
    answers_of,
    call_twiml,
    changes_of,
    conference_twiml,
    moment_ns,
    recording_form,
    transfer_twiml,
)
from mediasim.testing.doors.results import DoorResults, results_of

__all__ = ["by_requests", "by_scenario", "by_twiml"]

_FIRST_CALL: Final = "call-1"
"""Name of a sandbox's first call."""
_EXTRA_NS: Final = 30 * NS_PER_SECOND
"""Time that calls may last longer than through the first door, in nanoseconds."""

Document = Mapping[str, Any]


def by_scenario(document: Document, base: Path | None = None) -> DoorResults:
    """Run the scenario as ``mediasim run`` does. Raises ScenarioError, RunFailed."""
    scenario = _scenario(document, base)
    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        exchange = run_scenario(scenario, Path(folder)).exchange
        return results_of(exchange)


def by_twiml(document: Document, last_ns: int, base: Path | None = None) -> DoorResults:
    """Have parties call the app's number, whose documents do the rest.

    ``last_ns`` is the time at which another door's calls had ended. Raises CannotSay.
    """
    return _in_account(document, last_ns, base, requested=False)


def by_requests(document: Document, last_ns: int, base: Path | None = None) -> DoorResults:
    """Have the app call and record the parties by requests, as far as there are requests for that.

    ``last_ns`` is the time at which another door's calls had ended. Raises CannotSay.
    """
    return _in_account(document, last_ns, base, requested=True)


def _in_account(
    document: Document, last_ns: int, base: Path | None, *, requested: bool
) -> DoorResults:
    """Execute the scenario in an account of its own."""
    scenario = _scenario(document, base)
    config = _config(scenario, document, base or Path())

    async def main(plane: MediaPlane) -> DoorResults:
        account = AccountUnderTest(
            config, Seeds(scenario.seed).fork(scenario.name), Path(folder), plane
        )
        door = _Door(account, scenario, requested=requested)
        try:
            await account.phones.prepare()  # as a sandbox does when it starts
            door.plan()
            await door.carry_out()
            over = await account.wait_until_over(last_ns + _EXTRA_NS)
        finally:
            await account.close()
        results = results_of(account.exchange)
        return replace(results, endless=not over)

    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        return run_virtual(main, VIRTUAL_BLOCK)


def _scenario(document: Document, base: Path | None) -> Scenario:
    """Return the scenario, its call under the name that random draws use in a sandbox."""
    scenario = parse_scenario(document, base=base or Path())
    calls = tuple(call.model_copy(update={"name": _FIRST_CALL}) for call in scenario.calls[:1])
    return scenario.model_copy(update={"calls": (*calls, *scenario.calls[1:])})


def _config(scenario: Scenario, document: Document, base: Path) -> Config:
    """Return the number plan of the scenario. Raises CannotSay."""
    answers = {name: AnswerSpec(outcome="answer", after=Duration(0)) for name in scenario.parties}
    twiml = ""
    if len(scenario.calls) + len(scenario.conferences) != 1:
        raise CannotSay("several calls or conferences")
    for call in scenario.calls:
        answers |= answers_of(call)
        twiml = call_twiml(scenario, call)
    for conference in scenario.conferences:
        twiml = conference_twiml(scenario, conference)
    parties = {
        name: {
            **document["parties"][name],
            "number": scenario.numbers[name],
            "answer": {"outcome": answer.outcome, "after": str(answer.after)},
        }
        for name, answer in answers.items()
    }
    plan = {"parties": parties, "numbers": {APP: {"twiml": twiml}}, "profile": scenario.profile}
    return parse_config(plan, base=base)


class _Door:
    """Places calls and sends requests, each at its time."""

    def __init__(self, account: AccountUnderTest, scenario: Scenario, *, requested: bool) -> None:
        self._account = account
        self._scenario = scenario
        self._requested = requested
        self._schedule: list[tuple[int, Callable[[], Awaitable[Any]]]] = []
        self._calls: dict[str, str] = {}
        """SIDs of first legs, by party."""
        self._recordings: dict[int, str] = {}
        """SIDs of recordings requested during the call, by their numbers in the scenario."""

    def plan(self) -> None:
        """Schedule all calls and requests. Raises CannotSay."""
        for call in self._scenario.calls:
            self._plan_call(call)
        for conference in self._scenario.conferences:
            self._plan_conference(conference)

    async def carry_out(self) -> None:
        """Perform what is scheduled, each at its time."""
        self._schedule.sort(key=lambda each: each[0])
        for at_ns, do in self._schedule:
            if at_ns > self._account.exchange.now_ns:
                await self._account.exchange.sleep_until(at_ns)
            with suppress(RequestRefused):  # the call is over by then
                await do()

    def _at(self, at_ns: int, do: Callable[[], Awaitable[Any]]) -> None:
        self._schedule.append((at_ns, do))

    # -- calls ------------------------------------------------------------------------------

    def _plan_call(self, call: Call) -> None:
        at_ns = int(call.at)
        by_request = self._requested and not call.answer_on_bridge
        at_answer = [each for each in call.recordings if each.of == "call"]
        if at_answer and (not by_request or len(at_answer) > 1):
            raise CannotSay("a recording asked for with the call")
        self._at(at_ns, partial(self._place, call, at_answer, by_request=by_request))
        for transfer in call.transfers:
            twiml = transfer_twiml(self._scenario, transfer)
            at = at_ns + moment_ns(transfer, "a transfer")
            self._at(at, partial(self._of_call, call, "", {"Twiml": twiml}))
        for number, recording in enumerate(call.recordings):
            self._plan_recording(call, number, recording)

    async def _place(
        self, call: Call, recordings: list[RecordingSpec], *, by_request: bool
    ) -> None:
        if not by_request:
            self._calls[call.from_] = self._account.call(call.from_, APP)
            return
        number = self._scenario.numbers[call.from_]
        form = {"To": number, "From": APP, "Twiml": call_twiml(self._scenario, call)}
        for recording in recordings:
            form |= {"Record": "true", **recording_form(recording)}
        self._calls[call.from_] = (await self._account.post("Calls", form))["sid"]

    async def _of_call(self, call: Call, below: str, form: dict[str, str]) -> dict[str, Any]:
        return await self._account.post(f"Calls/{self._calls[call.from_]}{below}", form)

    # -- recordings of calls ----------------------------------------------------------------

    def _plan_recording(self, call: Call, number: int, recording: RecordingSpec) -> None:
        begins_ns = 0
        if call.to is not None and call.answer.outcome == "answer":
            begins_ns = int(call.dial_after) + int(call.answer.after)
        if recording.start.on is None:
            begins_ns = moment_ns(recording.start, "a recording's start")
            self._at(int(call.at) + begins_ns, partial(self._record, call, number, recording))
        elif recording.start.on == "ringing":
            begins_ns = int(call.dial_after)
        elif recording.of != "dial":
            begins_ns = 0
        for change in changes_of(recording.pauses, recording.stop):
            if change.at_ns <= begins_ns:
                raise CannotSay("a recording is changed before it begins")
            at_ns = int(call.at) + change.at_ns
            self._at(at_ns, partial(self._change, call, number, recording, dict(change.form)))

    async def _record(self, call: Call, number: int, recording: RecordingSpec) -> None:
        made = await self._of_call(call, "/Recordings", recording_form(recording))
        self._recordings[number] = made["sid"]

    async def _change(
        self, call: Call, number: int, recording: RecordingSpec, form: dict[str, str]
    ) -> None:
        sid = self._recordings.get(number)
        if sid is None:
            found = await self._account.get(f"Calls/{self._calls[call.from_]}/Recordings")
            made = [
                each["sid"] for each in found["recordings"] if each["source"] == recording.source
            ]
            made = [sid for sid in reversed(made) if sid not in self._recordings.values()]
            # Recordings of one kind that verbs request begin in the order of their verbs.
            alike = [
                each
                for each in call.recordings[:number]
                if (each.of, each.start) == _kind(recording)
            ]
            if len(alike) >= len(made):
                return
            sid = made[len(alike)]
        await self._of_call(call, f"/Recordings/{sid}", form)

    # -- conferences ------------------------------------------------------------------------

    def _plan_conference(self, conference: ConferenceSpec) -> None:
        parties = [participant.party for participant in conference.participants]
        if len(set(parties)) < len(parties):
            raise CannotSay("somebody takes part twice")
        for participant in conference.participants:
            if participant.leave is not None:
                raise CannotSay("somebody leaves by the clock, not by its script")
            join = self._invite if self._requested else self._dial_in
            self._at(int(participant.join), partial(join, conference, participant))
            for mute in participant.mutes:
                if mute.at <= participant.join:
                    raise CannotSay("somebody is muted before it is there")
                changes = [(int(mute.at), "true")]
                if mute.for_ is not None:
                    changes.append((int(mute.at) + int(mute.for_), "false"))
                for at_ns, muted in changes:
                    self._at(at_ns, partial(self._mute, participant, muted))
        if conference.recording is not None:
            joins = sorted(participant.join for participant in conference.participants)
            begins_ns = int(joins[min(1, len(joins) - 1)])
            for change in changes_of(conference.recording.pauses, conference.recording.stop):
                if change.at_ns <= begins_ns:
                    raise CannotSay("a recording is changed before it begins")
                path, form = "/Recordings/Twilio.CURRENT", dict(change.form)
                self._at(change.at_ns, partial(self._of_conference, path, form))
        if conference.end is not None:
            form = {"Status": "completed"}
            self._at(int(conference.end), partial(self._of_conference, "", form))

    async def _dial_in(self, conference: ConferenceSpec, participant: ParticipantSpec) -> None:
        self._calls[participant.party] = self._account.call(participant.party, APP)

    async def _invite(self, conference: ConferenceSpec, participant: ParticipantSpec) -> None:
        form = {"To": self._scenario.numbers[participant.party], "From": APP, "Beep": "false"}
        if conference.recording is not None:
            form |= {
                "ConferenceRecord": "record-from-start",
                "ConferenceTrim": conference.recording.trim,
            }
        path = f"Conferences/{quote(conference.name, safe='')}/Participants"
        self._calls[participant.party] = (await self._account.post(path, form))["call_sid"]

    async def _mute(self, participant: ParticipantSpec, muted: str) -> None:
        path = f"/Participants/{self._calls[participant.party]}"
        await self._of_conference(path, {"Muted": muted})

    async def _of_conference(self, below: str, form: dict[str, str]) -> None:
        found = await self._account.get("Conferences")
        for each in found["conferences"]:
            await self._account.post(f"Conferences/{each['sid']}{below}", form)


def _kind(recording: RecordingSpec) -> tuple[object, object]:
    """Return what requested a recording, and when it starts."""
    return recording.of, recording.start
