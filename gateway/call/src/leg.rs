//! What a leg tells its call, and what the call tells the leg.

use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use terms::{
    AccountName, Cause, Digit, MediaLine, Pii, TenantId, TrunkName, ZoneName,
    media::{Secrecy, Sources, Stream},
};

use crate::{outcome::Outcome, terminal::Terminal};

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The zone whose listener it came in by; its media takes addresses of that zone.
    pub zone: ZoneName,
    /// From where its media is taken.
    #[serde(default)]
    pub sources: Sources,
    /// The trunk that sent it.
    pub trunk: Option<TrunkName>,
    /// The account that calls, or is called.
    #[serde(default)]
    pub account: Option<AccountName>,
    /// Whose account that is.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The device that it leads to; none that is known from other calls: `None`.
    #[serde(default)]
    pub terminal: Option<Box<Terminal>>,
    /// Who is called, as the peer wrote it.
    pub called: String,
    /// Who calls.
    pub caller: Caller,
    /// What calls.
    pub kind: Kind,
    /// How its keys come.
    pub keys: KeyMethod,
    /// What it is, where it is known.
    #[serde(default)]
    pub model: Option<Box<Model>>,
    /// The media lines that the peer offered last, in its order; none for a delayed offer.
    pub lines: Vec<MediaLine>,
    /// How many gateways and proxies it may still pass (RFC 3261 §20.22).
    pub hops_left: u8,
}

impl Default for Arrival {
    fn default() -> Self {
        Self {
            zone: ZoneName::from("trunk"),
            sources: Sources::default(),
            trunk: None,
            account: None,
            tenant: None,
            terminal: None,
            called: String::new(),
            caller: Caller::Withheld,
            kind: Kind::Phone,
            keys: KeyMethod::Auto,
            model: None,
            lines: Vec::new(),
            hops_left: 70,
        }
    }
}

impl Arrival {
    /// By what the caller is known again (DIAL-5); who withholds its number is not, and a trunk's address is nobody.
    pub fn identity(&self) -> Option<Identity> {
        let caller = self.caller.clone();
        (caller != Caller::Withheld).then(|| Identity { trunk: self.trunk.clone(), caller })
    }
}

/// A model of devices, and what of its quirks had an effect on the call (ROOM-11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The profile that was chosen.
    pub profile: String,
    /// By their names.
    pub quirks: Vec<String>,
}

/// One number on one trunk. A number that the network asserts is another than the same number merely claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The trunk.
    pub trunk: Option<TrunkName>,
    /// The number.
    pub caller: Caller,
}

/// What a leg leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The telephone network: nobody there has an account.
    #[default]
    Phone,
    /// A room system.
    Hardware,
}

/// How a peer sends its keys (DIAL-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KeyMethod {
    /// The first way that one comes owns the leg's keys.
    #[default]
    Auto,
    /// In events of the media (RFC 4733).
    Events,
    /// In the sound.
    Sound,
    /// In signaling (SIP INFO, H.245 UserInput).
    Signaling,
}

/// Who calls, as far as the trunk vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Caller {
    /// The network asserts this number (P-Asserted-Identity).
    Asserted(Pii<String>),
    /// The peer claims this number (From).
    Claimed(Pii<String>),
    /// Who has logged in as this account.
    Account(AccountName),
    /// No number was given, or it is withheld.
    Withheld,
}

impl Caller {
    /// The number, for matching.
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Asserted(number) | Self::Claimed(number) => Some(&number.0),
            Self::Account(account) => Some(account.as_str()),
            Self::Withheld => None,
        }
    }
}

/// From a leg to its call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LegEvent {
    /// It came in and waits for ringing, an answer or a refusal.
    Arrived(Box<Arrival>),
    /// It came in and was refused at once; there is nothing to do but to tell of it.
    TurnedAway {
        /// The call.
        arrival: Box<Arrival>,
        /// Q.850.
        cause: Cause,
    },
    /// The peer has made another offer, of these lines; what is agreed on follows.
    Reoffered(Vec<MediaLine>),
    /// Offer and answer agree on line `line`, at first or again.
    Negotiated {
        /// Which of the leg's lines.
        line: usize,
        /// With whom and how.
        stream: Box<Stream>,
        /// What its keys are worth.
        secrecy: Secrecy,
    },
    /// It rings at the peer that was dialed.
    Ringing,
    /// The peer that was dialed is heard before it answers (RFC 3960), in the stream that was negotiated last.
    EarlyMedia(Alert),
    /// The peer knows of our answer (SIP ACK, H.323 Connect sent), or has answered our call: media may flow.
    Established,
    /// The peer sent a key in signalling.
    Digit(Digit),
    /// The peer has answered [`LegCommand::Probe`].
    Probed,
    /// The leg is gone, for this cause.
    Ended {
        /// Q.850.
        cause: Cause,
        /// Who ended it.
        by: EndedBy,
    },
}

/// What a peer that is heard says it does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alert {
    /// It rings: the sound is most often the tone of that.
    Ringing,
    /// It does not say.
    Progress,
}

/// Who ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    /// The peer hung up or gave up.
    Peer,
    /// We did.
    Gateway,
    /// The signalling failed: no ACK, no answer to a request, a time-out.
    Failure,
}

/// Where the leg's media line is to be sent by the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalMedia {
    /// For RTP.
    pub rtp: SocketAddr,
    /// For RTCP.
    pub rtcp: SocketAddr,
}

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// By which way.
    pub way: Way,
    /// Who is called, as the peer shall read it.
    pub number: String,
    /// Who calls.
    pub caller: Caller,
    /// How many gateways and proxies it may pass.
    pub hops_left: u8,
    /// Our side of the audio line.
    pub audio: LocalMedia,
}

/// By what a leg of ours goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// A carrier.
    Trunk(TrunkName),
    /// To where this account is registered.
    Account(AccountName),
}

/// From a call to its leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegCommand {
    /// Make the leg: `Ringing`, `Negotiated` and `Established` follow, or `Ended`.
    Dial(Box<Dial>),
    /// Tell the peer that it rings.
    Ring,
    /// Let the peer hear what there is before the answer, if it can: `Negotiated` follows then.
    EarlyMedia {
        /// What it is told of that.
        alert: Alert,
        /// Our side of the audio line.
        audio: LocalMedia,
    },
    /// Take the call, with this address for the first audio line; the other lines are refused.
    Answer {
        /// Our side of the audio line.
        audio: LocalMedia,
    },
    /// Don't take the call.
    Refuse {
        /// Q.850.
        cause: Cause,
        /// What is said besides.
        text: Option<ReasonText>,
    },
    /// Tell the peer of a key, in signaling.
    Key(Digit),
    /// Ask the peer of a call that is established whether it is there.
    Probe,
    /// End the call that was taken.
    HangUp {
        /// Q.850.
        cause: Cause,
        /// What is said besides.
        text: Option<ReasonText>,
    },
}

/// What the end of a call says in the service's own words (RFC 3326 `text`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReasonText {
    /// The stream stopped (MEDIA-4).
    NoStream,
    /// No handshake gave the media keys (MEDIA-2).
    NoKeys,
    /// Of an attempt to join.
    Outcome(Outcome),
    /// There is no such account (OUT-4).
    Nobody,
    /// The account has no device that is registered (OUT-4).
    Offline,
}

impl ReasonText {
    /// The words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoStream => "无码流中断",
            Self::NoKeys => "媒体加密失败",
            Self::Outcome(outcome) => outcome.words(),
            Self::Nobody => "用户不可达",
            Self::Offline => "不在线，请稍后再拨",
        }
    }

    /// The same in plain English, where it is told before anything can be spoken.
    pub const fn plain(self) -> Option<&'static str> {
        match self {
            Self::NoStream | Self::NoKeys => None,
            Self::Outcome(outcome) => Some(outcome.plain()),
            Self::Nobody => Some("there is no such account"),
            Self::Offline => Some("the account has no device that is registered"),
        }
    }
}
