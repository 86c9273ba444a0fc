"""Loaded by Python before a program that is run by ``mediasim exec``, or in its environment.

It leads connections to simulated hosts to the sandbox's proxy, and then runs the sitecustomize that
would have run without it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _load(name: str, path: str) -> Any:
    """Return a module made from a file."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _redirect() -> None:
    """Redirect connections as the environment says, if it does."""
    proxy, authority = os.environ.get("MEDIASIM_PROXY"), os.environ.get("MEDIASIM_AUTHORITY")
    if not proxy or not authority:
        return
    host, _, port = proxy.rpartition("//")[2].rpartition(":")
    with open(authority, encoding="ascii") as opened:
        certificate = opened.read()
    address = (host.strip("[]"), int(port), certificate)
    redirect = _load(
        "_mediasim_redirect", os.path.join(_FOLDER, os.pardir, os.pardir, "redirect.py")
    )
    names, allowed = _listed("MEDIASIM_HOSTS"), _listed("MEDIASIM_ALLOW_HOSTS")

    def tell(name: str, refused_port: object) -> None:
        """Tell the proxy of a host that was refused here, so that its log has it."""
        import socket

        try:
            with socket.create_connection(address[:2], timeout=2) as connection:
                connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\n\r\n".encode("ascii"))
                connection.recv(1)
        except (OSError, UnicodeError):
            pass

    redirect.Redirection(lambda: names, lambda: address, allowed, tell).begin()


def _listed(variable: str) -> list[str]:
    """Return the words of a variable, which has commas between them."""
    return [word for word in os.environ.get(variable, "").split(",") if word]


def _run_next() -> None:
    """Run the sitecustomize that this one stands before."""
    from importlib.machinery import PathFinder

    others = [path for path in sys.path if os.path.abspath(path or os.curdir) != _FOLDER]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


try:
    _redirect()
except Exception as error:  # a program must run all the same
    sys.stderr.write(f"mediasim: this program is not led to the sandbox: {error}\n")
_run_next()
