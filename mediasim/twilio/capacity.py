"""Whether an account can carry one more call: it is active, has time, and can store recordings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import too_many, unavailable

__all__ = ["check_capacity"]

_OVERLOADED: Final = "this machine has no time left for more calls in real time"
_LOG: Final = logging.getLogger(__name__)


def check_capacity(
    account: AccountParts,
    storage_problem: Callable[[], str | None],
    what: str,
    parent_sid: str | None,
) -> None:
    """Check that one more call can be carried and recorded; ``parent_sid`` is who dials it.

    Raises TwilioError, after a notification for the developer, if it cannot. Active calls and their
    recordings are not affected.
    """
    account.check_active()
    if account.exchange.plane.overloaded():
        refusal, why = too_many(_OVERLOADED), _OVERLOADED
    elif (problem := storage_problem()) is not None:
        refusal, why = unavailable(problem), problem
    else:
        return
    words = f"{what} is refused: {why}"
    account.notify(parent_sid, refusal.code, words, warning=True)
    _LOG.warning(words)
    raise refusal
