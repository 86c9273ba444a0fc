from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediasim
from mediasim.exchange.layout import (
    DOWNLOAD_RULES,
    DownloadRule,
    Layout,
    recording_layout,
    resolve_download,
)
from mediasim.exchange.profiles import (
    DEFAULT_PROFILE,
    PROFILES,
    Channels,
    Kind,
    Profile,
    StorageRule,
    Track,
    profile_added,
)

KINDS: tuple[Kind, ...] = get_args(Kind)
CHANNELS: tuple[Channels, ...] = get_args(Channels)
TRACKS: tuple[Track, ...] = get_args(Track)
STORAGE_RULES = {rule.rule_id: rule for profile in PROFILES.values() for rule in profile.rules}

layouts = st.builds(
    recording_layout,
    st.sampled_from(KINDS),
    st.sampled_from(CHANNELS),
    st.sampled_from(TRACKS),
    st.sampled_from(list(PROFILES)),
)


def refusal(profile: str) -> str:
    """The outcome of asking for two channels of one."""
    return "too-few-channels" if profile == "2025-09" else "not-found"


def roles(layout: Layout) -> list[str]:
    return [channel.role for channel in layout.channels]


def test_exactly_one_row_fits_each_case_and_every_row_is_used() -> None:
    used = set()
    for profile in PROFILES.values():
        for case in product(KINDS, CHANNELS, TRACKS):
            fitting = [row.rule_id for row in profile.rules if row.fits(*case)]
            assert len(fitting) == 1, (profile.name, case, fitting)
            assert recording_layout(*case, profile.name).rule.rule_id == fitting[0]
            used.add(fitting[0])
    assert used == STORAGE_RULES.keys()


def test_exactly_one_download_row_fits_each_case() -> None:
    cases = product(("nothing", "one", "two", "something else"), (1, 2), (400, 404))
    for requested, stored, refused in cases:
        fitting = [
            row
            for row in DOWNLOAD_RULES
            if row.requested == requested and stored in row.stored and row.status in (None, refused)
        ]
        assert len(fitting) == 1, (requested, stored, refused)


def test_rule_ids_are_unique_and_every_row_says_why_and_by_whom() -> None:
    rows: list[StorageRule | DownloadRule] = [*STORAGE_RULES.values(), *DOWNLOAD_RULES]
    assert len({row.rule_id for row in rows}) == len(rows)
    assert all(STORAGE_RULES[rule.rule_id] is rule for it in PROFILES.values() for rule in it.rules)
    for row in rows:
        assert row.reason.endswith(".")
        assert "Twilio" in row.source or "our choice" in row.source


@pytest.mark.parametrize(("channels", "plain"), [("mono", 1), ("dual", 2)])
def test_a_two_party_call_is_stored_dual_whatever_was_asked(channels: Channels, plain: int) -> None:
    layout = recording_layout("dial", channels)
    assert roles(layout) == ["parent", "child"]
    assert [channel.track for channel in layout.channels] == ["inbound", "outbound"]
    assert layout.stored_channels == 2
    assert layout.plain_channels == plain


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("kind", ["dial", "call"])
@pytest.mark.parametrize("track", ["inbound", "outbound"])
def test_one_track_is_one_channel_of_that_track_alone(
    kind: Kind, channels: Channels, track: Track, profile: str
) -> None:
    layout = recording_layout(kind, channels, track, profile)
    assert [channel.track for channel in layout.channels] == [track]
    assert layout.plain_channels == 1
    assert resolve_download(layout, 2).rule.outcome == refusal(profile)


def test_a_call_without_child_has_its_inbound_track_first() -> None:
    assert roles(recording_layout("call", "mono")) == ["inbound", "outbound"]
    assert roles(recording_layout("call", "dual")) == ["inbound", "outbound"]


@pytest.mark.parametrize("channels", CHANNELS)
def test_a_record_verb_and_in_2022_a_conference_are_one_mixed_channel(channels: Channels) -> None:
    conference = recording_layout("conference", channels, profile="2022-05")
    assert roles(conference) == ["conference-mix"]
    for profile in PROFILES:
        assert roles(recording_layout("record-verb", channels, profile=profile)) == ["mix"]


@pytest.mark.parametrize(
    ("profile", "dial_mono", "dial_dual", "conference", "record_verb"),
    [
        ("2016-legacy", 1, 2, 1, 1),
        ("2022-05", 2, 2, 1, 1),
        ("2024-07", 2, 2, 2, 1),
        ("2025-09", 2, 2, 2, 1),
    ],
)
def test_how_many_channels_each_profile_stores(
    profile: str, dial_mono: int, dial_dual: int, conference: int, record_verb: int
) -> None:
    def stored(kind: Kind, channels: Channels) -> int:
        return recording_layout(kind, channels, "both", profile).stored_channels

    assert stored("dial", "mono") == dial_mono
    assert stored("dial", "dual") == dial_dual
    assert stored("conference", "dual") == stored("conference", "mono") == conference
    assert stored("record-verb", "dual") == record_verb


def test_the_default_profile_is_the_newest() -> None:
    assert DEFAULT_PROFILE == recording_layout("dial", "mono").profile == "2025-09"
    assert max(PROFILES) == DEFAULT_PROFILE


@pytest.mark.parametrize("profile", ["2024-07", "2025-09"])
def test_a_dual_conference_has_the_first_joiner_and_everyone_else(profile: str) -> None:
    layout = recording_layout("conference", "dual", "both", profile)
    assert roles(layout) == ["first-participant", "everyone-else"]
    assert resolve_download(layout, None).channels == 1
    assert resolve_download(layout, 2).channels == 2


@given(layouts)
def test_a_download_gives_the_plain_number_unless_asked_otherwise(layout: Layout) -> None:
    plain = resolve_download(layout, None)
    assert (plain.rule.outcome, plain.channels) == ("file", layout.plain_channels)
    one = resolve_download(layout, "1")
    assert (one.rule.outcome, one.channels) == ("file", 1)
    two = resolve_download(layout, "2")
    if layout.stored_channels == 2:
        assert (two.rule.outcome, two.channels) == ("file", 2)
    else:
        assert (two.rule.outcome, two.channels) == (refusal(layout.profile), None)


@given(layouts, st.one_of(st.integers(), st.text()))
def test_any_other_number_is_a_bad_request(layout: Layout, asked: int | str) -> None:
    decision = resolve_download(layout, asked)
    if str(asked) not in ("1", "2"):
        assert (decision.rule.outcome, decision.channels) == ("invalid-channels", None)


@pytest.mark.parametrize("asked", ["", "3", "0", "02", " 2", "2.0", "dual", "None", "١"])
def test_numbers_are_read_strictly(asked: str) -> None:
    assert resolve_download(recording_layout("dial", "dual"), asked).rule.rule_id == "bad-number"


@given(layouts)
def test_a_layout_is_told_again_from_what_was_asked(layout: Layout) -> None:
    assert recording_layout(**layout.to_json()["asked"]) == layout


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (("trunk", "mono", "both", "2022-05"), "'trunk' is no kind of recording: dial, call, "),
        (("dial", "stereo", "both", "2022-05"), "'stereo' is no number of channels: mono, dual"),
        (("dial", "mono", "left", "2022-05"), "'left' is no track: both, inbound, outbound"),
        (("dial", "mono", "both", "2023"), "'2023' is no profile: 2016-legacy, 2022-05, "),
    ],
)
def test_a_word_not_allowed_is_named(case: tuple[Kind, Channels, Track, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recording_layout(*case)


# -- profiles -------------------------------------------------------------------------------


def test_the_documentation_has_the_profiles_in_a_table() -> None:
    page = Path(mediasim.__file__).parent / "docs" / "explanation" / "recording-rules.md"
    table = (
        page.read_text("utf-8")
        .partition("| profile | what was so then |\n|---|---|\n")[2]
        .partition("\n\n")[0]
    )
    assert table.splitlines() == [
        f"| `{it.name}`{' (default)' * (it.name == DEFAULT_PROFILE)} | {it.words} |"
        for it in PROFILES.values()
    ]


def test_a_profile_is_there_once_and_while_it_is_added() -> None:
    toy = Profile("2031-01", "as it was", PROFILES[DEFAULT_PROFILE].rules)
    with profile_added(toy):
        assert recording_layout("dial", "mono", "both", "2031-01").stored_channels == 2
        again = pytest.raises(ValueError, match="there is a profile '2031-01'")
        with again, profile_added(toy):
            pass
    with pytest.raises(ValueError, match="'2031-01' is no profile: 2016-legacy, "):
        recording_layout("dial", "mono", "both", "2031-01")
