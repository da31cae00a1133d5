//! RTP: packet view, RTCP, jitter, telephone events, statistics.
