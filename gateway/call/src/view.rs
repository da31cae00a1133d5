//! A call as the administration sees it.

use serde::{Deserialize, Serialize};
use terms::{AccountName, CallId, LegId, MeetingId, TrunkName, WallTime, media::Secrecy};

use crate::{
    doctor::Stopped,
    event::RefusedLine,
    gauge::{Icon, WayView},
    leg::Model,
};

/// A call, and how its streams are (MEDIA-7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallView {
    /// The call.
    pub call: CallId,
    /// Its leg.
    pub leg: LegId,
    /// The trunk that it came by.
    pub trunk: Option<TrunkName>,
    /// The calling number.
    pub caller: Option<String>,
    /// The called number as the peer wrote it.
    pub called: String,
    /// The account that calls or is called.
    #[serde(default)]
    pub account: Option<AccountName>,
    /// The model of its device, and which quirks of it had an effect (ROOM-11).
    #[serde(default)]
    pub model: Option<Box<Model>>,
    /// The lines of its last offer that were refused, and why.
    #[serde(default)]
    pub refused_lines: Vec<RefusedLine>,
    /// The meeting that it is in, or waits for.
    pub meeting: Option<MeetingId>,
    /// When it came.
    pub arrived: WallTime,
    /// When its caller heard the other end, before that answered.
    #[serde(default)]
    pub early_media: Option<WallTime>,
    /// When it was answered.
    pub answered: Option<WallTime>,
    /// Whether its streams are encrypted, once that is agreed.
    #[serde(default)]
    pub secrecy: Option<Secrecy>,
    /// The endpoint's icon: that of the worse direction.
    pub icon: Icon,
    /// What the peer sends.
    pub inbound: WayView,
    /// What we send, as far as the peer tells.
    pub outbound: WayView,
    /// The stream that stopped, once it is warned of.
    pub no_stream: Option<Stopped>,
}
