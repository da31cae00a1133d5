//! Messages read and written.

mod headers;
mod hostile;
mod message;
mod tricky;
mod uri;
