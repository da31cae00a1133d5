//! Calls that we make: the INVITE, written for its trunk (OUT-6).

use std::fmt::Write as _;

use bytes::Bytes;
use call::leg::{Caller, Dial};
use sip::{
    endpoint::{Body, DialogId, ExtraHeader, Hop, Invite},
    registrar::Binding,
    wire::{MaxForwards, NameAddr, PAssertedIdentity, Privacy, Route, Text, Uri},
};
use std::net::SocketAddr;

use crate::peers::WayOut;

/// Whom an INVITE is for, and by which way it goes there.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What To says.
    callee: Uri,
    uri: Uri,
    pub(crate) hop: Hop,
    /// What the peer knows us by.
    here: SocketAddr,
    /// The proxies on the way (RFC 3327 §5.1).
    route: Vec<NameAddr>,
}

impl Target {
    /// The number, at the trunk's own host; `None`: it makes no URI.
    pub(crate) fn of_trunk(number: &str, way: WayOut) -> Option<Self> {
        let callee = address(number, way.hop.destination)?;
        Some(Self { uri: callee.clone(), callee, hop: way.hop, here: way.here, route: Vec::new() })
    }

    /// RFC 3261 §16.5: a device is called by its own word for where it is, and sent to where it was seen.
    pub(crate) fn of_account(account: &str, binding: &Binding, here: SocketAddr) -> Option<Self> {
        let callee = address(account, here)?;
        let uri = binding.contact.uri.clone();
        Some(Self { callee, uri, hop: binding.source, here, route: binding.path.clone() })
    }
}

/// The INVITE of a leg that is to be made; `None`: a number makes no URI.
pub(crate) fn invite(dialog: DialogId, dial: &Dial, target: Target, offer: Bytes) -> Option<Invite> {
    let Target { callee, uri, hop, here, route } = target;
    let caller = dial.caller.number().map(|number| address(number, here));
    let from = match caller {
        Some(caller) => NameAddr::new(caller?),
        None => anonymous(),
    };
    let mut headers: Vec<ExtraHeader> = route.into_iter().map(|hop| ExtraHeader::of(&Route(hop))).collect();
    match &dial.caller {
        Caller::Asserted(number) => {
            headers.push(ExtraHeader::of(&PAssertedIdentity(NameAddr::new(address(&number.0, here)?))));
        }
        Caller::Withheld => headers.push(ExtraHeader::of(&Privacy::ID)),
        Caller::Claimed(_) | Caller::Account(_) => {}
    }
    Some(Invite {
        dialog,
        uri,
        hop,
        from,
        to: NameAddr::new(callee),
        max_forwards: MaxForwards(dial.hops_left),
        body: Some(Body::sdp(offer)),
        headers,
    })
}

/// RFC 3323 §4.1.1.3: who withholds the number.
fn anonymous() -> NameAddr {
    let uri =
        Uri::parse(Text::from_static("sip:anonymous@anonymous.invalid")).expect("it is a URI by RFC 3323");
    NameAddr::new(uri).named(Text::from_static("Anonymous"))
}

fn address(number: &str, host: SocketAddr) -> Option<Uri> {
    let mut text = String::from("sip:");
    for byte in number.bytes() {
        // RFC 3261 §25.1 `user`: a key such as # is escaped.
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'*' | b'-' | b'.' | b'_' => {
                text.push(char::from(byte));
            }
            other => write!(text, "%{other:02X}").ok()?,
        }
    }
    write!(text, "@{host}").ok()?;
    Uri::parse(Text::from(text)).ok()
}

#[cfg(test)]
mod tests {
    use sip::endpoint::ListenerId;
    use terms::Pii;

    use super::*;

    fn invited(number: &str, caller: Caller) -> Invite {
        let here = SocketAddr::from(([192, 0, 2, 10], 5060));
        let way = WayOut { hop: Hop::new(ListenerId(0), ([192, 0, 2, 130], 5060).into()), here };
        let audio = call::leg::LocalMedia { rtp: here, rtcp: here };
        let way_out = call::leg::Way::Trunk("carrier".into());
        let dial = Dial { way: way_out, number: number.into(), caller, hops_left: 69, audio };
        let target = Target::of_trunk(number, way).expect("a URI");
        invite(DialogId::outgoing(1), &dial, target, Bytes::new()).expect("an INVITE")
    }

    fn extra(invite: &Invite) -> Vec<(String, String)> {
        let text = |text: &Text| String::from_utf8_lossy(text.as_bytes()).into_owned();
        invite.headers.iter().map(|header| (text(&header.name), text(&header.value))).collect()
    }

    #[test]
    fn out_6_an_asserted_caller_is_asserted_a_claimed_one_only_named_and_a_withheld_one_hidden() {
        let asserted = invited("+862153290005", Caller::Asserted(Pii("13800138000".into())));
        assert_eq!(asserted.uri.as_text().as_str(), Some("sip:+862153290005@192.0.2.130:5060"));
        assert_eq!(asserted.from.uri.as_text().as_str(), Some("sip:13800138000@192.0.2.10:5060"));
        let identity = ("P-Asserted-Identity".to_owned(), "<sip:13800138000@192.0.2.10:5060>".to_owned());
        assert_eq!(extra(&asserted), [identity]);
        let claimed = invited("1", Caller::Claimed(Pii("13800138000".into())));
        assert_eq!((extra(&claimed).len(), claimed.max_forwards), (0, MaxForwards(69)));
        let withheld = invited("1", Caller::Withheld);
        assert_eq!(withheld.from.uri.as_text().as_str(), Some("sip:anonymous@anonymous.invalid"));
        assert_eq!(extra(&withheld), [("Privacy".to_owned(), "id".to_owned())]);
    }

    #[test]
    fn rfc3261_25_1_what_no_user_part_may_have_is_escaped() {
        let odd = invited("*21#", Caller::Withheld);
        assert_eq!(odd.uri.as_text().as_str(), Some("sip:*21%23@192.0.2.130:5060"));
    }
}
