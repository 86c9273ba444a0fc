"""Nothing in silence: each attribute of TwiML changes what happens, or leaves a notification.

The grammar says which it does (:class:`mediasim.twilio.twiml.values.Noted`); here each is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import quoteattr

import pytest
from coverage_of_twiml import SCENES, TEXTED
from coverage_stage import Scene, Stage, played

from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.twilio.twiml import parse_twiml
from mediasim.twilio.twiml.dependence import DEPENDENT, needed
from mediasim.twilio.twiml.grammar import ELEMENTS, MESSAGING, ROOT, Element
from mediasim.twilio.twiml.values import Choice, Noted, Number, Value, Words

OLDEST = next(iter(PROFILES))
GRAMMARS = {"voice": (ELEMENTS, SCENES), "messages": (MESSAGING, TEXTED)}


def written(name: str, value: str) -> str:
    return f"{name}={quoteattr(value)}"


@pytest.mark.parametrize(
    "scene", [*SCENES, *TEXTED], ids=lambda it: f"{it.element}-{'-'.join(it.shows)}"
)
def test_what_acts_changes_something(scene: Scene) -> None:
    """So it does in the oldest profile too; profiles differ in recordings alone."""
    for profile in (DEFAULT_PROFILE, OLDEST):
        without = played(scene.play(written("nonsense", "1")), {}, profile)
        silent = []
        for name, value in scene.shows.items():
            given = played(scene.play(written(name, value)), {}, profile)
            if not given.differs(without):
                silent.append(f"<{scene.element} {written(name, value)}>: {given.notes}")
        assert not silent, f"nothing changes by these in {scene.document} ({profile})"
        if not without.seen["recording"]:
            break


@pytest.mark.parametrize("number", range(0, len(SCENES), 10))
def test_what_twilio_has_not_changes_nothing(number: int) -> None:
    scene = SCENES[number]
    nonsense = played(scene.play(written("nonsense", "1")), {})
    assert not nonsense.differs(played(scene.play(""), {}))
    assert "nonsense" in nonsense.notes[0]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_each_attribute_that_acts_is_shown_to(grammar: str) -> None:
    """Where one is not: a scene of coverage_of_twiml in which it acts, or make it ``Noted``."""
    elements, scenes = GRAMMARS[grammar]
    shown = {(scene.element, name) for scene in scenes for name in scene.shows}
    acts = {
        (element, name)
        for element, row in elements.items()
        for name, value in row.attributes.items()
        if not isinstance(value, Noted) and not row.noted
    }
    assert not (silent := sorted(acts - shown)), f"nothing shows that these act: {silent}"
    gone = sorted(shown - acts)
    assert not gone, f"these are not in the grammar, or are noted: {gone}"


def chain(name: str) -> list[str]:
    """The names of the elements that one stands in, from the outermost on."""
    around, _, own = name.rpartition("/")
    found: list[str] = [own]
    while not around or around != ROOT:
        if not around:
            around = next(
                each
                for each, row in ELEMENTS.items()
                if own in row.children and f"{each}/{own}" not in ELEMENTS
            )
        if around == ROOT:
            break
        around, own = "", around.rpartition("/")[2]
        found.insert(0, own)
    return found


def some(value: Value) -> str:
    """A valid value that asks for what is not done anyway."""
    match value:
        case Noted():
            tried = [some(value.kind), "POST", "true", "x"]
            return next(each for each in tried if value.read(each) not in (None, value.but))
        case Choice() | Words():
            return value.words[0]
        case Number():
            return str(max(value.least, 5))
        case _:
            return "x"


def noted() -> Iterator[tuple[str, str, str]]:
    """Element, attribute ("": the element itself) and value of all that is noted."""
    for element, row in ELEMENTS.items():
        if row.noted or not row.supported:
            yield element, "", ""
        for name, value in row.attributes.items():
            if isinstance(value, Noted):
                yield element, name, some(value)


def holding(names: list[str], text: str) -> str:
    """A document of elements inside each other, the innermost with this attribute."""
    first = names[0]
    if names[1:]:
        needed = "url='ws://127.0.0.1:9/x'" if first == "Stream" else ""
        return f"<{first} {needed}>{holding(names[1:], text)}</{first}>"
    inside = {"Stream": "url='ws://127.0.0.1:9/x'"}.get(first, "")
    return f"<{first} {inside} {text}>words</{first}>"


def test_what_is_not_acted_on_is_noted_and_changes_nothing() -> None:
    plays: dict[str, Mapping[str, object]] = {}
    for element, name, value in noted():
        names = chain(element)

        def play_of(text: str, names: list[str] = names) -> object:
            async def play(stage: Stage) -> None:
                stage.comes(f"{holding(names, text)}<Pause/>", 2.5, "hangup")

            return play

        given = played(play_of(written(name, value) if name else ""), {})  # type: ignore[arg-type]
        wanted = f"'{name}' of <{names[-1]}>" if name else f"<{names[-1]}>"
        if ELEMENTS[element].spoken:
            wanted = f"<{element}>: {name}"
        assert any(wanted in note for note in given.notes), (wanted, given.notes)
        if not name:
            continue
        if element not in plays:
            plays[element] = played(play_of(""), {}).seen  # type: ignore[arg-type]
        assert given.seen == plays[element], f"{element} {name} acts: it is not Noted"


def test_what_says_nothing_without_another_attribute_is_noted() -> None:
    """A scene of each has the other attribute in its document, or the test above would fail."""
    found = 0
    for element, row in ELEMENTS.items():
        if element == ROOT:
            continue
        around, own = chain(element), element.rpartition("/")[2]
        for name, value in row.attributes.items():
            other = needed(own, name, row.attributes)
            if other is None:
                continue
            found += 1
            words = f"Attribute '{name}' of <{own}> says nothing without '{other}'"
            for given, noted in ((False, True), (True, False)):
                more = written(other, some(row.attributes[other])) if given else ""
                document = holding(around, f"{written(name, some(value))} {more}")
                verbs = parse_twiml(f"<Response>{document}</Response>".encode(), "text/xml").verbs
                notes = [note.message for verb in verbs for note in verb.notes]
                assert (words in notes) == noted, (document, notes)
    assert found > 50
    assert set(DEPENDENT) <= {*ELEMENTS, *MESSAGING}


def test_the_shape_of_a_row() -> None:
    """A row whose element is noted has no attribute that acts."""
    rows: Mapping[str, Element] = ELEMENTS
    for row in rows.values():
        assert not row.noted or all(
            isinstance(each, Noted) or row.children == () for each in row.attributes.values()
        )
