"""Paging of lists, in Twilio's envelopes: that of the API of 2010, and ``meta`` of all others.

Lists are newest first, with 50 resources a page by default and 1000 at most. The token of a page
names the last resource of the page before it (``PA``) or the first of the one after it (``PB``),
as Twilio's does, and how many there are beyond: so a list can be read to its end while new
resources are added at its head and those of earlier pages are deleted.

Codes: 20007 for too large a page, 21481 for an invalid token.
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
"""Query parameters of every list."""
_MOST: Final = 10**9

R = TypeVar("R")


def listed(
    request: ApiRequest,
    records: Sequence[R],
    show: Callable[[R], dict[str, Any]] | None = None,
    *,
    sid: Callable[[R], str] = attrgetter("sid"),
    keep: Callable[[R], bool] | None = None,
    newest_first: bool = True,
) -> ApiResponse:
    """Return the requested page of a list.

    ``records`` are all records, oldest first, and ``keep`` filters them; ``show`` returns the JSON
    of one if it is not its resource's; ``sid`` returns its key. Raises TwilioError (400) if a
    paging parameter is wrong.
    """
    query, records = request.query, request.own(records)
    size = query.number("PageSize", 1, _MOST) or _PAGE
    if size > _LARGEST:
        raise bad_parameter(f"Page size must be {_LARGEST} or less", _TOO_LARGE)
    page = query.number("Page", 0, _MOST) or 0
    ordered = list(reversed(records)) if newest_first else list(records)
    matching: Sequence[int] = range(len(ordered))
    if keep is not None:
        matching = [index for index, record in enumerate(ordered) if keep(record)]
    token = query.text("PageToken") or ""
    start = page * size
    if token:
        start = _start(token, size, [sid(record) for record in ordered], matching)
    on_page = [ordered[index] for index in matching[start : start + size]]
    filters = [pair for pair in query.pairs if pair[0] not in PAGING]

    def uri(number: int, token: str = "") -> str:
        pairs = [*filters, ("PageSize", str(size)), ("Page", str(number))]
        return f"{request.path}?{urlencode([*pairs, ('PageToken', token)] if token else pairs)}"

    end = start + len(on_page)
    more = bool(on_page) and end < len(matching)
    before = bool(on_page) and start > 0 and page > 0
    first_index = page * size
    uris = {
        "first_page": uri(0),
        "next_page": uri(page + 1, f"PA{sid(on_page[-1])}.{len(matching) - end}") if more else None,
        "previous_page": uri(page - 1, f"PB{sid(on_page[0])}.{start}") if before else None,
    }
    many = request.resource.many
    shown = [
        show(record) if show else request.resource.json(record, request.account.dates)
        for record in on_page
    ]
    if request.resource.host != "api":
        base = request.account.base_url
        urls = {f"{name}_url": each and base + each for name, each in uris.items()}
        meta = {"page": page, "page_size": size, **urls, "url": base + uri(page, token)}
        return ApiResponse({"meta": {**meta, "key": many}, many: shown})
    return ApiResponse(
        {
            "end": first_index + max(len(on_page) - 1, 0),
            **{f"{name}_uri": each for name, each in uris.items()},
            "page": page,
            "page_size": size,
            "start": first_index,
            "uri": uri(page, token),
            many: shown,
        }
    )


def _list_all(request: ApiRequest) -> ApiResponse:
    return listed(request, request.store.all())


LIST_ALL: Final = Operation(_list_all, PAGING)
"""Lists all stored records of a resource."""


def _start(token: str, size: int, sids: Sequence[str], matching: Sequence[int]) -> int:
    """Return where a token's page begins in ``matching``, which are indices of ``sids``."""
    match = re.fullmatch(r"P([AB])([\w-]{1,64})\.([0-9]{1,9})", token)
    if match is None:
        raise bad_parameter("Invalid PageToken", _BAD_TOKEN)
    side, key, beyond = match[1], match[2], int(match[3])
    if key not in sids:  # deleted since: the number of resources beyond finds the page
        return max(len(matching) - beyond if side == "A" else beyond - size, 0)
    index = sids.index(key)
    if side == "A":
        return bisect_right(matching, index)
    return max(bisect_left(matching, index) - size, 0)
