"""Spells of bad weather: whom they strike, how often, and that a seed strikes the same again."""

from __future__ import annotations

import pytest

from mediasim.seeds import Seeds
from mediasim.twilio.fault_injection import FaultInjection, FaultRule

SECOND = 1_000_000_000
URL = "http://127.0.0.1:5000/recorded"


def weather(*spells: FaultRule, seed: int = 1) -> FaultInjection:
    found = FaultInjection(Seeds(seed))
    for spell in spells:
        found.begin(spell)
    return found


def test_fair_weather_leaves_everything_alone() -> None:
    fair = weather()
    assert fair.idle
    fate = fair.callback("call-status", "CA1", URL)
    assert (fate.copies, fate.delay_ns, fate.dropped, fate.injected) == (1, 0, False, [])
    assert fair.request(URL) is None
    assert fair.download("RE1", URL, 0).injected == []


def test_spells_add_up_and_end_by_their_names() -> None:
    found = FaultInjection(Seeds(1))
    first = found.begin(FaultRule(webhook_delay_ns=(SECOND, SECOND)))
    found.begin(FaultRule(webhook_delay_ns=(2 * SECOND, 2 * SECOND), webhook_duplicate=3))
    fate = found.callback("call-status", "CA1", URL)
    assert (fate.delay_ns, fate.copies) == (3 * SECOND, 3)
    assert fate.injected == ["delayed by 3 s"]
    found.end(first)
    assert found.callback("call-status", "CA1", URL).delay_ns == 2 * SECOND
    with pytest.raises(LookupError, match="no spell of weather '1'; there are: 2"):
        found.end(first)
    found.clear()
    assert found.idle


@pytest.mark.parametrize(
    ("scope", "struck"),
    [
        (FaultRule(webhook_drop=True), True),
        (FaultRule(webhook_drop=True, kinds=("recording-status",)), True),
        (FaultRule(webhook_drop=True, kinds=("call-status",)), False),
        (FaultRule(webhook_drop=True, sid="RE1"), True),
        (FaultRule(webhook_drop=True, sid="RE2"), False),
        (FaultRule(webhook_drop=True, url="/recorded"), True),
        (FaultRule(webhook_drop=True, url="/status"), False),
        (FaultRule(api_status=500), False),
    ],
)
def test_a_spell_strikes_what_is_in_its_scope(scope: FaultRule, struck: bool) -> None:
    assert weather(scope).callback("recording-status", "RE1", URL).dropped is struck


def test_only_the_first_so_many_are_struck() -> None:
    found = weather(FaultRule(api_status=503, times=2))
    assert [found.request(URL) for _ in range(4)] == [503, 503, None, None]


def test_a_share_is_drawn_from_the_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        found = weather(FaultRule(webhook_drop=True, share=0.5), seed=seed)
        return [found.callback("call-status", "CA1", URL).dropped for _ in range(200)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 60 < sum(drawn(1)) < 140


def test_a_delay_is_drawn_between_its_bounds() -> None:
    found = weather(FaultRule(webhook_delay_ns=(SECOND, 2 * SECOND)))
    delays = [found.callback("call-status", "CA1", URL).delay_ns for _ in range(50)]
    assert all(SECOND <= delay <= 2 * SECOND for delay in delays)
    assert len(set(delays)) > 40


def test_media_are_missing_for_a_while() -> None:
    found = weather(FaultRule(media_missing_ns=5 * SECOND))
    early, late = found.download("RE1", URL, 0), found.download("RE1", URL, 5 * SECOND)
    assert early.missing
    assert early.injected == ["not found, 0 s after it was completed"]
    assert not late.missing
    assert late.injected == []


def test_a_spell_tells_what_it_does() -> None:
    assert FaultRule(webhook_duplicate=2, kinds=("call-status",)).to_json() == {
        "webhook_duplicate": 2,
        "kinds": ("call-status",),
    }
