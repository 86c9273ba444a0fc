"""The way in for apps whose source names Twilio's hosts: a forward proxy with its own authority."""

__all__ = ["environment", "forward", "hosts", "proxy", "redirect", "routes", "serving"]
