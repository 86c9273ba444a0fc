"""Documents that people write: YAML with places, diagnostics, durations, models of their keys."""
