"""The proxy beside a sandbox that is served, and the whole environment of apps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp

from mediasim.exchange.events import Event
from mediasim.sandbox.access import environment
from mediasim.sandbox.engine import EngineStopped
from mediasim.sandbox.http_server import limit_head
from mediasim.sandbox.proxy.proxy import SandboxProxy

if TYPE_CHECKING:
    from mediasim.sandbox.listening import ListenAddress
    from mediasim.sandbox.sandbox import Sandbox

__all__ = ["opened_proxy", "sandbox_environment"]

_TWILIO: Final = "*.twilio.com"


@contextlib.asynccontextmanager
async def opened_proxy(
    sandbox: Sandbox, address: ListenAddress, own: ASGIApp, twilio: ASGIApp
) -> AsyncIterator[None]:
    """Give a sandbox its proxy, which listens at once if the address says so.

    ``own`` is the sandbox's app, and ``twilio`` answers for the hosts of Twilio. Raises ProxyError.
    """
    if sandbox.settings.worker is not None:  # apps reach the front
        yield
        return
    sandbox.hosts.answer(_TWILIO, limit_head(twilio))

    def on_event(kind: str, words: str) -> None:
        """Enter an event of the proxy among those of the sandbox."""

        def enter() -> None:
            exchange = sandbox.service.exchange
            exchange.events.emit(Event(at_ns=exchange.now_ns, kind=f"proxy.{kind}", text=words))

        with contextlib.suppress(EngineStopped):
            sandbox.engine.submit(enter)

    def answer_for_the_sdk() -> None:
        # Loaded with the proxy, by which alone the browser SDK comes to these hosts.
        from mediasim.sandbox.softphone import sdk_hosts

        sdk_hosts.answer_for_the_sdk(sandbox)

    sandbox.proxy = proxy = SandboxProxy(
        sandbox.hosts,
        sandbox.storage.folder,
        allow_hosts=sandbox.settings.config.allow_hosts,
        address=address,
        on_event=on_event,
        own=own,
        before_start=answer_for_the_sdk,
    )
    try:
        if address.proxy:
            proxy.start()
        yield
    finally:
        await proxy.close()


def sandbox_environment(sandbox: Sandbox, url: str | None = None) -> dict[str, str]:
    """Return the variables that point an app at a sandbox, by name.

    ``url`` is the sandbox's for clients on this machine, instead of its public one. While the proxy
    listens they are those of the proxy too, and test credentials are among them if the plan names
    any.
    """
    account, token = sandbox.service.account, sandbox.shown_token
    planned = sandbox.settings.config.account
    named = planned.test_sid is not None or planned.test_auth_token is not None
    test = sandbox.service.rules.settings.test if named else None
    variables = environment(url or sandbox.base_url, account, token, test)
    return {**variables, **({} if sandbox.proxy is None else sandbox.proxy.variables())}
