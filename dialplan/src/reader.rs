//! A line, read character by character, with the column for errors.

/// An error and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<E> {
    /// From 1.
    pub(crate) column: usize,
    pub(crate) error: E,
}

/// What is left of a line.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a str,
    column: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(line: &'a str) -> Self {
        Self { rest: line, column: 1 }
    }

    /// The column of what comes next.
    pub(crate) const fn column(&self) -> usize {
        self.column
    }

    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(crate) fn is_at(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }

    /// Takes the next character.
    pub(crate) fn skip(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let next = rest.next()?;
        self.rest = rest.as_str();
        self.column += 1;
        Some(next)
    }

    /// Takes `symbol` if it comes next.
    pub(crate) fn take(&mut self, symbol: char) -> bool {
        self.peek() == Some(symbol) && self.skip().is_some()
    }

    /// Takes all characters that `wanted` holds for.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let begin = self.rest;
        while self.peek().is_some_and(&wanted) {
            self.skip();
        }
        begin.get(..begin.len() - self.rest.len()).unwrap_or_default()
    }

    pub(crate) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// An error at what comes next.
    pub(crate) const fn fail<E>(&self, error: E) -> At<E> {
        At { column: self.column, error }
    }
}
