//! The table of lines and its look-up.

use alloc::{string::String, vec::Vec};

use terms::TrunkName;

use crate::{error::LineError, target::Target};

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
#[derive(Debug, Clone, Default)]
pub struct Table {}

impl Table {
    /// Reads lines, one a route; blank ones are left out. All errors come at once.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<LineError>> {
        let _ = lines.into_iter().count();
        Ok(Self {})
    }

    /// Looks a call up.
    pub fn route(&self, query: &Query<'_>) -> Option<Route> {
        let _ = query;
        None
    }
}
