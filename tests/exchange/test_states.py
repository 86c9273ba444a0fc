from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from mediasim.exchange.states import (
    CALL,
    CONFERENCE,
    PARTICIPANT,
    PARTICIPANT_OF_CALL,
    RECORDING,
    STREAM,
    TRANSCRIPTION,
    CallStatus,
    ConferenceStatus,
    IllegalMove,
    Lifecycle,
    ParticipantStatus,
    RecordingStatus,
    StreamStatus,
    TranscriptionStatus,
    check_move,
)

TABLES = [CALL, RECORDING, CONFERENCE, PARTICIPANT, STREAM, TRANSCRIPTION]


@pytest.mark.parametrize(
    ("table", "statuses"),
    [
        (CALL, CallStatus),
        (RECORDING, RecordingStatus),
        (CONFERENCE, ConferenceStatus),
        (PARTICIPANT, ParticipantStatus),
        (STREAM, StreamStatus),
        (TRANSCRIPTION, TranscriptionStatus),
    ],
)
def test_a_table_knows_each_status_and_no_other(table: Lifecycle, statuses: object) -> None:
    assert set(table.moves) == set(get_args(statuses))
    named = {after for afters in table.moves.values() for after in afters} | set(table.initial)
    assert named <= set(table.moves)


@pytest.mark.parametrize("table", TABLES)
def test_every_status_is_reached_and_every_life_can_end(table: Lifecycle) -> None:
    reached = set(table.initial)
    for _ in table.moves:
        reached |= {after for status in reached for after in table.moves[status]}
    assert reached == set(table.moves)
    ending = {status for status in table.moves if table.is_final(status)}
    for _ in table.moves:
        ending |= {status for status, after in table.moves.items() if ending & set(after)}
    assert ending == set(table.moves)


@pytest.mark.parametrize("table", TABLES)
def test_exactly_the_moves_of_the_table_are_legal(table: Lifecycle) -> None:
    for old, legal in table.moves.items():
        for new in table.moves:
            if new in legal:
                check_move(table, old, new)
            else:
                with pytest.raises(IllegalMove):
                    check_move(table, old, new)


@pytest.mark.parametrize(
    "life",
    [
        ["queued", "initiated", "ringing", "in-progress", "completed"],
        ["ringing", "in-progress", "completed"],
        ["queued", "initiated", "ringing", "busy"],
        ["queued", "canceled"],
    ],
)
def test_calls_live_as_twilio_documents(life: list[str]) -> None:
    for old, new in zip([None, *life], life, strict=False):
        check_move(CALL, old, new)


def test_recordings_pause_and_resume_but_do_not_resume_once_stopped() -> None:
    life = ["in-progress", "paused", "in-progress", "stopped", "processing", "completed", "deleted"]
    for old, new in zip([None, *life], life, strict=False):
        check_move(RECORDING, old, new)
    with pytest.raises(IllegalMove):
        check_move(RECORDING, "stopped", "in-progress")


def test_a_refusal_says_what_would_be_legal() -> None:
    with pytest.raises(IllegalMove, match="from 'completed' to 'ringing': 'completed' is final"):
        check_move(CALL, "completed", "ringing")
    with pytest.raises(IllegalMove, match="after 'init' comes 'in-progress' or 'completed'"):
        check_move(CONFERENCE, "init", "init")
    with pytest.raises(IllegalMove, match="begins 'queued' or 'ringing'"):
        check_move(CALL, None, "completed")
    with pytest.raises(IllegalMove, match="'lost' is no status of a recording"):
        check_move(RECORDING, "lost", "completed")


@pytest.mark.parametrize("table", TABLES)
def test_words_and_interruptions_are_of_statuses_that_there_are(table: Lifecycle) -> None:
    assert set(table.words) <= set(table.moves)
    for status, ends in table.interrupted.items():
        for old, new in pairwise([status, *ends]):
            check_move(table, old, new)
        assert ends[-1] not in table.interrupted


def test_a_participant_moves_as_its_call_does() -> None:
    assert set(PARTICIPANT_OF_CALL) == set(CALL.moves)
    of_call = {str(call): participant for call, participant in PARTICIPANT_OF_CALL.items()}
    for old, legal in CALL.moves.items():
        for new in legal:
            check_move(PARTICIPANT, of_call[old], of_call[new])
    assert {of_call[status] for status in CALL.initial} == set(PARTICIPANT.initial)
