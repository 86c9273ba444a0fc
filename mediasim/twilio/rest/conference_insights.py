"""Voice Insights of conferences (insights.twilio.com, version 1): summaries of them and of their
participants."""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.records import ConferenceRecord
from mediasim.twilio.insights.conferences import (
    CONFERENCES,
    conference_summary,
    participant_summary,
)
from mediasim.twilio.insights.measures import CallMeasures, Participation
from mediasim.twilio.rest.call_summaries import moment
from mediasim.twilio.rest.insights_settings import advanced, chosen_account
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource, conference_of
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["CONFERENCE_INSIGHTS", "PARTICIPANT_INSIGHTS"]

_STATUSES: Final = ("in_progress", "not_started", "completed", "summary_timeout")
_REASONS: Final = (
    *("last_participant_left", "conference_ended_via_api", "last_participant_kicked"),
    "participant_with_end_conference_on_exit_left",
    "participant_with_end_conference_on_exit_kicked",
)
_REGIONS: Final = ("us1", "us2", "au1", "br1", "ie1", "jp1", "sg1", "de1", "in1")
_TAGS: Final = (
    *("invalid_requested_region", "duplicate_identity", "start_failure"),
    *("region_configuration_issues", "quality_warnings", "participant_behavior_issues"),
    *("high_packet_loss", "high_jitter", "high_latency", "low_mos", "detected_silence"),
    "no_concurrent_participants",
)
_ISSUES: Final = ("call_quality", "region_configuration", "participant_behavior")


def _fetch(request: ApiRequest) -> ApiResponse:
    account = request.account
    return ApiResponse(conference_summary(conference_of(request), account, account.insights))


def _list(request: ApiRequest) -> ApiResponse:
    query, account = request.query, chosen_account(request, request.query, "Subaccount")
    after, before = query.text("CreatedAfter"), query.text("CreatedBefore")
    since = moment("CreatedAfter", after, account) if after else None
    until = moment("CreatedBefore", before, account) if before else None
    sid, name = query.sid("ConferenceSid", "CF"), query.text("FriendlyName")
    wanted = {
        "status": query.word("Status", _STATUSES),
        "mixer_region": query.word("MixerRegion", _REGIONS),
        "end_reason": query.word("EndReason", _REASONS),
    }
    tags = query.words("Tags", _TAGS)
    issues = query.words("DetectedIssues", _ISSUES)
    found = []
    for record in account.catalogue.conferences():
        if (
            record.account_sid != account.sid
            or sid not in (None, record.sid)
            or (name and name != record.friendly_name)
            or (since is not None and record.created_ns < since)
            or (until is not None and record.created_ns > until)
        ):
            continue
        shown = conference_summary(record, account, account.insights)
        if (
            all(value in (None, shown[key]) for key, value in wanted.items())
            and set(tags) <= set(shown["tags"] or ())
            and all(shown["detected_issues"][each] for each in issues)
        ):
            found.append(shown)
    return listed(request, found, dict, sid=lambda shown: str(shown["conference_sid"]))


Part = tuple[CallMeasures, Participation]


def _parts(request: ApiRequest, conference: ConferenceRecord) -> list[Part]:
    """Return who took part in a conference, but for those whose calls were deleted."""
    there = {call.sid for call in request.account.catalogue.calls()}
    found = request.account.insights.participations(conference.sid)
    return [each for each in found if each[0].call_sid in there]


def _show(request: ApiRequest, conference: ConferenceRecord, part: Part) -> dict[str, Any]:
    call = request.account.catalogue.call(part[0].call_sid)
    return participant_summary(conference, *part, call, request.account)


def _fetch_participant(request: ApiRequest) -> ApiResponse:
    conference = conference_of(request)
    for each in _parts(request, conference):
        if request.at["participant"] in (each[1].participant_sid, each[0].call_sid):
            return ApiResponse(_show(request, conference, each))
    raise request.missing()


def _list_participants(request: ApiRequest) -> ApiResponse:
    conference = conference_of(request)
    sid, label = request.query.sid("ParticipantSid", "CP"), request.query.text("Label")

    def keep(part: Part) -> bool:
        return sid in (None, part[1].participant_sid) and label in (None, "", part[1].label)

    return listed(
        request,
        _parts(request, conference),
        lambda part: _show(request, conference, part),
        sid=lambda part: part[1].participant_sid,
        keep=keep,
        newest_first=False,
    )


CONFERENCE_INSIGHTS: Final = Resource(
    name="ConferenceInsights",
    many="conferences",
    host="insights",
    paths={
        CONFERENCES: {
            "GET": Operation(
                advanced(_list),
                (
                    *(*PAGING, "ConferenceSid", "FriendlyName", "Status", "CreatedAfter"),
                    *("CreatedBefore", "MixerRegion", "Tags", "Subaccount", "DetectedIssues"),
                    "EndReason",
                ),
            )
        },
        f"{CONFERENCES}/{{conference}}": {"GET": Operation(advanced(_fetch))},
    },
)
_ALWAYS: Final = "it is always shown"
PARTICIPANT_INSIGHTS: Final = Resource(
    name="ParticipantInsights",
    many="participants",
    host="insights",
    paths={
        f"{CONFERENCES}/{{conference}}/Participants": {
            "GET": Operation(
                advanced(_list_participants),
                (*PAGING, "ParticipantSid", "Label"),
                noted={"Events": _ALWAYS},
            )
        },
        f"{CONFERENCES}/{{conference}}/Participants/{{participant}}": {
            "GET": Operation(
                advanced(_fetch_participant), noted={"Events": _ALWAYS, "Metrics": _ALWAYS}
            )
        },
    },
)
