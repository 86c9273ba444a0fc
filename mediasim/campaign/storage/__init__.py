"""Where a campaign is written: a folder or a bucket, alike."""

from mediasim.campaign.storage.contract import Storage, StoredFile
from mediasim.campaign.storage.folder import FolderStorage
from mediasim.campaign.storage.opening import open_storage

__all__ = ["FolderStorage", "Storage", "StoredFile", "open_storage"]
