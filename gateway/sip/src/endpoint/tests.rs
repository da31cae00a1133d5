//! Endpoints on virtual time.
