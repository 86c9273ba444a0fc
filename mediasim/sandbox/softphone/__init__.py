"""The softphone: the page at ``/softphone`` from which a person calls and is called by WebRTC."""

__all__ = ["gateway", "manager", "relay", "routes", "sdk", "sdk_hosts"]
