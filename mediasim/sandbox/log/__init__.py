"""The log: a line for each call, request to the app, recording, warning and error of a sandbox."""

from mediasim.sandbox.log.entries import Entry
from mediasim.sandbox.log.log import SandboxLog
from mediasim.sandbox.log.writer import LogFormat, LogWriter

__all__ = ["Entry", "LogFormat", "LogWriter", "SandboxLog"]
