//! The gateway's program.
//!
//! ```text
//!   main ─▶ program ─▶ driver ⇄ shard (sip, interwork, call, core)
//!              │          ├──▶ media workers (threads)
//!              │          ├──▶ record: log, metrics, journal
//!              └─▶ admin (HTTP) ─▶ store (sled)
//! ```
//!
//! The world begins here: sockets, clocks, threads and files are the server's alone.
#![warn(missing_docs)]

pub mod admin;
pub mod admission;
pub mod caller;
pub mod config;
pub mod directory;
pub mod driver;
pub mod feed;
pub mod health;
pub mod journal;
pub mod net;
pub mod program;
pub mod reach;
pub mod record;
pub mod recordings;
mod reload;
pub mod shard;
pub mod status;
pub mod store;
pub mod tls;
