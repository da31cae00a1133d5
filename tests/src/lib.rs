//! The simulator: a gateway's control shard and media engine, phones and a network, on virtual time.
//!
//! ```text
//!   Phone ⇄ Network (loss, delay, reordering, duplication) ⇄ Gateway { Shard ⇄ Engine }
//!                              World: one clock for all
//! ```
//!
//! Nothing here sleeps or touches a socket: a [`World`] jumps from one thing that is due to the next,
//! so a minute of a call takes milliseconds and the same seed gives the same run.
#![warn(missing_docs)]

pub mod device;
pub mod gateway;
mod library_time;
pub mod login;
pub mod network;
pub mod pcap;
pub mod phone;
pub mod spoken;
pub mod tone;
pub mod world;

pub use device::{Device, Provisioning};
pub use gateway::Gateway;
pub use login::Login;
pub use network::{Conditions, Network};
pub use phone::{Action, Manner, Phone, PhoneEvent, Setup, Told};
pub use world::World;
