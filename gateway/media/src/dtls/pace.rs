//! How soon OpenSSL sends a flight again that nobody answers: the one thing of it that its crate has no safe way to set.

use std::ffi::{c_uint, c_void};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;

/// RFC 6347 §4.2.4.1 would have 1 s; where media go nobody waits so long.
const FIRST_RETRY_MICROS: c_uint = 400_000;
/// More than a handshake may take: each pause is twice the one before, and they needn't grow for ever.
const LAST_RETRY_MICROS: c_uint = 60_000_000;

#[expect(unsafe_code, reason = "a function of libssl that openssl-sys doesn't name")]
unsafe extern "C" {
    /// `DTLS_set_timer_cb(3)`.
    fn DTLS_set_timer_cb(ssl: *mut c_void, callback: extern "C" fn(*mut c_void, c_uint) -> c_uint);
}

/// Before the handshake begins.
#[expect(unsafe_code, reason = "the crate has no safe way to set it")]
pub(super) fn set(ssl: &SslRef) {
    // SAFETY: the handshake is there as long as it is borrowed, it keeps no more than the address of the function, and
    // the function has the signature of `DTLS_timer_cb` and looks at nothing but the number.
    unsafe { DTLS_set_timer_cb(ssl.as_ptr().cast(), next_pause) }
}

/// The pause after one, in microseconds; 0 is before the first.
extern "C" fn next_pause(_: *mut c_void, pause: c_uint) -> c_uint {
    match pause {
        0 => FIRST_RETRY_MICROS,
        _ => pause.saturating_mul(2).min(LAST_RETRY_MICROS),
    }
}
