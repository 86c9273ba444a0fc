"""The vault: encrypts published media, and brings it to the customer's bucket.

An account that has its recordings encrypted, or stored externally, has a vault. What goes in is the
WAV that a plain download would give. The recording itself, its truth and its waveform stay in the
store as they were recorded, for those who test: only what an app gets is different.

Which key is used follows Twilio's errors 16105 and 16107: the configured one; if that was deleted,
the newest of the account, with an error; without any the recording is not kept, ``absent`` with
16105. A bucket that refuses a recording leaves it here, downloadable, with an error (our choice).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import Encryption, RecordingRecord
from mediasim.exchange.rendition import plain_media
from mediasim.seeds import Seeds
from mediasim.twilio.session import CallDocuments
from mediasim.twilio.vault.credentials import CredentialKind, CredentialRecord
from mediasim.twilio.vault.encryption import encrypt_file

__all__ = ["BucketRefused", "MediaBucket", "OpenBucket", "Vault", "VaultSettings"]

_NO_KEY: Final = 16105
_OTHER_KEY: Final = 16107
_NOT_STORED: Final = 13000
"""Code of a recording that the bucket refused (our choice: Twilio's dictionary names none)."""


class BucketRefused(Exception):
    """A bucket has not taken a file; the message says why."""


class MediaBucket(Protocol):
    """A bucket of the customer's. Used in threads."""

    def put(self, name: str, file: Path) -> str:
        """Store a file; return its URL. Raises BucketRefused."""


OpenBucket = Callable[[CredentialRecord | None], MediaBucket]
"""Opens the customer's bucket with credentials of the account. Raises BucketRefused."""


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """What an account does with the media of its recordings."""

    encrypts: bool = False
    public_key: str | None = None
    """The key to encrypt for; None: the newest of the account's."""
    open_bucket: OpenBucket | None = None
    """Opens the bucket for the media; None: it stays in the store."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Something that the developer is told of."""

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done with one recording."""

    record: RecordingRecord
    key: CredentialRecord | None
    """The key to encrypt for; None: it is not encrypted."""
    credentials: CredentialRecord | None
    problems: tuple[_Problem, ...] = ()
    refused: bool = False
    """Whether it cannot be encrypted, and so not be kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was done."""

    encryption: Encryption | None = None
    external_url: str | None = None
    problems: tuple[_Problem, ...] = ()


class Vault:
    """Encrypts the recordings of an account, or brings them to a bucket."""

    def __init__(self, settings: VaultSettings, store: MediaStore, seeds: Seeds) -> None:
        self._settings = settings
        self._store = store
        self._seeds = seeds
        self.credentials: Callable[[], Sequence[CredentialRecord]] = lambda: ()
        """Returns all credentials, oldest first."""
        self._account: CallDocuments | None = None
        self._thread = ThreadPoolExecutor(1, "mediasim-vault")
        self._untold: list[tuple[str, _Problem]] = []
        """Problems with the SID of their call, until there is an account to tell."""
        self._unreachable = False

    def serve(self, account: CallDocuments) -> None:
        """Protect the recordings of an account from now on; on the engine's loop."""
        self._account = account
        self.credentials = account.resource_list("Credentials").all
        account.exchange.protected = True
        account.exchange.protect = self._protect
        untold, self._untold = self._untold, []
        for call_sid, problem in untold:
            self._tell(call_sid, problem)

    def close(self) -> None:
        """End the thread after what it has to do."""
        self._thread.shutdown()

    # -- recordings that end ----------------------------------------------------------------

    def _protect(self, recording: LiveRecording, complete: Callable[[], None]) -> None:
        assert self._account is not None
        self._account.recordings.inject_faults(recording)
        self._account.spawn(self._work(recording, complete))

    async def _work(self, recording: LiveRecording, complete: Callable[[], None]) -> None:
        """Protect a recording's media in the thread, a virtual clock held meanwhile."""
        loop: Any = asyncio.get_running_loop()
        order, exchange = self._order(recording.record), recording.exchange
        try:
            with loop.hold() if hasattr(loop, "hold") else nullcontext():
                kept = await loop.run_in_executor(self._thread, self._carry_out, order)
        except OSError as error:
            if exchange.unpublished is None:
                raise
            exchange.unpublished(recording, error)  # which publishes it again
            return
        self._enter(order, kept)
        complete()

    # -- crash recovery ---------------------------------------------------------------------

    def recover(self, record: RecordingRecord) -> None:
        """Protect a recording that crash recovery is publishing; its media is in the store.

        Once a bucket could not be reached, no other recording waits for it.
        """
        order = self._order(record)
        self._enter(order, self._carry_out(order, once=True))

    # -- one after the other ----------------------------------------------------------------

    def _order(self, record: RecordingRecord) -> _Order:
        """Return what is to be done with a recording, by the keys that there are now."""
        credentials = self._newest("aws", record.account_sid)
        if not self._settings.encrypts:
            return _Order(record, None, credentials)
        keys, wanted = self.credentials(), self._settings.public_key
        found = next((each for each in reversed(keys) if each.public_key == wanted), None)
        if found is not None:
            return _Order(record, found, credentials)
        found = self._newest("public-key", record.account_sid)
        if found is None:
            words = f"Recording {record.sid} is not stored: the account has no public key"
            return _Order(record, None, credentials, (_Problem(_NO_KEY, words),), refused=True)
        if wanted is None:
            return _Order(record, found, credentials)
        words = (
            f"Recording {record.sid} is encrypted with an alternate public key, {found.sid}: the"
            " configured one was deleted"
        )
        return _Order(record, found, credentials, (_Problem(_OTHER_KEY, words),))

    def _carry_out(self, order: _Order, *, once: bool = False) -> _Kept:
        """Encrypt and store a recording's media, in any thread. Raises OSError if the disk fails.

        A recording that was published without media is left as it is.
        """
        record, store = order.record, self._store
        if order.refused:
            store.delete(record.sid)
            return _Kept()
        try:
            file, encryption = plain_media(store, record), None
        except MediaNotFound:
            return _Kept()
        if order.key is not None:
            with store.publish_encrypted(record.sid) as encrypted:
                encryption = encrypt_file(
                    file,
                    encrypted,
                    public_key=order.key.public_key,
                    key_sid=order.key.sid,
                    seeds=self._seeds.fork(f"encryption/{record.sid}"),
                )
            file = store.encrypted_path(record.sid)
        return self._put(order, file, _Kept(encryption), once=once)

    def _put(self, order: _Order, file: Path, kept: _Kept, *, once: bool) -> _Kept:
        """Bring a file to the customer's bucket, if there is one."""
        if self._settings.open_bucket is None:
            return kept
        record = order.record
        try:
            if once and self._unreachable:
                raise BucketRefused("it refused an earlier one")
            bucket = self._settings.open_bucket(order.credentials)
            url = bucket.put(f"{record.account_sid}/{record.sid}.wav", file)
        except BucketRefused as error:
            self._unreachable = once
            words = (
                f"Recording {record.sid} could not be stored externally, and is kept here: {error}"
            )
            return replace(kept, problems=(_Problem(_NOT_STORED, words),))
        return replace(kept, external_url=url)

    def _enter(self, order: _Order, kept: _Kept) -> None:
        """Note in the record what was done, and tell the developer of problems."""
        record = order.record
        record.encryption, record.external_url = kept.encryption, kept.external_url
        if order.refused:
            record.absence = "no-public-key"
        for problem in (*order.problems, *kept.problems):
            if self._account is None:
                self._untold.append((record.call_sid, problem))
            else:
                self._tell(record.call_sid, problem)

    def _tell(self, call_sid: str, problem: _Problem) -> None:
        assert self._account is not None
        self._account.notify(call_sid, problem.code, problem.words)

    def _newest(self, kind: CredentialKind, account_sid: str) -> CredentialRecord | None:
        """Return the newest credential of an account, else of any account; None without one."""
        found = [each for each in self.credentials() if each.kind == kind]
        own = [each for each in found if each.account_sid == account_sid]
        return next(reversed(own or found), None)
