//! What a message may hold. A message over one of them is [`Malformed`](super::Malformed) by name.

/// Bytes of a message: the largest that UDP carries, and what we take on a stream.
pub const MESSAGE_BYTES: usize = 65_535;
/// Header lines, folds not counted.
pub const HEADERS: usize = 256;
/// Bytes of one header with its folds, or of the start line.
pub const LINE_BYTES: usize = 16_384;
/// Parameters, or URI headers, of one value.
pub const PARAMS: usize = 64;
