"""The orders of a front to a worker that joins, as JSON: config, settings, and what is in force.

A worker on another machine reads the config as the front's user has written it. Files that the
config names are taken from its own disk where they are the same there, and fetched otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from mediasim.sandbox.clocks import loop_zero_ns
from mediasim.sandbox.config import Config, parse_config
from mediasim.sandbox.fleet.member import Worker
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.settings import Settings
from mediasim.truth.faults.order import parse_fault
from mediasim.twilio.fault_injection import FaultRule
from mediasim.twilio.resources import AccountRecord

__all__ = ["Orders", "OrdersRefused", "config_files", "file_text", "orders_for", "read_orders"]

_ACCOUNT: Final = ("sid", "auth_token", "friendly_name")
"""What a worker is told of the account, which the front may have drawn."""
_FOLDER: Final = "files"
_FAULTS: Final = "recorder_faults"
FetchFile = Callable[[str], Awaitable[bytes]]
"""Returns the content of one of the front's files, by its path in the config."""


class OrdersRefused(Exception):
    """The orders cannot be carried out here; the message says why."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the front starts a worker with."""

    settings: Settings
    base_url: str
    boot: int
    """Number of the front's start, from 1."""
    fault_rules: Sequence[tuple[str, FaultRule]]
    """Active fault rules of the front by their ids; they may differ from its config's."""
    logged: bool = False
    """Whether the worker sends the front entries of the log."""

    def to_json(self) -> dict[str, Any]:
        """Return the orders as JSON; reads the config's files for their digests."""
        config = self.settings.config
        return {
            "settings": _settings().dump_python(self.settings, mode="json", exclude={"config"}),
            "config": config.document(),
            "account": {name: getattr(config.account, name) for name in _ACCOUNT},
            "base": str(config.base.resolve()),
            "files": {path: digest(config.base / path) for path in config_files(config)},
            "base_url": self.base_url,
            "boot": self.boot,
            "fault_rules": [[name, _rule_json(rule)] for name, rule in self.fault_rules],
            "logged": self.logged,
        }


async def orders_for(sandbox: Sandbox, worker: Worker) -> dict[str, Any]:
    """Return the orders of a worker that joins a front, as JSON."""
    settings, storage, service = sandbox.settings, sandbox.storage, sandbox.service
    here = worker.process is not None

    def state() -> tuple[AccountRecord, datetime, int, float | None, list[tuple[str, FaultRule]]]:
        clock, rules = sandbox.clock, service.webhooks.faults.rules()
        return service.account, service.dates.epoch, loop_zero_ns(clock), clock.rate, rules

    account, epoch, zero_ns, rate, fault_rules = await sandbox.engine.gate(state)
    of_front = {name: getattr(account, name) for name in _ACCOUNT}
    known = settings.config.account.model_copy(update=of_front)
    own = replace(
        settings,
        config=settings.config.model_copy(update={"account": known}),
        rate=rate or settings.rate,
        data=storage.worker_folder(worker.number) if here else None,
        database=None,
        recordings=storage.folder if here else None,
        workers=1,
        worker=worker.number,
        zero_ns=zero_ns if here else None,  # of this machine's monotonic clock
        epoch=epoch,
    )
    logged = sandbox.log is not None
    orders = Orders(own, sandbox.base_url, storage.boot, fault_rules, logged)
    return await asyncio.to_thread(orders.to_json)


async def read_orders(document: dict[str, Any], folder: Path, fetch: FetchFile) -> Orders:
    """Read orders as JSON; files of the config that this machine lacks go below ``folder``.

    Raises OrdersRefused, ScenarioError.
    """
    base = await _base(document, folder / _FOLDER, fetch)
    config = parse_config(document["config"], base=base)
    # Its numbers and connectors are records of the front, which sends them.
    known = {**document["account"], "caller_ids": (), "debugger": None}
    config = config.model_copy(update={"account": config.account.model_copy(update=known)})
    return Orders(
        _settings().validate_python({**document["settings"], "config": config}),
        document["base_url"],
        document["boot"],
        [(name, _rule(each)) for name, each in document["fault_rules"]],
        document["logged"],
    )


@cache
def _settings() -> TypeAdapter[Settings]:
    return TypeAdapter(Settings)


@cache
def _rules() -> TypeAdapter[FaultRule]:
    return TypeAdapter(FaultRule)


def _rule_json(rule: FaultRule) -> dict[str, Any]:
    plain: dict[str, Any] = _rules().dump_python(rule, mode="json", exclude={_FAULTS})
    return {**plain, _FAULTS: [str(order) for order in rule.recorder_faults]}


def _rule(document: dict[str, Any]) -> FaultRule:
    orders = tuple(parse_fault(text) for text in document[_FAULTS])
    return _rules().validate_python({**document, _FAULTS: orders})


# -- files of the config --------------------------------------------------------------------------


def config_files(config: Config) -> list[str]:
    """Return the paths of the files that a config names, as they are written."""
    return sorted({str(path) for path in _paths(config)})


def _paths(value: object) -> Iterator[Path]:
    """Yield every path in a model and its parts."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for part in value.__dict__.values():
            yield from _paths(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _paths(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _paths(part)


def file_text(config: Config, path: str) -> str:
    """Return the content of a file that a config names, in base64; empty for any other.

    Raises OSError.
    """
    if path not in config_files(config):
        return ""
    return base64.b64encode((config.base / path).read_bytes()).decode("ascii")


def digest(file: Path) -> str | None:
    """Return the SHA-256 of a file; None for one that cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


async def _base(document: dict[str, Any], folder: Path, fetch: FetchFile) -> Path:
    """Return a folder in which the paths of the config lead to the front's files.

    Raises OrdersRefused.
    """
    files: dict[str, str | None] = document["files"]
    base = Path(document["base"])
    if all(digest(base / path) == wanted for path, wanted in files.items()):
        return base
    for path, wanted in files.items():
        own = folder / path  # of an absolute path: the path itself
        if wanted is None or digest(own) == wanted:
            continue
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise OrdersRefused(
                f"the config's file {path} is not here as the front has it: expected the same file"
                " at this path, or in the config one in its own folder, which is fetched"
            )
        data = await fetch(path)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(data)
    return folder
