//! What RFC 3261 §8.2 has a user agent check of each request, before anybody is asked.

use super::{Registers, SessionTimer, capabilities, reply::Refused, session};
use crate::wire::{Method, MinSe, Request, Scheme};
use core::time::Duration;

/// Whether a request that is new came by a second way as well (§8.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is in once.
    Only,
    /// The same request is in already, by another branch.
    Second,
}

/// Checks a request, other than ACK, in the order of §8.2.
///
/// Max-Forwards is not checked: §16.3 has 483 for whoever hands a request on, and whether an INVITE
/// is handed on the owner decides (`MaxForwards::handed_on`); what ends here may come with 0.
pub(super) fn inspect(
    request: &Request,
    way: Way,
    registers: Registers,
    session: SessionTimer,
) -> Result<(), Refused> {
    check_method(&request.method, registers)?;
    match request.uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
        Scheme::Other => return Err(Refused::Scheme),
    }
    if way == Way::Second {
        return Err(Refused::Merged);
    }
    // §8.2.2.3: a CANCEL requires what its INVITE did.
    if request.method == Method::Cancel {
        return Ok(());
    }
    match capabilities::unsupported(&request.method, &request.headers) {
        unknown if unknown.is_empty() => check_interval(request, session.minimum),
        unknown => Err(Refused::Extensions(unknown)),
    }
}

fn check_interval(request: &Request, minimum: Duration) -> Result<(), Refused> {
    if session::is_too_small(request, minimum) {
        let seconds = u32::try_from(minimum.as_secs()).unwrap_or(u32::MAX);
        return Err(Refused::IntervalTooSmall(MinSe(seconds)));
    }
    Ok(())
}

fn check_method(method: &Method, registers: Registers) -> Result<(), Refused> {
    match method {
        Method::Register if registers == Registers::Yes => Ok(()),
        Method::Refer => Err(Refused::Declined),
        Method::Other(_) => Err(Refused::NotImplemented),
        known if capabilities::allows(known) => Ok(()),
        _ => Err(Refused::NotAllowed),
    }
}
