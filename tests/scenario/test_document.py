"""A scenario as it is written, as a tree with places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasim.documents.diagnostics import ScenarioError
from mediasim.documents.document import DEEPEST, Node, from_python

DATA: dict[str, Any] = {
    "parties": {"ann": {"script": [{"say": "hello"}, "hangup"]}},
    "call": {"from": "ann"},
    "seed": 7,
}


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        ),
    )
)
def test_data_from_python_stays_as_it_is(data: Any) -> None:
    assert from_python(data).plain() == data


def test_values_are_found_by_keys_and_indexes() -> None:
    tree = from_python(DATA)
    found = tree.at(("parties", "ann", "script", 0, "say"))
    assert found is not None
    assert (found.value, found.path) == ("hello", "parties.ann.script[0].say")
    for missing in (("nobody",), ("parties", 0), ("parties", "ann", "script", 9), ("seed", "x")):
        assert tree.at(missing) is None


def test_a_location_of_the_model_is_told_as_it_is_written() -> None:
    tree = from_python(DATA)
    # The model has a list of calls, and a text of what is said.
    assert tree.written(("calls", 0, "from", "x")) == ("call", "from")
    location = ("parties", "ann", "script", 0, "say", "text")
    assert tree.written(location) == ("parties", "ann", "script", 0, "say")


def test_a_value_can_be_taken_out_and_another_put_in_and_the_tree_stays() -> None:
    tree = from_python(DATA)
    without = tree.without(("parties", "ann", "script", 0))
    assert without.plain()["parties"]["ann"]["script"] == ["hangup"]
    assert "seed" not in tree.without(("seed",)).plain()
    changed = tree.with_value(("parties", "ann", "script", 1), Node("mute"))
    assert changed.plain()["parties"]["ann"]["script"] == [{"say": "hello"}, "mute"]
    deeper = tree.with_value(("parties", "bob", "network", "delay"), Node("10ms"))
    assert deeper.plain()["parties"]["bob"] == {"network": {"delay": "10ms"}}
    assert tree.plain() == DATA


def test_a_value_cannot_be_put_into_a_scalar() -> None:
    with pytest.raises(KeyError):
        from_python(DATA).with_value(("seed", "x"), Node(1))


def test_what_is_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(ScenarioError, match=f"nested more than {DEEPEST} deep"):
        from_python(deep)
