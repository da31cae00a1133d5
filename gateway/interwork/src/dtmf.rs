//! Keys in SIP INFO bodies.

use bytes::Bytes;
use sip::{endpoint::Body, wire::ContentType};
use terms::Digit;

/// How long a key is pressed that is told in signaling, in milliseconds.
const PRESS_MS: u32 = 160;

/// The key that an INFO tells: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
pub fn digit(body: &Body) -> Option<Digit> {
    let text = std::str::from_utf8(&body.bytes).ok()?;
    let key = if body.content_type.is("application/dtmf-relay") {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then(|| value.trim())
        })?
    } else if body.content_type.is("application/dtmf") {
        text.trim()
    } else {
        return None;
    };
    let mut keys = key.chars();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Digit::try_from(key).ok(),
        // RFC 4733 §3.2: 10 and 11 are * and # for senders that number them.
        _ => key.parse::<u8>().ok().and_then(Digit::from_event),
    }
}

/// An INFO body that tells a key, of the kind that most understand.
pub fn relay(digit: Digit) -> Body {
    let text = format!("Signal={}\r\nDuration={PRESS_MS}\r\n", digit.as_char());
    Body { content_type: ContentType::of("application/dtmf-relay"), bytes: Bytes::from(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dial_7_a_key_that_we_tell_reads_as_the_same_key() {
        for key in "0123456789*#ABCD".chars() {
            let pressed = Digit::try_from(key).expect("a key");
            assert_eq!(digit(&relay(pressed)), Some(pressed));
        }
    }

    #[test]
    fn dial_7_both_kinds_of_info_tell_a_key() {
        let rows = [
            ("relay", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("relay with spaces", "application/dtmf-relay", "Signal= # \r\nDuration=160", Some('#')),
            ("relay by number", "application/dtmf-relay", "signal=11", Some('#')),
            ("plain", "application/dtmf", "7", Some('7')),
            ("plain star", "application/dtmf", "*\r\n", Some('*')),
            ("no signal", "application/dtmf-relay", "Duration=160", None),
            ("no key", "application/dtmf", "x", None),
            ("too large a number", "application/dtmf", "16", None),
            ("another body", "application/media_control+xml", "5", None),
        ];
        for (name, kind, text, expected) in rows {
            let body = Body { content_type: ContentType::of(kind), bytes: text.into() };
            assert_eq!(digit(&body).map(Digit::as_char), expected, "{name}");
        }
    }
}
