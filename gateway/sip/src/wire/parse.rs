//! From a datagram to a message.

use super::{
    BadRequest, Head, Headers, Malformed, Message, Method, ParseError, Request, Response, StatusCode, Uri,
    Via, limits, message, scan,
};
use alloc::boxed::Box;
use bytes::{Bytes, BytesMut};

/// Reads a datagram.
pub fn parse(datagram: Bytes) -> Result<Message, ParseError> {
    if datagram.len() > limits::MESSAGE_BYTES {
        return Err(ParseError::Drop(Malformed::TooLarge));
    }
    let Located { headers, end: body_start } =
        locate(without_leading_lines(datagram)).map_err(ParseError::Drop)?;
    let is_response =
        headers.start_line().as_bytes().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
    if is_response {
        let response = body_start.and_then(|start| read_response(headers, start));
        return response.map(|response| Message::Response(Box::new(response))).map_err(ParseError::Drop);
    }
    Draft { headers }.read(body_start).map(Message::Request)
}

/// RFC 3261 §7.5: empty lines before the start line are ignored.
fn without_leading_lines(datagram: Bytes) -> Bytes {
    let start = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(datagram.len());
    if start == 0 { datagram } else { datagram.slice(start..) }
}

/// A start line and what stands behind it.
pub(super) struct Located {
    pub(super) headers: Headers,
    /// Where the body begins, or what is wrong before it.
    pub(super) end: Result<usize, Malformed>,
}

/// Finds the headers of a message. A line that begins with white space is no header, so that folds
/// are looked for only where something is wrong: nearly no message has any.
pub(super) fn locate(wire: Bytes) -> Result<Located, Malformed> {
    let located = locate_lines(wire)?;
    let wire = located.headers.wire();
    if located.end.is_err() && folds(wire).next().is_some() {
        return locate_lines(unfolded(wire));
    }
    Ok(located)
}

fn locate_lines(wire: Bytes) -> Result<Located, Malformed> {
    let line_end = scan::find(&wire, b'\n').ok_or(Malformed::StartLine)?;
    let (headers, end) = Headers::locate(wire, line_end + 1);
    let end = if line_end > limits::LINE_BYTES { Err(Malformed::LineTooLong) } else { end };
    Ok(Located { headers, end })
}

/// RFC 3261 §7.3.1: a line that begins with white space continues the one before, and both read as
/// one with a space between. The line ends inside such a header are blanked in a copy, so that
/// offsets stay what they are.
fn unfolded(wire: &[u8]) -> Bytes {
    let mut copy = BytesMut::from(wire);
    for at in folds(wire) {
        let line_end = copy.get_mut(at.saturating_sub(1)..=at).unwrap_or_default();
        for byte in line_end.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')) {
            *byte = b' ';
        }
    }
    copy.freeze()
}

/// The offsets of the LFs in front of continuation lines, up to the empty line.
fn folds(wire: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    core::iter::from_fn(move || {
        loop {
            let rest = wire.get(at..)?;
            let end = scan::find(rest, b'\n')?;
            let is_empty = matches!(rest.get(..end), None | Some([] | b"\r"));
            if is_empty {
                return None;
            }
            let line_feed = at + end;
            at = line_feed + 1;
            if wire.get(at).is_some_and(|byte| scan::is_blank(*byte)) {
                return Some(line_feed);
            }
        }
    })
}

fn read_response(headers: Headers, body_start: usize) -> Result<Response, Malformed> {
    let line = headers.start_line();
    let (version, rest) = scan::split_at_byte(line.as_bytes(), b' ');
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(Malformed::Version);
    }
    let (code, phrase) = scan::split_at_byte(rest.ok_or(Malformed::StartLine)?, b' ');
    let code = scan::decimal(code).and_then(|code| u16::try_from(code).ok());
    let status = code.and_then(StatusCode::new).ok_or(Malformed::Status)?;
    let head = Head::read(&headers)?;
    let body = message::locate_body(&headers, body_start)?;
    let reason_phrase = line.part(phrase.unwrap_or_default());
    Ok(Response { status, reason_phrase, head, headers, body })
}

/// A request on its way to be one.
struct Draft {
    headers: Headers,
}

/// A request line, read.
struct RequestLine {
    method: Method,
    uri: Uri,
}

impl Draft {
    fn read(mut self, body_start: Result<usize, Malformed>) -> Result<Box<Request>, ParseError> {
        match self.try_read(body_start) {
            Ok(request) => Ok(request),
            Err(malformed) => Err(self.refuse(malformed)),
        }
    }

    fn try_read(&mut self, body_start: Result<usize, Malformed>) -> Result<Box<Request>, Malformed> {
        let line = self.request_line()?;
        let start = body_start?;
        let head = Head::read(&self.headers)?;
        if head.cseq.method != line.method {
            return Err(Malformed::CSeqMethod);
        }
        let max_forwards = self.headers.first()?;
        let body = message::locate_body(&self.headers, start)?;
        let headers = core::mem::take(&mut self.headers);
        Ok(Box::new(Request { method: line.method, uri: line.uri, head, max_forwards, headers, body }))
    }

    /// RFC 3261 §25.1 Request-Line: one space between its three parts.
    fn request_line(&self) -> Result<RequestLine, Malformed> {
        // Deviation: spaces behind the version are read over (RFC 4475 §3.1.2.16 permits it).
        let whole = self.headers.start_line();
        let line = whole.as_bytes().trim_ascii_end();
        let (method, rest) = scan::split_at_byte(line, b' ');
        if !scan::is_token(method) {
            return Err(Malformed::Method);
        }
        let rest = rest.ok_or(Malformed::StartLine)?;
        let version_at = rest.iter().rposition(|byte| *byte == b' ').ok_or(Malformed::StartLine)?;
        let (uri, version) = rest.split_at_checked(version_at).ok_or(Malformed::StartLine)?;
        check_version(version.trim_ascii_start())?;
        let uri = Uri::parse(whole.part(uri)).map_err(|_| Malformed::RequestUri)?;
        Ok(RequestLine { method: Method::from_token(whole.sub(method)), uri })
    }

    /// What is no request line at all, an ACK (RFC 3261 §17.1.1.3), and what does not say where an
    /// answer goes, get none.
    fn refuse(self, malformed: Malformed) -> ParseError {
        let line = self.headers.start_line();
        let (method, _) = scan::split_at_byte(line.as_bytes(), b' ');
        let is_request = !matches!(malformed, Malformed::StartLine | Malformed::Method);
        match (Method::from_token(line.sub(method)), self.headers.required::<Via>()) {
            (Method::Ack, _) | (_, Err(_)) => ParseError::Drop(malformed),
            (method, Ok(via)) if is_request => {
                ParseError::Answer(Box::new(BadRequest { malformed, method, via, headers: self.headers }))
            }
            (_, Ok(_)) => ParseError::Drop(malformed),
        }
    }
}

/// RFC 3261 §7.1: the version compares without regard to case.
fn check_version(version: &[u8]) -> Result<(), Malformed> {
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let is_sip = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
    Err(if is_sip { Malformed::Version } else { Malformed::StartLine })
}
