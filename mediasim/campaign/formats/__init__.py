"""Exports of campaigns: one table of formats, and what writes any of them.

``table`` has a row for each format, ``rows`` and ``data`` read a campaign, ``export`` writes it in
a format. They are written without the libraries that read them; a CI job loads each with those
(``tests/conformance/test_data_set_formats.py``).
"""

__all__ = ["data", "export", "format", "rows", "table"]
