//! One line of a dial plan.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::cmp::Reverse;

use terms::TrunkName;

use crate::{
    error::Reason,
    pattern::{MAX_NUMBER, Pattern},
    reader::{At, Reader},
    target::{Target, read_target},
};

/// The longest line.
const MAX_LINE: usize = 1_024;

/// A line that holds for some calls.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its place among the lines as they were written, from 0.
    pub(crate) index: usize,
    pub(crate) pattern: Pattern,
    pub(crate) conditions: Conditions,
    rewrite: Option<String>,
    pub(crate) verdict: Verdict,
}

/// What a line decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Leads(Target),
    /// The rewritten number is looked up again.
    Again,
}

/// What else must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) caller: Option<Pattern>,
    pub(crate) from: Option<TrunkName>,
    priority: Option<u32>,
}

impl Line {
    /// Reads a line that isn't blank.
    pub(crate) fn parse(index: usize, text: &str) -> Result<Self, At<Reason>> {
        let mut reader = Reader::new(text);
        if text.len() > MAX_LINE {
            return Err(reader.fail(Reason::TooMany { what: "characters", limit: MAX_LINE }));
        }
        reader.skip_space();
        let pattern = Pattern::read_with_prefix(&mut reader)?;
        reader.skip_space();
        let conditions =
            if reader.take('{') { Conditions::read(&mut reader)? } else { Conditions::default() };
        reader.skip_space();
        let rewrite = if reader.take('=') { Some(read_rewrite(&mut reader)?) } else { None };
        reader.skip_space();
        if !reader.is_at("->") {
            return Err(reader.fail(Reason::NoTarget));
        }
        reader.skip();
        reader.skip();
        reader.skip_space();
        let verdict = read_target(&mut reader)?;
        let begin = reader.column();
        reader.skip_space();
        let is_comment = reader.peek() == Some('#') && reader.column() > begin;
        if reader.peek().is_some() && !is_comment {
            return Err(reader.fail(Reason::Expected("nothing, or a comment behind white space")));
        }
        Ok(Self { index, pattern, conditions, rewrite, verdict })
    }

    /// The number as this line rewrites it; too long a one: none.
    pub(crate) fn rewritten(&self, number: &str) -> Option<String> {
        let rest = self.pattern.strip(number);
        let rewritten =
            self.rewrite.as_ref().map_or_else(|| rest.to_owned(), |rewrite| rewrite.replace("{}", rest));
        (rewritten.len() <= MAX_NUMBER).then_some(rewritten)
    }

    /// Sorts what goes first before what goes later, as [`Table`](crate::Table) says.
    pub(crate) fn order(&self, other: &Self) -> core::cmp::Ordering {
        let conditions = || self.conditions.order(&other.conditions);
        let pattern = self.pattern.by_specificity(&other.pattern);
        pattern.then_with(conditions).then(self.index.cmp(&other.index))
    }
}

impl Conditions {
    fn order(&self, other: &Self) -> core::cmp::Ordering {
        let callers = match (&self.caller, &other.caller) {
            (Some(own), Some(other)) => own.by_specificity(other),
            (own, other) => own.is_none().cmp(&other.is_none()),
        };
        let trunks = self.from.is_none().cmp(&other.from.is_none());
        let priority = |conditions: &Self| Reverse(conditions.priority.unwrap_or(0));
        callers.then(trunks).then(priority(self).cmp(&priority(other)))
    }

    /// Reads `attribute=value …}`.
    fn read(reader: &mut Reader<'_>) -> Result<Self, At<Reason>> {
        let mut conditions = Self::default();
        loop {
            reader.skip_space();
            if reader.take('}') {
                return Ok(conditions);
            }
            conditions.read_one(reader)?;
        }
    }

    fn read_one(&mut self, reader: &mut Reader<'_>) -> Result<(), At<Reason>> {
        let begin = reader.clone();
        let name = reader.take_while(|symbol| symbol.is_ascii_alphabetic());
        let is_known = matches!(name, "caller" | "from" | "priority");
        if name.is_empty() {
            return Err(begin.fail(Reason::Expected("attribute=value or }")));
        }
        if !is_known {
            return Err(begin.fail(Reason::UnknownAttribute(name.to_owned())));
        }
        if !reader.take('=') {
            return Err(reader.fail(Reason::Expected("= and a value")));
        }
        let was_given = match name {
            "caller" => self.caller.replace(Pattern::read(reader)?).is_some().then_some("caller"),
            "from" => self.from.replace(read_trunk(reader)?).is_some().then_some("from"),
            _ => self.priority.replace(read_number(reader)?).is_some().then_some("priority"),
        };
        was_given.map_or(Ok(()), |name| Err(begin.fail(Reason::Twice(name))))
    }
}

/// Reads a whole number.
pub(crate) fn read_number(reader: &mut Reader<'_>) -> Result<u32, At<Reason>> {
    let begin = reader.clone();
    let digits = reader.take_while(|symbol| symbol.is_ascii_digit());
    digits.parse().map_err(|_| begin.fail(Reason::Expected("a whole number below 4294967296")))
}

/// Reads a trunk's name: letters, digits, `-`, `_` and `.`.
pub(crate) fn read_trunk(reader: &mut Reader<'_>) -> Result<TrunkName, At<Reason>> {
    let begin = reader.clone();
    let name = reader.take_while(|symbol| symbol.is_alphanumeric() || matches!(symbol, '-' | '_' | '.'));
    if name.is_empty() { Err(begin.fail(Reason::Expected("a trunk's name"))) } else { Ok(name.into()) }
}

/// Reads digits and `{}`.
fn read_rewrite(reader: &mut Reader<'_>) -> Result<String, At<Reason>> {
    reader.skip_space();
    let begin = reader.clone();
    while let Some(next) = reader.peek() {
        let is_digit = next.is_ascii_digit() || matches!(next, '+' | '*' | '#');
        if reader.is_at("{}") {
            reader.skip();
        } else if !is_digit {
            break;
        }
        reader.skip();
    }
    let len = begin.rest().len() - reader.rest().len();
    let text = begin.rest().get(..len).unwrap_or_default();
    if text.is_empty() {
        return Err(begin.fail(Reason::Expected("a rewrite of 0-9 + * # and {}")));
    }
    if text.len() > MAX_NUMBER {
        return Err(begin.fail(Reason::TooMany { what: "characters in a rewrite", limit: MAX_NUMBER }));
    }
    Ok(text.to_string())
}
