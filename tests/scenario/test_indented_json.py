"""JSON with indents is written as the standard library writes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.documents.indented_json import indented_json

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from([5e-5, 1e-4, 1e-5, 1e16, 123456789012345680.0, -0.00001234, 1e22, 0.0001])
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_DOCUMENTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"e1\n'), inner),
        max_leaves=12,
    ),
)


@given(_DOCUMENTS, st.sampled_from([1, 2]))
def test_the_same_as_the_standard_library(document: dict[str, object], indent: int) -> None:
    expected = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    assert indented_json(document, indent) == expected


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        indented_json({"a": object()}, 2)
