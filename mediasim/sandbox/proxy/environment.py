"""The environment in which a program of any language reaches a sandbox by Twilio's own hosts.

Most HTTP clients follow the proxy and the list of authorities that the environment names. What
follows neither loads a file before the program (a preload): Python by ``sitecustomize`` on its
path, Node by ``--require``.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from mediasim.sandbox.proxy.authority import TRUSTSTORE_PASSWORD, TrustFiles

__all__ = [
    "PRELOADS",
    "EnvironmentForm",
    "environment_text",
    "joined_environment",
    "port_variables",
    "proxy_variables",
    "public_variables",
]

_PRELOADS: Final = Path(__file__).parent / "preload"
_PYTHON: Final = _PRELOADS / "python"
_NODE: Final = _PRELOADS / "node" / "mediasim.cjs"
PRELOADS: Final = {
    "PYTHONPATH": "Python: what ignores proxies or has authorities of its own (aiohttp, SDK 6)",
    "NODE_OPTIONS": "Node: what ignores proxies (https, fetch, ws)",
}
"""Variables that load a file of ours before a program, and the programs that this is for."""
_NO_PROXY: Final = "localhost,127.0.0.1,::1"
_JOINED: Final = {"PYTHONPATH": ":", "NODE_OPTIONS": " ", "JAVA_TOOL_OPTIONS": " "}
"""Variables whose present value is kept behind ours, and what separates them."""
_APPENDED: Final = ("PHP_INI_SCAN_DIR",)
"""Variables whose value begins with its separator, and follows the present one."""
_OWN_URL: Final = ("PUBLIC_URL", "PUBLIC_BASE_URL", "NGROK_URL")
_URL: Final = ("BASE_URL", "SERVER_URL", "APP_URL", "WEBHOOK_BASE_URL")
_OWN_HOST: Final = ("PUBLIC_HOST", "NGROK_DOMAIN")
_HOST: Final = ("SERVER", "DOMAIN")
EnvironmentForm = Literal["shell", "dotenv", "json"]


def proxy_variables(
    proxy: str, trust: TrustFiles, names: Collection[str], allow_hosts: Collection[str]
) -> dict[str, str]:
    """Return the variables by which programs use a proxy and trust its authority, by name."""
    bundle, own = str(trust.bundle), str(trust.authority)
    return {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
        "NO_PROXY": _NO_PROXY,
        "no_proxy": _NO_PROXY,
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), bundle),
        "NODE_EXTRA_CA_CERTS": own,
        "TWILIO_CA_BUNDLE": bundle,
        "DENO_CERT": own,
        "NODE_OPTIONS": f"--require {_quoted_for_node(_NODE)}",
        "PYTHONPATH": str(_PYTHON),
        "JAVA_TOOL_OPTIONS": " ".join(_java_options(proxy, trust)),
        "PHP_INI_SCAN_DIR": f":{trust.php}",
        "MEDIASIM_PROXY": proxy,
        "MEDIASIM_AUTHORITY": own,
        "MEDIASIM_HOSTS": ",".join(names),
        "MEDIASIM_ALLOW_HOSTS": ",".join(allow_hosts),
    }


def port_variables(port: int) -> dict[str, str]:
    """Return the variables that tell an app the port to listen on."""
    return dict.fromkeys(("PORT", "FLASK_RUN_PORT", "UVICORN_PORT"), str(port))


def public_variables(name: str, present: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that tell an app its public name.

    Variables that many programs use for other things are left out where they are present.
    """
    url = f"https://{name}"
    own = {**dict.fromkeys(_OWN_URL, url), **dict.fromkeys(_OWN_HOST, name)}
    others = {**dict.fromkeys(_URL, url), **dict.fromkeys(_HOST, name)}
    return {**own, **{each: value for each, value in others.items() if each not in present}}


def joined_environment(variables: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Return the present environment with the variables in it.

    Of variables that are lists the present value is kept beside the new one.
    """
    found = {**present, **variables}
    for name, value in variables.items():
        before = present.get(name, "")
        if value in before and (name in _JOINED or name in _APPENDED):
            found[name] = before
        elif name in _JOINED and before:
            found[name] = f"{value}{_JOINED[name]}{before}"
        elif name in _APPENDED:
            found[name] = f"{before}{value}"
    return found


def environment_text(variables: Mapping[str, str], form: EnvironmentForm) -> str:
    """Return the variables as ``export`` lines of a shell, as a dotenv file, or as JSON."""
    if form == "json":
        import json

        return json.dumps(dict(variables), indent=2)
    line = _shell_line if form == "shell" else _dotenv_line
    return "\n".join(line(name, value) for name, value in variables.items())


def _shell_line(name: str, value: str) -> str:
    if name in _JOINED:
        return f'export {name}={shlex.quote(value)}"${{{name}:+{_JOINED[name]}${name}}}"'
    if name in _APPENDED:
        return f'export {name}="${{{name}:-}}"{shlex.quote(value)}'
    return f"export {name}={shlex.quote(value)}"


def _dotenv_line(name: str, value: str) -> str:
    # Bare where it can be: some readers of such files take quotes for part of the value.
    bare = value == value.strip() and not any(each in value for each in "#'\"\\$`\n")
    return f"{name}={value}" if bare else f"{name}='{value}'"


def _quoted_for_node(path: Path) -> str:
    """Return a path as NODE_OPTIONS has it."""
    text = str(path)
    return f'"{text}"' if " " in text else text


def _java_options(proxy: str, trust: TrustFiles) -> list[str]:
    """Return the system properties by which Java uses the proxy and trusts its authority."""
    parts = urlsplit(proxy)
    properties = {
        "http.proxyHost": parts.hostname,
        "http.proxyPort": parts.port,
        "https.proxyHost": parts.hostname,
        "https.proxyPort": parts.port,
        "http.nonProxyHosts": "localhost|127.*|[::1]",
        "javax.net.ssl.trustStore": trust.truststore,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": TRUSTSTORE_PASSWORD,
    }
    words = [f"-D{name}={value}" for name, value in properties.items()]
    return [f'"{word}"' if " " in word or "|" in word else word for word in words]
