//! A room system under simulation: it registers, answers challenges, and refreshes.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::{
    auth::Algorithm,
    wire::{self, Header, Message, Method, MinExpires, Response, Text, WwwAuthenticate},
};
use terms::{Instant, Now};

use crate::{
    gateway::ADDRESS,
    login::Login,
    network::{Datagram, Network},
};

/// How a device is set up.
#[derive(Debug, Clone)]
pub struct Provisioning {
    /// The account.
    pub account: &'static str,
    /// What it believes the password to be.
    pub password: &'static str,
    /// Where it sends from.
    pub address: SocketAddr,
    /// What stands behind its Contact, each led by a semicolon.
    pub contact: String,
    /// What stands behind its From.
    pub from: &'static str,
    /// Seconds that it asks for.
    pub expires: u32,
    /// Whether it knows SHA-256.
    pub algorithm: Algorithm,
    /// Lines besides.
    pub lines: Vec<&'static str>,
}

impl Provisioning {
    /// One of the demonstration's accounts.
    pub fn of(account: &'static str, password: &'static str, address: &str) -> Self {
        Self {
            account,
            password,
            address: address.parse().expect("an address"),
            contact: String::new(),
            from: "",
            expires: 600,
            algorithm: Algorithm::Md5,
            lines: Vec::new(),
        }
    }
}

/// A room system.
#[derive(Debug)]
pub struct Device {
    /// How it is set up.
    pub provisioning: Provisioning,
    /// Final answers, in order: when, status, and the whole.
    pub answers: Vec<(Instant, u16, Response)>,
    call_id: String,
    number: u32,
    challenge: Option<WwwAuthenticate>,
    count: u32,
    /// Whether a challenge is answered, or let be.
    answers_challenge: bool,
}

impl Device {
    /// One that has sent nothing. No two of one call id.
    pub fn new(provisioning: Provisioning, call_id: &str) -> Self {
        Self {
            provisioning,
            answers: Vec::new(),
            call_id: call_id.to_owned(),
            number: 0,
            challenge: None,
            count: 0,
            answers_challenge: true,
        }
    }

    /// Registers, or refreshes; a challenge is answered once.
    pub fn register(&mut self, now: Now, network: &mut Network) {
        self.answers_challenge = true;
        self.send(now, network);
    }

    /// Sends the last credentials once more: neither count nor nonce is another.
    pub fn replay(&mut self, now: Now, network: &mut Network) {
        (self.count, self.answers_challenge) = (self.count - 1, false);
        self.send(now, network);
    }

    /// The statuses of its answers, challenges included.
    pub fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|(_, status, _)| *status).collect()
    }

    /// The last answer.
    pub fn last(&self) -> &Response {
        &self.answers.last().expect("an answer").2
    }

    /// A header of the last answer.
    pub fn told<H: Header>(&self) -> Option<H> {
        self.last().headers.first::<H>().expect("sound")
    }

    /// What the last 423 asked for.
    pub fn shortest(&self) -> Option<u32> {
        self.told::<MinExpires>().map(|MinExpires(seconds)| seconds)
    }

    /// The answer to a REGISTER of its own; what else comes to its address is for its phone.
    pub(crate) fn answer_in(&self, datagram: &Datagram) -> Option<Box<Response>> {
        if datagram.to != self.provisioning.address {
            return None;
        }
        match wire::parse(Bytes::copy_from_slice(&datagram.bytes)) {
            Ok(Message::Response(response)) if response.head.cseq.method == Method::Register => {
                Some(response)
            }
            _ => None,
        }
    }

    pub(crate) fn receive(&mut self, now: Now, response: Box<Response>, network: &mut Network) {
        let status = response.status.code();
        let challenges: Vec<WwwAuthenticate> =
            response.headers.all::<WwwAuthenticate>().map(|challenge| challenge.expect("sound")).collect();
        self.answers.push((now.mono, status, *response));
        let wanted = Some(Text::from_static(self.provisioning.algorithm.as_str()));
        let Some(challenge) = challenges.into_iter().find(|challenge| challenge.algorithm == wanted) else {
            return;
        };
        // RFC 7616 §3.3: credentials that were refused over a nonce that served are wrong.
        let is_new = self.challenge.is_none() || challenge.stale.is_some();
        (self.challenge, self.count) = (Some(challenge), 0);
        if std::mem::take(&mut self.answers_challenge) && is_new {
            self.send(now, network);
        }
    }

    /// A REGISTER for the address of `other` with the credentials of this one.
    pub fn forged(&mut self, other: &str) -> String {
        let own = format!("To: <sip:{}@gw>", self.provisioning.account);
        self.next().replace(&own, &format!("To: <sip:{other}@gw>"))
    }

    fn send(&mut self, now: Now, network: &mut Network) {
        let text = self.next();
        network.send(
            now.mono,
            self.provisioning.address,
            ADDRESS.parse().expect("an address"),
            text.as_bytes(),
        );
    }

    fn next(&mut self) -> String {
        self.number += 1;
        let Provisioning { account, address, contact, from, expires, lines, .. } = &self.provisioning;
        let (number, call_id, credentials) = (self.number, &self.call_id, self.credentials());
        let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "REGISTER sip:gw SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{number};rport\r\n\
             From: <sip:{account}@gw>;tag=1{from}\r\nTo: <sip:{account}@gw>\r\nCall-ID: {call_id}\r\n\
             CSeq: {number} REGISTER\r\nContact: <sip:{account}@{address}>{contact}\r\nExpires: {expires}\r\n\
             User-Agent: Room\r\n{more}{credentials}Content-Length: 0\r\n\r\n"
        );
        self.count += 1;
        text
    }

    fn credentials(&self) -> String {
        let Some(challenge) = &self.challenge else { return String::new() };
        let Provisioning { account, password, algorithm, .. } = self.provisioning;
        let login = Login { account, password };
        let shown = login.answer(challenge, ("REGISTER", "sip:gw"), (algorithm, self.count + 1));
        let mut value = bytes::BytesMut::new();
        shown.write(&mut value);
        format!("Authorization: {}\r\n", Text::from(value.freeze()))
    }
}
