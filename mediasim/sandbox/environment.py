"""The environment variables that point an app at a sandbox."""

from __future__ import annotations

from collections.abc import Mapping

from mediasim.sandbox.access import TOKEN
from mediasim.twilio.resources import AccountRecord

__all__ = ["environment", "environment_block"]


def environment(base_url: str, account: AccountRecord, token: str | None = None) -> dict[str, str]:
    """By name. ``token`` is what the control API asks for; None: nothing."""
    return {
        "MEDIASIM_BASE_URL": base_url,
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        **({} if token is None else {TOKEN: token}),
    }


def environment_block(variables: Mapping[str, str]) -> str:
    """A line each, to be copied."""
    return "\n".join(f"{name}={value}" for name, value in variables.items())
