"""A sandbox of several processes: calls are spread over workers, one front answers for all.

A worker is a whole sandbox without a database: it carries calls, runs their documents and sends
their webhooks. What it knows of them it reports to the front as it changes. The front keeps every
record, writes the database alone, and answers the API; what concerns a call under way it passes on
to the worker that carries the call. Numbers, applications, keys and queues are the front's, and
every worker is told of them.
"""

__all__ = ["fleet", "front", "ipc"]
