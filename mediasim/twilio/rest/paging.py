"""Lists: one page of one, in Twilio's envelope.

Newest first, 50 to a page unless asked, 1000 at most. A page's token names the last resource of
the page before it (``PA``) or the first of the one after it (``PB``), as Twilio's does, and how
many are left beyond: so a list can be walked to its end while new resources come in at its head and
those of earlier pages are deleted.

Codes: 20007 for too large a page, 21481 for a token that is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.resource import ApiRequest, Operation
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["LIST_ALL", "PAGING", "listed"]

_PAGE: Final = 50
_LARGEST: Final = 1000
_TOO_LARGE: Final = 20007
_BAD_TOKEN: Final = 21481
PAGING: Final = ("PageSize", "Page", "PageToken")
"""The parameters that every list has."""
_MOST: Final = 10**9

R = TypeVar("R")


def listed(
    ask: ApiRequest,
    records: Sequence[R],
    show: Callable[[R], dict[str, Any]] | None = None,
    *,
    sid: Callable[[R], str] = attrgetter("sid"),
    keep: Callable[[R], bool] | None = None,
    newest_first: bool = True,
) -> ApiResponse:
    """The page that was asked for.

    ``records`` are all there are, oldest first, of which ``keep`` chooses; ``show`` gives one's
    JSON where it is not its resource's. Raises TwilioError.
    """
    query = ask.query
    size = query.number("PageSize", 1, _MOST) or _PAGE
    if size > _LARGEST:
        raise bad_parameter(f"Page size must be {_LARGEST} or less", _TOO_LARGE)
    page = query.number("Page", 0, _MOST) or 0
    ordered = list(reversed(records)) if newest_first else list(records)
    kept: Sequence[int] = range(len(ordered))
    if keep is not None:
        kept = [place for place, record in enumerate(ordered) if keep(record)]
    token = query.text("PageToken") or ""
    start = page * size
    if token:
        start = _start(token, size, [sid(record) for record in ordered], kept)
    shown = [ordered[place] for place in kept[start : start + size]]
    filters = [pair for pair in query.pairs if pair[0] not in PAGING]

    def uri(number: int, token: str = "") -> str:
        pairs = [*filters, ("PageSize", str(size)), ("Page", str(number))]
        return f"{ask.path}?{urlencode([*pairs, ('PageToken', token)] if token else pairs)}"

    end = start + len(shown)
    more = bool(shown) and end < len(kept)
    before = bool(shown) and start > 0 and page > 0
    first_index = page * size
    return ApiResponse(
        {
            "end": first_index + max(len(shown) - 1, 0),
            "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1, f"PA{sid(shown[-1])}.{len(kept) - end}")
            if more
            else None,
            "page": page,
            "page_size": size,
            "previous_page_uri": uri(page - 1, f"PB{sid(shown[0])}.{start}") if before else None,
            "start": first_index,
            "uri": uri(page, token),
            ask.resource.many: [
                show(record) if show else ask.resource.json(record, ask.service.dates)
                for record in shown
            ],
        }
    )


def _list_all(ask: ApiRequest) -> ApiResponse:
    return listed(ask, ask.store.all())


LIST_ALL: Final = Operation(_list_all, PAGING)
"""Shows a page of all records that are stored."""


def _start(token: str, size: int, sids: Sequence[str], kept: Sequence[int]) -> int:
    """Which of those kept, by their places among all, is the first of a token's page."""
    match = re.fullmatch(r"P([AB])([\w-]{1,64})\.([0-9]{1,9})", token)
    if match is None:
        raise bad_parameter("Invalid PageToken", _BAD_TOKEN)
    side, named, left = match[1], match[2], int(match[3])
    if named not in sids:  # it has been deleted since
        return max(len(kept) - left if side == "A" else left - size, 0)
    place = sids.index(named)
    if side == "A":
        return bisect_right(kept, place)
    return max(bisect_left(kept, place) - size, 0)
