"""What a sandbox is built of, at its start and at a reset: exchange and write-behind store."""

from __future__ import annotations

from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.records import SidFactory
from mediasim.sandbox.clocks import Clock
from mediasim.sandbox.config import Config
from mediasim.sandbox.persistence import WriteBehindStore, repository_of
from mediasim.sandbox.settings import Settings
from mediasim.sandbox.storage import Storage
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.representations import recording_document
from mediasim.twilio.rest.resource import Owner
from mediasim.twilio.rest.table import all_stored

__all__ = ["account_sid", "boot_label", "new_exchange", "set_up", "write_behind_of"]


def boot_label(settings: Settings, boot: int) -> str:
    """Return the label of a start's SIDs: without one each would draw those of the first again."""
    label = f"boot-{boot}" if boot > 1 else ""
    return label if settings.worker is None else f"{label}/worker-{settings.worker}"


def account_sid(settings: Settings, storage: Storage) -> str:
    """Return the SID of the sandbox's account: configured, stored, or drawn from the seed."""
    own = SidFactory(Seeds(settings.seed)).new("AC")
    return storage.stored_setting("account", settings.config.account.sid, own)


def new_exchange(
    settings: Settings, storage: Storage, clock: Clock, dates: Dates, label: str
) -> Exchange:
    """Return the exchange of a sandbox, which keeps its recordings in the storage."""
    exchange = Exchange(
        Seeds(settings.seed),
        storage.folder,
        document=recording_document,
        plane=clock.plane,
        transport=clock.transport,
        profile=settings.profile,
        dates=dates,
        sid_label=label,
    )
    exchange.store = storage.media
    exchange.keeps_silence = settings.keeps_silence
    exchange.processing_ns = settings.config.recordings.processing
    return exchange


def set_up(account: Account, config: Config) -> None:
    """Give an account the settings of a config that it has from its beginning."""
    account.debugger_url = config.account.debugger
    account.detection_faults = config.account.machine_detection.faults
    account.recognisers.settings = config.recogniser.settings
    for _, name, callee in config.callees():
        if callee.recogniser is not None:
            account.recognisers.of_party[name] = callee.recogniser.settings
    for each in config.all_weather:
        account.webhooks.faults.begin(each.fault_rule)


def write_behind_of(
    account: Account, settings: Settings, storage: Storage, dates: Dates
) -> WriteBehindStore | None:
    """Return what writes an account's records to the database; None if there is no database."""
    if storage.database is None:
        return None
    own = [
        repository_of(account, each)
        for each in all_stored().values()
        if settings.worker is None or each.owner is not Owner.FRONT
    ]
    return WriteBehindStore(storage.database, dates.unix_ns(0), own)
