"""The apps of a scenario's calls: one at the end of a call, or in the place of a party."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mediasim.scenario.model.call import Call
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.party import PartySpec

__all__ = ["AppEnd", "app_ends", "chosen_ends"]


class AppEnd(NamedTuple):
    """An app in a call or in a conference."""

    call: str
    """Name of the call, or of the conference."""
    party: str | None = None
    """Name of the party that the app is; None: the app of the call itself."""

    def __str__(self) -> str:
        return self.call if self.party is None else f"{self.call}/{self.party}"


def app_ends(
    parties: Mapping[str, PartySpec], calls: Iterable[Call], rooms: Iterable[ConferenceSpec]
) -> list[AppEnd]:
    """Return the apps of all calls and conferences, in the order of the file."""
    found = []
    for call in calls:
        if call.app is not None:
            found.append(AppEnd(call.name))
        found += _parties_in(call.name, call.parties, parties)
    for room in rooms:
        found += _parties_in(room.name, (each.party for each in room.participants), parties)
    return found


def _parties_in(call: str, names: Iterable[str], parties: Mapping[str, PartySpec]) -> list[AppEnd]:
    known = (name for name in dict.fromkeys(names) if name in parties)
    return [AppEnd(call, name) for name in known if parties[name].app is not None]


def chosen_ends(ends: Sequence[AppEnd], call: str | None, party: str | None) -> list[AppEnd]:
    """Return the apps that are meant by the names of a call and a party, None where absent.

    A call's own app is meant before its parties.
    """
    found = [end for end in ends if call in (None, end.call)]
    if party is not None:
        return [end for end in found if end.party == party]
    return [end for end in found if end.party is None] or found
