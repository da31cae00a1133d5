//! Who is called and who calls, read out of an INVITE.

use call::leg::Caller;
use sip::wire::{Diversion, HistoryInfo, NameAddr, PAssertedIdentity, Request, Text, Uri};
use terms::Pii;

use crate::peers::{CalledNumber, Trunk};

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
