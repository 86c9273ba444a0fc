"""What a sandbox is built of, at its start and at a reset: exchange and write-behind store."""

from __future__ import annotations

from functools import partial

from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.records import SidFactory
from mediasim.sandbox.clocks import Clock
from mediasim.sandbox.config import Config
from mediasim.sandbox.config_payments import pay_connectors
from mediasim.sandbox.number_plan import claim_numbers
from mediasim.sandbox.persistence import WriteBehindStore, repository_of
from mediasim.sandbox.settings import Settings
from mediasim.sandbox.storage import Storage
from mediasim.sandbox.vault import claim_keys
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.representations import recording_document
from mediasim.twilio.rest.resource import Owner
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.rules import (
    CallLimits,
    DialingPermissions,
    RulesSettings,
    TestCredentials,
    countries_of,
)
from mediasim.twilio.vault import Vault
from mediasim.twilio.webhooks import HostGuard

__all__ = [
    "account_sid",
    "auth_token",
    "boot_label",
    "claim_plan",
    "new_exchange",
    "rules_of",
    "set_up",
    "write_behind_of",
]


def boot_label(settings: Settings, boot: int) -> str:
    """Return the label of a start's SIDs: without one each would draw those of the first again."""
    label = f"boot-{boot}" if boot > 1 else ""
    if settings.shard is not None:  # or all of them would draw the same
        label += f"/shard-{settings.shard}"
    return label if settings.worker is None else f"{label}/worker-{settings.worker}"


def account_sid(settings: Settings, storage: Storage) -> str:
    """Return the SID of the sandbox's account: configured, stored, or drawn from the seed."""
    own = SidFactory(Seeds(settings.seed)).new("AC")
    return storage.stored_setting("account", settings.config.account.sid, own)


def auth_token(settings: Settings, drawn: str) -> str:
    """Return the seed's token where a seed was given, to repeat a run; else the one drawn."""
    if settings.seed_override is None and "seed" not in settings.config.model_fields_set:
        return drawn
    return Seeds(settings.seed).digest("auth-token").hex()


def claim_plan(account: Account, config: Config) -> None:
    """Add the config's numbers and keys to an account."""
    claim_numbers(account, config)
    claim_keys(account, config)


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
    if settings.shard is not None:
        exchange.sids.may_draw = settings.shard.may_draw
    exchange.store = storage.media
    exchange.keeps_silence = settings.keeps_silence
    exchange.discards_silence = settings.config.recordings.silent == "discard"
    exchange.processing_ns = settings.config.recordings.processing
    return exchange


def set_up(account: Account, settings: Settings, vault: Vault | None, clock: Clock) -> None:
    """Give an account the settings of a config that it has from its beginning."""
    config = settings.config
    if vault is not None:
        vault.serve(account)
    account.rules.settings = rules_of(settings)
    account.rules.permissions = DialingPermissions(partial(_callable_countries, config))
    if config.sip.siprec:
        from mediasim.sip.siprec.client import SiprecClient

        specs = config.sip.siprec
        account.siprecs.connectors = {name: spec.connector for name, spec in specs.items()}
        refusal = HostGuard(config.allow_hosts).refusal
        account.siprecs.port = SiprecClient(refusal, real_time=lambda: clock.rate == 1.0)
    account.debugger_url = config.account.debugger
    account.retention.period_ns = config.recordings.retention
    account.detection_faults = config.account.machine_detection.faults
    account.recognisers.settings = config.recogniser.settings
    for _, name, callee in config.callees():
        if callee.recogniser is not None:
            account.recognisers.of_party[name] = callee.recogniser.settings
    account.payments.connectors = pay_connectors(config.account.pay_connectors)
    account.insights.processing_ns = int(config.insights.processing)
    for each in config.all_weather:
        account.webhooks.faults.begin(each.fault_rule)


def rules_of(settings: Settings) -> RulesSettings:
    """Return the rules of the account, as its config has them or by default."""
    planned, seeds = settings.config.account, Seeds(settings.seed).fork("test-credentials")
    strict, per_second = settings.config.judges_numbers, planned.calls_per_second
    if per_second is None:
        per_second = 1 if strict and settings.clock != "real" else 0
    return RulesSettings(
        strict=strict,
        trial=planned.trial,
        limits=CallLimits(per_second or None, planned.concurrent_calls),
        test=TestCredentials(
            planned.test_sid or SidFactory(seeds).new("AC"),
            planned.test_auth_token or seeds.digest("auth-token").hex(),
        ),
    )


def _callable_countries(config: Config) -> set[str] | None:
    """Return the ISO codes of the countries that may be called; None for all."""
    planned = config.account
    if planned.countries:
        return None if "all" in planned.countries else set(planned.countries)
    if not config.judges_numbers and not planned.trial:
        return None
    callees = (callee.number for _, _, callee in config.callees())
    numbers = [*config.numbers, *planned.caller_ids, *(each for each in callees if each)]
    return {"US", "CA"} | countries_of(numbers)


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
    store = WriteBehindStore(storage.database, dates.unix_ns(0), own)
    account.retention.on_deleted = partial(store.changed, "recording")
    account.retention.on_forgotten = partial(store.removed, "recording")
    return store
