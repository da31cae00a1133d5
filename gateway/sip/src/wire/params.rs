//! Parameters behind a URI or a header's value.

use super::{Text, limits, scan};
use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Serialize};

/// `;name=value;flag` as it came, looked up when asked. Names compare without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Params(Text);

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value as it stands, quotes included; a flag has none.
    pub value: Option<&'a [u8]>,
}

impl Params {
    /// None at all.
    pub const EMPTY: Self = Self(Text::from_static(""));

    /// Takes `text`: nothing, or parameters each led by a semicolon.
    pub(crate) fn parse(text: Text) -> Option<Self> {
        let params = Self(text);
        Self::check(params.0.as_bytes()).then_some(params)
    }

    /// Whether `text` is nothing, or parameters each led by a semicolon. The very last may be
    /// missing behind its semicolon: some phones end so.
    pub(crate) fn check(text: &[u8]) -> bool {
        let Some((first, text)) = text.split_first() else { return true };
        if *first != b';' {
            return false;
        }
        if scan::is_unbroken(text) {
            return check_unbroken(text);
        }
        if !quotes_balance(text) {
            return false;
        }
        let mut parts = scan::parts_outside(text, b';').enumerate().peekable();
        while let Some((at, part)) = parts.next() {
            let is_sound = match part {
                [] => parts.peek().is_none(),
                part => is_param_name(split_param(part).name),
            };
            if !is_sound || at >= limits::PARAMS {
                return false;
            }
        }
        true
    }

    /// The same for a part of a URI, whose bytes are looked at already.
    pub(crate) fn check_in_uri(text: &[u8]) -> bool {
        text.split_first().is_none_or(|(first, text)| *first == b';' && check_unbroken(text))
    }

    /// Takes what [`write_param`] wrote.
    pub(crate) const fn from_written(text: Text) -> Self {
        Self(text)
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'_>> {
        scan::parts_outside(self.0.as_bytes(), b';').filter(|part| !part.is_empty()).map(split_param)
    }

    /// The value of the first parameter of that name; empty for a flag. Quotes are taken off.
    pub fn get(&self, name: &str) -> Option<Text> {
        let param = self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(self.0.part(unquoted(param.value.unwrap_or_default())))
    }

    /// Whether there is a parameter of that name.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// All of it, for [`Text::detach`].
    pub(super) const fn text_mut(&mut self) -> &mut Text {
        &mut self.0
    }

    /// All of it as it stands.
    pub const fn as_text(&self) -> &Text {
        &self.0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without those of that name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        if !self.has(name) {
            return self.clone();
        }
        let mut out = BytesMut::with_capacity(self.0.len());
        for param in self.iter().filter(|param| !param.name.eq_ignore_ascii_case(name.as_bytes())) {
            write_param(&mut out, param);
        }
        Self(out.freeze().into())
    }

    /// The same with `name=value` at the end, in place of any before.
    #[must_use]
    pub fn with(&self, name: &str, value: &Text) -> Self {
        let kept = self.without(name);
        let mut out = BytesMut::with_capacity(kept.0.len() + name.len() + value.len() + 2);
        out.put_slice(kept.0.as_bytes());
        write_param(&mut out, Param { name: name.as_bytes(), value: Some(value.as_bytes()) });
        Self(out.freeze().into())
    }
}

/// Appends one parameter.
pub(crate) fn write_param(out: &mut BytesMut, param: Param<'_>) {
    out.put_u8(b';');
    out.put_slice(param.name);
    if let Some(value) = param.value {
        out.put_u8(b'=');
        out.put_slice(value);
    }
}

fn split_param(part: &[u8]) -> Param<'_> {
    let (name, value) = scan::split_at_byte(part, b'=');
    Param { name: scan::trim(name), value: value.map(scan::trim) }
}

/// Checks parameters without quotes, angle brackets and white space, as most are.
fn check_unbroken(text: &[u8]) -> bool {
    let (mut rest, mut parts) = (text, 0);
    loop {
        let (part, tail) = scan::split_at_byte(rest, b';');
        let (name, _) = scan::split_at_byte(part, b'=');
        parts += 1;
        match tail {
            _ if parts > limits::PARAMS => return false,
            None => return part.is_empty() || is_param_name(name),
            Some(_) if !is_param_name(name) => return false,
            Some(tail) => rest = tail,
        }
    }
}

fn quotes_balance(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        let quoted = rest.get(at..).unwrap_or_default();
        match scan::quoted_len(quoted).and_then(|len| quoted.get(len..)) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    true
}

/// Header parameters are tokens, URI parameters also know `[ ] / : & $` and escapes.
fn is_param_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_name_byte(*byte))
}

fn is_name_byte(byte: u8) -> bool {
    scan::is_token_byte(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'$')
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}
