//! The table of lines and its look-up.

use alloc::{string::String, vec::Vec};

use terms::TrunkName;

use crate::{
    error::{LineError, Reason},
    line::{Conditions, Line, Verdict},
    number::Number,
    pattern::MAX_NUMBER,
    target::{Step, Target},
};

/// Lines of one table.
const MAX_LINES: usize = 10_000;
/// How often a number is looked up again.
const MAX_AGAIN: usize = 8;

/// What is known of a call when it is routed.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The called number, in any form that a trunk sends.
    pub called: &'a str,
    /// The calling number; withheld: none.
    pub caller: Option<&'a str>,
    /// The trunk that the call came by; from elsewhere: none.
    pub trunk: Option<&'a TrunkName>,
}

/// Where the call goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub target: Target,
    /// The number as it was rewritten.
    pub number: String,
    /// The line that decided, from 0.
    pub line: usize,
    /// The `again` lines that led there, in order.
    pub passed: Vec<usize>,
}

/// A dial plan.
///
/// Of the lines that match a call and whose conditions hold, one wins. In this order it is decided
/// by:
///
/// 1. the pattern, place by place from the left: the one with fewer symbols (a digit before a set,
///    a small set before a large one, `N` before `Z` before `X`, any place before `.`, `.` before
///    `!`). So the longer of two equal beginnings wins.
/// 2. `caller=`: a line with one before a line without, the more specific one first.
/// 3. `from=`: a line with one before a line without.
/// 4. `priority=`: the higher number first.
/// 5. the order of writing.
///
/// A line that leads to `again` has its rewritten number looked up from the start, 8 times at most;
/// a call that goes round and round, or whose number grows beyond 128 characters, has no route.
///
/// A look-up takes at most a step for each place of each line: no number can make it backtrack.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What goes first stands first.
    lines: Vec<Line>,
}

impl Table {
    /// Reads lines, one a route; blank ones are left out. All errors come at once.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<LineError>> {
        let (mut good, mut errors) = (Vec::new(), Vec::new());
        for (index, text) in lines.into_iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            if index >= MAX_LINES {
                let reason = Reason::TooMany { what: "lines", limit: MAX_LINES };
                errors.push(LineError { line: index, column: 1, reason });
                break;
            }
            match Line::parse(index, text) {
                Ok(line) => good.push(line),
                Err(at) => errors.push(LineError { line: index, column: at.column, reason: at.error }),
            }
        }
        good.sort_by(Line::order);
        if errors.is_empty() { Ok(Self { lines: good }) } else { Err(errors) }
    }

    /// Looks a call up. Separators and parameters of its numbers are taken off first.
    pub fn route(&self, query: &Query<'_>) -> Option<Route> {
        let mut number = Number::parse(query.called).dialled;
        let caller = query.caller.map(|caller| Number::parse(caller).dialled);
        let mut passed = Vec::new();
        while passed.len() <= MAX_AGAIN && number.len() <= MAX_NUMBER {
            let holds = |line: &&Line| line.conditions.hold(caller.as_deref(), query.trunk);
            let line = self.lines.iter().filter(|line| line.pattern.matches(&number)).find(holds)?;
            number = line.rewritten(&number)?;
            match &line.verdict {
                Verdict::Leads(target) => {
                    return Some(Route { target: target.clone(), number, line: line.index, passed });
                }
                Verdict::Again => passed.push(line.index),
            }
        }
        None
    }

    /// The trunks that its lines lead to or ask for, for a check against those that there are.
    pub fn trunks(&self) -> impl Iterator<Item = &TrunkName> {
        self.destinations().chain(self.lines.iter().flat_map(|line| &line.conditions.from))
    }

    /// The steps of its applications.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.lines.iter().flat_map(|line| match &line.verdict {
            Verdict::Leads(Target::App(steps)) => steps.as_slice(),
            Verdict::Leads(Target::Ivr | Target::Trunk(_) | Target::Account | Target::Refuse(_))
            | Verdict::Again => &[],
        })
    }

    /// The trunks that its lines lead to.
    pub fn destinations(&self) -> impl Iterator<Item = &TrunkName> {
        self.lines.iter().filter_map(|line| match &line.verdict {
            Verdict::Leads(Target::Trunk(name)) => Some(name),
            Verdict::Leads(Target::Ivr | Target::App(_) | Target::Account | Target::Refuse(_))
            | Verdict::Again => None,
        })
    }
}

impl Conditions {
    fn hold(&self, caller: Option<&str>, trunk: Option<&TrunkName>) -> bool {
        let by_caller =
            self.caller.as_ref().is_none_or(|pattern| caller.is_some_and(|caller| pattern.matches(caller)));
        by_caller && self.from.as_ref().is_none_or(|from| trunk == Some(from))
    }
}

#[cfg(test)]
mod tests;
