//! From a stream to messages (RFC 3261 §18.3, RFC 5626 §3.5.1).

use super::{
    ContentLength, HeaderName, Malformed, limits,
    parse::{self, Located},
    scan,
};
use bytes::{Buf as _, Bytes, BytesMut};

/// What a stream holds, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, to be parsed.
    Message(Bytes),
    /// RFC 5626 §4.4.1: two line ends between messages, to be answered by [`PONG`].
    Ping,
}

/// RFC 5626 §4.4.1: what a ping is answered by.
pub const PONG: Bytes = Bytes::from_static(b"\r\n");

/// Where the next message ends is not known: the stream is of no use any more. Answer
/// [`Malformed::status`] where `head` is a request's, then close.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream cannot be cut into messages: {malformed}")]
pub struct Broken {
    /// What is wrong.
    pub malformed: Malformed,
    /// The start line and the headers, as far as they came.
    pub head: Bytes,
}

/// Cuts a stream into messages: feed bytes, then take frames until there is none. Senders may split
/// and pipeline as they like; each byte is looked at a fixed number of times.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The empty line is looked for; what is before `scanned` has none.
    Head { scanned: usize },
    /// The head is whole, and the message is that long.
    Body { message_len: usize },
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head { scanned: 0 }
    }
}

impl Framer {
    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether no message has begun. Line ends between messages begin none.
    pub fn is_between(&self) -> bool {
        self.buffer.iter().all(|byte| is_line_end(*byte))
    }

    /// The next frame that is whole.
    pub fn poll(&mut self) -> Result<Option<Frame>, Broken> {
        if let Some(gap) = self.take_gap() {
            return Ok(gap);
        }
        let polled = match self.stage {
            Stage::Head { scanned } => self.poll_head(scanned),
            Stage::Body { message_len } => Ok(self.poll_body(message_len)),
        };
        polled.map_err(|malformed| self.broken(malformed))
    }

    /// Takes the line ends in front of a message: the outer `None` means that a message stands there.
    fn take_gap(&mut self) -> Option<Option<Frame>> {
        if !matches!(self.stage, Stage::Head { scanned: 0 }) {
            return None;
        }
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Some(Some(Frame::Ping));
                }
                // What follows decides between half a ping and RFC 3261 §7.5's stray line end.
                [] | [b'\r' | b'\n'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Some(None),
                [first, ..] if is_line_end(*first) => self.buffer.advance(1),
                _ => return None,
            }
        }
    }

    fn poll_head(&mut self, scanned: usize) -> Result<Option<Frame>, Malformed> {
        // §7.1: a start line begins with a token. Whatever else, TLS or noise, is told at once.
        if !self.buffer.first().is_some_and(|byte| scan::is_token_byte(*byte)) {
            return Err(Malformed::StartLine);
        }
        let Some(head_len) = end_of_head(&self.buffer, scanned) else {
            if self.buffer.len() > limits::HEAD_BYTES {
                return Err(Malformed::HeadTooLong);
            }
            // The two bytes before the end may be the beginning of an empty line.
            self.stage = Stage::Head { scanned: self.buffer.len().saturating_sub(2).max(1) };
            return Ok(None);
        };
        if head_len > limits::HEAD_BYTES {
            return Err(Malformed::HeadTooLong);
        }
        let head = Bytes::copy_from_slice(self.buffer.get(..head_len).unwrap_or_default());
        let message_len = head_len.saturating_add(body_len(head)?);
        if message_len > limits::MESSAGE_BYTES {
            return Err(Malformed::TooLarge);
        }
        self.stage = Stage::Body { message_len };
        Ok(self.poll_body(message_len))
    }

    fn poll_body(&mut self, message_len: usize) -> Option<Frame> {
        if self.buffer.len() < message_len {
            return None;
        }
        self.stage = Stage::default();
        Some(Frame::Message(self.buffer.split_to(message_len).freeze()))
    }

    fn broken(&mut self, malformed: Malformed) -> Broken {
        let end = end_of_head(&self.buffer, 0).unwrap_or(self.buffer.len()).min(limits::HEAD_BYTES);
        Broken { malformed, head: self.buffer.split_to(end).freeze() }
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// One past the empty line that ends the head, looked for from `from` on.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += scan::find(buffer.get(at..)?, b'\n')? + 1;
        match buffer.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// §18.3: on a stream Content-Length must stand. It is read as [`parse`](super::parse) reads it, so
/// that both find the same end.
fn body_len(head: Bytes) -> Result<usize, Malformed> {
    let Located { headers, end, .. } = parse::locate(head)?;
    match end {
        // It does not hide where the message ends.
        Ok(_) | Err(Malformed::Repeated(_)) => {}
        Err(malformed) => return Err(malformed),
    }
    let mut lengths = headers.all::<ContentLength>();
    let ContentLength(len) = lengths.next().ok_or(Malformed::Missing(HeaderName::ContentLength))??;
    if lengths.next().is_some() {
        return Err(Malformed::Repeated(HeaderName::ContentLength));
    }
    Ok(len)
}
