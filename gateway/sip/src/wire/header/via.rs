//! Via (RFC 3261 §20.42) with rport (RFC 3581).

use super::{Header, HeaderName, Shape};
use crate::wire::{
    Host, Param, Params, Piece, Text,
    host::{self, write_display},
    params::write_param,
    scan,
};
use bytes::{BufMut as _, BytesMut};
use core::{
    net::{IpAddr, SocketAddr},
    str::FromStr as _,
};
use serde::{Deserialize, Serialize};

const VERSION: Text = Text::from_static("2.0");

/// What carries a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// One that we do not speak.
    Other(Text),
}

impl Transport {
    fn from_token(whole: Piece<'_>, token: &[u8]) -> Self {
        match token {
            _ if token.eq_ignore_ascii_case(b"UDP") => Self::Udp,
            _ if token.eq_ignore_ascii_case(b"TCP") => Self::Tcp,
            _ if token.eq_ignore_ascii_case(b"TLS") => Self::Tls,
            _ => Self::Other(whole.part(token)),
        }
    }

    /// As it stands in a Via.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Udp => b"UDP",
            Self::Tcp => b"TCP",
            Self::Tls => b"TLS",
            Self::Other(token) => token.as_bytes(),
        }
    }

    /// RFC 3261 §18.2.2: the port of a Via that names none.
    pub const fn default_port(&self) -> u16 {
        match self {
            Self::Udp | Self::Tcp | Self::Other(_) => 5060,
            Self::Tls => 5061,
        }
    }
}

/// What names a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Branch(pub Text);

impl Branch {
    /// RFC 3261 §8.1.1.7: what a branch that names a transaction uniquely begins with.
    pub const COOKIE: &'static str = "z9hG4bK";

    /// Whether it has the cookie and something behind it (RFC 4475 §3.1.2.19 has it bare).
    pub fn is_unique(&self) -> bool {
        let cookie = self.0.as_bytes().get(..Self::COOKIE.len());
        self.0.len() > Self::COOKIE.len()
            && cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(Self::COOKIE.as_bytes()))
    }
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// The SIP version, `2.0`: any other is kept, so that its sender can be told 505.
    pub version: Text,
    /// What carried the request.
    pub transport: Transport,
    /// Sent-by.
    pub host: Host,
    /// Its port, when it is told.
    pub port: Option<u16>,
    /// branch, received, rport and the rest.
    pub params: Params,
}

impl Via {
    /// The Via of a request of ours. It asks for rport, since we listen where we send from.
    pub fn new(transport: Transport, host: Host, port: u16, branch: &Branch) -> Self {
        let mut params = BytesMut::with_capacity(branch.0.len() + 16);
        write_param(&mut params, Param { name: b"branch", value: Some(branch.0.as_bytes()) });
        write_param(&mut params, Param { name: b"rport", value: None });
        let params = Params::from_written(params.freeze().into());
        Self { version: VERSION, transport, host, port: Some(port), params }
    }

    /// What names the transaction.
    pub fn branch(&self) -> Option<Branch> {
        self.params.get("branch").map(Branch)
    }

    /// Whether the answer shall go to the source port (RFC 3581 §4).
    pub fn asks_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The source address that a hop before us noted, with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        let text = text.as_str()?;
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        IpAddr::from_str(inside).ok()
    }

    /// The port to answer to when nothing else is known.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport.default_port())
    }

    /// Appends the value as a server notes it: `received` and `rport` say where the request came
    /// from (RFC 3261 §18.2.1, RFC 3581 §4), whatever they said before.
    pub fn write_received(&self, source: SocketAddr, out: &mut BytesMut) {
        self.write_sent_by(out);
        for param in self.params.iter() {
            let is_ours =
                param.name.eq_ignore_ascii_case(b"received") || param.name.eq_ignore_ascii_case(b"rport");
            if !is_ours {
                write_param(out, param);
            }
        }
        if self.asks_rport() {
            out.put_slice(b";rport=");
            write_display(out, source.port());
        }
        if self.asks_rport() || self.host.ip() != Some(source.ip()) {
            out.put_slice(b";received=");
            write_display(out, source.ip());
        }
    }

    fn write_sent_by(&self, out: &mut BytesMut) {
        out.put_slice(b"SIP/");
        out.put_slice(self.version.as_bytes());
        out.put_u8(b'/');
        out.put_slice(self.transport.as_bytes());
        out.put_u8(b' ');
        self.host.write(out);
        if let Some(port) = self.port {
            out.put_u8(b':');
            write_display(out, port);
        }
    }
}

impl Header for Via {
    const NAME: HeaderName = HeaderName::Via;
    const SHAPE: Shape = Shape::List;

    fn parse(value: Piece<'_>) -> Option<Self> {
        let bytes = value.as_bytes();
        let params_at = scan::find_outside(bytes, b';').unwrap_or(bytes.len());
        let (front, params) = bytes.split_at_checked(params_at)?;
        // RFC 3261 §25.1 SLASH: white space may stand around each slash.
        let (name, rest) = scan::split_at_byte(front, b'/');
        let (version, rest) = scan::split_at_byte(rest?, b'/');
        let version = scan::trim(version);
        if !scan::trim(name).eq_ignore_ascii_case(b"SIP") || !scan::is_token(version) {
            return None;
        }
        let rest = scan::trim(rest?);
        let (transport, sent_by) =
            rest.split_at_checked(rest.iter().position(|byte| scan::is_blank(*byte))?)?;
        if !scan::is_token(transport) {
            return None;
        }
        let (host, port) = host::split_port(scan::trim(sent_by))?;
        Some(Self {
            version: if version == b"2.0" { VERSION } else { value.part(version) },
            transport: Transport::from_token(value, transport),
            host: Host::parse(value, host)?,
            port,
            params: Params::parse(value.part(scan::trim(params)))?,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        self.write_sent_by(out);
        out.put_slice(self.params.as_text().as_bytes());
    }
}
