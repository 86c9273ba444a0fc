"""The parts of the documentation that are made of the code.

A page of the table ``PAGES`` is written by hand down to its mark; what stands below it is returned
by the page's function. A test compares; ``python tests/documentation/generated.py`` writes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer.main
from schema_tables import cell, keys_of, spelled, table, words_of

import mediasim.cli
from mediasim import pytest_plugin, testing
from mediasim.campaign.spec.schema import campaign_schema
from mediasim.documentation.pages import FOLDER, INDEX, KINDS, page, pages
from mediasim.documents.model import CHOICES
from mediasim.exchange import events
from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, LANGUAGES, VOICES
from mediasim.sandbox.config import config_schema
from mediasim.sandbox.control_api import OPERATIONS, openapi
from mediasim.scenario.model.expect import EXPECTATIONS
from mediasim.scenario.model.load import scenario_schema
from mediasim.scenario.model.steps import STEPS
from mediasim.testing.apps import DeliveryLog
from mediasim.testing.calls import SimulatedCall
from mediasim.testing.injected_faults import InjectedFaults
from mediasim.testing.placed_call import PlacedCall
from mediasim.twilio.coverage import coverage_markdown
from mediasim.twilio.error_dictionary import error_dictionary
from mediasim.twilio.rest.table import coverage

__all__ = ["MARK", "PAGES", "written"]

MARK: Final = "<!-- generated below by tests/documentation/generated.py -->"
"""The line between what is written by hand and what is made."""

SCENARIO: Final = scenario_schema()
PLAN: Final = config_schema()
_IN_SCENARIOS: Final = {
    name
    for name, schema in SCENARIO["$defs"].items()
    if keys_of(schema)
    and name not in {each.__name__ for each in (*STEPS.values(), *EXPECTATIONS.values())}
}
_OF_STEPS: Final = {each.__name__: keyword for keyword, each in STEPS.items()}
_OF_CHECKS: Final = {each.__name__: keyword for keyword, each in EXPECTATIONS.items()}


# -- documents that people write ------------------------------------------------------------------


def _anchor(name: str) -> str:
    return spelled(name).lower().replace(" ", "-")


def _link(here: str, name: str) -> str:
    """A link to the table of a definition."""
    for topic, keywords in (("steps", _OF_STEPS), ("expectations", _OF_CHECKS)):
        if name in keywords:
            return f"[{keywords[name]}]({'' if here == topic else topic + '.md'}#{keywords[name]})"
    defined = SCENARIO["$defs"] if here != "plan-keys" or name in _IN_SCENARIOS else PLAN["$defs"]
    if not keys_of(defined.get(name, {})):
        return words_of(defined.get(name, {}), partial(_link, here))
    home = "scenario-keys" if name in _IN_SCENARIOS else "plan-keys"
    return f"[{spelled(name).lower()}]({'' if here == home else home + '.md'}#{_anchor(name)})"


def _tables(here: str, schema: Mapping[str, Any], names: list[str]) -> str:
    """The whole of a file, and each of its parts that has keys."""
    link = partial(_link, here)
    parts = [f"## The file\n\n{table(schema, link)}"]
    for name in names:
        of = schema["$defs"][name]
        parts.append(
            f"## {spelled(name)}\n\n{_described(of)}{_short(of, link)}\n\n{table(of, link)}"
        )
    return "\n\n".join(parts)


def _described(schema: Mapping[str, Any]) -> str:
    return cell(schema.get("description", "")).replace("\\|", "|")


def _short(schema: Mapping[str, Any], link: Callable[[str], str]) -> str:
    """The forms in which a part may be written beside that of a mapping."""
    forms = [
        words_of(each, link)
        for each in schema.get("anyOf", ())
        if "properties" not in each and each.get("type") != "null"
    ]
    return f"\n\nIn short: {', or '.join(dict.fromkeys(forms))}." if forms else ""


def scenario_keys() -> str:
    return _tables("scenario-keys", SCENARIO, sorted(_IN_SCENARIOS, key=spelled))


def plan_keys() -> str:
    own = [
        name
        for name, schema in PLAN["$defs"].items()
        if keys_of(schema) and name not in {*_IN_SCENARIOS, *_OF_STEPS}
    ]
    return _tables("plan-keys", PLAN, sorted(own, key=spelled))


def campaign_keys() -> str:
    """The whole of a campaign's file, its parts, and the kinds of its choices by their keyword."""
    schema = campaign_schema()
    kinds = {
        model.__name__: (noun, keyword)
        for noun in ("distribution", "corpus")
        for keyword, model in CHOICES[noun].items()
    }
    parts = {
        name: of for name, of in schema["$defs"].items() if keys_of(of) and name not in CHOICES
    }

    def link(name: str) -> str:
        if name in ("distribution", "corpus"):
            words = [f"[{key}](#{key})" for noun, key in kinds.values() if noun == name]
            return " or ".join(words) if name == "corpus" else "[`draw`](#one_of)"
        if name in parts:
            return f"[{spelled(name).lower()}](#{_anchor(name)})"
        return words_of(schema["$defs"][name], link)

    found = [f"## The file\n\n{table(schema, link)}"]
    for name, of in sorted(parts.items(), key=lambda each: (each[0] in kinds, each[0])):
        noun, keyword = kinds.get(name, ("", ""))
        heading = f"`{keyword}`" if keyword else spelled(name)
        kind = f"A {noun}. " if noun else ""
        about = f"{kind}{_described(of)}{_short(of, link)}"
        found.append(f"## {heading}\n\n{about}\n\n{table(of, link)}")
    return "\n\n".join(found)


def _kinds(here: str, keywords: Mapping[str, type[Any]]) -> str:
    link, parts = partial(_link, here), list[str]()
    for keyword, model in keywords.items():
        of = SCENARIO["$defs"][model.__name__]
        keys = table(of, link) if keys_of(of).get("properties") else "It has no keys."
        parts.append(f"## `{keyword}`\n\n{_described(of)}{_short(of, link)}\n\n{keys}")
    return "\n\n".join(parts)


# -- events ---------------------------------------------------------------------------------------


def events_page() -> str:
    tables = {
        "Of the exchange": events.EXCHANGE_EVENTS,
        "Of media streams and relays": events.STREAM_EVENTS,
        "Of payments": events.PAYMENT_EVENTS,
        "Of user-defined messages": events.MESSAGE_EVENTS,
    }
    parts = [
        f"## {title}\n\n" + ", ".join(f"`{kind}`" for kind in kinds) + "."
        for title, kinds in tables.items()
    ]
    rows = ["| class | | fields |", "|---|---|---|"]
    for name in events.__all__:
        kind = getattr(events, name)
        if inspect.isclass(kind) and issubclass(kind, events.Event):
            fields = ", ".join(f"`{each}`" for each in kind.__dataclass_fields__ if each[0] != "_")
            rows.append(f"| `{name}` | {cell(inspect.getdoc(kind) or '')} | {fields} |")
    return "\n\n".join((*parts, "## What an event holds", "\n".join(rows)))


# -- the control API ------------------------------------------------------------------------------


def control_api() -> str:
    document, parts = openapi(), ["| operation | |", "|---|---|"]
    for each in OPERATIONS:
        parts.append(
            f"| [`{each.method} {each.path}`](#{_operation(each)}) | {cell(each.summary)} |"
        )
    sections = list[str]()
    schemas = document["components"]["schemas"]
    for each in OPERATIONS:
        lines = [f"## {each.method} {each.path}", each.summary]
        if each.query:
            lines.append(_two_columns("parameter", each.query))
        if each.body is not None:
            lines.append(table(schemas[each.body.__name__], lambda name: spelled(name).lower()))
        if each.answer:
            lines += [f"{each.status} with", _two_columns("key", each.answer)]
        else:
            lines.append(f"{each.status}{': ' + each.resource if each.resource else ', empty'}.")
        sections.append("\n\n".join(lines))
    return "\n".join(parts) + "\n\n" + "\n\n".join(sections)


def _operation(each: Any) -> str:
    return re.sub(r"[^\w\- ]", "", f"{each.method} {each.path}".lower()).replace(" ", "-")


def _two_columns(head: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {head} | |", "|---|---|"]
    return "\n".join((*lines, *(f"| `{key}` | {cell(words)} |" for key, words in rows.items())))


# -- the command line -----------------------------------------------------------------------------


def command_line() -> str:
    whole: Any = typer.main.get_command(mediasim.cli.app)
    context = whole.make_context("mediasim", [], resilient_parsing=True)
    parts = list[str]()
    for name in whole.list_commands(context):
        command = whole.get_command(context, name)
        inner = command.make_context(f"mediasim {name}", [], resilient_parsing=True)
        usage = " ".join(command.get_usage(inner).removeprefix("Usage: ").split())
        lines = [f"## {name}", cell(command.help or ""), f"`{usage}`"]
        rows = ["| | |", "|---|---|"]
        for parameter in command.params:
            record = parameter.get_help_record(inner)
            if record is None:
                words = getattr(parameter, "help", "") or ""
                record = (parameter.human_readable_name, words)
            if "--help" not in record[0]:
                rows.append(f"| `{cell(record[0])}` | {cell(record[1])} |")
        if len(rows) > 2:
            lines.append("\n".join(rows))
        if command.epilog:
            lines.append(cell(command.epilog))
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


# -- pytest ---------------------------------------------------------------------------------------


def fixtures() -> str:
    named = {name: getattr(testing, name) for name in testing.__all__}
    parts = [_fixtures(), _options()]
    for kind in (*named.values(), PlacedCall, SimulatedCall, DeliveryLog, InjectedFaults):
        rows = ["| | |", "|---|---|", *(_row(kind, name) for name in _attributes(kind))]
        parts += [f"## {kind.__name__}", _doc(kind), "\n".join(rows)]
    return "\n\n".join(parts)


def _fixtures() -> str:
    rows = ["## The fixtures", "", "| fixture | |", "|---|---|"]
    for name in ("mediasim", "mediasim_sandbox", "mediasim_config"):
        rows.append(f"| `{name}` | {_doc(getattr(pytest_plugin, name))} |")
    return "\n".join(rows)


def _options() -> str:
    rows = ["## Options of pytest", "", "| option | |", "|---|---|"]

    class Group:
        def addoption(self, name: str, **given: Any) -> None:
            shown = f"{name} {given.get('metavar', '')}".strip()
            rows.append(f"| `{shown}` | {given['help']} |")

    class Parser:
        def getgroup(self, *_: str) -> Group:
            return Group()

    pytest_plugin.pytest_addoption(Parser())  # type: ignore[arg-type]
    return "\n".join(rows)


def _attributes(kind: type[Any]) -> list[str]:
    """The public attributes of a class, in the order of its source, those of its bases first."""
    found = list[str]()
    for owner in reversed(kind.__mro__):
        if owner.__module__.startswith("mediasim"):
            found += [name for name in vars(owner) if name[0] != "_" and name not in found]
    return [name for name in found if _is_documented(inspect.getattr_static(kind, name))]


def _is_documented(found: Any) -> bool:
    return isinstance(found, property | staticmethod | classmethod) or inspect.isfunction(found)


def _row(kind: type[Any], name: str) -> str:
    found = inspect.getattr_static(kind, name)
    shown = name
    if not isinstance(found, property) and callable(found):
        signature = inspect.signature(found)
        plain = [
            each.replace(annotation=inspect.Parameter.empty)
            for each in signature.parameters.values()
            if each.name != "self"
        ]
        arguments = str(
            signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)
        )
        shown += arguments
    return f"| `{cell(shown)}` | {_doc(getattr(kind, name))} |"


def _doc(found: Any) -> str:
    """A docstring, roles of Sphinx as code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.getdoc(found) or "")
    return cell(text)


# -- Twilio ---------------------------------------------------------------------------------------


def profiles() -> str:
    parts = list[str]()
    for each in reversed(PROFILES.values()):
        default = " (default)" * (each.name == DEFAULT_PROFILE)
        facts = {
            "two channels asked of one that is stored": f"{each.dual_of_mono}",
            "a recording of silence alone": "kept" if each.keeps_silence else "absent",
            "a download without credentials": "refused" if each.media_auth else "allowed",
            "`transcribeCallback` without `transcribe`": "transcribes"
            if each.callback_transcribes
            else "does nothing",
        }
        rows = ["| recording of | asked for | stored channels | plain download | source |"]
        rows.append("|---|---|---|---|---|")
        for rule in each.rules:
            asked = " / ".join(rule.channels) + (
                "" if len(rule.tracks) == 3 else f", track {'/'.join(rule.tracks)}"
            )
            stored = "; ".join(f"{n}: {role.words}" for n, role in enumerate(rule.stored, 1))
            rows.append(
                f"| {', '.join(rule.kinds)} | {asked} | {stored} | {rule.plain_channels} |"
                f" {rule.source} |"
            )
        parts += [f"## {each.name}{default}", f"{each.words[:1].upper()}{each.words[1:]}."]
        parts += ["\n".join(rows), "\n".join(f"- {key}: {value}" for key, value in facts.items())]
    return "\n\n".join(parts)


def error_codes() -> str:
    rows = ["| code | | message |", "|---|---|---|"]
    for each in error_dictionary().values():
        rows.append(f"| [{each.code}]({each.more_info}) | {each.level} | {cell(each.message)} |")
    return "\n".join(rows)


def voices() -> str:
    rows = ["| voice | engine | who | spoken by default |", "|---|---|---|---|"]
    for each in VOICES.values():
        place = DEFAULT_VOICES.index(each.name) + 1 if each.name in DEFAULT_VOICES else 0
        turn = f"by party {place}" if place else ""
        rows.append(f"| `{each.name}` | {each.engine} | {each.description} | {turn} |")
    languages = ", ".join(sorted(LANGUAGES))
    return "## All voices\n\n" + "\n".join(rows) + f"\n\nLanguages of `<Say>`: {languages}."


# -- the index ------------------------------------------------------------------------------------


def index() -> str:
    parts = list[str]()
    for kind in KINDS:
        parts.append(f"## {kind.title}\n\n{kind.about}\n")
        for each in pages():
            if each.kind == kind.name:
                summary = each.summary
                parts.append(f"- [{each.title}]({kind.name}/{each.topic}.md): {summary}")
        parts.append("")
    return "\n".join(parts).strip("\n")


# -- all of them ----------------------------------------------------------------------------------

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "scenario-keys": scenario_keys,
    "plan-keys": plan_keys,
    "campaign-keys": campaign_keys,
    "steps": lambda: _kinds("steps", STEPS),
    "expectations": lambda: _kinds("expectations", EXPECTATIONS),
    "events": events_page,
    "control-api": control_api,
    "command-line": command_line,
    "fixtures": fixtures,
    "coverage": coverage_markdown,
    "rest-api": coverage,
    "profiles": profiles,
    "error-codes": error_codes,
    "voices": voices,
    INDEX: index,
}
"""What is made of each page, by its topic."""


def written(topic: str) -> str:
    """The whole page as it should be: by hand down to the mark, made below it."""
    by_hand, mark, _ = page(topic).source.partition(MARK)
    assert mark, f"{topic}.md has no line {MARK}"
    return f"{by_hand}{MARK}\n\n{PAGES[topic]().strip(chr(10))}\n"


if __name__ == "__main__":
    if not FOLDER.is_relative_to(Path(__file__).parents[2]):
        raise SystemExit(
            f"mediasim is imported from {FOLDER.parent}: set PYTHONPATH to this checkout"
        )
    for topic in PAGES:
        page(topic).path.write_text(written(topic), "utf-8")
        print(f"wrote {page(topic).path.relative_to(FOLDER)}")
