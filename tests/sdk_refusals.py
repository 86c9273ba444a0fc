"""What Twilio's Python SDK says of a request that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

__all__ = ["refused"]


def refused(work: Callable[..., Any], *args: Any, **params: Any) -> tuple[int, int]:
    """The status and the code that the SDK tells of when it is asked to do something."""
    with pytest.raises(TwilioException) as told:
        work(*args, **params)
    error = told.value
    if isinstance(error, TwilioRestException):
        return error.status, error.code
    response = error.args[1]  # of a list it only says this
    return response.status_code, json.loads(response.text)["code"]
