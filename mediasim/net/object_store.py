"""Object stores (S3 and compatible ones), through obstore, which the extra ``s3`` installs.

Credentials, region and endpoint are those of obstore's environment variables, which are AWS's own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

__all__ = ["ObjectStoreError", "first_line", "open_store"]

_CONNECT_TIMEOUT: Final = timedelta(seconds=3)
"""Time limit of a connection."""
_REQUEST_TIMEOUT: Final = timedelta(seconds=30)
"""Time limit of a request, its retries included."""
_RETRIES: Final = 2


class ObjectStoreError(Exception):
    """The object store cannot be used; the message says why."""


def open_store(
    url: str, config: dict[str, Any], *, most: timedelta = _REQUEST_TIMEOUT, retries: int = _RETRIES
) -> Any:
    """Return obstore's store at a URL, whose requests take ``most`` each with their retries.

    Raises ObjectStoreError.
    """
    try:
        import obstore.store
    except ImportError:
        raise ObjectStoreError(
            "obstore is not installed, which object stores need: pip install 'mediasim[s3]'"
        ) from None
    if url.startswith("file:"):  # a folder that several machines see
        config = {"mkdir": True, **config}
    try:
        return obstore.store.from_url(
            url,
            client_options={
                "allow_http": True,
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": most,
            },
            retry_config={"max_retries": retries, "retry_timeout": most},
            **config,
        )
    except Exception as error:
        raise ObjectStoreError(f"{url!r} is no object store's URL: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return str(error).strip().splitlines()[0]
