//! What two peers share of a call (RFC 3261 §12).

mod key;
mod request;
mod state;

pub use key::DialogKey;
pub use state::{Dialog, DialogError, Phase, Provisionals};

#[cfg(test)]
mod tests;
