"""The commands of the command line: a module for each, or for a few that are read together.

``ending`` has what they share: exit codes, and how an error is printed. Heavy imports stay inside
the functions (``loading``), so that ``mediasim --help`` comes at once.
"""

__all__ = [
    "analyze",
    "campaign",
    "campaign_engines",
    "docs",
    "examples",
    "exec",
    "export",
    "fuzz",
    "import_capture",
    "run",
    "sandbox",
    "scenarios",
    "serve",
    "verify",
    "watch",
    "worker",
]
