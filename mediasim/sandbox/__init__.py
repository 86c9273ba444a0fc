"""The sandbox: Twilio's API, TwiML and webhooks as a server on the user's own machine.

Here are the sockets, threads, clocks and files of it; Twilio's behaviour is `mediasim.twilio`.
"""

__all__ = [
    "access",
    "clocks",
    "config",
    "config_weather",
    "http_server",
    "number_plan",
    "sandbox",
    "server",
    "settings",
    "storage",
]
