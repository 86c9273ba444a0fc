"""Checks of a campaign that need the whole of it: what its scenarios may become, and who speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import ValidationError

from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.part import ROOM
from mediasim.campaign.spec.parts import Part, parts_of
from mediasim.campaign.spec.recorded import recorded_troubles
from mediasim.campaign.spec.texts import TextsSpec
from mediasim.documents.diagnostics import Diagnostic, ScenarioError, expected_among, one_of
from mediasim.documents.document import Node, from_python
from mediasim.documents.model import Location, Misfit
from mediasim.parties.voices.catalogue import LANGUAGES, Voice, in_language, voice_named
from mediasim.parties.voices.speech import speakable
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.failures import refuse_without_real_time
from mediasim.scenario.running.sounds import check_sounds
from mediasim.truth.faults.order import parse_fault

__all__ = ["checked"]

_MOST_TEXTS = 2000
"""Texts that are checked for letters that a voice cannot say."""


def checked(spec: CampaignSpec) -> CampaignSpec:
    """Return the spec. Raises ScenarioError with everything that is wrong with it."""
    problems: dict[Diagnostic, None] = {}
    for part in parts_of(spec):
        problems.update(dict.fromkeys(_problems(spec, part)))
    if problems:
        raise ScenarioError(sorted(problems, key=lambda each: each.position))
    return spec


def _problems(spec: CampaignSpec, part: Part) -> Iterator[Diagnostic]:
    templates = [part.template, *([part.recording] if part.recording else ())]
    wrong = [problem for template in templates for problem in template.problems]
    if wrong:
        yield from wrong
        return
    usual: Scenario | None = None
    for node in _variants(part):
        origin = replace(spec.origin, document=node, name="call", file=spec.origin.file)
        try:
            scenario = Scenario.model_validate(node.plain(), context=origin, by_name=False)
            refuse_without_real_time([scenario])
            check_sounds([scenario])
        except ValidationError as error:
            yield from origin.problems(error)
        except ScenarioError as error:
            yield from error.problems
        else:
            usual = usual or scenario
            if not scenario.recordings:
                yield origin.problem(("call",), "expected a recording: write recording: dual")
            for location, message in _fault_troubles(scenario):
                yield origin.problem(location, message)
    yield from (problem for template in templates for problem in template.problems)
    talk = part.conversation
    if usual is None:
        return
    where: Location = ("conversation",)
    if part.name and spec.parts[part.name].conversation is not None:
        where = ("parts", part.name, "conversation")
    for location, message in () if talk is None else _talk_troubles(talk, part, usual):
        yield spec.origin.problem((*where, *location), message)
    whose: Location = ("speakers",)
    if part.name and spec.parts[part.name].speakers is not None:
        whose = ("parts", part.name, "speakers")
    for location, message in (*_voice_troubles(part), *recorded_troubles(spec, part, usual)):
        yield spec.origin.problem((*whose, *location), message)


def _variants(part: Part) -> Iterator[Node]:
    """Yield scenarios that show what a part's calls may be."""
    if part.recording is None:
        yield from part.template.variants()
        return
    # Of a conference with two participants, as one and its recording may be.
    parties = list(part.template.variants())
    recordings = list(part.recording.variants())
    for party, recording in (
        *((party, recordings[0]) for party in parties),
        *((parties[0], recording) for recording in recordings[1:]),
    ):
        members = from_python([{"party": "member-1"}, {"party": "member-2"}])
        room = {"name": from_python(ROOM), "participants": members, "recording": recording}
        both = {"member-1": party, "member-2": party}
        yield Node({"parties": Node(both), "conference": Node(room)})


def _fault_troubles(scenario: Scenario) -> Iterator[Misfit]:
    """Yield each fault that is not of samples: a campaign has no WAV files."""
    for plan in scenario.recordings:
        for number, text in enumerate(plan.spec.faults):
            if parse_fault(text).fault.samples is None:
                words = f"expected a fault of samples; {text} is of a WAV file's header"
                yield (*plan.location, "faults", number), words


def _talk_troubles(talk: ConversationSpec, part: Part, scenario: Scenario) -> Iterator[Misfit]:
    """Yield what of a conversation does not fit its scenario."""
    known = list(scenario.parties)
    simulated = [name for name, each in scenario.parties.items() if each.app is None]
    if part.room is not None:
        if talk.parties:
            yield ("parties",), "expected none of a conference, in which all take part"
        for key in ("texts_of", "first"):
            if getattr(talk, key):
                yield (key,), "expected none of a conference, whose participants have no names"
    for number, name in enumerate(talk.parties):
        if name not in known:
            yield ("parties", number), f"unknown party; {expected_among(name, known, 'parties')}"
    talking = list(talk.parties) or simulated
    for name in talking:
        party = scenario.parties.get(name)
        if party is not None and (party.script or party.app is not None):
            what = "a script" if party.script else "an app"
            yield ("parties",), f"{name} has {what} of its own, and the conversation would give one"
    with_app = any(party.app for party in scenario.parties.values()) or any(
        call.app or call.voicemail for call in scenario.calls
    )
    if talk.kind == "reactive" and (part.room is not None or len(talking) > 2):
        words = "expected planned: of three who wait for each other two would speak at once"
        yield ("kind",), words
    if len(talking) < 2 and not with_app:
        yield ("parties",), f"expected two parties or more, found {one_of(talking or ['none'])}"
    if with_app and talk.kind == "planned" and any(call.app for call in scenario.calls):
        yield ("kind",), "expected reactive with an app, which speaks when it likes"
    for name in talk.texts_of:
        if name not in talking:
            yield ("texts_of", name), expected_among(name, talking, "parties that talk")
    spoken = [name for name in talking if part.speakers.recorded_for(name) is None]
    if talk.texts_of and (silent := [name for name in spoken if name not in talk.texts_of]):
        yield ("texts_of",), f"has no texts of {silent[0]}"
    for name in talk.first.examples() if talk.first is not None else ():
        if name not in talking:
            yield ("first",), expected_among(str(name), talking, "parties that talk")
    if talk.dialogues is not None and part.room is None:
        for name in dict.fromkeys(name for each in talk.dialogues.all for name, _ in each):
            if name not in talking:
                words = expected_among(name, talking, "parties that talk")
                yield ("dialogues",), f"{name} says something, but {words}"
                return


def _voice_troubles(part: Part) -> Iterator[Misfit]:
    """Yield voices that do not exist, and texts that one of them cannot say."""
    languages: dict[str, Voice] = {}
    for number, name in enumerate(dict.fromkeys(map(str, part.speakers.voices.examples()))):
        try:
            voice = voice_named(name)
        except ValueError as error:
            yield ("voices", "one_of", number), str(error)
        else:
            languages.setdefault(voice.language, voice)
    talk = part.conversation
    if talk is None:
        return
    texts = [each for each in (talk.texts, *talk.texts_of.values()) if each is not None]
    pairs = [(voice, texts) for voice in languages.values()]
    for tag, of_language in talk.texts_in.items():
        if tag.split("-")[0].lower() not in LANGUAGES:
            continue
        pairs += [(in_language(voice, tag), [of_language]) for voice in languages.values()]
    for voice, said in pairs:
        for line in _some_lines(said):
            try:
                speakable(line, voice)
            except ValueError as error:
                yield ("voices",), str(error)
                break


def _some_lines(texts: list[TextsSpec]) -> Iterator[str]:
    for each in texts:
        yield from each.all_lines[:_MOST_TEXTS]
