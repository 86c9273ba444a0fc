"""Recordings that only the customer can read, or that are stored in a bucket of the customer's."""

from mediasim.twilio.vault.credentials import (
    CREDENTIAL,
    CredentialKind,
    CredentialRecord,
    read_aws_credentials,
    read_public_key,
)
from mediasim.twilio.vault.vault import BucketRefused, MediaBucket, OpenBucket, Vault, VaultSettings

__all__ = [
    "CREDENTIAL",
    "BucketRefused",
    "CredentialKind",
    "CredentialRecord",
    "MediaBucket",
    "OpenBucket",
    "Vault",
    "VaultSettings",
    "read_aws_credentials",
    "read_public_key",
]
