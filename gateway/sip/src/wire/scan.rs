//! Reading RFC 3261 §25 text byte by byte. Each function looks at each byte a fixed number of times.

/// RFC 3261 §25.1 `token`.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether `text` is one token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// Whether a byte is white space once line ends have been blanked.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `text` without white space around it.
pub(crate) const fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Where the quoted string that starts `text` ends, one past its closing quote.
pub(crate) fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter().enumerate();
    bytes.next().filter(|(_, byte)| **byte == b'"')?;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => {
                bytes.next()?;
            }
            _ => {}
        }
    }
    None
}

/// Where `separator` first stands outside quotes and angle brackets.
pub(crate) fn find_outside(text: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            byte => return *byte == separator && !bracketed,
        }
        false
    })
}

/// `text` in two at the first `separator`; all of it and nothing where there is none.
pub(crate) fn split_outside(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match find_outside(text, separator).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head, tail.get(1..)),
        None => (text, None),
    }
}

/// `text` in two at the first `separator` wherever it stands.
pub(crate) fn split_at_byte(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == separator).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head, tail.get(1..)),
        None => (text, None),
    }
}

/// The parts of `text` between `separator`s that stand outside quotes and angle brackets, trimmed.
pub(crate) fn parts_outside(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let (part, tail) = split_outside(rest?, separator);
        rest = tail;
        Some(trim(part))
    })
}

/// A decimal number that fits.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The bytes behind `%` escapes; what is no escape stands for itself.
pub(crate) fn unescaped(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (byte, tail) = match rest {
            [b'%', high, low, tail @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => rest.split_first().map(|(byte, tail)| (*byte, tail))?,
            },
            _ => rest.split_first().map(|(byte, tail)| (*byte, tail))?,
        };
        rest = tail;
        Some(byte)
    })
}

/// Whether each `%` begins an escape.
pub(crate) fn escapes_are_whole(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        match rest.get(at + 1..) {
            Some([high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => rest = tail,
            _ => return false,
        }
    }
    true
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
