//! Probes all of a gateway's ports, as far as it tells them.

use std::{io, net::SocketAddr};

use probe::{Course, faults, video_fault};

use super::{
    datagrams::Talk,
    plan::{Load, Plan},
    report::{Leg, Outcome, Report, What},
    stream,
};

/// Asks the gateway for echoes on its ports of signalling and of media.
pub async fn probe(plan: &Plan) -> Report {
    let (tcp, udp) = tokio::join!(over_tcp(plan), over_udp(plan));
    let [signalling, rest @ ..] = &udp[..] else { return Report::new(plan, vec![tcp]) };
    let legs = [signalling.clone(), tcp].into_iter().chain(rest.iter().cloned()).collect();
    Report::new(plan, legs)
}

async fn over_tcp(plan: &Plan) -> Leg {
    let outcome = Outcome::of(stream::course(plan.gateway, plan.voice()).await);
    leg(What::Stream, plan.gateway, outcome, plan)
}

async fn over_udp(plan: &Plan) -> Vec<Leg> {
    let talk = Talk::open(plan.gateway).await;
    let told = talk.as_ref().map_or(Vec::new(), |talk| talk.media.clone());
    let mut places: Vec<SocketAddr> = plan.media.map_or(told, |media| vec![media]);
    places.retain(|place| place.is_ipv4() == plan.gateway.is_ipv4());
    let signalling = async {
        let outcome = Outcome::of(course(talk, plan.voice()).await);
        leg(What::Signalling, plan.gateway, outcome, plan)
    };
    let (signalling, media) = tokio::join!(signalling, media(&places, plan));
    let mut legs = vec![signalling];
    legs.extend(media);
    // Alone: it would be in the way of the others.
    if let Some(load) = plan.video() {
        let place = places.first().copied().unwrap_or(plan.gateway);
        let outcome = Outcome::of(course(Talk::open(place).await, load).await);
        legs.push(leg(What::Video, place, outcome, plan));
    }
    legs
}

/// One after the other: they are of one address mostly.
async fn media(places: &[SocketAddr], plan: &Plan) -> Vec<Leg> {
    let mut legs = Vec::new();
    for place in places {
        let outcome = Outcome::of(course(Talk::open(*place).await, plan.voice()).await);
        legs.push(leg(What::Media, *place, outcome, plan));
    }
    legs
}

async fn course(talk: io::Result<Talk>, load: Load) -> io::Result<Course> {
    talk?.course(load).await
}

fn leg(what: What, address: SocketAddr, outcome: Outcome, plan: &Plan) -> Leg {
    let faults = match (&outcome, what) {
        (Outcome::Measured(figures), What::Video) => video_fault(figures, &plan.limits).into_iter().collect(),
        (Outcome::Measured(figures), _) => faults(figures, &plan.limits),
        (Outcome::Silent | Outcome::Refused | Outcome::Failed(_), _) => Vec::new(),
    };
    Leg { what, address, outcome, faults }
}
