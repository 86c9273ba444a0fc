"""The language operators that there are, as Conversational Intelligence lists them."""

from __future__ import annotations

from typing import Any, Final

from mediasim.twilio.rest.intelligence.services import INTELLIGENCE
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcripts.operators import OPERATORS, LanguageOperator, operator_of

__all__ = ["LANGUAGE_OPERATORS"]

_PATH: Final = f"{INTELLIGENCE}/Operators"
_BUILT: Final = f"{_PATH}/PreBuilt"
_CREATED: Final = "2024-01-01T00:00:00Z"
_NOTED: Final = {
    "Availability": "all operators are available to all",
    "LanguageCode": "rules are for English alone",
}


def _json(request: ApiRequest, operator: LanguageOperator) -> dict[str, Any]:
    base = request.path.removesuffix(".json").removesuffix(f"/{operator.sid}")
    return {
        "account_sid": request.account.sid,
        "sid": operator.sid,
        "friendly_name": operator.name,
        "description": operator.description,
        "author": "twilio",
        "operator_type": operator.operator_type,
        "version": 1,
        "availability": "public",
        "config": {},
        "date_created": _CREATED,
        "date_updated": _CREATED,
        "url": f"{request.account.base_url}{base}/{operator.sid}",
    }


def _list(request: ApiRequest) -> ApiResponse:
    return listed(request, OPERATORS, lambda each: _json(request, each), newest_first=False)


def _fetch(request: ApiRequest) -> ApiResponse:
    found = operator_of(request.at["operator"])
    if found is None:
        raise request.missing()
    return ApiResponse(_json(request, found))


LANGUAGE_OPERATORS: Final = Resource(
    name="Operator",
    many="operators",
    host="intelligence",
    paths={
        _PATH: {"GET": Operation(_list, PAGING, _NOTED)},
        _BUILT: {"GET": Operation(_list, PAGING, _NOTED)},
        f"{_BUILT}/{{operator}}": {"GET": Operation(_fetch)},
        f"{_PATH}/{{operator}}": {"GET": Operation(_fetch)},
    },
)
