"""Runs of scenarios: their calls compiled to the exchange, played, and kept."""
