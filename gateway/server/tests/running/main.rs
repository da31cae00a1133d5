//! A whole gateway in the test's own process, on free ports: called, and administered.

mod accounts;
mod admin;
mod calls;
mod defended;
mod figures;
mod limits;
mod probed;
mod stand;
mod weak;
