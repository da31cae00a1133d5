//! Where the session description is in a request's body.

use bytes::Bytes;
use sip::{
    endpoint::Body,
    wire::{ContentType, HeaderName, Request, Text},
};

/// Parts of a multipart body that are looked at; carriers send two or three.
const MAX_PARTS: usize = 16;

/// RFC 2046 §5.1.1: the longest boundary.
const MAX_BOUNDARY: usize = 70;

/// Why a body can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is of a type that we don't know, and must be understood.
    Unknown,
    /// It is encoded in a way that we don't know.
    Encoded,
}

/// The session description of a request, by itself or as a part (RFC 5621); none where it has no
/// body, or one that need not be understood (RFC 3261 §20.11).
pub(crate) fn description(request: &Request) -> Result<Option<Body>, Unreadable> {
    let Some(body) = request.body() else { return Ok(None) };
    let mut encodings = request.headers.raw(HeaderName::ContentEncoding);
    if encodings.any(|encoding| !encoding.is("identity")) {
        return Err(Unreadable::Encoded);
    }
    if body.content_type.is("application/sdp") {
        return Ok(Some(body));
    }
    if let Some(part) = part_of(&body) {
        return Ok(Some(part));
    }
    let mut dispositions = request.headers.other("Content-Disposition");
    let is_optional = dispositions.any(|disposition| says(&disposition, "handling", "optional"));
    if is_optional { Ok(None) } else { Err(Unreadable::Unknown) }
}

fn says(value: &Text, name: &str, wanted: &str) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.split(';').skip(1).filter_map(|param| param.split_once('=')).any(|(other, value)| {
        other.trim().eq_ignore_ascii_case(name) && value.trim().trim_matches('"').eq_ignore_ascii_case(wanted)
    })
}

/// RFC 2046 §5.1.1: the first part that is a session description.
fn part_of(body: &Body) -> Option<Body> {
    let is_multipart = body.content_type.media().as_str()?.to_ascii_lowercase().starts_with("multipart/");
    let boundary = body.content_type.params.get("boundary").filter(|_| is_multipart)?;
    if !(1..=MAX_BOUNDARY).contains(&boundary.len()) {
        return None;
    }
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let parts = split(&body.bytes, &delimiter);
    parts.into_iter().take(MAX_PARTS).find_map(|part| {
        let (head, content) = split_head(part)?;
        let is_sdp = head.split(|byte| *byte == b'\n').any(is_sdp_type);
        is_sdp.then(|| Body { content_type: ContentType::SDP, bytes: body.bytes.slice_ref(content) })
    })
}

/// What is between the delimiters, without the line end that belongs to each.
fn split<'a>(bytes: &'a Bytes, delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut found: Vec<&[u8]> = Vec::new();
    let mut rest = bytes.as_ref();
    while let Some(at) = find(rest, delimiter).filter(|_| found.len() <= MAX_PARTS) {
        let (before, after) = rest.split_at(at);
        found.push(before.strip_suffix(b"\r\n").unwrap_or(before));
        rest = after.get(delimiter.len()..).unwrap_or_default();
    }
    // The first is the preamble.
    found.split_off(1.min(found.len()))
}

fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let part = part.strip_prefix(b"\r\n").unwrap_or(part);
    let at = find(part, b"\r\n\r\n")?;
    Some((part.get(..at)?, part.get(at + 4..)?))
}

fn is_sdp_type(line: &[u8]) -> bool {
    let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
        return false;
    };
    let media = value.split(';').next().unwrap_or_default().trim();
    name.trim().eq_ignore_ascii_case("Content-Type") && media.eq_ignore_ascii_case("application/sdp")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use sip::wire::{self, Message};

    use super::*;

    fn request(headers: &str, body: &str) -> Request {
        let text = format!(
            "INVITE sip:9001@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
             From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:9001@192.0.2.100>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match wire::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => *request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rfc5621_the_description_is_found_alone_and_in_parts() {
        let parts = "preamble\r\n--cut\r\nContent-Type: application/isup;base=itu-t92+\r\n\r\n\u{1}\u{2}\r\n--cut\r\n\
                     content-type: Application/SDP\r\nContent-Disposition: session\r\n\r\nv=0\r\n\r\n--cut--\r\n";
        let rows = [
            ("none", "", "", Ok(None)),
            ("alone", "Content-Type: application/sdp\r\n", "v=0\r\n", Ok(Some("v=0\r\n"))),
            (
                "encoded",
                "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
                "x",
                Err(Unreadable::Encoded),
            ),
            ("not encoded", "Content-Type: application/sdp\r\ne: identity\r\n", "v=0", Ok(Some("v=0"))),
            ("in parts", "Content-Type: multipart/mixed;boundary=cut\r\n", parts, Ok(Some("v=0\r\n"))),
            ("quoted", "Content-Type: multipart/mixed;boundary=\"cut\"\r\n", parts, Ok(Some("v=0\r\n"))),
            ("no such part", "Content-Type: multipart/mixed;boundary=x\r\n", parts, Err(Unreadable::Unknown)),
            ("no boundary", "Content-Type: multipart/mixed\r\n", parts, Err(Unreadable::Unknown)),
            ("another type", "Content-Type: text/plain\r\n", "a note", Err(Unreadable::Unknown)),
            (
                "another type that need not be understood",
                "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n",
                "a note",
                Ok(None),
            ),
        ];
        for (name, headers, body, expected) in rows {
            let found = description(&request(headers, body));
            let found = found.map(|body| body.map(|body| String::from_utf8_lossy(&body.bytes).into_owned()));
            assert_eq!(found, expected.map(|body| body.map(str::to_owned)), "{name}");
        }
    }
}
