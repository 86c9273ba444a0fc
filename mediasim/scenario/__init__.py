"""Scenario files: the model, the runner, expectations, reports.

The public face: ``simulate`` (the Python API), ``load`` and ``model`` (the file format),
``runner``, ``checks`` (expectations), ``campaign`` (many runs), ``result``, ``report_html``,
``junit`` and ``summary`` (what is left of a run), ``explain``, ``schema``, ``starter``.
"""
