"""Capture files: datagrams read and written as pcap, and the RTP streams found in them."""

__all__ = ["datagrams", "reader", "rtp_figures", "rtp_finder", "rtp_talks", "transport", "writer"]
