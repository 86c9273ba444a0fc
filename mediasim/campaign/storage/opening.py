"""The storage at a folder or a URL."""

from __future__ import annotations

from pathlib import Path

from mediasim.campaign.storage.contract import Storage
from mediasim.campaign.storage.folder import FolderStorage

__all__ = ["open_storage"]


def open_storage(where: str | Path) -> Storage:
    """Return the storage at a folder or a URL, such as ``s3://bucket/prefix``.

    Raises OSError if there is none that can be used.
    """
    if "://" in str(where):
        from mediasim.campaign.storage.bucket import BucketStorage

        return BucketStorage(str(where))
    return FolderStorage(where)
