//! What a message may hold. A message over one of them is [`Malformed`](super::Malformed) by name.

/// Bytes of a message: the largest that UDP carries, and what we take on a stream.
pub const MESSAGE_BYTES: usize = 65_535;
/// Bytes of the start line and the headers on a stream, where they are kept until the last has come.
pub const HEAD_BYTES: usize = 32_768;
/// Header lines, folds not counted.
pub const HEADERS: usize = 256;
/// Bytes of one header with its folds, or of the start line.
pub const LINE_BYTES: usize = 16_384;
/// Parameters, or URI headers, of one value.
pub const PARAMS: usize = 64;
