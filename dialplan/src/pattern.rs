//! Patterns of numbers, in the manner that operators know.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    error::Reason,
    reader::{At, Reader},
};

/// No pattern has more places than this; no number longer than [`MAX_NUMBER`] matches anything.
pub(crate) const MAX_PLACES: usize = 64;
/// RFC 3966 numbers have 15 digits; private ones and feature codes a few more.
pub(crate) const MAX_NUMBER: usize = 128;

/// What may stand at one place: a set of the 13 symbols, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u16);

impl Set {
    const SYMBOLS: &'static str = "0123456789*#+";
    const X: Self = Self(0b11_1111_1111);
    const Z: Self = Self(0b11_1111_1110);
    const N: Self = Self(0b11_1111_1100);

    /// The symbol alone.
    fn of(symbol: char) -> Option<Self> {
        Self::SYMBOLS.find(symbol).map(|bit| Self(1 << bit))
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, symbol: char) -> bool {
        Self::of(symbol).is_some_and(|own| self.0 & own.0 != 0)
    }

    /// How many symbols: the fewer, the more specific.
    const fn width(self) -> u8 {
        self.0.count_ones() as u8
    }
}

/// What follows the last place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Nothing,
    /// `.`
    OneOrMore,
    /// `!`
    Any,
}

/// A pattern. Matching takes one step a character: there is nothing to backtrack to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    places: Vec<Set>,
    tail: Tail,
    /// How many of the places are the prefix, which is taken off.
    prefix: usize,
}

impl Pattern {
    /// Whether the number matches.
    pub(crate) fn matches(&self, number: &str) -> bool {
        let mut symbols = number.chars();
        let all = self.places.iter().all(|place| symbols.next().is_some_and(|symbol| place.has(symbol)));
        let rest = symbols.next().is_some();
        all && match self.tail {
            Tail::Nothing => !rest,
            Tail::OneOrMore => rest,
            Tail::Any => true,
        }
    }

    /// The number less its prefix.
    pub(crate) fn strip<'a>(&self, number: &'a str) -> &'a str {
        let begin = number.char_indices().nth(self.prefix).map_or(number.len(), |(at, _)| at);
        number.get(begin..).unwrap_or_default()
    }

    /// The more specific first: place by place from the left, the one with fewer symbols; a tail
    /// has more symbols than any place, `!` more than `.`, and no tail at all has none.
    pub(crate) fn by_specificity(&self, other: &Self) -> Ordering {
        self.widths().cmp(other.widths())
    }

    fn widths(&self) -> impl Iterator<Item = u8> {
        let tail = match self.tail {
            Tail::Nothing => 0,
            Tail::OneOrMore => u8::MAX - 1,
            Tail::Any => u8::MAX,
        };
        self.places.iter().map(|place| place.width()).chain([tail])
    }

    /// Reads `[prefix|]pattern`.
    pub(crate) fn read_with_prefix(reader: &mut Reader<'_>) -> Result<Self, At<Reason>> {
        let mut pattern = Self::read(reader)?;
        if reader.peek() != Some('|') {
            return Ok(pattern);
        }
        let column = reader.column();
        reader.take('|');
        if pattern.tail != Tail::Nothing || pattern.places.is_empty() {
            return Err(At { column, error: Reason::Expected("digits or sets before |") });
        }
        let rest = Self::read(reader)?;
        pattern.prefix = pattern.places.len();
        pattern.places.extend(rest.places);
        pattern.tail = rest.tail;
        if pattern.places.len() > MAX_PLACES {
            return Err(At {
                column,
                error: Reason::TooMany { what: "places in a pattern", limit: MAX_PLACES },
            });
        }
        Ok(pattern)
    }

    /// Reads up to white space or to a character that ends a pattern.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, At<Reason>> {
        let begin = reader.column();
        let mut pattern = Self { places: Vec::new(), tail: Tail::Nothing, prefix: 0 };
        while let Some(next) = reader.peek() {
            let column = reader.column();
            if next.is_whitespace() || matches!(next, '|' | '}' | '{' | '=') || reader.is_at("->") {
                break;
            }
            if pattern.tail != Tail::Nothing {
                return Err(At { column, error: Reason::Expected("nothing behind . or !") });
            }
            reader.skip();
            match next {
                '.' => pattern.tail = Tail::OneOrMore,
                '!' => pattern.tail = Tail::Any,
                '[' => pattern.places.push(read_set(reader, column)?),
                _ => pattern.places.push(place(next).ok_or(At { column, error: Reason::Pattern(next) })?),
            }
            if pattern.places.len() > MAX_PLACES {
                return Err(At {
                    column,
                    error: Reason::TooMany { what: "places in a pattern", limit: MAX_PLACES },
                });
            }
        }
        if pattern.places.is_empty() && pattern.tail == Tail::Nothing {
            return Err(At { column: begin, error: Reason::Expected("a pattern") });
        }
        Ok(pattern)
    }
}

fn place(symbol: char) -> Option<Set> {
    match symbol {
        'X' => Some(Set::X),
        'Z' => Some(Set::Z),
        'N' => Some(Set::N),
        _ => Set::of(symbol),
    }
}

/// Reads the rest of a set such as `[15-7]`.
fn read_set(reader: &mut Reader<'_>, begin: usize) -> Result<Set, At<Reason>> {
    let mut set = Set(0);
    loop {
        let column = reader.column();
        let unclosed = At { column: begin, error: Reason::Expected("] at the end of the set") };
        let first = reader.skip().ok_or(unclosed.clone())?;
        if first == ']' {
            break;
        }
        let wrong = At { column, error: Reason::Pattern(first) };
        let low = Set::of(first).ok_or(wrong)?;
        if reader.peek() != Some('-') {
            set = set.with(low);
            continue;
        }
        reader.skip();
        let last = reader.skip().ok_or(unclosed)?;
        let digits = (first.to_digit(10), last.to_digit(10));
        let (Some(low), Some(high)) = digits else {
            return Err(At { column, error: Reason::Expected("a digit on both sides of -") });
        };
        if low > high {
            return Err(At { column, error: Reason::Expected("a range that rises") });
        }
        set = (low..=high).fold(set, |set, digit| set.with(Set(1 << digit)));
    }
    if set == Set(0) {
        return Err(At { column: begin, error: Reason::Expected("a symbol in the set") });
    }
    Ok(set)
}
