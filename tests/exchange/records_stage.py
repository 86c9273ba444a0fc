"""Records as tests of several rooms want them: with drawn SIDs, or plain ones that stay."""

from __future__ import annotations

from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord, SidFactory
from mediasim.seeds import Seeds

SECOND = 1_000_000_000
SIDS = SidFactory(Seeds(1))
ACCOUNT = SIDS.new("AC")
PLAIN_ACCOUNT = "AC" + "0" * 32


def call(*, parent: str | None = None) -> CallRecord:
    return CallRecord(
        sid=SIDS.new("CA"),
        account_sid=ACCOUNT,
        to="+14158675309",
        from_="+442071838750",
        direction="outbound-api" if parent is None else "outbound-dial",
        status="queued",
        created_ns=0,
        parent_call_sid=parent,
    )


def recording(of_call: CallRecord, *, conference: str | None = None) -> RecordingRecord:
    return RecordingRecord(
        sid=SIDS.new("RE"),
        account_sid=ACCOUNT,
        call_sid=of_call.sid,
        source="DialVerb" if conference is None else "Conference",
        layout=recording_layout("dial" if conference is None else "conference", "mono"),
        created_ns=2 * SECOND,
        start_ns=2 * SECOND,
        conference_sid=conference,
    )


def conference() -> ConferenceRecord:
    return ConferenceRecord(
        sid=SIDS.new("CF"), account_sid=ACCOUNT, friendly_name="AHH YEAH", created_ns=0
    )


def answered_call() -> CallRecord:
    one = call()
    move(one, "initiated", SECOND)
    move(one, "ringing", 2 * SECOND)
    move(one, "in-progress", 5 * SECOND)
    return one


def completed_call() -> CallRecord:
    one = answered_call()
    move(one, "completed", 20 * SECOND)
    return one


def ended_conference() -> ConferenceRecord:
    one = conference()
    one.reason_ended, one.call_sid_ending = "last-participant-left", SIDS.new("CA")
    move(one, "completed", SECOND)
    return one


def plain_call(**more: object) -> CallRecord:
    given = {
        "sid": "CA1",
        "account_sid": PLAIN_ACCOUNT,
        "to": "+14155550101",
        "from_": "sip:ann@example.com",
        "direction": "inbound",
        "status": "queued",
        "created_ns": SECOND,
        **more,
    }
    return CallRecord(**given)  # type: ignore[arg-type]


def plain_recording(samples: int | None = None) -> RecordingRecord:
    layout = recording_layout("dial", "dual")
    record = RecordingRecord("RE1", PLAIN_ACCOUNT, "CA1", "DialVerb", layout, SECOND, 2 * SECOND)
    record.samples = samples
    return record
