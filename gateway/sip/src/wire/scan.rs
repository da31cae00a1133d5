//! Reading RFC 3261 §25 text byte by byte. Each function looks at each byte a fixed number of times.

/// RFC 3261 §25.1 `token`: which bytes may stand in one.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TOKEN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        let is_mark = matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        table[byte as usize] = byte.is_ascii_alphanumeric() || is_mark;
        byte += 1;
    }
    table
};

/// Whether a byte may stand in a `token`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Where `byte` first stands, eight bytes at a time.
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    let (chunks, rest) = text.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        if let Some(within) = find_in_eight(*chunk, byte) {
            return Some(at * 8 + within);
        }
    }
    match text.last_chunk::<8>() {
        // The last eight reach back into what has none.
        Some(last) if !rest.is_empty() => find_in_eight(*last, byte).map(|within| text.len() - 8 + within),
        Some(_) => None,
        None => rest.iter().position(|other| *other == byte),
    }
}

/// Where either of two bytes first stands, eight bytes at a time.
pub(crate) fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
    let (chunks, rest) = text.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        let (one, other) = (matches_in_eight(*chunk, one), matches_in_eight(*chunk, other));
        if one | other != 0 {
            // Each is exact up to its own first match.
            return Some(at * 8 + one.trailing_zeros().min(other.trailing_zeros()) as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == one || *byte == other).map(|at| chunks.len() * 8 + at)
}

fn find_in_eight(chunk: [u8; 8], byte: u8) -> Option<usize> {
    let matches = matches_in_eight(chunk, byte);
    (matches != 0).then_some(matches.trailing_zeros() as usize / 8)
}

/// The lowest bit set marks the first byte that matches; none is where none does.
const fn matches_in_eight(chunk: [u8; 8], byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // A byte of `differing` is zero where it matches.
    let differing = u64::from_le_bytes(chunk) ^ u64::from_ne_bytes([byte; 8]);
    differing.wrapping_sub(LOW) & !differing & HIGH
}

/// Whether no byte of `text` is white space, a control character, a quote or an angle bracket.
pub(crate) fn is_unbroken(text: &[u8]) -> bool {
    let is_broken = |chunk: [u8; 8]| {
        let low = u64::from_le_bytes(chunk);
        // As in `matches_in_eight`, with whatever is below 0x21 for zero.
        let blanks = low.wrapping_sub(u64::from_ne_bytes([0x21; 8])) & !low & u64::from_ne_bytes([0x80; 8]);
        let marks = [b'"', b'<', b'>', 0x7f].map(|mark| matches_in_eight(chunk, mark));
        blanks | marks.iter().fold(0, |all, mark| all | mark) != 0
    };
    let is_whole = |byte: &u8| !matches!(byte, 0..=b' ' | b'"' | b'<' | b'>' | 0x7f);
    match text.last_chunk::<8>() {
        // The last eight reach back into what is looked at already.
        Some(last) => !text.as_chunks::<8>().0.iter().any(|chunk| is_broken(*chunk)) && !is_broken(*last),
        None => text.iter().all(is_whole),
    }
}

/// Whether `text` is one token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    // Without a way out early the loop has no branches.
    !text.is_empty() && text.iter().fold(true, |so_far, byte| so_far & is_token_byte(*byte))
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
    let first = find(text, separator)?;
    let before = text.get(..first)?;
    if find(before, b'"').is_none() && find(before, b'<').is_none() {
        return Some(first);
    }
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = rest.iter().position(|byte| *byte == separator || matches!(byte, b'"' | b'<'))?;
        let from = rest.get(found..)?;
        at += found;
        at += match from.first()? {
            byte if *byte == separator => return Some(at),
            b'"' => quoted_len(from)?,
            _ => find(from, b'>')? + 1,
        };
    }
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
    match find(text, separator).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head, tail.get(1..)),
        None => (text, None),
    }
}

/// The parts of `text` between `separator`s that stand outside quotes and angle brackets, trimmed.
pub(crate) fn parts_outside(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    let is_plain = find(text, b'"').is_none() && find(text, b'<').is_none();
    core::iter::from_fn(move || {
        let (part, tail) =
            if is_plain { split_at_byte(rest?, separator) } else { split_outside(rest?, separator) };
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
    while let Some(at) = find(rest, b'%') {
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
