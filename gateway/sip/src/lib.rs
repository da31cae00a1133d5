//! SIP as values: messages, transactions, dialogs, endpoint.
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

pub mod dialog;
pub mod endpoint;
pub mod transaction;
pub mod wire;
