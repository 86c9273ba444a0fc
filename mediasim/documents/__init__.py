"""Documents that people write: YAML with positions, diagnostics, durations, and models of the
keys."""

__all__ = [
    "diagnostics",
    "document",
    "durations",
    "indented_json",
    "model",
    "schema",
    "texts",
    "values",
]
