"""A sandbox of several processes: workers carry the calls, and one front answers all requests.

A worker is a whole sandbox without a database: it carries calls, executes their documents and sends
their webhooks. It reports records and events to the front as they change. The front keeps all
records, alone writes the database, and answers the APIs; requests about an active call it passes on
to the worker that carries the call. Numbers, applications, keys and queues belong to the front,
which sends them to all workers.
"""

__all__ = ["fleet", "front", "home", "ipc", "joining", "worker"]
