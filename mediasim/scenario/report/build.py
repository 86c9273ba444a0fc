"""Builds the reports of runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.call_quality import StreamQuality, streams_of
from mediasim.exchange.events import Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.rtp import rtcp
from mediasim.rtp.oddities import Oddity, oddities_of
from mediasim.rtp.reception import Opinion, Reception
from mediasim.scenario.expectations.checks import Verdict
from mediasim.scenario.expectations.verdicts import FileClock
from mediasim.scenario.model.app_ends import AppEnd, app_ends
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report import model
from mediasim.scenario.running.runner import Run
from mediasim.twilio.representations import error_code

__all__ = ["broken_run", "call_report", "event_report", "recording_report", "run_report"]

_MOST_TIMES: Final = 20_000
"""Times of packets listed per kind at most: more could not be told apart in a picture."""


def _repeat_command(scenario: Scenario, seed: int, *, realtime: bool) -> str:
    """Return the one command that repeats a run."""
    source = str(scenario.source) if scenario.source is not None else scenario.name
    words = ["mediasim", "run", source, "--seed", str(seed)]
    if scenario.label:
        words += ["--variant", scenario.label]
    if realtime:
        words.append("--realtime")
    return shlex.join(words)


def _head(scenario: Scenario, seed: int, clock: str) -> dict[str, Any]:
    """Return the fields that identify a run."""
    label = f"{scenario.name} [{scenario.label}]" if scenario.label else scenario.name
    return {
        "scenario": scenario.name,
        "file": str(scenario.source) if scenario.source is not None else None,
        "variant": dict(scenario.variant),
        "label": label,
        "description": scenario.description or "",
        "seed": seed,
        "clock": clock,
        "profile": scenario.profile,
        "repeat": _repeat_command(scenario, seed, realtime=clock == "real"),
    }


def broken_run(
    scenario: Scenario,
    seed: int,
    clock: str,
    error: str,
    *,
    traceback: str | None = None,
    cut: bool = False,
) -> model.BrokenRun:
    """Return the report of a run that broke, or was cut, before it had any results."""
    return model.BrokenRun(
        **_head(scenario, seed, clock),
        ok=False,
        error=error,
        cut=cut,
        call_seconds=0.0,
        speed=model.Speed(wall_seconds=0.0, cpu_seconds=0.0, realtime_factor=0.0),
        traceback=traceback,
    )


def run_report(run: Run, verdicts: Iterable[Verdict]) -> model.RunReport:
    """Return the report of a run that went through, or was cut."""
    head = _head(run.scenario, run.seed, run.clock)
    seconds = run.end_ns / NS_PER_SECOND
    expectations = [
        model.ExpectationReport(
            ok=verdict.ok,
            check=verdict.check,
            wanted=verdict.wanted,
            found=verdict.found,
            where=None if verdict.where is None else model.PlaceInFile(**verdict.where),
            repeat=head["repeat"],
        )
        for verdict in verdicts
    ]
    return model.RunReport(
        **head,
        ok=run.cut_ns is None and all(each.ok for each in expectations),
        error=None if run.cut_ns is None else _cut_words(run.cut_ns),
        cut=run.cut_ns is not None,
        call_seconds=round(seconds, 3),
        speed=model.Speed(
            wall_seconds=round(run.wall_seconds, 4),
            cpu_seconds=round(run.cpu_seconds, 4),
            realtime_factor=round(seconds / max(run.wall_seconds, 1e-9), 1),
            lateness_ms=run.lateness_ms,
        ),
        calls=[_call(call) for call in run.exchange.calls],
        apps=[_app(run, key) for key in map(str, _app_ends(run)) if key in run.streams],
        recordings=[_recording(run, recording) for recording in run.exchange.recordings],
        events=[
            event_report(event)
            for event in sorted(run.exchange.events.log, key=lambda event: event.at_ns)
        ],
        expectations=expectations,
        warnings=run.warnings,
        pcap=run.pcap,
    )


def _cut_words(at_ns: int) -> str:
    seconds = at_ns / NS_PER_SECOND
    return f"was interrupted after {seconds:.1f} s of its time: its calls and recordings are cut"


# -- what a run and a sandbox have in common ------------------------------------------------


def event_report(event: Event) -> model.EventReport:
    """Return the report of an event."""
    return model.EventReport(
        t=_seconds(event.at_ns), kind=event.kind, subject=event.subject, text=event.text
    )


def call_report(
    record: CallRecord,
    name: str,
    party: str | None,
    rtcp: Sequence[model.RtcpReport] = (),
    streams: Sequence[model.StreamReport] = (),
) -> model.CallReport:
    """Return the report of a leg's call."""
    return model.CallReport(
        sid=record.sid,
        name=name,
        party=party,
        from_=record.from_,
        to=record.to,
        direction=record.direction,
        parent_call_sid=record.parent_call_sid,
        status=record.status,
        started=_seconds(record.created_ns),
        ringing=_seconds(record.created_ns),
        answered=None if record.answered_ns is None else _seconds(record.answered_ns),
        ended=None if record.ended_ns is None else _seconds(record.ended_ns),
        rtcp=rtcp,
        streams=streams,
    )


def recording_report(
    record: RecordingRecord,
    name: str,
    first: int,
    truth: Mapping[str, Any] | None,
    *,
    cut: bool = False,
) -> model.RecordingReport:
    """Return the report of a recording.

    ``first`` is the call's sample at which its file begins, if there is no truth to tell it.
    """
    sid, layout, samples = record.sid, record.layout, record.samples or 0
    present = record.status == "completed"
    return model.RecordingReport(
        sid=sid,
        name=name,
        file=f"recordings/{sid}.wav" if present else None,
        truth=f"recordings/{sid}.truth.json" if present else None,
        json=f"recordings/{sid}.json",
        status=record.status,
        cut=cut,
        error_code=error_code(record),
        channels=layout.plain_channels,
        stored_channels=layout.stored_channels,
        source=record.source,
        track=layout.requested_track,
        duration=round(samples / SAMPLE_RATE, 3),
        samples=samples,
        started=round(FileClock(first / SAMPLE_RATE, samples, truth).call_time(0.0), 4),
        why=layout.rule.reason,
        channel_map=record.channel_map,
        truth_intervals=truth,
    )


# -- calls and their streams ----------------------------------------------------------------


def _app_ends(run: Run) -> list[AppEnd]:
    scenario = run.scenario
    return app_ends(scenario.parties, scenario.calls, scenario.conferences)


def _app(run: Run, key: str) -> dict[str, Any]:
    """Return the media stream of an app, with the app's address as the scenario gives it."""
    end = AppEnd(*key.split("/"))
    if end.party is not None:
        app = run.scenario.parties[end.party].app
    else:
        app = next(call.app for call in run.scenario.calls if call.name == end.call)
    assert app is not None
    # A bot's URL has another port each time, and says nothing.
    names = {"call": end.call} if end.party is None else end._asdict()
    return {**names, **run.streams[key].to_json(), "url": app.url, "bot": app.bot}


def _call(call: LiveCall) -> model.CallReport:
    rtcp = [_rtcp(at_ns, packet) for at_ns, packet in call.rtcp]
    streams = _streams(call) if call.has_leg else []
    return call_report(call.record, call.name, call.party.name, rtcp, streams)


def _rtcp(at_ns: int, packet: bytes) -> model.RtcpReport:
    """Return the report of a compound packet of the server's, parsed as any receiver would."""
    first, *rest = rtcp.parse(packet)
    found: dict[str, Any] = {}
    if isinstance(first, rtcp.SenderReport):
        found |= {"packets_sent": first.packet_count, "octets_sent": first.octet_count}
    if isinstance(first, rtcp.SenderReport | rtcp.ReceiverReport):
        for block in first.reports:
            found |= {
                "fraction_lost": round(block.fraction_lost / 256, 4),
                "cumulative_lost": block.cumulative_lost,
                "highest_sequence": block.highest_seq,
                "jitter": block.jitter,
            }
    return model.RtcpReport(
        t=_seconds(at_ns), bye=any(isinstance(p, rtcp.Bye) for p in rest), **found
    )


def _seconds(at_ns: int) -> float:
    return round(at_ns / NS_PER_SECOND, 4)


def _streams(call: LiveCall) -> list[model.StreamReport]:
    return [_stream(call, each) for each in streams_of(call)]


def _times(at_ns: np.ndarray) -> list[float]:
    return [round(at / NS_PER_SECOND, 4) for at in at_ns.tolist()]


def _stream(call: LiveCall, quality: StreamQuality) -> model.StreamReport:
    times: dict[str, list[float]] = {"lost": [], "late": [], "reordered": [], "duplicated": []}
    for fate in quality.fates:
        if fate.kind in times:
            times[fate.kind] += _times(fate.sent)
    for piece in quality.received.late_at:
        times["late"] += _times(piece)
    return model.StreamReport(
        direction=quality.direction,
        codec=call.party.codec,
        sent=quality.sent,
        lost=quality.lost,
        late=quality.late,
        odd=None if call.line is not None else [str(each) for each in _oddities(call)],
        fates=model.StreamFates(**{kind: found[:_MOST_TIMES] for kind, found in times.items()}),
        **_received(quality.reception, quality.opinion),
    )


def _received(reception: Reception, opinion: Opinion) -> dict[str, Any]:
    return {
        "received": reception.received,
        "duplicates": reception.duplicates,
        "reordered": reception.reordered,
        "jitter_ms": round(reception.jitter_ms, 3),
        "mos": round(opinion.mos, 2),
        "r": round(opinion.r, 1),
    }


def _oddities(call: LiveCall) -> list[Oddity]:
    """Return the oddities of a call's RTP, and of the addresses it came from."""
    found = oddities_of(call.leg.stream)
    if call.far_end is None:
        return found
    from mediasim.net.rtp_endpoint import RtpEndpoint

    sources = call.far_end.sources if isinstance(call.far_end, RtpEndpoint) else []
    if len(sources) > 1:
        ways = ", then ".join(f"{host}:{port}" for host, port in sources)
        found.append(Oddity(f"its RTP came from {ways}", len(sources) - 1))
    return found


# -- recordings -----------------------------------------------------------------------------


def _recording(run: Run, recording: LiveRecording) -> model.RecordingReport:
    truth = run.truths.get(recording.sid)
    return recording_report(
        recording.record,
        recording.name,
        recording.recorder.first_frame * FRAME_SAMPLES + recording.kept[0],
        None if truth is None else truth.to_json(),
        cut=run.is_cut(recording),
    )
