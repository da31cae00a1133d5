//! From values to a datagram.

use super::{Body, ContentLength, Header, HeaderName, Method, StatusCode, Text, Uri, host::write_display};
use bytes::{BufMut as _, Bytes, BytesMut};

/// A message being written, header by header. Content-Length is always ours.
#[derive(Debug)]
pub struct MessageWriter {
    out: BytesMut,
}

/// What most messages fit in.
const CAPACITY: usize = 1024;

impl MessageWriter {
    /// Begins a request.
    pub fn request(method: &Method, uri: &Uri) -> Self {
        let mut out = BytesMut::with_capacity(CAPACITY);
        out.put_slice(method.as_bytes());
        out.put_u8(b' ');
        out.put_slice(uri.as_text().as_bytes());
        out.put_slice(b" SIP/2.0\r\n");
        Self { out }
    }

    /// Begins a response.
    pub fn response(status: StatusCode) -> Self {
        let mut out = BytesMut::with_capacity(CAPACITY);
        out.put_slice(b"SIP/2.0 ");
        write_display(&mut out, status);
        out.put_u8(b' ');
        out.put_slice(status.reason_phrase().as_bytes());
        out.put_slice(b"\r\n");
        Self { out }
    }

    /// Adds a header.
    pub fn header<H: Header>(&mut self, header: &H) -> &mut Self {
        self.header_with(H::NAME, |out| header.write(out))
    }

    /// Adds a header whose value `write` appends.
    pub(crate) fn header_with(&mut self, name: HeaderName, write: impl FnOnce(&mut BytesMut)) -> &mut Self {
        self.out.put_slice(name.as_str().as_bytes());
        self.out.put_slice(b": ");
        write(&mut self.out);
        self.out.put_slice(b"\r\n");
        self
    }

    /// Adds a header of that name and text.
    pub fn text(&mut self, name: HeaderName, value: &Text) -> &mut Self {
        self.header_with(name, |out| put_line(out, value.as_bytes()))
    }

    /// Adds a header as the caller wrote it; line ends become spaces, so that none can be smuggled in.
    pub fn raw(&mut self, name: &Text, value: &Text) -> &mut Self {
        put_line(&mut self.out, name.as_bytes());
        self.out.put_slice(b": ");
        put_line(&mut self.out, value.as_bytes());
        self.out.put_slice(b"\r\n");
        self
    }

    /// Ends the message.
    pub fn finish(mut self, body: Option<&Body>) -> Bytes {
        if let Some(body) = body {
            self.header(&body.content_type);
        }
        let bytes = body.map(|body| body.bytes.as_ref()).unwrap_or_default();
        self.header(&ContentLength(bytes.len()));
        self.out.put_slice(b"\r\n");
        self.out.put_slice(bytes);
        // Some are kept for as long as a call: they have the room that they take, and no more.
        Bytes::copy_from_slice(&self.out)
    }
}

fn put_line(out: &mut BytesMut, text: &[u8]) {
    out.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
}
