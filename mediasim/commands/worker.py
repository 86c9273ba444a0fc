"""The command ``worker``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediasim.commands.ending import ExitCode, stop
from mediasim.commands.loading import loading

__all__ = ["worker"]

_DATA = Path("mediasim-worker")
"""The folder of a worker's state unless another is given."""


def worker(
    front: Annotated[
        str,
        typer.Option(
            help="URL of the sandbox whose calls it carries, which mediasim serve --workers has"
            " started.",
            envvar="MEDIASIM_FRONT",
        ),
    ],
    data: Annotated[
        Path, typer.Option(help="The folder that keeps what is being recorded, for itself alone.")
    ] = _DATA,
) -> None:
    """Carry calls for a sandbox on another machine, until Ctrl-C.

    It needs the front's token in MEDIASIM_TOKEN, the same version of mediasim, and what the front's
    object store asks for in the environment (AWS_ACCESS_KEY_ID and the like). Config and settings
    come from the front. A front that does not answer is waited for; one that is lost is joined
    again.

    Exit code 0: it was told to end; 2: the front refuses it; 3: it broke.
    """
    import asyncio
    import os
    import sys
    from functools import partial
    from urllib.parse import urlsplit

    with loading():
        from mediasim.sandbox.access import TOKEN, token_for_this_user
        from mediasim.sandbox.fleet.home import WorkerHome
        from mediasim.sandbox.fleet.worker import JoinRefused, run_joined
        from mediasim.sandbox.storage import StorageError

    try:
        where = urlsplit(front)
        known = where.scheme in ("http", "https") and where.hostname
    except ValueError:
        known = None
    if not known:
        stop(f"--front: expected a URL such as http://10.0.0.5:8080, found {front[:200]!r}")
    token = token_for_this_user(front)
    if token is None:
        stop(f"expected the front's token in the environment's {TOKEN}, as serve prints it")
    os.umask(0o077)  # files are for this user alone
    say = partial(print, flush=True)
    try:
        with WorkerHome.opened(data) as home:
            told = asyncio.run(run_joined(front.rstrip("/"), token, home, say))
    except (JoinRefused, StorageError) as error:
        stop(str(error))
    except Exception as error:
        stop(f"the worker broke: {error!r}", ExitCode.BROKE)
    if not told:
        say(f"the front at {front} is lost: its calls have ended here, and it is joined again")
        # Anew, so that nothing is left of the calls but what is to be published.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
