"""SIPREC: a session recording client, and a simulated server for where there is no network."""

__all__ = ["client"]
