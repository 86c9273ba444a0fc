"""Documents that people write: YAML with places, diagnostics, durations, models of their keys."""

__all__ = ["diagnostics", "document", "durations", "model", "schema", "values"]
