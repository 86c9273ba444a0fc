"""Voice Insights of one call (insights.twilio.com, version 1): events, metrics, annotation.

A client that is simulated has the SDK's edge too: its metrics are of what it hears, and its events
are the warnings of its network's quality.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

from mediasim.exchange.records import CallRecord
from mediasim.twilio.account import Account
from mediasim.twilio.insights.edges import (
    EDGES,
    Direction,
    Edge,
    Sample,
    gateway,
    samples_of,
    warnings_of,
)
from mediasim.twilio.insights.measures import CALL_MEASURES, AnnotationRecord, CallMeasures
from mediasim.twilio.insights.summaries import VOICE, annotation_json, annotation_of
from mediasim.twilio.representations import iso8601
from mediasim.twilio.rest.call_summaries import CONNECTIVITY_ISSUES, QUALITY_ISSUES
from mediasim.twilio.rest.insights_settings import advanced
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    call_of,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["ANNOTATIONS", "CALL_EVENTS", "CALL_INSIGHTS", "CALL_METRICS"]


# -- the call itself, its events and metrics -------------------------------------------------


def _fetch_call(request: ApiRequest) -> ApiResponse:
    url = f"{request.account.base_url}{VOICE}/{call_of(request).sid}"
    names = ("Events", "Metrics", "Summary", "Annotation")
    links = {name.lower(): f"{url}/{name}" for name in names}
    return ApiResponse({"sid": request.at["call"], "url": url, "links": links})


def _list_events(request: ApiRequest) -> ApiResponse:
    record = call_of(request)
    edge = request.query.word("Edge", get_args(Edge))
    found: list[tuple[int, Edge, str, str, str]] = []
    for leg, measures in request.account.insights.legs(record):
        here = gateway(leg)
        found += [(each.at_ns, here, "call", "INFO", each.name) for each in measures.progress]
        found += [
            (at_ns, "sdk_edge", group, "WARNING" if group.endswith("raised") else "INFO", name)
            for at_ns, group, name in warnings_of(measures)
        ]
    found = [each for each in sorted(found, key=lambda each: each[0]) if edge in (None, each[1])]

    def show(numbered: tuple[str, tuple[int, Edge, str, str, str]]) -> dict[str, Any]:
        at_ns, where, group, level, name = numbered[1]
        metadata = {"region": "us1", "edge_location": "ashburn"}
        edges: dict[str, Any] = {**dict.fromkeys(EDGES), where: {"metadata": metadata}}
        head = _head(record, request, at_ns)
        return {**head, "edge": where, "group": group, "level": level, "name": name, **edges}

    return _numbered(request, found, show)


def _list_metrics(request: ApiRequest) -> ApiResponse:
    record = call_of(request)
    edge = request.query.word("Edge", get_args(Edge))
    direction = request.query.word("Direction", get_args(Direction))
    samples: list[tuple[Edge, CallMeasures, Sample]] = []
    for leg, measures in request.account.insights.legs(record):
        here = gateway(leg)
        for each in samples_of(measures):
            samples.append(("sdk_edge" if each.edge == "sdk" else here, measures, each))
    samples.sort(key=lambda found: found[2].after.at_ns)
    found = [
        each
        for each in samples
        if edge in (None, each[0]) and direction in (None, each[2].direction)
    ]

    def show(numbered: tuple[str, tuple[Edge, CallMeasures, Sample]]) -> dict[str, Any]:
        where, measures, sample = numbered[1]
        codec = {"codec": measures.payload_type, "codec_name": measures.codec.lower()}
        shown: dict[str, Any] = {
            "metadata": {"region": "us1", "edge_location": "ashburn"},
            "interval": {**codec, **sample.interval()},
            "cumulative": sample.cumulative(),
        }
        if sample.edge == "sdk" and measures.sdk is not None:
            score = sample.score(measures, measures.sdk)
            shown["interval"]["rtt"] = {"value": measures.sdk.rtt_ms}
            shown["interval"] |= {} if score is None else {"mos": {"value": score}}
        edges: dict[str, Any] = {**dict.fromkeys(EDGES), where: shown}
        head = _head(record, request, sample.after.at_ns)
        return {**head, "edge": where, "direction": sample.direction, **edges}

    return _numbered(request, found, show)


def _head(record: CallRecord, request: ApiRequest, at_ns: int) -> dict[str, Any]:
    return {
        "timestamp": iso8601(request.account.dates, at_ns),
        "call_sid": record.sid,
        "account_sid": record.account_sid,
    }


def _numbered(
    request: ApiRequest, found: list[Any], show: Callable[[Any], dict[str, Any]]
) -> ApiResponse:
    """Return a page of a list whose entries have no SIDs: their numbers stand for them."""
    numbered = [(f"N{number}", each) for number, each in enumerate(found)]
    return listed(request, numbered, show, sid=lambda each: each[0], newest_first=False)


# -- annotations -----------------------------------------------------------------------------

_LONGEST: Final = 100
"""Most characters of a comment and an incident."""


def _show_annotation(request: ApiRequest, record: AnnotationRecord) -> ApiResponse:
    url = f"{request.account.base_url}{VOICE}/{record.call_sid}/Annotation"
    return ApiResponse({**annotation_json(record), "url": url})


def _fetch_annotation(request: ApiRequest) -> ApiResponse:
    return _show_annotation(request, annotation_of(request.account.insights, call_of(request)))


def _annotate(request: ApiRequest) -> ApiResponse:
    form, account = request.form, request.account
    call = call_of(request)
    given: dict[str, Any] = {
        "answered_by": form.word("AnsweredBy", ("unknown_answered_by", "human", "machine")),
        "connectivity_issue": form.word("ConnectivityIssue", CONNECTIVITY_ISSUES),
        "quality_issues": list(form.words("QualityIssues", QUALITY_ISSUES, commas=True)) or None,
        "spam": form.flag("Spam"),
        "call_score": form.number("CallScore", 1, 5),
        "comment": form.text("Comment", longest=_LONGEST),
        "incident": form.text("Incident", longest=_LONGEST),
    }
    record = annotation_of(account.insights, call)
    for name, value in given.items():
        if value is not None:
            setattr(record, name, value)
    account.insights.annotate(record)
    return _show_annotation(request, record)


# -- rows ------------------------------------------------------------------------------------


def _measures(account: Account) -> Store:
    insights = account.insights
    return Store(insights.all, insights.add, insights.find, insights.remove)


def _annotations(account: Account) -> Store:
    insights = account.insights
    return Store(insights.annotations, insights.annotate, insights.annotation)


CALL_INSIGHTS: Final = Resource(
    name="CallInsights",
    many="voice",
    host="insights",
    stored=Stored(CALL_MEASURES, CallMeasures, _measures, Owner.WORKER, key="call_sid", tells=True),
    paths={f"{VOICE}/{{call}}": {"GET": Operation(advanced(_fetch_call))}},
)
"""The call itself, with links. Its records are the measures that all others show."""
CALL_EVENTS: Final = Resource(
    name="CallEvent",
    many="events",
    host="insights",
    paths={
        f"{VOICE}/{{call}}/Events": {"GET": Operation(advanced(_list_events), (*PAGING, "Edge"))}
    },
)
CALL_METRICS: Final = Resource(
    name="CallMetric",
    many="metrics",
    host="insights",
    paths={
        f"{VOICE}/{{call}}/Metrics": {
            "GET": Operation(advanced(_list_metrics), (*PAGING, "Edge", "Direction"))
        }
    },
)
ANNOTATIONS: Final = Resource(
    name="Annotation",
    many="annotations",
    host="insights",
    stored=Stored("annotation", AnnotationRecord, _annotations, key="call_sid"),
    paths={
        f"{VOICE}/{{call}}/Annotation": {
            "GET": Operation(advanced(_fetch_annotation)),
            "POST": Operation(
                advanced(_annotate),
                (
                    *("AnsweredBy", "ConnectivityIssue", "QualityIssues", "Spam", "CallScore"),
                    *("Comment", "Incident"),
                ),
            ),
        }
    },
)
