"""Connections of this Python process to simulated hosts, led to a sandbox's proxy.

For clients that do not follow HTTPS_PROXY, or have a list of authorities of their own: an address
is looked up as that of the proxy, which takes TLS by the name that the client sends, and the
handshake is made with a context that trusts the sandbox's authority.

Loaded before a program too (:mod:`sitecustomize` beside it), by whatever Python that runs on: so it
imports nothing but the standard library, and nothing of Python after 3.7.
"""

from __future__ import annotations

import _socket
import contextlib
import errno
import socket
import ssl
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.machinery import ModuleSpec
    from typing import Any

__all__ = ["Redirection", "refusal_words"]

_STAND_IN = "127.84.87.73"
"""The address of all simulated hosts; a connection to it is led to the proxy."""
_MARK = "_mediasim_trusting"
"""An attribute of the contexts that are made here."""
_INHERITED = object()
"""Stands for an attribute that a class has of its base."""
_WEB_PORTS = (80, 443, "80", "443", "http", "https")


def refusal_words(host: str) -> str:
    """Return why a host was not called."""
    return (
        f"{host} was not called: it is no host that mediasim simulates, none of the plan's hosts,"
        " and none that its allow_hosts name"
    )


class Redirection:
    """Leads connections to simulated hosts to a proxy while it is begun."""

    def __init__(
        self,
        names: Callable[[], Collection[str]],
        proxy: Callable[[], tuple[str, int, str]],
        allowed: Collection[str] | None = None,
        on_refused: Callable[[str, object], object] | None = None,
    ) -> None:
        """``names`` returns the simulated hosts; ``*.twilio.com`` are all names below twilio.com.

        ``proxy`` returns its host, its port and the authority's certificate in PEM; it is called at
        the first connection. With ``allowed``, connections for HTTP to other hosts than these and
        this machine's are refused, and ``on_refused`` called with the host and port.
        """
        self._names = names
        self._proxy = proxy
        self._allowed = None if allowed is None else {name.lower() for name in allowed}
        self._on_refused = on_refused
        self._undo = []  # type: list[tuple[Any, str, Any]]
        self._hooks = None  # type: _ImportHooks | None

    def begin(self) -> None:
        """Begin to redirect; nothing happens if that was done already."""
        if self._undo:
            return
        self._replace(_socket, "getaddrinfo", self._lookup(_socket.getaddrinfo))
        self._replace(socket.socket, "connect", self._connect(socket.socket.connect))
        self._replace(socket.socket, "connect_ex", self._connect(socket.socket.connect_ex))
        self._replace(ssl.SSLContext, "wrap_socket", self._wrap(ssl.SSLContext.wrap_socket))
        self._replace(ssl.SSLContext, "wrap_bio", self._wrap(ssl.SSLContext.wrap_bio))
        self._hooks = _ImportHooks(
            {"aiohttp.connector": self._patch_aiohttp, "uvloop": self._patch_uvloop}
        )
        self._hooks.begin()

    def end(self) -> None:
        """Undo all of it."""
        if self._hooks is not None:
            self._hooks.end()
        while self._undo:
            owner, name, before = self._undo.pop()
            if before is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

    def is_simulated(self, host: object) -> bool:
        """Return whether a host is one of the simulated ones."""
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        if not isinstance(host, str) or not host:
            return False
        name = host.lower().rstrip(".")
        return any(
            name == each or (each.startswith("*.") and name.endswith(each[1:]))
            for each in map(str.lower, self._names())
        )

    def _is_led(self, host: object) -> bool:
        """Return whether connections to a host, or to its address, are led to the proxy."""
        return host == _STAND_IN or self.is_simulated(host)

    def refusal(self, host: object, port: object) -> str | None:
        """Return why a host is not called; None for one that may be."""
        if self._allowed is None or not isinstance(host, str) or port not in _WEB_PORTS:
            return None
        name = host.lower().rstrip(".")
        # A name without a dot is one of this machine, or of a container beside it.
        if "." not in name or ":" in name or _is_address(name) or self.is_simulated(name):
            return None
        if "*" in self._allowed or name in self._allowed:
            return None
        if self._on_refused is not None:
            self._on_refused(name, port)
        return refusal_words(name)

    # -- what is replaced -------------------------------------------------------------------

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        self._undo.append((owner, name, vars(owner).get(name, _INHERITED)))
        setattr(owner, name, new)

    def _lookup(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a getaddrinfo that finds the stand-in for simulated hosts."""

        def getaddrinfo(host: Any, port: Any = None, *more: Any, **named: Any) -> Any:
            if self.is_simulated(host):
                host = _STAND_IN
            else:
                words = self.refusal(host, port)
                if words is not None:
                    raise socket.gaierror(socket.EAI_NONAME, words)
            return original(host, port, *more, **named)

        return getaddrinfo

    def _connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a socket's connect that finds the proxy in the stand-in's place."""

        def connect(sock: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple) and address and self._is_led(address[0]):
                address = self._proxy()[:2]
            return original(sock, address)

        return connect

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a wrap_socket or wrap_bio that trusts the authority for simulated hosts."""

        def wrap(context: ssl.SSLContext, *args: Any, **named: Any) -> Any:
            simulated = self.is_simulated(named.get("server_hostname"))
            # One redirection inside another keeps the context of the inner one.
            if simulated and not hasattr(context, _MARK) and not named.get("server_side"):
                trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                trusting.load_verify_locations(cadata=self._proxy()[2])
                trusting.sslsocket_class = context.sslsocket_class
                trusting.sslobject_class = context.sslobject_class
                setattr(trusting, _MARK, True)
                context = trusting
            return original(context, *args, **named)

        return wrap

    # -- libraries that look names up by other means -----------------------------------------

    def _patch_aiohttp(self, module: Any) -> None:
        """Patch aiohttp, whose resolver may be another than the system's."""
        original = module.TCPConnector._resolve_host

        async def _resolve_host(
            connector: Any, host: str, port: int, *more: Any, **named: Any
        ) -> Any:
            if not self.is_simulated(host):
                words = self.refusal(host, port)
                if words is not None:
                    raise OSError(errno.ECONNREFUSED, words)
                return await original(connector, host, port, *more, **named)
            proxy_host, proxy_port, _ = self._proxy()
            return [
                {
                    "hostname": host,
                    "host": proxy_host,
                    "port": proxy_port,
                    "family": socket.AF_INET6 if ":" in proxy_host else socket.AF_INET,
                    "proto": 0,
                    "flags": socket.AI_NUMERICHOST,
                }
            ]

        self._replace(module.TCPConnector, "_resolve_host", _resolve_host)

    def _patch_uvloop(self, module: Any) -> None:
        """Patch uvloop, which looks names up by itself."""
        original = module.Loop.create_connection

        async def create_connection(
            loop: Any, protocol: Any, host: Any = None, port: Any = None, **named: Any
        ) -> Any:
            if self._is_led(host):
                if named.get("ssl") and not named.get("server_hostname") and host != _STAND_IN:
                    named["server_hostname"] = host
                host, port, _ = self._proxy()
            else:
                words = self.refusal(host, port)
                if words is not None:
                    raise OSError(errno.ECONNREFUSED, words)
            return await original(loop, protocol, host, port, **named)

        by_itself = module.Loop.getaddrinfo

        async def getaddrinfo(loop: Any, host: Any, port: Any, **named: Any) -> Any:
            if self.is_simulated(host):
                host = _STAND_IN
            return await by_itself(loop, host, port, **named)

        self._replace(module.Loop, "create_connection", create_connection)
        self._replace(module.Loop, "getaddrinfo", getaddrinfo)


def _is_address(name: str) -> bool:
    """Return whether a name is an IPv4 address."""
    return all(part.isdigit() for part in name.split("."))


class _ImportHooks:
    """Calls a function with each of some modules once it is imported."""

    def __init__(self, hooks: dict[str, Callable[[Any], None]]) -> None:
        self._hooks = hooks
        self._finding = False

    def begin(self) -> None:
        """Begin, with the modules that are imported already."""
        for name in list(self._hooks):
            module = sys.modules.get(name)
            if module is not None:
                self._run(name, module)
        if self._hooks:
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Call no function from now on."""
        self._hooks.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module as it would be found without this, and call its function after that."""
        if name not in self._hooks or self._finding:
            return None
        from importlib.util import find_spec

        self._finding = True
        try:
            spec = find_spec(name)
        finally:
            self._finding = False
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        original = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            original(module)
            self._run(name, module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _run(self, name: str, module: Any) -> None:
        hook = self._hooks.pop(name, None)
        if hook is None:
            return
        # A version of the library may have other names: the rest still works.
        with contextlib.suppress(AttributeError):
            hook(module)
