"""The settings of Voice Insights: whether Advanced Features are active, without which nothing else
of it can be used."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.insights.measures import InsightsSettings
from mediasim.twilio.insights.summaries import VOICE
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Handler,
    Operation,
    Resource,
    Store,
    Stored,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["INSIGHTS_SETTINGS", "advanced", "chosen_account"]

_NOT_ALLOWED: Final = 20003


def advanced(do: Handler) -> Handler:
    """Return a handler that refuses (403, 20003) an account without Advanced Features.

    Status and code are our choice: Twilio's pages say only that they must be active.
    """

    def checked(request: ApiRequest) -> ApiResponse | Awaitable[ApiResponse]:
        sid = request.account.sid
        if not request.account.insights.settings(sid).advanced_features:
            words = "Voice Insights Advanced Features must be active to use this resource"
            raise TwilioError(403, _NOT_ALLOWED, words)
        return do(request)

    return checked


def chosen_account(request: ApiRequest, params: Params, name: str) -> Account:
    """Return the request's account, or the subaccount of it that a parameter names.

    Raises TwilioError (400) if the account has no subaccounts, 404 if it has not this one.
    """
    sid = params.sid(name, "AC")
    if sid is None or sid == request.account.sid:
        return request.account
    if request.account.main is not request.account:
        raise bad_parameter(f"Invalid {name} {sid}: {request.account.sid} has no subaccounts")
    return request.account.of(sid)


def _show(account: Account) -> ApiResponse:
    settings = account.insights.settings(account.sid)
    return ApiResponse(
        {
            "account_sid": account.sid,
            "advanced_features": settings.advanced_features,
            "voice_trace": False,
            "url": f"{account.base_url}{VOICE}/Settings",
        }
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    return _show(chosen_account(request, request.query, "SubaccountSid"))


def _update(request: ApiRequest) -> ApiResponse:
    account = chosen_account(request, request.form, "SubaccountSid")
    if (active := request.form.flag("AdvancedFeatures")) is not None:
        account.insights.settings(account.sid).advanced_features = active
    return _show(account)


def _store(account: Account) -> Store:
    insights = account.insights
    return Store(insights.all_settings, insights.add_settings, insights.settings)


INSIGHTS_SETTINGS: Final = Resource(
    name="InsightsSettings",
    many="settings",
    host="insights",
    stored=Stored("insights-settings", InsightsSettings, _store, key="account_sid"),
    paths={
        f"{VOICE}/Settings": {
            "GET": Operation(_fetch, ("SubaccountSid",)),
            "POST": Operation(
                _update,
                ("AdvancedFeatures", "SubaccountSid"),
                noted={"VoiceTrace": "there is no Voice Trace here"},
            ),
        }
    },
)
