//! Requests and responses.

use super::{
    Body, CSeq, CallId, ContentLength, ContentType, From, Headers, Malformed, MaxForwards, Method, NameAddr,
    StatusCode, Text, To, Uri, Via, parse, text,
};
use alloc::boxed::Box;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The headers that each message must have (RFC 3261 §8.1.1), read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The topmost Via.
    pub via: Via,
    /// From.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// Call-ID.
    pub call_id: CallId,
    /// CSeq.
    pub cseq: CSeq,
}

impl Head {
    pub(crate) fn read(headers: &Headers) -> Result<Self, Malformed> {
        Ok(Self {
            via: headers.required()?,
            from: headers.required::<From>()?.0,
            to: headers.required::<To>()?.0,
            call_id: headers.required()?,
            cseq: headers.required()?,
        })
    }
}

/// A request, its mandatory headers read, the others in order and unread.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it asks for.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// The mandatory headers.
    pub head: Head,
    /// How far it may go on; older senders leave it out.
    pub max_forwards: Option<MaxForwards>,
    /// All headers.
    pub headers: Headers,
    /// The body, untouched; without bytes when there is none.
    pub body: Bytes,
}

/// A response, its mandatory headers read, the others in order and unread.
#[derive(Debug, Clone)]
pub struct Response {
    /// How the request was answered.
    pub status: StatusCode,
    /// The phrase beside it.
    pub reason_phrase: Text,
    /// The mandatory headers.
    pub head: Head,
    /// All headers.
    pub headers: Headers,
    /// The body, untouched; without bytes when there is none.
    pub body: Bytes,
}

/// A message.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Box<Request>),
    /// A response.
    Response(Box<Response>),
}

impl Request {
    /// What it was parsed from.
    pub(crate) const fn wire(&self) -> &Bytes {
        self.headers.wire()
    }

    /// The body with its type; nothing when there is no body.
    pub fn body(&self) -> Option<Body> {
        body_of(&self.headers, &self.body)
    }
}

impl Response {
    /// What it was parsed from.
    pub(crate) const fn wire(&self) -> &Bytes {
        self.headers.wire()
    }

    /// The body with its type; nothing when there is no body.
    pub fn body(&self) -> Option<Body> {
        body_of(&self.headers, &self.body)
    }
}

/// RFC 3261 §7.4.1: a body has a Content-Type. One without passes as bytes of no known kind.
fn body_of(headers: &Headers, bytes: &Bytes) -> Option<Body> {
    if bytes.is_empty() {
        return None;
    }
    let content_type = headers.first::<ContentType>().ok().flatten();
    let content_type = content_type.unwrap_or(ContentType::of("application/octet-stream"));
    Some(Body { content_type, bytes: bytes.clone() })
}

/// The body that begins at `start` (RFC 3261 §18.3: what a datagram has beyond Content-Length is dropped).
pub(crate) fn locate_body(headers: &Headers, start: usize) -> Result<Bytes, Malformed> {
    let wire = headers.wire();
    let rest = wire.get(start..).unwrap_or_default();
    let body = match headers.first::<ContentLength>()? {
        Some(ContentLength(len)) => rest.get(..len).ok_or(Malformed::BodyTruncated)?,
        None => rest,
    };
    Ok(if body.is_empty() { Bytes::new() } else { wire.slice_ref(body) })
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize_bytes(self.wire(), serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match parse(text::deserialize_bytes(deserializer)?) {
            Ok(Message::Request(request)) => Ok(*request),
            Ok(Message::Response(_)) | Err(_) => Err(serde::de::Error::custom("not a request")),
        }
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize_bytes(self.wire(), serializer)
    }
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match parse(text::deserialize_bytes(deserializer)?) {
            Ok(Message::Response(response)) => Ok(*response),
            Ok(Message::Request(_)) | Err(_) => Err(serde::de::Error::custom("not a response")),
        }
    }
}
