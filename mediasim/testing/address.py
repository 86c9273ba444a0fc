"""Where the sandbox of a test is, and how programs reach it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.proxy.serving import sandbox_environment
from mediasim.testing.apps import sdk_client
from mediasim.testing.redirection import ProcessRedirection
from mediasim.twilio.account import Account

__all__ = ["SandboxAddress"]


class SandboxAddress:
    """A sandbox inside this process, for programs in it and for others."""

    def __init__(self, embedded: EmbeddedSandbox) -> None:
        self._embedded = embedded
        self._redirection = ProcessRedirection(embedded)

    @property
    def service(self) -> Account:
        """The account on the engine's loop; its methods are for the engine's thread."""
        return self._embedded.sandbox.service

    @property
    def base_url(self) -> str:
        """URL of Twilio's API, on a free port of this machine."""
        return self._embedded.base_url

    @property
    def account_sid(self) -> str:
        return self.service.account.sid

    @property
    def auth_token(self) -> str:
        """The token that authenticates requests and signs webhooks."""
        return self.service.account.auth_token

    @property
    def test_credentials(self) -> tuple[str, str]:
        """AccountSid and token whose requests are judged and create nothing."""
        test = self.service.rules.settings.test
        return test.sid, test.auth_token

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a program of its own reaches the sandbox, by name.

        They are those of ``mediasim exec``: its source may name Twilio's hosts. Raises ProxyError.
        """
        self._redirection.start_proxy()
        return sandbox_environment(self._embedded.sandbox, self.base_url)

    def redirect_sdk(self, on: bool = True) -> None:
        """Lead requests of this process to Twilio's hosts to the sandbox, or no longer.

        So an app in the same process, whose source names ``api.twilio.com`` or uses Twilio's SDK as
        it is, reaches this sandbox. It is on from the start of the test, and ends with it.
        """
        if on:
            self._redirection.begin()
        else:
            self._redirection.end()

    @cached_property
    def client(self) -> Any:
        """Twilio's own SDK client, pointed here.

        Raises RuntimeError where the SDK is not installed.
        """
        return sdk_client(self.base_url, self.account_sid, self.auth_token)
