"""Documents that people write: YAML with positions, diagnostics, durations, and models of the
keys."""

__all__ = ["diagnostics", "document", "durations", "model", "schema", "texts", "values"]
