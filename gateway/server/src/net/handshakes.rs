//! Handshakes of connections that come in: so many at once, each for so long.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use sip::endpoint::ListenerId;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    defence::Banned,
    security::{Failure, Handshake, Security},
    streams::{ACCEPT_AGAIN, Told, no_delay},
};

/// How many handshakes, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// One that is not over by then is given up.
    within: Duration,
    /// Those of a listener at once; each holds a record of TLS at most, 18 kB.
    at_once: usize,
    /// Of those, of one address: so many devices may begin at once behind one NAT.
    of_one_source: usize,
}

impl Bounds {
    /// Three lost packets in a row still leave time.
    pub(super) const USUAL: Self =
        Self { within: Duration::from_secs(10), at_once: 1_024, of_one_source: 128 };
}

/// What a listener takes connections with.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) security: Arc<dyn Security>,
    pub(super) bounds: Bounds,
    pub(super) banned: watch::Receiver<Banned>,
    /// Handshakes cost far more than messages: they have these threads, and not the shard's own.
    pub(super) runtime: Handle,
}

/// Takes what connects until the shard is gone.
pub(super) async fn accept(
    id: ListenerId,
    listener: TcpListener,
    Doors { security, bounds, banned, runtime }: Doors,
    tell: mpsc::Sender<Told>,
) {
    let (mut running, mut sources) = (JoinSet::new(), Sources::default());
    loop {
        let told = tokio::select! {
            Some(done) = running.join_next() => {
                // A handshake is neither aborted nor does it panic; its room would be lost if it did.
                let Ok((peer, secured)) = done else { continue };
                sources.leave(peer);
                secured
            }
            accepted = listener.accept() => match accepted {
                // A handshake would cost more than all that it is banned for.
                Ok((_, peer)) if banned.borrow().has(Instant::now(), peer.ip()) => Told::ShutOut,
                Ok((_, peer)) if !security.admits(peer.ip()) => Told::Refused(Failure::NotAllowed),
                Ok((stream, peer)) if sources.enter(peer.ip(), bounds) => {
                    no_delay(&stream);
                    running.spawn_on(shake((id, peer), security.accept(stream), bounds.within), &runtime);
                    continue;
                }
                Ok(_) => Told::Refused(Failure::TooMany),
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            },
        };
        if tell.send(told).await.is_err() {
            return;
        }
    }
}

async fn shake(
    (listener, peer): (ListenerId, SocketAddr),
    handshake: Handshake,
    within: Duration,
) -> (IpAddr, Told) {
    let told = match timeout(within, handshake).await {
        Ok(Ok(secured)) => Told::Up { listener, peer, came: super::streams::Came::In, secured },
        Ok(Err(failure)) => Told::Refused(failure),
        Err(_) => Told::Refused(Failure::TimedOut),
    };
    (peer.ip(), told)
}

/// How many handshakes go on, by where they are from.
#[derive(Debug, Default)]
struct Sources {
    all: usize,
    of: BTreeMap<IpAddr, usize>,
}

impl Sources {
    /// Whether one more may begin; if so, it has.
    fn enter(&mut self, source: IpAddr, bounds: Bounds) -> bool {
        let of_source = self.of.get(&source).copied().unwrap_or(0);
        if self.all >= bounds.at_once || of_source >= bounds.of_one_source {
            return false;
        }
        self.all += 1;
        self.of.insert(source, of_source + 1);
        true
    }

    fn leave(&mut self, source: IpAddr) {
        self.all = self.all.saturating_sub(1);
        match self.of.get_mut(&source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.of.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
