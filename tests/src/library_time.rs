//! The time of OpenSSL in tests. It asks the operating system by itself whether to send a flight of DTLS again; a program
//! that has a `gettimeofday(2)` of its own is asked in its place.

use std::{cell::Cell, ffi::c_void, time::SystemTime};

use terms::Instant;

/// 2020-09-13, so that no time is the 0 that OpenSSL takes for none.
const ZERO_MICROS: u64 = 1_600_000_000_000_000;

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

#[repr(C)]
struct TimeOfDay {
    seconds: i64,
    micros: i64,
}

/// From here on it is this time on this thread.
pub(crate) fn set(now: Instant) {
    NOW.set(Some(now));
}

fn micros() -> u64 {
    let real = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
    match NOW.get() {
        Some(now) => ZERO_MICROS + now.as_nanos() / 1_000,
        None => u64::try_from(real()).unwrap_or_default(),
    }
}

#[expect(unsafe_code, reason = "it stands for a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn gettimeofday(time: *mut TimeOfDay, _zone: *mut c_void) -> i32 {
    let micros = micros().cast_signed();
    // SAFETY: who asks the time gives room for it, aligned as the C library has it, or nothing.
    if let Some(time) = unsafe { time.as_mut() } {
        *time = TimeOfDay { seconds: micros / 1_000_000, micros: micros % 1_000_000 };
    }
    0
}
