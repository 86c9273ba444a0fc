"""SIP by REST: domains, who may use them, and Elastic SIP Trunking."""

__all__ = ["domains", "lists", "trunks"]
