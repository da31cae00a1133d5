//! Endpoints on virtual time.

mod complaints;
mod delayed;
mod desk;
mod hostile;
mod in_dialog;
mod pair;
mod refusals;
mod register;
mod reliable;
mod session;
mod snapshot;
mod streams;
mod uac;
mod uas;
mod update;
mod world;
