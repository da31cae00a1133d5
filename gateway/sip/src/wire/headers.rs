//! The headers of a message: where each stands in the datagram.

use super::{Header, HeaderName, Malformed, Piece, Text, header::Shape, limits, scan};
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;

/// The headers of a message, in order, unread until asked for.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// The datagram, or its copy with the folds blanked.
    bytes: Bytes,
    start_line: Span,
    fields: Vec<Field>,
    /// Which of the headers that we know are there, a bit each.
    present: u64,
}

/// Where a header stands.
#[derive(Debug, Clone, Copy)]
struct Field {
    /// What it is, when we know it.
    known: Option<HeaderName>,
    name: Span,
    value: Span,
}

/// From and to, within a message.
#[derive(Debug, Clone, Copy, Default)]
struct Span(u32, u32);

impl Span {
    /// `limits::MESSAGE_BYTES` bounds each offset.
    const fn new(range: Range<usize>) -> Self {
        Self(range.start as u32, range.end as u32)
    }

    const fn range(self) -> Range<usize> {
        self.0 as usize..self.1 as usize
    }
}

impl Headers {
    /// Finds the headers from `at` on. Yields them, what is wrong with them, and where the body begins.
    ///
    /// `bytes` has its folds blanked, so each line is a header.
    pub(crate) fn locate(bytes: Bytes, at: usize) -> (Self, Result<usize, Malformed>) {
        let start_line = bytes.get(..at).unwrap_or_default();
        let start_line = start_line.strip_suffix(b"\n").unwrap_or(start_line);
        let start_line = Span::new(0..start_line.strip_suffix(b"\r").unwrap_or(start_line).len());
        let fields = Vec::with_capacity(24);
        let mut headers = Self { bytes: Bytes::new(), start_line, fields, present: 0 };
        let end = headers.locate_all(&bytes, at);
        headers.bytes = bytes;
        (headers, end)
    }

    fn locate_all(&mut self, bytes: &[u8], start: usize) -> Result<usize, Malformed> {
        let mut at = start;
        let mut repeated = None;
        loop {
            let line = Line::read(bytes, at)?;
            if line.text.is_empty() {
                return repeated.map_or(Ok(line.next), |name| Err(Malformed::Repeated(name)));
            }
            if line.text.len() > limits::LINE_BYTES {
                return Err(Malformed::LineTooLong);
            }
            if self.fields.len() == limits::HEADERS {
                return Err(Malformed::TooManyHeaders);
            }
            let field = Self::locate_one(line.text, at).ok_or(Malformed::HeaderLine)?;
            if let Some(name) = field.known {
                let is_again = self.present & name.bit() != 0 && name.is_unique();
                repeated = repeated.or(is_again.then_some(name));
                self.present |= name.bit();
            }
            self.fields.push(field);
            at = line.next;
        }
    }

    fn locate_one(line: &[u8], at: usize) -> Option<Field> {
        let colon = scan::find(line, b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        // RFC 3261 §25.1 HCOLON: white space may stand before the colon.
        let name = name.trim_ascii_end();
        let known = HeaderName::from_bytes(name);
        if known.is_none() && !scan::is_token(name) {
            return None;
        }
        let value = value.get(1..)?;
        let leading = value.len() - value.trim_ascii_start().len();
        let value_start = at + colon + 1 + leading;
        Some(Field {
            known,
            name: Span::new(at..at + name.len()),
            value: Span::new(value_start..value_start + scan::trim(value).len()),
        })
    }

    /// The line in front of them.
    pub(crate) fn start_line(&self) -> Piece<'_> {
        self.piece(self.start_line)
    }

    /// What they were found in.
    pub(crate) const fn wire(&self) -> &Bytes {
        &self.bytes
    }

    /// Gives back what reading took beforehand: for what is kept.
    pub(crate) fn shrink(&mut self) {
        self.fields.shrink_to_fit();
    }

    fn piece(&self, span: Span) -> Piece<'_> {
        Piece::new(&self.bytes, self.bytes.get(span.range()).unwrap_or_default())
    }

    fn text(&self, span: Span) -> Text {
        self.piece(span).to_text()
    }

    fn spans(&self, name: HeaderName) -> impl Iterator<Item = Span> {
        let fields = if self.has(name) { self.fields.as_slice() } else { &[] };
        fields.iter().filter(move |field| field.known == Some(name)).map(|field| field.value)
    }

    /// The whole value of each line of that name.
    pub fn raw(&self, name: HeaderName) -> impl Iterator<Item = Text> {
        self.spans(name).map(|span| self.text(span))
    }

    /// The whole value of each line of a name that we do not know.
    pub fn other(&self, name: &str) -> impl Iterator<Item = Text> {
        let is_it = move |field: &&Field| {
            self.bytes.get(field.name.range()).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.fields.iter().filter(is_it).map(|field| self.text(field.value))
    }

    /// Name and value of each line, in order, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (Text, Text)> {
        self.fields.iter().map(|field| (self.text(field.name), self.text(field.value)))
    }

    /// Whether a line of that name is there.
    pub const fn has(&self, name: HeaderName) -> bool {
        self.present & name.bit() != 0
    }

    /// Each value of a header, read. Commas outside quotes and angle brackets separate the values
    /// of a list; empty ones are read over.
    pub fn all<H: Header>(&self) -> impl Iterator<Item = Result<H, Malformed>> {
        self.spans(H::NAME)
            .flat_map(|span| Values { line: self.piece(span), at: 0, shape: H::SHAPE })
            .map(|value| H::parse(value).ok_or(Malformed::Header(H::NAME)))
    }

    /// The first value of a header, read.
    pub fn first<H: Header>(&self) -> Result<Option<H>, Malformed> {
        for span in self.spans(H::NAME) {
            if let Some(value) = (Values { line: self.piece(span), at: 0, shape: H::SHAPE }).next() {
                return H::parse(value).map(Some).ok_or(Malformed::Header(H::NAME));
            }
        }
        Ok(None)
    }

    /// The first value of a header that must be there.
    pub(crate) fn required<H: Header>(&self) -> Result<H, Malformed> {
        self.first()?.ok_or(Malformed::Missing(H::NAME))
    }

    /// The bytes of the first line of that name that follow its first value, comma and all.
    pub(crate) fn behind_first(&self, name: HeaderName) -> Text {
        let line = self.raw(name).next().unwrap_or_default();
        let at = scan::find_outside(line.as_bytes(), b',').unwrap_or(line.len());
        line.part(line.as_bytes().get(at..).unwrap_or_default())
    }
}

/// A line without its end.
struct Line<'a> {
    text: &'a [u8],
    /// Where the next one begins.
    next: usize,
}

impl<'a> Line<'a> {
    /// The line at `at`. A CR that ends none is refused.
    fn read(bytes: &'a [u8], at: usize) -> Result<Self, Malformed> {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = scan::find_either(rest, b'\r', b'\n').ok_or(Malformed::NoEndOfHeaders)?;
        let (text, tail) = rest.split_at_checked(end).ok_or(Malformed::NoEndOfHeaders)?;
        match tail {
            [b'\n', ..] => Ok(Self { text, next: at + end + 1 }),
            [b'\r', b'\n', ..] => Ok(Self { text, next: at + end + 2 }),
            _ if scan::find(tail, b'\n').is_none() => Err(Malformed::NoEndOfHeaders),
            _ => Err(Malformed::HeaderLine),
        }
    }
}

/// The values of one line.
struct Values<'a> {
    line: Piece<'a>,
    at: usize,
    shape: Shape,
}

impl<'a> Iterator for Values<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.shape == Shape::Single {
            let is_first = self.at == 0;
            self.at = 1;
            return is_first.then_some(self.line);
        }
        loop {
            let rest = self.line.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
            let (value, _) = scan::split_outside(rest, b',');
            self.at += value.len() + 1;
            let value = scan::trim(value);
            if !value.is_empty() {
                return Some(self.line.sub(value));
            }
        }
    }
}
