"""The addresses of a served sandbox, as they are printed at its start."""

from __future__ import annotations

from mediasim.sandbox.sandbox import Sandbox

__all__ = ["addresses", "inspector_url"]


def inspector_url(sandbox: Sandbox, url: str) -> str:
    """Return the URL of a served sandbox's inspector, with its token where it asks for one."""
    return f"{url}/{_token(sandbox)}"


def _token(sandbox: Sandbox) -> str:
    return "" if sandbox.shown_token is None else f"?token={sandbox.shown_token}"


def addresses(sandbox: Sandbox, url: str) -> str:
    """Return where a served sandbox's API, pages, SIP server and proxy are, a line for each."""
    workers = sandbox.settings.workers
    shared = f", {workers} workers" if workers else ", whose calls workers elsewhere carry"
    lines = [
        f"mediasim sandbox at {url}" + ("" if workers == 1 else shared),
        f"inspector at {inspector_url(sandbox, url)}",
    ]
    # Softphones live in real time, in the process of the calls that ring them.
    if workers == 1 and sandbox.clock.rate == 1.0:
        lines.append(f"softphone at {url}/softphone{_token(sandbox)}")
    if sandbox.sip is not None:
        lines.append(f"SIP telephones at sip:{sandbox.sip.address}, UDP and TCP")
    if sandbox.proxy is not None and sandbox.proxy.url is not None:
        lines += sandbox.proxy.description
        lines.append(f'for a shell: eval "$(mediasim env --shell --url {url})"')
    return "\n".join(lines)
