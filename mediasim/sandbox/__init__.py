"""The sandbox: Twilio's API, TwiML and webhooks as a server on the user's own machine.

The package holds the sockets, threads, clocks and files of that server; Twilio's behaviour is in
`mediasim.twilio`.
"""

__all__ = [
    "access",
    "addresses",
    "clocks",
    "config",
    "config_account",
    "config_weather",
    "embedded",
    "fleet",
    "http_server",
    "inspector",
    "log",
    "names",
    "number_plan",
    "proxy",
    "sandbox",
    "server",
    "settings",
    "shards",
    "storage",
]
