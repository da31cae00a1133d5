//! Text in, route out.
//!
//! ```text
//!  line    = [prefix "|"] pattern ["{" attribute=value … "}"] ["=" rewrite] "->" target ["#" comment]
//!  pattern = 0-9 + * #     themselves
//!            X 0-9   Z 1-9   N 2-9   [15-7] one of a set
//!            .  one or more of anything     !  none or more of anything     (both at the end only)
//!  prefix  = the part of the pattern that is taken off before the rewrite
//!  rewrite = digits and "{}", which stands for the number less its prefix
//!  target  = ivr | account | again | trunk:NAME | refuse(CAUSE) | app:STEP,STEP…
//!  STEP    = answer | echo | ring(2s) | silence(500ms) | tone(1kHz)
//! ```
//!
//! | attribute | the line holds only where |
//! | --- | --- |
//! | `caller=PATTERN` | the calling number matches; a withheld one never does |
//! | `from=TRUNK` | the call came by that trunk |
//! | `priority=N` | always: the higher goes first among lines that are else alike; 0 if not given |
//!
//! A `#` begins a comment only behind the target, with white space before it: elsewhere it is the
//! key. The most specific line wins, however the lines are ordered; [`Table`] says what that is.
//!
//! ```
//! use dialplan::{Query, Step, Table, Target};
//!
//! let table = Table::parse([
//!     "+86|21XXXXXXXX = 0{}                   -> again",
//!     "02153290005                            -> ivr",
//!     "0|1XXXXXXXXXX {priority=10} = +86{}    -> trunk:telecom",
//!     "9001                                   -> app:echo",
//! ]).expect("four good lines");
//!
//! let route = table.route(&Query { called: "+86-21-5329-0005", caller: None, trunk: None }).expect("a route");
//! assert_eq!((route.target, route.line, route.number.as_str()), (Target::Ivr, 1, "02153290005"));
//! let route = table.route(&Query { called: "013800138000", caller: None, trunk: None }).expect("a route");
//! assert_eq!((route.target, route.number.as_str()), (Target::Trunk("telecom".into()), "+8613800138000"));
//! let route = table.route(&Query { called: "9001", caller: None, trunk: None }).expect("a route");
//! assert_eq!(route.target, Target::App(vec![Step::Echo]));
//! ```
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod error;
mod line;
pub mod number;
mod pattern;
mod reader;
mod table;
mod target;

pub use error::{LineError, Reason};
pub use number::{Number, NumberPlan};
pub use table::{Query, Route, Table};
pub use target::{Step, Target};
