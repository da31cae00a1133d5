//! The four transaction machines of RFC 3261 §17.

mod timers;

pub use timers::Timers;
