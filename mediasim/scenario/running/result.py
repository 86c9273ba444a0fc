"""A run as plain data: what ``report.json`` holds and the reports are made of."""

from __future__ import annotations

import shlex
from typing import Any, Final

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.parties.flight import Fate
from mediasim.parties.party import Line
from mediasim.rtp import rtcp
from mediasim.rtp.oddities import Oddity, oddities_of
from mediasim.rtp.quality import emodel_mos
from mediasim.rtp.reception import Reception
from mediasim.rtp.stream import Stream
from mediasim.scenario.expectations.checks import Verdict
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runner import Run
from mediasim.twilio.representations import error_code

__all__ = ["failed_run", "repeat_command", "run_report"]

_MOST_TIMES: Final = 20_000
"""Times of packets listed per kind: more could not be told apart in a picture."""


def repeat_command(scenario: Scenario, seed: int, *, realtime: bool) -> str:
    """The one command that does the same again."""
    source = str(scenario.source) if scenario.source is not None else scenario.name
    words = ["mediasim", "run", source, "--seed", str(seed)]
    if scenario.label:
        words += ["--variant", scenario.label]
    if realtime:
        words.append("--realtime")
    return shlex.join(words)


def _base(scenario: Scenario, seed: int, clock: str) -> dict[str, Any]:
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
        "repeat": repeat_command(scenario, seed, realtime=clock == "real"),
    }


def failed_run(scenario: Scenario, seed: int, clock: str, error: str) -> dict[str, Any]:
    """A run that broke before it had anything to show."""
    return {
        **_base(scenario, seed, clock),
        "ok": False,
        "error": error,
        "cut": False,
        "call_seconds": 0.0,
        "speed": {"wall_seconds": 0.0, "cpu_seconds": 0.0, "realtime_factor": 0.0},
        "calls": [],
        "apps": [],
        "recordings": [],
        "events": [],
        "expectations": [],
        "warnings": [],
    }


def cut_words(at_ns: int) -> str:
    """What is said of a run that Ctrl-C ended."""
    seconds = at_ns / NS_PER_SECOND
    return f"was interrupted after {seconds:.1f} s of its time: its calls and recordings are cut"


def run_report(run: Run, verdicts: list[Verdict]) -> dict[str, Any]:
    """Everything of a run that went through."""
    base = _base(run.scenario, run.seed, run.clock)
    seconds = run.end_ns / NS_PER_SECOND
    speed: dict[str, Any] = {
        "wall_seconds": round(run.wall_seconds, 4),
        "cpu_seconds": round(run.cpu_seconds, 4),
        "realtime_factor": round(seconds / max(run.wall_seconds, 1e-9), 1),
    }
    if run.lateness_ms is not None:
        speed["lateness_ms"] = run.lateness_ms
    events = sorted(run.exchange.events.log, key=lambda event: event.at_ns)
    return {
        **base,
        "ok": run.cut_ns is None and all(verdict.ok for verdict in verdicts),
        "error": None if run.cut_ns is None else cut_words(run.cut_ns),
        "cut": run.cut_ns is not None,
        "call_seconds": round(seconds, 3),
        "speed": speed,
        "calls": [_call(call) for call in run.exchange.calls],
        "apps": [_app(run, call) for call in run.scenario.calls if call.name in run.streams],
        "recordings": [_recording(run, recording) for recording in run.exchange.recordings],
        "events": [
            {
                "t": round(event.at_ns / NS_PER_SECOND, 4),
                "kind": event.kind,
                "subject": event.subject,
                "text": event.text,
            }
            for event in events
        ],
        "expectations": [
            {
                "ok": verdict.ok,
                "check": verdict.check,
                "wanted": verdict.wanted,
                "found": verdict.found,
                "where": verdict.where,
                "repeat": base["repeat"],
            }
            for verdict in verdicts
        ],
        "warnings": run.warnings,
        **({} if run.pcap is None else {"pcap": run.pcap}),
    }


# -- calls and their streams ----------------------------------------------------------------


def _app(run: Run, call: Call) -> dict[str, Any]:
    assert call.app is not None
    # A bot's URL has another port each time, and says nothing.
    told = run.streams[call.name].to_json()
    return {"call": call.name, **told, "url": call.app.url, "bot": call.app.bot}


def _call(call: LiveCall) -> dict[str, Any]:
    record = call.record
    ended = record.ended_ns
    return {
        "sid": record.sid,
        "name": call.name,
        "party": call.party.name,
        "from": record.from_,
        "to": record.to,
        "direction": record.direction,
        "parent_call_sid": record.parent_call_sid,
        "status": record.status,
        "started": _seconds(record.created_ns),
        "ringing": _seconds(record.created_ns),
        "answered": None if record.answered_ns is None else _seconds(record.answered_ns),
        "ended": None if ended is None else _seconds(ended),
        "rtcp": [_rtcp(at_ns, packet) for at_ns, packet in call.rtcp],
        "streams": _streams(call) if call.has_leg else [],
    }


def _rtcp(at_ns: int, packet: bytes) -> dict[str, Any]:
    """A compound packet of the server's, as anybody would read it."""
    first, *rest = rtcp.parse(packet)
    found: dict[str, Any] = {
        "t": _seconds(at_ns),
        "bye": any(isinstance(p, rtcp.Bye) for p in rest),
    }
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
    return found


def _seconds(at_ns: int) -> float:
    return round(at_ns / NS_PER_SECOND, 4)


def _streams(call: LiveCall) -> list[dict[str, Any]]:
    line = call.line
    reception = call.exchange.plane.reception(call.leg)
    if line is None:
        return [_stream_from_elsewhere(call, reception)]
    streams = [_stream(line, "up", reception, line.leg.stream, line.phone.sent, line.phone.fates)]
    if line.ear is not None:
        ear = line.ear
        streams.append(_stream(line, "down", ear.reception, ear.stream, ear.sent, ear.fates))
    return streams


def _times(at_ns: np.ndarray) -> list[float]:
    return [round(at / NS_PER_SECOND, 4) for at in at_ns.tolist()]


def _stream(
    line: Line,
    direction: str,
    reception: Reception,
    received: Stream,
    sent: int,
    fates: list[Fate],
) -> dict[str, Any]:
    party = line.party
    times: dict[str, list[float]] = {"lost": [], "late": [], "reordered": [], "duplicated": []}
    for fate in fates:
        if fate.kind in times:
            times[fate.kind] += _times(fate.sent)
    for piece in received.late_at:
        times["late"] += _times(piece)
    lost, late = len(times["lost"]), received.late
    share = min(1.0, (lost + late) / sent) if sent else 0.0
    link = party.up if direction == "up" else party.down
    delay_ms = link.delay / 1e6 + (2 + party.depth) * 20
    opinion = emodel_mos(
        share, _burst_ratio(line, share), delay_ms, party.codec, concealed=party.conceal
    )
    return {
        "direction": direction,
        "codec": party.codec,
        "sent": sent,
        "received": reception.received,
        "lost": lost,
        "late": late,
        "duplicates": reception.duplicates,
        "reordered": reception.reordered,
        "jitter_ms": round(reception.jitter_ms, 3),
        "mos": round(opinion.mos, 2),
        "r": round(opinion.r, 1),
        "fates": {kind: found[:_MOST_TIMES] for kind, found in times.items()},
    }


def _stream_from_elsewhere(call: LiveCall, reception: Reception) -> dict[str, Any]:
    """Of a far end that is not simulated: what its sequence numbers tell of what it sent."""
    stream, party = call.leg.stream, call.party
    lost = max(0, reception.lost)
    share = min(1.0, (lost + stream.late) / reception.expected) if reception.expected else 0.0
    opinion = emodel_mos(share, 1.0, (2 + party.depth) * 20, party.codec, concealed=party.conceal)
    late = [time for piece in stream.late_at for time in _times(piece)]
    return {
        "direction": "up",
        "codec": party.codec,
        "sent": reception.expected,
        "received": reception.received,
        "lost": lost,
        "late": stream.late,
        "duplicates": reception.duplicates,
        "reordered": reception.reordered,
        "jitter_ms": round(reception.jitter_ms, 3),
        "mos": round(opinion.mos, 2),
        "r": round(opinion.r, 1),
        "odd": [str(oddity) for oddity in _oddities(call)],
        "fates": {"lost": [], "late": late[:_MOST_TIMES], "reordered": [], "duplicated": []},
    }


def _oddities(call: LiveCall) -> list[Oddity]:
    """Of its RTP, and of where that came from."""
    found = oddities_of(call.leg.stream)
    sources = call.far_end.sources if isinstance(call.far_end, RtpEndpoint) else []
    if len(sources) > 1:
        ways = ", then ".join(f"{host}:{port}" for host, port in sources)
        found.append(Oddity(f"its RTP came from {ways}", len(sources) - 1))
    return found


def _burst_ratio(line: Line, share: float) -> float:
    """Mean length of a burst of missing packets, by what it would be if losses were random."""
    runs = [end - start for start, end in line.leg.missing]
    if not runs or not 0.0 < share < 1.0:
        return 1.0
    step = line.party.ptime_ms * FRAME_SAMPLES // 20
    return max(1.0, float(np.mean(runs)) / step * (1.0 - share))


# -- recordings -----------------------------------------------------------------------------


def _recording(run: Run, recording: LiveRecording) -> dict[str, Any]:
    record, layout = recording.record, recording.record.layout
    sid = recording.sid
    truth = run.truths.get(sid)
    present = record.status == "completed"
    samples = record.samples or 0
    first = recording.recorder.first_frame * FRAME_SAMPLES + recording.kept[0]
    return {
        "sid": sid,
        "name": recording.name,
        "file": f"recordings/{sid}.wav" if present else None,
        "truth": f"recordings/{sid}.truth.json" if present else None,
        "json": f"recordings/{sid}.json",
        "status": record.status,
        "cut": run.is_cut(recording),
        "error_code": error_code(record),
        "channels": layout.plain_channels,
        "stored_channels": layout.stored_channels,
        "source": record.source,
        "track": layout.asked_track,
        "duration": round(samples / SAMPLE_RATE, 3),
        "samples": samples,
        "started": round(first / SAMPLE_RATE, 4),
        "why": layout.rule.reason,
        "channel_map": record.channel_map_json()["channels"],
        "truth_intervals": truth.to_json() if truth is not None else None,
    }
