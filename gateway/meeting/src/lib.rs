//! The embedded mixer.
