//! How a port's stream fares, as media tells it about once a second.

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// How a port's stream fares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Whether anything comes and goes at all.
    pub silences: Silences,
    /// Of what the peer sends, as we count it.
    pub inbound: Figures,
    /// Of what we send, as the peer's last report says.
    pub outbound: Figures,
}

/// The figures of one direction, as of the last seconds (MEDIA-7). What is not known is `None`, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Packets that did not arrive, in percent; those that came too late to be played are not among them.
    pub loss_percent: Option<f32>,
    /// RFC 3550 §A.8, in milliseconds.
    pub jitter_ms: Option<f32>,
    /// Half the RTCP round trip, in milliseconds: an estimate, since the two ways need not be alike.
    pub delay_estimated_ms: Option<f32>,
    /// What a listener would say.
    pub mos: Option<Mos>,
}

/// Which directions are silent (MEDIA-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Silences {
    /// Of what the peer sends, if it may send: neither RTP nor RTCP comes.
    pub inbound: Option<Silence>,
    /// Of what we send, if we may send: the peer says that nothing reaches it. A peer that sends no
    /// RTCP says nothing.
    pub outbound: Option<Silence>,
    /// Whether the peer has sent comfort noise (RFC 3389) since it was connected: it suppresses its
    /// silence, and may be quiet for long.
    pub comfort_noise: bool,
}

/// Nothing arrives in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// When something arrived last, or when it could have for the first time; on the process's clock.
    pub since: Instant,
    /// Why, as far as can be seen.
    pub reason: SilenceReason,
}

/// Why nothing arrives (MEDIA-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SilenceReason {
    /// Nothing at all came, or comes through.
    NothingAtAll,
    /// What came was from a source that is not the peer.
    WrongSource,
    /// What came was of a payload type that was not negotiated.
    WrongPayloadType,
    /// What came could not be decrypted: it is not of the peer, or under another key.
    Undecipherable,
    /// What we send is answered with ICMP unreachable: nobody listens there.
    Unreachable,
}

/// A mean opinion score, estimated by the E-model, 1 to 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mos {
    /// The score.
    pub score: f32,
    /// What it is relative to: scores of two scales can't be compared.
    pub scale: MosScale,
}

/// The best that a listener of that scale knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MosScale {
    /// ITU-T G.107: a good telephone, 300 to 3400 Hz.
    NarrowBand,
    /// ITU-T G.107.1: 50 to 7000 Hz.
    WideBand,
}
