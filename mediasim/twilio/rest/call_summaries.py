"""Summaries of calls in Voice Insights: one, and the list with its filters.

``complete`` asked of a partial summary is not found (our choice). A list has the calls of the last
four hours unless StartTime and EndTime say otherwise; its order is that of its ``SortBy``, newest
first. Filters for branded calls and business profiles are not simulated: a notification names them,
and they filter nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CALL
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import sought
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.insights.summaries import (
    CALL_STATES,
    CALL_TYPES,
    VOICE,
    annotation_of,
    call_summary,
    is_complete,
)
from mediasim.twilio.rest.insights_settings import advanced, chosen_account
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource, call_of
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.status import sip_response

__all__ = [
    "CALL_SUMMARIES",
    "CONNECTIVITY_ISSUES",
    "QUALITY_ISSUES",
    "moment",
]

_DIRECTIONS: Final = (
    *("outbound_api", "outbound_dial", "inbound", "trunking_originating", "trunking_terminating"),
)
_ANSWERED_BY: Final = (
    *("unknown", "machine_start", "machine_end_beep", "machine_end_silence"),
    *("machine_end_other", "human", "fax"),
)
CONNECTIVITY_ISSUES: Final = (
    *("unknown_connectivity_issue", "no_connectivity_issue", "invalid_number", "caller_id"),
    *("dropped_call", "number_reachability"),
)
QUALITY_ISSUES: Final = (
    *("unknown_quality_issue", "no_quality_issue", "low_volume", "choppy_robotic", "echo"),
    *("dtmf", "latency", "owa", "static_noise"),
)
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_HOURS_LISTED: Final = "4h"


def moment(name: str, text: str, account: Account) -> int:
    """Return the loop time of a date in ISO 8601, or of so long ago: ``30m``, ``4h``, ``3d``.

    Raises TwilioError (400) if the text is neither.
    """
    ago = re.fullmatch(r"([0-9]{1,6})([mhdw])", text)
    if ago is not None:
        return account.now_ns - int(ago[1]) * _UNITS[ago[2]] * NS_PER_SECOND
    try:
        return account.dates.loop_ns(datetime.fromisoformat(text[:40]))
    except ValueError:
        words = f"Invalid {name} {text[:40]}: expected a date in ISO 8601, or 30m, 4h, 3d, 1w ago"
        raise bad_parameter(words) from None


def _fetch_summary(request: ApiRequest) -> ApiResponse:
    record = call_of(request)
    account, insights = request.account, request.account.insights
    complete = is_complete(record, account.now_ns, insights.processing_ns)
    wanted = request.query.word("ProcessingState", ("complete", "partial"))
    if wanted == "complete" and not complete:
        raise request.missing()
    return ApiResponse(call_summary(record, account, insights))


def _list_summaries(request: ApiRequest) -> ApiResponse:
    account = chosen_account(request, request.query, "Subaccount")
    query = request.query
    since = moment("StartTime", query.text("StartTime") or _HOURS_LISTED, account)
    until = moment("EndTime", query.text("EndTime") or "0m", account)
    tests = _filters(query, account)
    by_end = query.word("SortBy", ("start_time", "end_time")) == "end_time"

    def at(record: CallRecord) -> int:
        return record.ended_ns or account.now_ns if by_end else record.created_ns

    records = [
        each
        for each in account.catalogue.call_resources()
        if each.account_sid == account.sid and since <= each.created_ns <= until
    ]
    shown = [
        (each, call_summary(each, account, account.insights)) for each in sorted(records, key=at)
    ]
    return listed(
        request,
        [each for each in shown if all(test(*each) for test in tests)],
        lambda each: each[1],
        sid=lambda each: each[0].sid,
    )


Test = Callable[[CallRecord, dict[str, Any]], bool]
"""Tells whether a call, with its summary, passes a filter."""


def _filters(query: Params, account: Account) -> list[Test]:
    """Return the filters of a list, but for that of time. Raises TwilioError if one is wrong."""
    tests: list[Test] = []

    def test(value: Any, found: Callable[[CallRecord, dict[str, Any]], Any]) -> None:
        if value not in (None, "", ()):
            tests.append(lambda record, summary: found(record, summary) == value)

    test(sought(query.text("From")), lambda record, _: record.from_)
    test(sought(query.text("To")), lambda record, _: record.to)
    for side in ("From", "To"):
        _test_side(test, query, side)
    test(query.word("CallType", CALL_TYPES), lambda _, summary: summary["call_type"])
    test(
        query.word("CallState", tuple(dict.fromkeys(CALL_STATES.values()))),
        lambda _, summary: summary["call_state"],
    )
    test(query.word("AnsweredBy", _ANSWERED_BY), lambda record, _: record.answered_by or "unknown")
    test(query.flag("HasTag"), lambda _, summary: bool(summary["tags"]))
    test(query.flag("VerifiedCaller"), lambda _, summary: summary["trust"] is not None)
    test(
        query.flag("AbnormalSession"),
        lambda record, _: sip_response(record) not in (None, 200),
    )
    if directions := query.words("Direction", _DIRECTIONS, commas=True):
        tests.append(lambda record, _: record.direction.replace("-", "_") in directions)
    state = query.word("ProcessingState", ("completed", "started", "partial", "all"))
    if state not in (None, "all"):
        wanted = {"completed": "complete"}.get(state, "partial")
        test(wanted, lambda _, summary: summary["processing_state"])
    if state == "started":
        tests.append(lambda record, _: not CALL.is_final(record.status))
    _test_annotation(query, account, tests)
    return tests


def _test_side(
    test: Callable[[Any, Callable[[CallRecord, dict[str, Any]], Any]], None],
    query: Params,
    side: str,
) -> None:
    """Add the filters of the caller or the callee."""
    name = side.lower()
    test(query.text(f"{side}Carrier"), lambda _, summary: summary[name].get("carrier"))
    code = (query.text(f"{side}CountryCode") or "").upper()
    test(code, lambda _, summary: summary[name].get("country_code"))


def _test_annotation(query: Params, account: Account, tests: list[Test]) -> None:
    """Add the filters of annotations."""
    wanted: dict[str, Any] = {
        "answered_by": query.word("AnsweredByAnnotation", ("human", "machine")),
        "connectivity_issue": query.word("ConnectivityIssueAnnotation", CONNECTIVITY_ISSUES),
        "spam": query.flag("SpamAnnotation"),
        "call_score": query.number("CallScoreAnnotation", 1, 5),
    }
    issue = query.word("QualityIssueAnnotation", QUALITY_ISSUES)

    def passes(record: CallRecord, _: dict[str, Any]) -> bool:
        found = annotation_of(account.insights, record)
        return (issue is None or issue in (found.quality_issues or ())) and all(
            getattr(found, name) == value for name, value in wanted.items() if value is not None
        )

    if issue is not None or any(value is not None for value in wanted.values()):
        tests.append(passes)


_BRANDED: Final = (
    *("BrandedEnabled", "BrandedBundleSid", "BrandedLogo", "BrandedType", "BrandedUseCase"),
    "BrandedCallReason",
)
_PROFILES: Final = (
    *("VoiceIntegrityEnabled", "VoiceIntegrityBundleSid", "VoiceIntegrityUseCase"),
    *("BusinessProfileIdentity", "BusinessProfileIndustry", "BusinessProfileBundleSid"),
    "BusinessProfileType",
)
CALL_SUMMARIES: Final = Resource(
    name="CallSummary",
    many="call_summaries",
    host="insights",
    paths={
        # Before the call itself, whose path fits this one too.
        f"{VOICE}/Summaries": {
            "GET": Operation(
                advanced(_list_summaries),
                (
                    *(*PAGING, "From", "To", "FromCarrier", "ToCarrier", "FromCountryCode"),
                    *("ToCountryCode", "VerifiedCaller", "HasTag", "StartTime", "EndTime"),
                    *("CallType", "CallState", "Direction", "ProcessingState", "SortBy"),
                    *("Subaccount", "AbnormalSession", "AnsweredBy", "AnsweredByAnnotation"),
                    *("ConnectivityIssueAnnotation", "QualityIssueAnnotation", "SpamAnnotation"),
                    "CallScoreAnnotation",
                ),
                noted={
                    **dict.fromkeys(_BRANDED, "calls are not branded here"),
                    **dict.fromkeys(_PROFILES, "there are no business profiles here"),
                },
            )
        },
        f"{VOICE}/{{call}}/Summary": {
            "GET": Operation(advanced(_fetch_summary), ("ProcessingState",))
        },
    },
)
