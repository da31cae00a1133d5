//! `sip:`, `sips:`, `tel:` and whatever else may stand where a URI stands.

use super::{Host, Params, Text, host, limits, scan};
use core::{fmt, ops::Range};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a URI's scheme is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel` (RFC 3966)
    Tel,
    /// One whose rest is opaque to us.
    Other,
}

/// A URI: its text, and where its parts are.
///
/// `==` compares the text; [`Uri::is_equivalent`] compares as RFC 3261 §19.1.4 does, which is not
/// transitive.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri {
    text: Text,
    scheme: Scheme,
    /// Present in `sip`, `sips` and `tel`, where it is the number.
    user: Option<Span>,
    password: Option<Span>,
    /// Empty outside `sip` and `sips`.
    host: Span,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

/// A part of the text, from and to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span(u32, u32);

impl Span {
    /// Where `part` lies within `whole`.
    fn of(whole: &[u8], part: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        Some(Self(u32::try_from(start).ok()?, u32::try_from(start + part.len()).ok()?))
    }

    const fn range(self) -> Range<usize> {
        self.0 as usize..self.1 as usize
    }
}

/// The text is no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URI")]
pub struct NotAUri;

impl Uri {
    /// Reads a URI without anything around it.
    pub fn parse(text: Text) -> Result<Self, NotAUri> {
        let bytes = text.as_bytes();
        let (scheme, rest) = scan::split_at_byte(bytes, b':');
        let rest = rest.ok_or(NotAUri)?;
        // Bytes above ASCII are no URI by the grammar and stand in URIs all the same.
        if !is_scheme(scheme) || !scan::is_unbroken(bytes) {
            return Err(NotAUri);
        }
        let parts = match scheme {
            _ if scheme.eq_ignore_ascii_case(b"sip") => Parts::of_sip(bytes, rest, Scheme::Sip),
            _ if scheme.eq_ignore_ascii_case(b"sips") => Parts::of_sip(bytes, rest, Scheme::Sips),
            _ if scheme.eq_ignore_ascii_case(b"tel") => Parts::of_tel(bytes, rest),
            _ => Some(Parts::opaque()),
        };
        let uri = parts.ok_or(NotAUri)?.with(text);
        match uri.scheme {
            Scheme::Sip | Scheme::Sips if !Host::check(uri.bytes(uri.host)) => Err(NotAUri),
            Scheme::Sip | Scheme::Sips | Scheme::Tel if !Params::check_in_uri(uri.bytes(uri.params)) => {
                Err(NotAUri)
            }
            Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Other => Ok(uri),
        }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// All of it, for [`Text::detach`].
    pub(crate) const fn text_mut(&mut self) -> &mut Text {
        &mut self.text
    }

    /// All of it.
    pub const fn as_text(&self) -> &Text {
        &self.text
    }

    /// The user, with its escapes and with the parameters that a telephone number may carry there
    /// (RFC 3261 §19.1.6); of a `tel` URI the number alone.
    pub fn user(&self) -> Option<Text> {
        self.user.map(|span| self.slice(span))
    }

    /// The user as somebody would dial it: unescaped, without parameters, and for a number without
    /// its visual separators (RFC 3966 §3). A dot separates digits only where the URI says that it
    /// is a number: elsewhere it may stand between a meeting and its password.
    pub fn dialed(&self) -> Option<Text> {
        let user = self.user()?;
        let (name, _) = scan::split_at_byte(user.as_bytes(), b';');
        let is_plain = |byte: &u8| *byte != b'%' && !is_separator(*byte);
        if name.iter().all(is_plain) {
            return Some(user.part(name));
        }
        let plain: alloc::vec::Vec<u8> = scan::unescaped(name).collect();
        let (is_number, is_phone) = (looks_like_a_number(&plain), self.says_phone(&plain));
        let is_dropped = |byte: u8| is_number && is_separator(byte) && (byte != b'.' || is_phone);
        let kept = plain.into_iter().filter(|byte| !is_dropped(*byte));
        Some(bytes::Bytes::from_iter(kept).into())
    }

    fn says_phone(&self, user: &[u8]) -> bool {
        let is_marked = || self.params().get("user").is_some_and(|user| user.is("phone"));
        self.scheme == Scheme::Tel || user.first() == Some(&b'+') || is_marked()
    }

    /// The parameters of a telephone number: those inside the user of a `sip` URI, all of a `tel` URI.
    pub fn number_params(&self) -> Params {
        if self.scheme == Scheme::Tel {
            return self.params();
        }
        let user = self.user().unwrap_or_default();
        let at = user.as_bytes().iter().position(|byte| *byte == b';').unwrap_or(user.len());
        Params::parse(user.part(user.as_bytes().get(at..).unwrap_or_default())).unwrap_or_default()
    }

    /// The password, which nobody should use.
    pub fn password(&self) -> Option<Text> {
        self.password.map(|span| self.slice(span))
    }

    /// The host of a `sip` or `sips` URI.
    pub fn host(&self) -> Option<Host> {
        Host::parse(self.text.piece(), self.bytes(self.host))
    }

    /// The port, when it is told.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters.
    pub fn params(&self) -> Params {
        Params::parse(self.slice(self.params)).unwrap_or_default()
    }

    /// What stands behind the question mark.
    pub fn headers(&self) -> Text {
        self.slice(self.headers)
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.text.as_bytes().get(span.range()).unwrap_or_default()
    }

    fn slice(&self, span: Span) -> Text {
        self.text.part(self.bytes(span))
    }

    /// Whether both name the same resource by the rules of RFC 3261 §19.1.4.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if self.scheme == Scheme::Other {
            return self.text == other.text;
        }
        same_unescaped(self.user.map(|span| self.bytes(span)), other.user.map(|span| other.bytes(span)))
            && same_unescaped(
                self.password.map(|span| self.bytes(span)),
                other.password.map(|span| other.bytes(span)),
            )
            && self.host() == other.host()
            && self.port == other.port
            && params_agree(&self.params(), &other.params())
            && params_agree(&other.params(), &self.params())
            && headers_agree(self.bytes(self.headers), other.bytes(other.headers))
            && headers_agree(other.bytes(other.headers), self.bytes(self.headers))
    }
}

/// The parts of a URI on their way into one.
struct Parts {
    scheme: Scheme,
    user: Option<Span>,
    password: Option<Span>,
    host: Span,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

impl Parts {
    const fn opaque() -> Self {
        let none = Span(0, 0);
        Self {
            scheme: Scheme::Other,
            user: None,
            password: None,
            host: none,
            port: None,
            params: none,
            headers: none,
        }
    }

    /// RFC 3261 §19.1.1: `[user[:password]@]host[:port][;params][?headers]`.
    fn of_sip(whole: &[u8], rest: &[u8], scheme: Scheme) -> Option<Self> {
        let (userinfo, place) = match scan::split_at_byte(rest, b'@') {
            (userinfo, Some(place)) => (Some(userinfo), place),
            (place, None) => (None, place),
        };
        let (place, headers) = scan::split_at_byte(place, b'?');
        let headers = headers.unwrap_or_default();
        let params_at = scan::find(place, b';').unwrap_or(place.len());
        let (hostport, params) = place.split_at_checked(params_at)?;
        let (host, port) = host::split_port(hostport)?;
        let (user, password) = match userinfo.map(|text| scan::split_at_byte(text, b':')) {
            Some((user, password)) => (Some(user), password),
            None => (None, None),
        };
        // A second `@` would let two readers find two hosts.
        let is_sound = scan::find(place, b'@').is_none()
            && user.is_none_or(|user| !user.is_empty() && scan::escapes_are_whole(user))
            && headers.iter().filter(|byte| **byte == b'&').count() < limits::PARAMS;
        if !is_sound {
            return None;
        }
        Some(Self {
            scheme,
            user: span_of(whole, user)?,
            password: span_of(whole, password)?,
            host: Span::of(whole, host)?,
            port,
            params: Span::of(whole, params)?,
            headers: if headers.is_empty() { Span::default() } else { Span::of(whole, headers)? },
        })
    }

    /// RFC 3966 §3: `number[;params]`.
    fn of_tel(whole: &[u8], rest: &[u8]) -> Option<Self> {
        let params_at = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
        let (number, params) = rest.split_at_checked(params_at)?;
        if number.is_empty() {
            return None;
        }
        let user = Some(Span::of(whole, number)?);
        Some(Self { scheme: Scheme::Tel, user, params: Span::of(whole, params)?, ..Self::opaque() })
    }

    fn with(self, text: Text) -> Uri {
        let Self { scheme, user, password, host, port, params, headers } = self;
        Uri { text, scheme, user, password, host, port, params, headers }
    }
}

/// The outer `None` is a failure, the inner one an absence.
fn span_of(whole: &[u8], part: Option<&[u8]>) -> Option<Option<Span>> {
    match part {
        Some(part) => Span::of(whole, part).map(Some),
        None => Some(None),
    }
}

fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn looks_like_a_number(user: &[u8]) -> bool {
    let digits = user.strip_prefix(b"+").unwrap_or(user);
    user.iter().any(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || is_separator(*byte))
}

/// RFC 3966 §3 `visual-separator`.
const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

fn same_unescaped(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => scan::unescaped(a).eq(scan::unescaped(b)),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Parameters that must stand in both or in neither; any other may stand in one alone.
const BINDING: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// Whether each of `a` is met in `b`.
fn params_agree(a: &Params, b: &Params) -> bool {
    a.iter().all(|own| match b.iter().find(|other| other.name.eq_ignore_ascii_case(own.name)) {
        Some(other) => {
            let (own, other) = (own.value.unwrap_or_default(), other.value.unwrap_or_default());
            let fold = |byte: u8| byte.to_ascii_lowercase();
            scan::unescaped(own).map(fold).eq(scan::unescaped(other).map(fold))
        }
        None => !BINDING.iter().any(|name| own.name.eq_ignore_ascii_case(name)),
    })
}

/// Whether each URI header of `a` stands in `b` with the same value.
fn headers_agree(a: &[u8], b: &[u8]) -> bool {
    let headers =
        |text: &[u8]| text.split(|byte| *byte == b'&').map(<[u8]>::to_vec).collect::<alloc::vec::Vec<_>>();
    headers(a).iter().all(|own| {
        let (name, value) = scan::split_at_byte(own, b'=');
        headers(b).iter().any(|other| {
            let (other_name, other_value) = scan::split_at_byte(other, b'=');
            name.eq_ignore_ascii_case(other_name) && same_unescaped(value, other_value)
        })
    })
}

impl TryFrom<&str> for Uri {
    type Error = NotAUri;

    fn try_from(text: &str) -> Result<Self, NotAUri> {
        Self::parse(text.into())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({:?})", self.text)
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Text::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
