//! SDP: parse, print, offer and answer.
