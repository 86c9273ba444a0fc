"""Capture files: datagrams read and written as pcap, and the RTP streams found in them."""
