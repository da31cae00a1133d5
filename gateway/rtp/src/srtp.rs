//! SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714) over the caller's memory.
//!
//! ```text
//!  SrtpKey ─▶ keys ─▶ transform: encrypt, authenticate
//!                         ▲ index                 ▲ index
//!   packet ─▶ Outbound ───┘ ─▶ wire   wire ─▶ Inbound ─▶ packet
//!             (only rises)              (roll-over, window)
//! ```
//!
//! An [`Outbound`] is made for one key and one source and can't be copied: no index is ever used twice.

mod inbound;
mod keys;
mod outbound;
mod transform;
mod window;

use thiserror::Error;

pub use inbound::{Inbound, MAX_SOURCES};
pub use outbound::Outbound;
pub use transform::MAX_OVERHEAD;

/// Why a packet was not encrypted or decrypted; it is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// It has no room for its header, index or tag, or there is no room for what is added.
    #[error("too short")]
    TooShort,
    /// RFC 3711 §3.4: it is not what the peer sent, or was sent under another key.
    #[error("its tag or its master key index is wrong")]
    BadTag,
    /// RFC 3711 §3.3.2: it came before.
    #[error("it came before")]
    Replayed,
    /// It is older than what we remember of packets that came.
    #[error("older than the replay window")]
    TooOld,
    /// RFC 3711 §9.2: the key has encrypted as many packets as it may.
    #[error("the key is used up")]
    KeyExhausted,
    /// It is of another source than the key was given to, or of more than are remembered.
    #[error("a source that the key is not for")]
    WrongSource,
    /// Its index was used already: encrypting it would betray both packets.
    #[error("an index that was used")]
    IndexUsed,
}

#[cfg(test)]
mod tests;
