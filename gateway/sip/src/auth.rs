//! Who somebody is: digest authentication, the server's side (RFC 3261 §22, RFC 7616, RFC 8760).
//!
//! ```text
//!   request ──▶ look ──▶ Nothing, Stale ──▶ challenges ──▶ 401
//!                 └────▶ Credentials ──▶ (whose password is it?) ──▶ check ──▶ Right, Wrong, Stale
//! ```
//!
//! No table of nonces: a nonce is its own proof (see [`nonce`]), and only what was used rightly is remembered. A nonce that
//! is old, unknown or used up never counts as a failure of whoever shows it.

mod algorithm;
mod authenticator;
pub mod nonce;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Answered, hash_password};
pub use authenticator::{Authenticator, Credentials, Shown, Verdict};
pub use nonce::Staleness;
