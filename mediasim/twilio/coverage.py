"""What is simulated of Twilio: each parameter of the REST API and each attribute of TwiML.

Derived from the rows that the sandbox works by: :mod:`mediasim.twilio.rest.table` and
:mod:`mediasim.twilio.twiml.grammar`. Tests try every entry: what *acts* changes what happens, in
the profile that it names and in all since; what is *noted* leaves a notification that names it; and
what is *not there* is refused (501), or passed over with a warning that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Final, Literal

from mediasim.exchange.profiles import PROFILES
from mediasim.twilio.rest.described import DESCRIBED
from mediasim.twilio.rest.media import MEDIA_PARAMETERS
from mediasim.twilio.rest.resource import ACCOUNT
from mediasim.twilio.rest.table import RESOURCES
from mediasim.twilio.twiml.grammar import ELEMENTS, MESSAGING, ROOT, Element
from mediasim.twilio.twiml.values import Noted

__all__ = ["Entry", "State", "coverage_json", "coverage_markdown", "entries"]

State = Literal["acts", "noted", "not there"]
_OLDEST: Final = next(iter(PROFILES))
_MEDIA: Final = "GET …/Recordings/{sid}.wav, .mp3"
_REFUSED: Final = "answered with 501, and a notification"
_PASSED_OVER: Final = "passed over, with a warning"


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter or attribute, and whether it acts."""

    kind: Literal["REST", "TwiML", "TwiML for messages"]
    of: str
    """The resource or the element: ``Call``, ``Dial``."""
    place: str
    """The operation, ``POST …/Calls``, or the element with those around it, ``Dial/Number``."""
    name: str
    """The parameter or the attribute; "" for the operation or the element itself."""
    state: State
    since: str | None
    """The first profile in which it acts; None if it does not."""
    why: str = ""
    """Why it does not act."""


def entries() -> Iterator[Entry]:
    """Yield all entries: operations of the REST API, then elements of TwiML."""
    for resource in RESOURCES:
        for path, methods in resource.paths.items():
            for method, operation in methods.items():
                place = f"{method} {path.replace(ACCOUNT, '…')}"
                acting, noted = operation.parameters, operation.noted
                yield from _of_operation(resource.name, place, acting, noted)
    yield from _of_operation("Recording", _MEDIA, MEDIA_PARAMETERS, {})
    for path, method in _not_there():
        of = next(each for each in reversed(path.split("/")) if not each.startswith("{"))
        yield Entry("REST", of, f"{method} …/{path}", "", "not there", None, _REFUSED)
    yield from _of_elements("TwiML", ELEMENTS)
    yield from _of_elements("TwiML for messages", MESSAGING)


def _of_operation(
    resource: str, place: str, acting: Iterable[str], noted: Mapping[str, str]
) -> Iterator[Entry]:
    yield Entry("REST", resource, place, "", "acts", _OLDEST)
    # A numbered parameter stands for all of its kind.
    for name in dict.fromkeys(re.sub(r"\d+", "N", each) for each in acting):
        yield Entry("REST", resource, place, name, "acts", _OLDEST)
    for name, why in noted.items():
        yield Entry("REST", resource, place, name, "noted", None, why)


def _not_there() -> Iterator[tuple[str, str]]:
    """Yield path and method of what Twilio describes and no row has."""
    served = {
        (re.sub(r"\{\w+\}", "{}", path.removeprefix(f"{ACCOUNT}/")), method)
        for resource in RESOURCES
        for path, methods in resource.paths.items()
        for method in methods
    }
    for path, methods in DESCRIBED.items():
        for method in methods:
            if (re.sub(r"\{\w+\}", "{}", path), method) not in served:
                yield path, method


def _of_elements(
    kind: Literal["TwiML", "TwiML for messages"], elements: Mapping[str, Element]
) -> Iterator[Entry]:
    for place, row in elements.items():
        if place == ROOT:
            continue
        of = place.rpartition("/")[2]
        if not row.supported:
            yield Entry(kind, of, place, "", "not there", None, _PASSED_OVER)
            continue
        state: State = "noted" if row.noted else "acts"
        yield Entry(kind, of, place, "", state, None if row.noted else _OLDEST, row.noted)
        for name, value in row.attributes.items():
            why = value.why if isinstance(value, Noted) else row.noted
            state = "noted" if why else "acts"
            yield Entry(kind, of, place, name, state, None if why else _OLDEST, why)


def coverage_json() -> list[dict[str, Any]]:
    """Return all entries as JSON."""
    return [asdict(each) for each in entries()]


# -- the table ---------------------------------------------------------------------------------


def coverage_markdown() -> str:
    """Return all entries as tables in Markdown."""
    found = list(entries())
    there = [each for each in found if each.state != "not there"]
    parts = []
    for kind, words in (
        ("REST", "REST API"),
        ("TwiML", "TwiML"),
        ("TwiML for messages", "TwiML that answers messages"),
    ):
        what = "operation | parameters" if kind == "REST" else "element | attributes"
        parts.append(f"## {words}\n\n| {what} | state | since | why |\n|---|---|---|---|---|")
        parts += _lines(each for each in there if each.kind == kind)
        parts.append("")
    parts.append("## Not there\n\n| what | state | what becomes of it |\n|---|---|---|")
    absent = [each for each in found if each.state == "not there"]
    for path, same in groupby(absent, lambda each: each.place.rpartition(" ")[2]):
        of = list(same)
        methods = " ".join(each.place.partition(" ")[0] for each in of if " " in each.place)
        parts.append(f"| {_shown(f'{methods} {path}'.strip())} | not there | {of[0].why} |")
    return "\n".join(parts) + "\n"


def _lines(found: Iterable[Entry]) -> Iterator[str]:
    """Yield a line for what acts of each operation or element, and one for each other reason."""
    for place, same in groupby(found, lambda each: each.place):
        lines: dict[tuple[str, str, str], list[str]] = {}
        for each in same:
            names = lines.setdefault((each.state, each.since or "", each.why), [])
            names += [each.name] if each.name else []
        for (state, since, why), names in lines.items():
            yield f"| {_shown(place)} | {', '.join(names)} | {state} | {since} | {why} |"


def _shown(place: str) -> str:
    """Return an operation, or an element in the one around it, as code."""
    if " " in place:
        return f"`{place}`"
    around, _, own = place.rpartition("/")
    return f"`<{own}>` in `<{around}>`" if around else f"`<{own}>`"
