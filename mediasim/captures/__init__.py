"""Capture files: datagrams read and written as pcap, and the RTP streams found in them."""

__all__ = ["pcap", "rtp_streams", "transport"]
