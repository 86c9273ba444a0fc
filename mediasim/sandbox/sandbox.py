"""A whole sandbox but for its server: engine, account, number plan and storage put together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent, Event, RecordingEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.recovery import RecoveredRecording
from mediasim.exchange.states import CALL
from mediasim.parties.voices.speech import Speaker
from mediasim.sandbox import building
from mediasim.sandbox.access import TOKEN
from mediasim.sandbox.aftermath import Aftermath
from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.crash_recovery import epoch_after, last_moment, revive
from mediasim.sandbox.engine import EngineThread
from mediasim.sandbox.names import with_sites
from mediasim.sandbox.news import Listener, News
from mediasim.sandbox.number_plan import PhoneBook
from mediasim.sandbox.outward import Outward
from mediasim.sandbox.persistence import (
    Documents,
    Repository,
    WriteBehindStore,
    compared_kinds,
    event_kinds,
    readable,
    repository_of,
)
from mediasim.sandbox.proxy.hosts import HostTable
from mediasim.sandbox.settings import Settings, clock_of
from mediasim.sandbox.softphone.gateway import check_softphones, reach_softphones
from mediasim.sandbox.softphone.manager import SoftphoneManager
from mediasim.sandbox.storage import Storage, StorageError
from mediasim.sandbox.upkeep import Pulse, Upkeep
from mediasim.sandbox.vault import vault_of
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.insights.measures import CALL_MEASURES
from mediasim.twilio.rest.resource import MOST_KEPT
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.status import CALL_PROGRESS
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import Delivery, Webhooks

if TYPE_CHECKING:
    from mediasim.sandbox.clocks import Clock
    from mediasim.sandbox.fleet.ipc import ReportedRecords
    from mediasim.sandbox.proxy.proxy import SandboxProxy
    from mediasim.sandbox.workers import Workers
    from mediasim.sip.server import SipServer

__all__ = ["Sandbox"]

_SITE_NOTE: Final = 12200
"""Code of notes of Twilio's sites: a warning about a document (our choice)."""
_END_SECONDS: Final = 0.5
"""Seconds that the app has, at the end, to answer the callbacks of its last calls."""


class Sandbox:
    """One sandbox, made and used on the web loop; methods for the engine's loop say so."""

    def __init__(
        self,
        settings: Settings,
        *,
        base_url: str,
        local_url: str = "",
        on_crash: Callable[[BaseException], None] | None = None,
        records: ReportedRecords | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``base_url`` is the URL that apps use, ``local_url`` that on this machine if it differs;
        ``records`` takes a worker's records.

        ``clock`` is one that :func:`clock_of` made of the settings; it is closed with the sandbox.
        Raises StorageError, ClockRefuses.
        """
        self.settings = settings
        self.base_url = base_url
        self.clock = clock or clock_of(settings)
        self.storage = Storage(settings, records)
        self.vault = vault_of(settings, self.storage)
        new_token = secrets.token_urlsafe(24)
        self.token = self.storage.stored_setting("control-token", os.environ.get(TOKEN), new_token)
        """The token that the control API requires of clients that come over a network."""
        self.shown_token: str | None = None
        """The same token where clients may need it, for the variables shown; None elsewhere."""
        self._auth_token = secrets.token_hex(16)
        """The account's auth token, unless it is stored, configured or derived from the seed."""
        self.hosts = with_sites(HostTable(settings.config.hosts))
        """The host names that this sandbox answers for, and the public names of apps."""
        self.proxy: SandboxProxy | None = None
        """The way to these hosts for apps, while the sandbox is served."""
        self.engine = EngineThread(self.clock, on_crash=on_crash)
        self.service: Account
        self.dates = Dates()
        self.phones: PhoneBook
        self.sip: SipServer | None = None
        """The server of SIP telephones, after :meth:`open_sip`; None where there is none."""
        self.softphones = SoftphoneManager(
            lambda: self.service, partial(check_softphones, self.clock, settings)
        )
        self.on_rebuilt: Callable[[], None] | None = None
        """Called on the web loop when a reset has made another account."""
        self.ending = asyncio.Event()
        """Set when the sandbox is about to be closed, to end responses without an end."""
        self.listeners: list[Listener] = []
        """Callbacks for each piece of news, on the engine's loop."""
        self.log: Callable[[dict[str, Any]], None] | None = None
        """Takes entries of the log, on any thread; None where there is no log."""
        self.workers: Workers | None = None
        """The sandbox's workers; None where it carries its calls itself."""
        self.events: deque[tuple[int, Event]] = deque(maxlen=MOST_KEPT)
        """The newest events, each with its number from 1."""
        self.write_behind: WriteBehindStore | None = None
        """Writes the sandbox's records to its database; replaced by a reset."""
        self.outward = Outward(settings, self.clock, self.hosts, local_url or base_url)
        self._pulse: Pulse | None = None
        self.upkeep: Upkeep
        self._preparing: asyncio.Task[None] | None = None
        self._resetting = asyncio.Lock()

    async def open(self) -> None:
        """Start the engine with the stored state. Raises StorageError."""
        self.engine.start()
        await self.engine.gate(self._begin)

    async def open_sip(self) -> None:
        """Listen for SIP telephones, if the settings say so. Raises OSError."""
        await self.engine.gate(self._open_sip)

    async def reset(self) -> None:
        """Return to the state of the first start, except for the clock."""
        async with self._resetting:
            await self.engine.gate(self._end_calls)
            # Drops the write-behind store, whose late write would bring records back.
            await self.engine.gate(self._clear)
            if self.storage.database is not None:
                await asyncio.wrap_future(self.storage.database.clear())
            await self.engine.gate(lambda: self._build({}, 1))
            if self.on_rebuilt is not None:
                self.on_rebuilt()

    async def flush(self, *, deleted: bool) -> None:
        """Wait until the changes of a request are in the database.

        ``deleted`` says that the request may have removed records.
        """
        if self.write_behind is None:
            return
        with contextlib.suppress(Exception):  # the write-behind store has logged it
            written = await self.engine.gate(lambda: self._write_changes(deleted=deleted))
            if written is not None:
                await asyncio.wrap_future(written)

    async def end_calls(self) -> None:
        """End every call and publish active recordings; the app has half a second for callbacks."""
        self.ending.set()
        if self.engine.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.engine.gate(self._end_calls), _END_SECONDS)

    async def close(self) -> None:
        """Stop the engine and close everything."""
        if self._pulse is not None:
            await asyncio.to_thread(self._pulse.close)
        if self.engine.running:
            await self.engine.gate(self._write_changes)
            if self.sip is not None:
                await self.engine.gate(self.sip.close)
            await self.engine.gate(self.softphones.close)
        await asyncio.to_thread(self.engine.stop)
        self.clock.close()
        await asyncio.to_thread(self.storage.close)
        await self.outward.close()

    # -- on the engine's loop ---------------------------------------------------------------

    def set_rate(self, rate: float) -> None:
        """Set the clock's rate, on the engine's loop. Raises ClockRefuses."""
        if self.sip is not None and rate != 1.0:
            raise ClockRefuses("SIP telephones live in real time: the clock's rate stays 1")
        if self.settings.config.has_endpoints and rate != 1.0:
            raise ClockRefuses("RTP endpoints live in real time: the clock's rate stays 1")
        if self.softphones.in_use and rate != 1.0:
            raise ClockRefuses("a softphone is registered, which lives in real time: rate 1")
        self.clock.set_rate(rate)

    async def _end_calls(self) -> None:
        with self.clock.without_limit():  # a manual clock would wait for a test to move it
            await self.service.close()

    def _begin(self) -> None:
        """Recover what the last process left, and build the account. Raises StorageError."""
        storage, clock = self.storage, self.clock
        recovered: list[RecoveredRecording] = []
        documents = readable(storage.documents)
        try:
            revived = revive(
                documents,
                storage.media,
                storage.last_epoch,
                storage.spools(),
                recovered,
                building.account_sid(self.settings, self.storage),
                None if self.vault is None else self.vault.recover,
            )
        except OSError as error:
            raise StorageError(f"recordings cannot be recovered: {error}") from None
        epoch = self.settings.first_epoch(clock)
        if self.settings.worker is None:  # a worker's dates are the front's
            epoch = epoch_after(last_moment(documents), epoch)
        storage.record_start(epoch)
        self.dates = Dates(epoch)
        self._build(documents, storage.boot, revived)
        aftermath = self.aftermath("process")
        for kind, sid in sorted(revived):
            aftermath.report(kind, all_stored()[kind].store(self.service).find(sid))
        statuses = self.service.statuses
        aftermath.complete(recovered, [each.call_sid for each in statuses.all()])
        loop = asyncio.get_running_loop()
        self._pulse = Pulse(lambda: loop.call_soon_threadsafe(lambda: self.upkeep.run_once()))

    def aftermath(self, process: str) -> Aftermath:
        """Return what reports the records of a process that has died; ``process`` is its name."""
        return Aftermath(self.service, self.write_behind, self.tell, process)

    def _build(
        self, documents: Documents, boot: int, revived: Collection[tuple[str, str]] = ()
    ) -> None:
        """Build exchange, account and number plan, with the records of these documents."""
        settings, config, storage = self.settings, self.settings.config, self.storage
        seeds = Seeds(settings.seed)
        label = building.boot_label(settings, boot)
        exchange = building.new_exchange(settings, storage, self.clock, self.dates, label)
        self.upkeep = Upkeep(
            exchange,
            storage,
            persistent=settings.data is not None,
            has_calls=self._has_calls if settings.worker is None else None,
        )
        planned = config.account
        account = planned.record(
            building.account_sid(settings, storage),
            storage.stored_setting(
                "auth-token", planned.auth_token, building.auth_token(settings, self._auth_token)
            ),
            exchange.now_ns,
        )
        exchange.account_sid = account.sid
        speaker = Speaker()
        studio = Studio(speaker)
        self.phones = PhoneBook(config, seeds, speaker, studio)
        by_sip = () if self.sip is None else (self.sip.reach,)
        self.phones.gateways += [*by_sip, partial(reach_softphones, self.softphones)]
        self.service = Account(
            exchange,
            account=account,
            directory=self.phones,
            webhooks=Webhooks(
                self.outward.http(self._note),
                auth_token=account.auth_token,
                clock=lambda: exchange.now_ns,
                seeds=seeds.fork(label) if label else seeds,
                allow_hosts=config.allow_hosts,
                names=self.outward.names,
                one_lane=self.clock.kind != "real",
                on_delivery=self._on_delivery,
            ),
            studio=studio,
            base_url=self.base_url,
            streams=self.outward.streams,
        )
        self.service.subscriber_of = self.phones.subscriber
        self.service.statuses.on_change = partial(self._on_told, exchange, CALL_PROGRESS)
        self.service.insights.on_change = partial(self._on_told, exchange, CALL_MEASURES)
        self.service.storage_problem = self.upkeep.problem
        self.service.on_notification = self.tell
        building.set_up(self.service, settings, self.vault, self.clock)
        self.write_behind = building.write_behind_of(self.service, settings, storage, self.dates)
        if self.write_behind is not None:
            self.write_behind.restore(documents, revived)
        exchange.events.on("event", partial(self._on_event, exchange))
        if settings.worker is None:
            building.claim_plan(self.service, config)
        self._write_changes()
        if self.clock.kind == "real" and not settings.has_workers:  # virtual time waits for voices
            self._preparing = asyncio.ensure_future(self._prepare())

    async def _open_sip(self) -> None:
        if self.settings.sip is None:
            return
        from mediasim.sip.server import SipServer, SipSettings

        config, loop = self.settings.config, asyncio.get_running_loop()
        settings = SipSettings(*self.settings.sip, config.sip.users, config.allow_hosts)
        sip = SipServer(settings, lambda: self.service, loop.time)
        await sip.open()
        self.sip = sip
        self.phones.gateways.append(sip.reach)

    async def _prepare(self) -> None:
        # The first call of a party reports what cannot be made.
        with contextlib.suppress(Exception):
            await self.phones.prepare()

    def _clear(self) -> None:
        """Drop the state of the account before a reset."""
        if self._preparing is not None:
            self._preparing.cancel()
        self.write_behind = None
        self.events.clear()
        self.service.room.close()
        for name in ("recordings", "references", "cache", "spool"):
            shutil.rmtree(self.storage.folder / name, ignore_errors=True)

    def _write_changes(self, *, deleted: bool = True) -> Future[None] | None:
        """Write the changes of the records, with ``deleted`` the removed ones too."""
        if self.write_behind is None:
            return None
        self.write_behind.compare(*compared_kinds(), *(event_kinds() if deleted else ()))
        return self.write_behind.write()

    def _on_event(self, exchange: Exchange, event: Event) -> None:
        """Handle an event: tell it, and note changed records."""
        if exchange is not self.service.exchange:
            return  # from before a reset
        self.tell(event)
        log = exchange.events.log
        if len(log) > MOST_KEPT:
            del log[: MOST_KEPT // 2]  # half at once: each deletion moves the rest of the list
        write_behind = self.write_behind
        if write_behind is None:
            return
        for each in all_stored().values():
            if isinstance(event, each.event or ()):
                record = each.store(self.service).find(getattr(event, f"{each.kind}_sid"))
                write_behind.changed(each.kind, record)
                if isinstance(event, RecordingEvent) and record.status in ("completed", "absent"):
                    write_behind.await_row(exchange.journals, record.sid)
                elif isinstance(event, CallEvent) and CALL.is_final(record.status):
                    # Records that no event reports were made during the call.
                    write_behind.compare_grown(*compared_kinds())

    def enter_event(self, event: Event) -> None:
        """Add an event to the newest ones."""
        number = self.events[-1][0] + 1 if self.events else 1
        self.events.append((number, event))

    def tell(self, news: News) -> None:
        """Tell the listeners; an event is added to the newest ones before."""
        if isinstance(news, Event):
            self.enter_event(news)
        for listener in self.listeners:
            listener(news)

    def repository(self, kind: str) -> Repository:
        """Return the repository of a kind of records."""
        return repository_of(self.service, all_stored()[kind])

    def _has_calls(self) -> bool:
        """Tell whether calls are active, here or in a worker."""
        return bool(self.service.sessions or (self.workers and self.workers.calls_in_progress))

    def _on_told(self, exchange: Exchange, kind: str, sid: str, record: object | None) -> None:
        """Note that a record about a call has changed, or with None that it is gone."""
        write_behind = self.write_behind
        if write_behind is None or exchange is not self.service.exchange:
            return  # from before a reset
        if record is None:
            write_behind.removed(kind, sid)
        else:
            write_behind.changed(kind, record)

    def _note(self, call_sid: str, words: str, url: str) -> None:
        """Add a note of a site of Twilio's to the notifications."""
        self.service.notify(call_sid or None, _SITE_NOTE, words, url, warning=True)

    def _on_delivery(self, delivery: Delivery) -> None:
        """Note a delivery that is new or has changed."""
        self.tell(delivery)
        if self.write_behind is not None:
            self.write_behind.changed("delivery", delivery)
