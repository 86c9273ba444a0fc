"""The apps under test of a scenario, and the way to them: bots started, a loop for WebSockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.bots import Bot, running_bots
from mediasim.seeds import Seeds

if TYPE_CHECKING:
    from mediasim.net.web_streams import WebStreams

__all__ = ["Apps", "apps_of"]

Hold = Callable[[], AbstractContextManager[None]]


@dataclass(slots=True)
class Apps:
    """Where the apps of a scenario's calls are."""

    urls: dict[str, str] = field(default_factory=dict)
    """By the name of the call."""
    auth_token: str = ""
    """What upgrades are signed with; bots have it as TWILIO_AUTH_TOKEN."""
    web: asyncio.AbstractEventLoop | None = None
    """None where no call has an app."""
    ports: list[WebStreams] = field(default_factory=list)
    bots: dict[str, Bot] = field(default_factory=dict)
    """By the name of the call; of those that the scenario starts."""

    def faults(self, broken: Iterable[str]) -> list[str]:
        """What is known of the bots of calls whose streams broke."""
        bots = {id(bot): bot for name in broken if (bot := self.bots.get(name)) is not None}
        return [fault for bot in bots.values() if (fault := bot.fault()) is not None]

    def port(self, hold: Hold, *, waits: bool, grace: float) -> WebStreams:
        """A way to open WebSockets for a run."""
        from mediasim.net.web_streams import WebStreams

        assert self.web is not None
        port = WebStreams(self.web, hold, waits=waits, grace=grace)
        self.ports.append(port)
        return port


@contextmanager
def apps_of(scenario: Scenario, seeds: Seeds) -> Iterator[Apps]:
    """Start the bots of a scenario, and end them. Raises BotFailed."""
    apps = {call.name: call.app for call in scenario.calls if call.app is not None}
    if not apps:
        yield Apps()
        return
    token = seeds.digest("auth-token").hex()
    commands = [app.bot for app in apps.values() if app.bot is not None]
    with running_bots(commands, scenario.base, {"TWILIO_AUTH_TOKEN": token}) as bots:
        started = {name: bots[app.bot] for name, app in apps.items() if app.bot is not None}
        urls = {name: app.url or started[name].url for name, app in apps.items()}
        web = asyncio.new_event_loop()
        thread = threading.Thread(target=web.run_forever, name="mediasim-streams", daemon=True)
        thread.start()
        found = Apps(urls, token, web, bots=started)
        try:
            yield found
        finally:
            asyncio.run_coroutine_threadsafe(_close(found.ports), web).result()
            web.call_soon_threadsafe(web.stop)
            thread.join()
            web.close()


async def _close(ports: list[Any]) -> None:
    for port in ports:
        await port.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
