"""Balance and Tokens of an account."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from mediasim.twilio.representations import rfc2822
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["BALANCE", "TOKENS"]

_LONGEST_TTL: Final = 86_400


def _balance(request: ApiRequest) -> ApiResponse:
    account = request.account
    shown = {"account_sid": account.sid, "balance": account.main.account.balance}
    return ApiResponse({**shown, "currency": "USD"})


BALANCE: Final = Resource(
    name="Balance",
    many="balances",
    paths={f"{ACCOUNT}/Balance": {"GET": Operation(_balance)}},
)


def _create_token(request: ApiRequest) -> ApiResponse:
    """Return servers for ICE: at the sandbox's own host, where none answers.

    So a browser uses its candidates of this machine, and asks nothing of the internet.
    """
    account = request.account
    ttl = request.form.number("Ttl", 1, _LONGEST_TTL) or _LONGEST_TTL
    number = next(account.token_numbers)
    drawn = account.exchange.seeds.digest(f"token/{number}", 64).hex()
    username, password = drawn[:64], drawn[64:]
    host = urlsplit(account.base_url).hostname or "127.0.0.1"
    created = rfc2822(account.dates, account.now_ns)
    turn = {"username": username, "credential": password}
    urls = (f"stun:{host}:3478", f"turn:{host}:3478?transport=udp")
    return ApiResponse(
        {
            "account_sid": account.sid,
            "date_created": created,
            "date_updated": created,
            "ice_servers": [
                {"url": url, "urls": url, **(turn if url.startswith("turn") else {})}
                for url in urls
            ],
            "password": password,
            "ttl": str(ttl),
            "username": username,
        },
        201,
    )


TOKENS: Final = Resource(
    name="Token",
    many="tokens",
    paths={f"{ACCOUNT}/Tokens": {"POST": Operation(_create_token, ("Ttl",))}},
)
