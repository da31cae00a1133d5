//! The SIP of a caller: who it is and how it asks.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use sdp::SessionDescription;
use sip::{
    endpoint::{
        Body, DialogId, EndpointConfig, Hop, Invite, Limits, Listener, ListenerId, Registers, SessionTimer,
    },
    transaction::Timers,
    wire::{Host, MaxForwards, NameAddr, Text, Transport, Uri},
};
use terms::{BootEpoch, Entropy, NodeId, Origin, Pii, ShardId};

use super::{error::CallError, plan::Plan};

/// A caller has one socket for SIP.
pub const LISTENER: ListenerId = ListenerId(0);

/// The INVITE of a plan, from the SIP socket at `local`.
pub fn invitation(
    dialog: DialogId,
    plan: &Plan,
    local: SocketAddr,
    offer: &SessionDescription,
) -> Result<Invite, CallError> {
    let uri = uri(&plan.number, plan.gateway)?;
    Ok(Invite {
        dialog,
        hop: Hop::new(LISTENER, plan.gateway),
        from: NameAddr::new(uri_of_caller(&plan.from, local)?),
        to: NameAddr::new(uri.clone()),
        uri,
        max_forwards: MaxForwards::INITIAL,
        body: Some(Body::sdp(Bytes::from(offer.print()))),
        headers: Vec::new(),
    })
}

/// What a caller's endpoint at `local` is told.
pub fn endpoint_config(local: SocketAddr, limits: Limits, entropy: &mut Entropy) -> EndpointConfig {
    EndpointConfig {
        origin: Origin { node: NodeId(0), shard: ShardId(0), boot: BootEpoch(entropy.next_u32()) },
        // Nothing of a call is left to absorb once its BYE is answered: timer K needs no time.
        timers: Timers { t4: Duration::ZERO, ..Timers::RFC },
        session: SessionTimer::RFC,
        limits,
        product: Text::from_static(concat!("gateway-call/", env!("CARGO_PKG_VERSION"))),
        accept: Text::from_static("application/sdp"),
        listeners: vec![Listener {
            id: LISTENER,
            transport: Transport::Udp,
            host: host(local.ip()),
            port: local.port(),
            registers: Registers::No,
        }],
    }
}

const fn host(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::V4(address),
        IpAddr::V6(address) => Host::V6(address),
    }
}

fn uri(number: &str, gateway: SocketAddr) -> Result<Uri, CallError> {
    let wrong = || CallError::Number(Pii(number.to_owned()));
    // An address of its own stands as it is.
    let text = if number.starts_with("sip:") || number.starts_with("tel:") {
        number.to_owned()
    } else {
        format!("sip:{number}@{gateway}")
    };
    Uri::try_from(text.as_str()).map_err(|_| wrong())
}

fn uri_of_caller(from: &str, local: SocketAddr) -> Result<Uri, CallError> {
    Uri::try_from(format!("sip:{from}@{local}").as_str()).map_err(|_| CallError::Number(Pii(from.to_owned())))
}
