//! Who is called and who calls, read out of an INVITE.

use call::{
    leg::{Arrival, Caller, KeyMethod, Kind, Model},
    terminal::Terminal,
};
use sip::wire::{Diversion, HistoryInfo, MaxForwards, NameAddr, PAssertedIdentity, Request, Text, Uri};
use terms::{LegId, Pii};

use crate::{
    peers::{CalledNumber, Known, Trunk},
    profiles::{Profiles, Quirk},
    registrations::{
        Member,
        calling::{dialed_device, said_marks},
    },
};

/// What an INVITE is to the call plane; its lines are not read here.
pub(crate) fn arrival(
    profiles: &Profiles,
    (known, leg): (&Known<'_>, LegId),
    (request, member): (&Request, Option<Member>),
) -> Arrival {
    let place = known.trunk.map(|trunk| trunk.called_number).unwrap_or_default();
    let arrival = Arrival {
        zone: known.listener.zone.clone(),
        sources: known.sources().clone(),
        trunk: known.trunk.map(|trunk| trunk.name.clone()),
        called: called(request, place),
        caller: caller(request, known.trunk),
        kind: known.kind(),
        keys: known.trunk.map(|trunk| trunk.keys).unwrap_or_default(),
        hops_left: request.max_forwards.unwrap_or(MaxForwards::INITIAL).0,
        ..Arrival::default()
    };
    match member {
        Some(Member { account, tenant, terminal }) => of_model(
            profiles,
            request,
            Arrival {
                called: dialed_device(&request.uri, arrival.called),
                caller: Caller::Account(account.clone()),
                account: Some(account),
                tenant: Some(tenant),
                terminal: Some(Box::new(terminal)),
                kind: Kind::Hardware,
                ..arrival
            },
        ),
        // ISO-1: what a room system says of itself that has not logged in is a hint.
        None if known.trunk.is_none() && known.kind() == Kind::Hardware => {
            let terminal = Terminal::of_stranger(leg, said_marks(request));
            of_model(profiles, request, Arrival { terminal: Some(Box::new(terminal)), ..arrival })
        }
        None => of_model(profiles, request, arrival),
    }
}

/// ROOM-11: which model it is, and which of its quirks had an effect. A trunk says itself how its keys come.
fn of_model(profiles: &Profiles, request: &Request, arrival: Arrival) -> Arrival {
    let Some(profile) = profiles.of(request) else { return arrival };
    let has = |quirk: &Quirk| profile.quirks.contains(quirk);
    let in_sound = has(&Quirk::KeysInSound) && arrival.trunk.is_none();
    let fired =
        [(arrival.account.is_some() && has(&Quirk::Md5Only), Quirk::Md5Only), (in_sound, Quirk::KeysInSound)];
    let quirks =
        fired.into_iter().filter(|(has_fired, _)| *has_fired).map(|(_, quirk)| quirk.name().to_owned());
    let model = Model { profile: profile.name.clone(), quirks: quirks.collect() };
    let keys = if in_sound { KeyMethod::Sound } else { arrival.keys };
    Arrival { model: Some(Box::new(model)), keys, ..arrival }
}

/// The number that was called, without the parameters of its user part (`;npdi`, `;rn=`).
pub(crate) fn called(request: &Request, place: CalledNumber) -> String {
    let uri = match place {
        CalledNumber::RequestUri => Some(request.uri.clone()),
        CalledNumber::To => Some(request.head.to.uri.clone()),
        CalledNumber::PCalledPartyId => called_party(request),
        // RFC 5806 §3: the latest stands first; what the caller dialled stands last.
        CalledNumber::Diversion => {
            let diverted = request.headers.all::<Diversion>().filter_map(Result::ok);
            diverted.last().map(|diversion| diversion.0.uri)
        }
        // RFC 7044 §5: the first target stands first.
        CalledNumber::HistoryInfo => {
            let first = request.headers.first::<HistoryInfo>().ok().flatten();
            first.map(|history| history.0.uri)
        }
    };
    uri.as_ref().or(Some(&request.uri)).and_then(user).unwrap_or_default()
}

/// RFC 3325 §9.1: what the network asserts goes before what the caller claims; RFC 3323 and RFC 3261
/// §20.20: who withholds the number says "anonymous".
pub(crate) fn caller(request: &Request, trunk: Option<&Trunk>) -> Caller {
    // RFC 3325 §5: only who is trusted may assert.
    let asserted = trunk.and_then(|_| request.headers.first::<PAssertedIdentity>().ok().flatten());
    if let Some(number) = asserted.and_then(|identity| user(&identity.0.uri)) {
        return Caller::Asserted(Pii(number));
    }
    match user(&request.head.from.uri) {
        Some(number) if !is_anonymous(&request.head.from, &number) => Caller::Claimed(Pii(number)),
        _ => Caller::Withheld,
    }
}

fn is_anonymous(from: &NameAddr, user: &str) -> bool {
    let host = from.uri.host().map(|host| host.to_string()).unwrap_or_default();
    user.eq_ignore_ascii_case("anonymous") || host.eq_ignore_ascii_case("anonymous.invalid")
}

fn called_party(request: &Request) -> Option<Uri> {
    let value = request.headers.other("P-Called-Party-ID").next()?;
    let text = value.as_str()?;
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(uri, _)| uri);
    Uri::parse(Text::from(bytes::Bytes::copy_from_slice(inside.as_bytes()))).ok()
}

/// The user part of a `sip:` URI or the number of a `tel:` URI, as somebody would dial it.
fn user(uri: &Uri) -> Option<String> {
    let user = uri.dialed()?;
    let text = user.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
