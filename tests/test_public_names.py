"""Names that users write or read stay, whatever is renamed behind them."""

from __future__ import annotations

import json

from public_names import SNAPSHOT, all_names


def test_public_names_are_those_of_the_snapshot() -> None:
    """A name that is new is added by ``python tests/public_names.py``; one that went is a break."""
    kept: dict[str, list[str]] = json.loads(SNAPSHOT.read_text("utf-8"))
    found = all_names()
    gone = {face: sorted(set(names) - set(found.get(face, ()))) for face, names in kept.items()}
    new = {face: sorted(set(names) - set(kept.get(face, ()))) for face, names in found.items()}
    assert not any(gone.values()), {face: names for face, names in gone.items() if names}
    assert not any(new.values()), {face: names for face, names in new.items() if names}
