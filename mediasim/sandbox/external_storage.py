"""The customer's own bucket, to which an account's recordings go: S3, or what speaks its protocol.

A recording's URL is where the bucket's own clients find it: of AWS
``https://BUCKET.s3.REGION.amazonaws.com/PREFIX/AC…/RE….wav``, of another endpoint
``ENDPOINT/BUCKET/PREFIX/AC…/RE….wav``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from mediasim.net.object_store import ObjectStoreError, first_line, open_store
from mediasim.twilio.vault import BucketRefused

__all__ = ["BucketPlace", "CustomerBucket", "read_place"]

_S3: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")
_AWS: Final = re.compile(
    r"https://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-](?P<region>[a-z0-9-]+)"
    r"\.amazonaws\.com(?:/(?P<prefix>.*))?"
)
_REGION: Final = "us-east-1"
_SECONDS: Final = timedelta(seconds=10)
"""Time limit of a file, its retries included."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a bucket is, and the folder in it."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    """URL of what speaks S3's protocol; None for AWS."""

    @property
    def host(self) -> str:
        """The host that is asked."""
        if self.endpoint is not None:
            return urlsplit(self.endpoint).hostname or ""
        return f"{self.bucket}.s3.{self.region}.amazonaws.com"

    def url(self, name: str) -> str:
        """Return the URL of a file in the folder."""
        path = quote("/".join(part for part in (self.prefix, name) if part))
        if self.endpoint is not None:
            return f"{self.endpoint}/{self.bucket}/{path}"
        return f"https://{self.host}/{path}"


def read_place(url: str, region: str | None = None, endpoint: str | None = None) -> BucketPlace:
    """Read the URL of a bucket: ``s3://bucket/folder``, or AWS's own of https.

    What is not given is that of AWS's environment variables. Raises ValueError.
    """
    found = _S3.fullmatch(url) or _AWS.fullmatch(url)
    if found is None:
        expected = "expected a bucket such as s3://my-recordings/calls, or its https URL of AWS"
        raise ValueError(f"{expected}, found {url[:60]!r}")
    parts, given = found.groupdict(), os.environ.get
    region = region or parts.get("region") or given("AWS_REGION") or given("AWS_DEFAULT_REGION")
    endpoint = endpoint or (None if found.re is _AWS else given("AWS_ENDPOINT_URL"))
    prefix = (parts["prefix"] or "").strip("/")
    at = None if endpoint is None else endpoint.rstrip("/")
    return BucketPlace(parts["bucket"], prefix, region or _REGION, at)


class CustomerBucket:
    """A bucket that files are stored in. Used in threads."""

    def __init__(self, place: BucketPlace, keys: tuple[str, str] | None) -> None:
        """``keys`` are key ID and secret; None: those of AWS's environment variables.

        Raises BucketRefused.
        """
        self._place = place
        config: dict[str, Any] = {"region": place.region}
        if keys is not None:
            config |= {"access_key_id": keys[0], "secret_access_key": keys[1]}
        if place.endpoint is not None:
            config["endpoint"] = place.endpoint
        try:
            url = f"s3://{place.bucket}/{place.prefix}"
            self._store = open_store(url, config, most=_SECONDS)
        except ObjectStoreError as error:
            raise BucketRefused(str(error)) from None

    def put(self, name: str, file: Path) -> str:
        """Store a file; return its URL. Raises BucketRefused."""
        kind = "audio/x-wav" if file.suffix == ".wav" else "application/octet-stream"
        try:
            self._store.put(name, file, attributes={"Content-Type": kind})
        except Exception as error:
            words = f"the bucket {self._place.bucket} refuses it: {first_line(error)}"
            raise BucketRefused(words) from None
        return self._place.url(name)
