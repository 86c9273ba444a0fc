"""Servers of our own to test against: PostgreSQL, and one of S3."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest


@contextmanager
def postgresql(*schemas: str) -> Iterator[str]:
    """The URL of a database on a server that runs meanwhile; skips where there is none.

    ``schemas`` are made in it besides its own.
    """
    if find_spec("psycopg") is None:
        pytest.skip("psycopg, the driver for PostgreSQL, is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to be root's
    with tempfile.TemporaryDirectory(prefix="mediasim-pg-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = f"{folder}/data"

        def run(*command: str) -> None:
            subprocess.run(
                command, check=True, user=user, cwd=folder, capture_output=True, timeout=60
            )

        run(f"{programs}/initdb", "-D", data, "-U", "me", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        # Its log goes to a file: a pipe would stay open as long as it runs.
        run(f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        for schema in schemas:
            made = f"CREATE SCHEMA {schema}"
            run(f"{programs}/psql", "-h", folder, "-U", "me", "-c", made, "postgres")
        try:
            yield f"postgresql+psycopg://me@/postgres?host={folder}"
        finally:
            run(f"{programs}/pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _programs() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """The URL of an S3 server that has a bucket and runs meanwhile; skips where there is none."""
    for name in ("obstore", "moto", "flask"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    made = Request(f"http://{host}:{port}/{bucket}", method="PUT")
    urlopen(made, timeout=5).close()
    yield f"http://{host}:{port}"
    server.stop()


@contextmanager
def s3_bucket(name: str) -> Iterator[str]:
    """The URL of a bucket on an S3 server that runs meanwhile, which the environment leads to."""
    with s3_server(name) as url, pytest.MonkeyPatch.context() as patch:
        for variable, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(variable, value)
        yield f"s3://{name}"
