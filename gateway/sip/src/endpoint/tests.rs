//! Endpoints on virtual time.

mod desk;
mod hostile;
mod in_dialog;
mod pair;
mod refusals;
mod snapshot;
mod streams;
mod uac;
mod uas;
mod world;
