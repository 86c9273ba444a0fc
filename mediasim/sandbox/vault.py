"""The vault of a sandbox's account, as its config has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.sandbox.config import Config
from mediasim.sandbox.config_account import StorageSpec
from mediasim.sandbox.external_storage import CustomerBucket
from mediasim.sandbox.persistence import Documents, from_document, readable
from mediasim.sandbox.settings import Settings
from mediasim.sandbox.storage import Storage
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.vault import (
    CREDENTIAL,
    CredentialRecord,
    MediaBucket,
    Vault,
    VaultSettings,
)

__all__ = ["claim_keys", "vault_of"]

_PLANNED: Final = "From the number plan"
"""Friendly name of the config's own key."""


def vault_of(settings: Settings, storage: Storage) -> Vault | None:
    """Return the vault that protects the recordings; None where they are stored as they are.

    Until it serves an account, it knows the keys that were stored.
    """
    config = settings.config
    storing, encrypts = config.recordings.storage, config.recordings.encrypts
    if storing is None and not encrypts:
        return None
    chosen = VaultSettings(
        encrypts=encrypts,
        public_key=config.recordings.public_key,
        open_bucket=None if storing is None else _opens(storing),
    )
    vault = Vault(chosen, storage.media, Seeds(settings.seed))
    vault.credentials = lambda: _stored(storage.documents)
    storage.closes(vault.close)
    return vault


def _opens(storing: StorageSpec) -> Callable[[CredentialRecord | None], MediaBucket]:
    def open_bucket(given: CredentialRecord | None) -> MediaBucket:
        keys = storing.keys
        if keys is None and given is not None:
            keys = given.access_key_id, given.secret_access_key
        return CustomerBucket(storing.place, keys)

    return open_bucket


def _stored(documents: Documents) -> list[CredentialRecord]:
    """Return the stored credentials; their times count for nothing."""
    found = readable({CREDENTIAL: documents.get(CREDENTIAL, [])})
    return [from_document(CredentialRecord, each, 0) for each in found[CREDENTIAL]]


def claim_keys(service: Account, config: Config) -> None:
    """Add the config's public key to the account, if it is not there."""
    wanted, keys = config.recordings.public_key, service.resource_list("Credentials")
    if wanted is not None and all(each.public_key != wanted for each in keys.all()):
        keys.add(
            CredentialRecord(
                sid=service.new_sid("CR"),
                account_sid=service.sid,
                kind="public-key",
                friendly_name=_PLANNED,
                created_ns=service.now_ns,
                public_key=wanted,
            )
        )
