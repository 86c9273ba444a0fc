"""Configurations of recordings and of transcriptions, and the account's default for recordings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, get_args

from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.trim import Trim
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.json_body import listed_objects, nested
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import REST_RECORDING_EVENTS, Params
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Handler,
    Operation,
    Resource,
    Stored,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcripts.configurations import (
    ConfigurationRecord,
    Configurations,
    ConfigurationType,
    new_id,
)

__all__ = ["CONFIGURATIONS", "RECORDING_DEFAULT", "TRANSCRIPTION_CONFIGURATIONS"]

_PATH: Final = "/v2/Configurations"
_DEFAULT: Final = "/v2/AccountDefaultConfiguration/Recording"
_ENGINES: Final = ("google", "deepgram", "twilio_managed")
_LONGEST: Final = 128
_EVENTS: Final = REST_RECORDING_EVENTS
_CALLBACKS: Final = ("callRecordingStatusCallback", "conferenceRecordingStatusCallback")
_POLICY: Final = {"channels": Channels, "trim": Trim, "track": Track}
_IN: Final = "configuration."


def configurations(request: ApiRequest) -> Configurations:
    """Return the configurations of the request's account."""
    return request.account.transcriber.configurations


# -- what is read -------------------------------------------------------------------------------


def _recording(form: Params) -> dict[str, Any]:
    """Read a recording's configuration. Raises TwilioError (400) if it is wrong."""
    found: dict[str, Any] = {"configurationType": _type(form, "Recording")}
    for name, allowed in _POLICY.items():
        at = f"compositionPolicy.{name}"
        found[at] = form.word(_IN + at, get_args(allowed))
    for name in _CALLBACKS:
        found |= _callback(form, name, _EVENTS)
    features = listed_objects(form, f"{_IN}features")
    for each in features or ():
        if not isinstance(each.get("featureId"), str):
            raise _wrong(f"{_IN}features", "each has a featureId, of a transcription configuration")
    return nested({**found, "features": features})


def _transcription(form: Params) -> dict[str, Any]:
    """Read a transcription's configuration. Raises TwilioError (400) if it is wrong."""
    people = listed_objects(form, f"{_IN}participantDefaults")
    for each in people or ():
        if each.get("audioChannelIndex") not in (1, 2) or not isinstance(each.get("type"), str):
            raise _wrong(
                f"{_IN}participantDefaults", "each has an audioChannelIndex, 1 or 2, and a type"
            )
    return nested(
        {
            "configurationType": _type(form, "Transcription"),
            "transcriptionEngine": form.word(f"{_IN}transcriptionEngine", _ENGINES),
            "speechModel": form.text(f"{_IN}speechModel", longest=_LONGEST),
            "language": form.text(f"{_IN}language", longest=_LONGEST),
            **_callback(form, "transcriptionStatusCallback", ()),
            "participantDefaults": people,
        }
    )


def _type(form: Params, meant: str) -> str:
    return form.word(f"{_IN}configurationType", (meant,)) or meant


def _callback(form: Params, name: str, events: tuple[str, ...]) -> dict[str, Any]:
    """Read a status callback: its URL, its method and the events that it is for."""
    at = f"{_IN}{name}"
    found: dict[str, Any] = {
        f"{name}.url": form.url(f"{at}.url") or None,
        f"{name}.method": form.word(f"{at}.method", ("GET", "POST") if events else ("POST",)),
    }
    if events:
        words = re.findall(r"[\w-]+", form.text(f"{at}.events") or "")
        if unknown := [each for each in words if each not in events]:
            raise _wrong(f"{at}.events", f"{unknown[0][:40]} is none of {', '.join(events)}")
        found[f"{name}.events"] = words or None
    return found


def _wrong(name: str, why: str) -> TwilioError:
    return bad_parameter(f"Invalid {name}: {why}")


# -- operations ---------------------------------------------------------------------------------

_Read = Callable[[Params], dict[str, Any]]
_READ: Final[dict[ConfigurationType, _Read]] = {
    "Recording": _recording,
    "Transcription": _transcription,
    "RecordingDefault": _recording,
}
_NOUNS: Final = {
    "Recording": "recordingconfiguration",
    "Transcription": "transcriptionconfiguration",
}


def _show(request: ApiRequest, record: ConfigurationRecord, status: int = 200) -> ApiResponse:
    return ApiResponse(record.to_twilio_json(request.account.dates), status)


def _found(request: ApiRequest, type: ConfigurationType) -> ConfigurationRecord:
    """Return the configuration of the path. Raises TwilioError (404) if there is none."""
    account_sid = request.account.sid
    name = request.at.get("name") or configurations(request).default_id(account_sid)
    found = configurations(request).find(account_sid, type, name)
    if found is None:
        raise request.missing()
    return found


def _set(request: ApiRequest, record: ConfigurationRecord) -> None:
    """Set what a body has of a configuration, all or nothing."""
    form, type = request.form, record.type
    description = form.text("description", longest=_LONGEST)
    name = None
    if type != "RecordingDefault":
        name = form.text("unique_name", longest=_LONGEST)
        taken = configurations(request).find(record.account_sid, type, name) if name else None
        if taken is not None and taken is not record:
            raise bad_parameter(f"A configuration with the unique_name {name} exists already")
    record.configuration = _READ[type](form)
    record.unique_name = name or record.unique_name
    record.description = record.description if description is None else description


def _creating(type: ConfigurationType) -> Handler:
    def create(request: ApiRequest) -> ApiResponse:
        account = request.account
        known = configurations(request)
        if type == "RecordingDefault" and known.default(account.sid) is not None:
            raise bad_parameter("The account has a default configuration already: PUT changes it")
        record = ConfigurationRecord(
            sid=known.default_id(account.sid),
            account_sid=account.sid,
            type=type,
            created_ns=account.now_ns,
        )
        _set(request, record)
        if type != "RecordingDefault":
            record.sid = new_id(account, "VC", _NOUNS[type])
        known.records.add(record)
        return _show(request, record, 201)

    return create


def _updating(type: ConfigurationType) -> Handler:
    def update(request: ApiRequest) -> ApiResponse:
        record = _found(request, type)
        changed = replace(record)
        _set(request, changed)
        record.configuration, record.unique_name = changed.configuration, changed.unique_name
        record.description = changed.description
        record.updated_ns = request.account.now_ns
        return _show(request, record)

    return update


def _fetching(type: ConfigurationType) -> Handler:
    return lambda request: _show(request, _found(request, type))


def _deleting(type: ConfigurationType) -> Handler:
    def delete(request: ApiRequest) -> ApiResponse:
        configurations(request).records.remove(_found(request, type).sid)
        return ApiResponse(status=204)

    return delete


def _listing(type: ConfigurationType) -> Handler:
    def every(request: ApiRequest) -> ApiResponse:
        return listed(
            request,
            configurations(request).records.all(),
            lambda record: record.to_twilio_json(request.account.dates),
            keep=lambda record: record.type == type,
        )

    return every


_NAMED: Final = ("unique_name", "description")
_OF_RECORDING: Final = (
    f"{_IN}configurationType",
    *(f"{_IN}compositionPolicy.{name}" for name in _POLICY),
    *(f"{_IN}{name}.{part}" for name in _CALLBACKS for part in ("url", "method", "events")),
    f"{_IN}features",
)
_OF_TRANSCRIPTION: Final = (
    *(f"{_IN}{name}" for name in ("configurationType", "transcriptionEngine", "speechModel")),
    f"{_IN}language",
    *(f"{_IN}transcriptionStatusCallback.{part}" for part in ("url", "method")),
    f"{_IN}participantDefaults",
)
_NOTED: Final = {
    f"{_IN}conversationConfigurationId": "there are no conversations here",
    f"{_IN}transcriptionStatusCallback.events": "the end is reported, whatever is asked for",
}


def _paths(
    type: ConfigurationType, names: tuple[str, ...], noted: dict[str, str]
) -> dict[str, dict[str, Operation]]:
    path = f"{_PATH}/{type}"
    given = (*_NAMED, *names)
    return {
        path: {
            "GET": Operation(_listing(type), PAGING),
            "POST": Operation(_creating(type), given, noted, json=True),
        },
        f"{path}/{{name}}": {
            "GET": Operation(_fetching(type)),
            "PUT": Operation(_updating(type), given, noted, json=True),
            "DELETE": Operation(_deleting(type)),
        },
    }


CONFIGURATIONS: Final = Resource(
    name="RecordingConfiguration",
    many="configurations",
    host="voice",
    stored=Stored("configuration", ConfigurationRecord, in_resource_list("Configurations")),
    paths=_paths("Recording", _OF_RECORDING, {}),
)
TRANSCRIPTION_CONFIGURATIONS: Final = Resource(
    name="TranscriptionConfiguration",
    many="configurations",
    host="voice",
    paths=_paths("Transcription", _OF_TRANSCRIPTION, _NOTED),
)
RECORDING_DEFAULT: Final = Resource(
    name="AccountDefaultConfiguration",
    many="configurations",
    host="voice",
    paths={
        _DEFAULT: {
            "GET": Operation(_fetching("RecordingDefault")),
            "POST": Operation(
                _creating("RecordingDefault"), ("description", *_OF_RECORDING), json=True
            ),
            "PUT": Operation(
                _updating("RecordingDefault"), ("description", *_OF_RECORDING), json=True
            ),
            "DELETE": Operation(_deleting("RecordingDefault")),
        }
    },
)
