//! Messages read and written.

mod headers;
mod hostile;
mod message;
mod stream;
mod tricky;
mod uri;
