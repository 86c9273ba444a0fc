"""SIP as Twilio has it: domains, trunks, who may use them, and the calls over trunks."""

__all__ = ["access", "manager", "records", "trunks"]
