//! Calls by connections, and requests that are too long for a datagram.

use super::desk::*;
use crate::endpoint::*;
use crate::wire::{Host, Transport};
use alloc::{string::String, vec};
use bytes::Bytes;
use core::{net::SocketAddr, time::Duration};

const TCP: ListenerId = ListenerId(2);
const PEER: &str = "192.0.2.20:5060";
const PHONE: &str = "192.0.2.20:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A desk that listens for datagrams and connections.
fn desk() -> Desk {
    desk_by(Transport::Tcp)
}

fn desk_by(transport: Transport) -> Desk {
    let mut config = config(1, [192, 0, 2, 10]);
    let host = Host::V4([192, 0, 2, 10].into());
    let registers = Registers::No;
    config.listeners.push(Listener { id: TCP, transport, host, port: 5060, registers });
    config.limits.connections = 3;
    Desk::with(config)
}

fn connected(desk: &mut Desk, connection: u64, peer: &str) -> Seen {
    let (connection, peer) = (ConnectionId(connection), address(peer));
    desk.input(Input::Connected { listener: TCP, connection, peer })
}

fn stream(desk: &mut Desk, connection: u64, text: &str) -> Seen {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    desk.input(Input::Stream { connection: ConnectionId(connection), bytes })
}

fn by_tcp(ask: &Ask) -> String {
    ask.text().replace("SIP/2.0/UDP", "SIP/2.0/TCP")
}

/// The start lines of what a connection carried.
fn lines(seen: &Seen, connection: u64) -> vec::Vec<&str> {
    let ours = seen.written.iter().filter(|(id, _)| *id == ConnectionId(connection));
    ours.map(|(_, text)| text.lines().next().unwrap_or_default()).collect()
}

fn invite_by(hop: Hop, body: &'static str) -> Command {
    let Command::Invite(mut invite) = invite_to(PEER) else { panic!("an INVITE") };
    invite.hop = hop;
    invite.body = sdp(body);
    Command::Invite(invite)
}

fn answered_by(text: &str, connection: u64, seen: &mut Desk, status: &str) -> Seen {
    let text = answer(text, status, "b", "v=0");
    stream(seen, connection, &text)
}

#[test]
fn rfc3261_18_2_2_answers_go_back_by_the_connection_of_the_request() {
    let mut desk = desk();
    connected(&mut desk, 7, PHONE);
    let invite = by_tcp(&Ask::invite());
    let (first, second) = invite.split_at(100);
    assert!(stream(&mut desk, 7, first).written.is_empty());
    let seen = stream(&mut desk, 7, second);
    assert_eq!((lines(&seen, 7), seen.sent.len()), (vec!["SIP/2.0 100 Trying"], 0));
    let dialog = seen.invited();
    let ok = desk.command(Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
    assert_eq!(lines(&ok, 7), ["SIP/2.0 200 OK"]);
    let contact = header(&ok.written[0].1, "Contact");
    assert!(contact.ends_with("@192.0.2.10:5060;transport=tcp>"), "{contact}");
    assert_eq!(lines(&desk.wait(Duration::from_secs(1)), 7).len(), 1, "until the ACK comes, on a stream too");
    let tag = to_tag(&ok.written[0].1);
    let both = by_tcp(&Ask::ack(&tag)) + &by_tcp(&Ask::new("BYE", 2, &tag));
    let seen = stream(&mut desk, 7, &both);
    assert_eq!(
        (lines(&seen, 7), seen.told()),
        (vec!["SIP/2.0 200 OK"], vec!["Acknowledged".into(), "Ended Bye".into()])
    );
    desk.wait(Duration::from_secs(64));
    assert_eq!((desk.endpoint.dialogs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn rfc5923_under_tls_requests_within_a_dialog_go_by_the_connection_that_the_peer_opened() {
    for (transport, expected) in [(Transport::Tls, (1, 0)), (Transport::Tcp, (0, 1))] {
        let mut desk = desk_by(transport.clone());
        connected(&mut desk, 7, PHONE);
        let dialog = stream(&mut desk, 7, &by_tcp(&Ask::invite())).invited();
        let ok = desk.command(Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
        let contact = header(&ok.written[0].1, "Contact");
        assert!(contact.contains(";transport=t"), "{contact}");
        stream(&mut desk, 7, &by_tcp(&Ask::ack(&to_tag(&ok.written[0].1))));
        let bye = desk.command(Command::Hangup { dialog, reason: None });
        assert_eq!((lines(&bye, 7).len(), bye.connects.len()), expected, "{transport:?}");
    }
}

#[test]
fn rfc3261_18_2_2_where_the_connection_is_gone_the_answer_goes_to_the_via() {
    let mut desk = desk();
    connected(&mut desk, 7, PHONE);
    let dialog = stream(&mut desk, 7, &by_tcp(&Ask::invite())).invited();
    desk.input(Input::Disconnected { connection: ConnectionId(7) });
    let ok = desk.command(Command::Answer { dialog, body: sdp("v=0"), headers: vec![] });
    assert_eq!((ok.connects, ok.written.len()), (vec![address(PEER)], 0));
    assert_eq!(lines(&connected(&mut desk, 8, PEER), 8), ["SIP/2.0 200 OK"]);
}

#[test]
fn rfc3261_18_1_1_requests_share_the_connection_to_their_hop() {
    let mut desk = desk();
    let seen = desk.command(invite_by(Hop::new(TCP, address(PEER)), "v=0"));
    assert_eq!((seen.connects, seen.sent.len()), (vec![address(PEER)], 0));
    let seen = connected(&mut desk, 9, PEER);
    let invite = &seen.written[0].1;
    assert!(header(invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.10:5060;"), "{invite}");
    assert!(desk.wait(Duration::from_secs(20)).written.is_empty(), "a stream loses nothing");
    let ok = answer(invite, "200", "b", "v=0").replace(":5070>", ":5060;transport=tcp>");
    let seen = stream(&mut desk, 9, &ok);
    assert_eq!(lines(&seen, 9), ["ACK sip:callee@192.0.2.20:5060;transport=tcp SIP/2.0"]);
    let bye = desk.command(Command::Hangup { dialog: CALLED, reason: None });
    assert_eq!((lines(&bye, 9).len(), bye.connects.len()), (1, 0));
}

#[test]
fn rfc3261_17_1_4_what_cannot_be_sent_fails() {
    let hop = Hop::new(TCP, address(PEER));
    let mut refused = desk();
    refused.command(invite_by(hop, "v=0"));
    let failed = Input::ConnectFailed { listener: TCP, destination: address(PEER) };
    assert_eq!(refused.input(failed.clone()).told(), ["Failed 503"]);
    assert_eq!((refused.endpoint.dialogs(), refused.endpoint.transactions()), (0, 0));
    assert!(refused.input(failed).events.is_empty());

    let mut lost = desk();
    lost.command(invite_by(hop, "v=0"));
    connected(&mut lost, 1, PEER);
    assert_eq!(lost.input(Input::Disconnected { connection: ConnectionId(1) }).told(), ["Failed 503"]);

    let mut silent = desk();
    silent.command(invite_by(hop, "v=0"));
    let seen = silent.wait(Duration::from_secs(33));
    assert_eq!((seen.told().len(), silent.endpoint.dialogs()), (1, 0), "no driver leaves it open for ever");
}

#[test]
fn rfc3261_17_1_4_an_invite_that_rings_outlives_its_connection() {
    let mut desk = desk();
    desk.command(invite_by(Hop::new(TCP, address(PEER)), "v=0"));
    let invite = connected(&mut desk, 1, PEER).written.remove(0).1;
    answered_by(&invite, 1, &mut desk, "180");
    assert!(desk.input(Input::Disconnected { connection: ConnectionId(1) }).told().is_empty());
    connected(&mut desk, 2, PHONE);
    assert_eq!(answered_by(&invite, 2, &mut desk, "200").told(), ["Accepted 200"]);
}

#[test]
fn rfc5626_4_4_1_a_ping_gets_its_pong() {
    let mut desk = desk();
    connected(&mut desk, 1, PHONE);
    let seen = stream(&mut desk, 1, "\r\n\r\n");
    assert_eq!((seen.written, seen.events.len()), (vec![(ConnectionId(1), "\r\n".into())], 1));
}

#[test]
fn rfc5626_3_5_2_stun_on_the_datagram_port_is_answered() {
    let mut desk = desk();
    let request = "\u{0}\u{1}\u{0}\u{0}\u{21}\u{12}\u{a4}\u{42}abcdefghijkl";
    let bytes: Bytes = request.chars().map(|byte| u8::try_from(byte).expect("a byte")).collect();
    let input = Input::Datagram { listener: LISTENER, source: address(PHONE), bytes };
    let seen = desk.input(input);
    assert_eq!((&seen.destinations, seen.counted()), (&vec![address(PHONE)], vec![Counted::KeepAlive]));
    assert!(seen.sent[0].starts_with("\u{1}\u{1}\u{0}\u{c}"));
}

#[test]
fn rfc3261_18_3_a_stream_out_of_step_is_answered_and_closed() {
    let without = by_tcp(&Ask::new("OPTIONS", 1, "")).replace("Content-Length: 0\r\n", "");
    for (name, text, answers) in [
        ("no content-length", without, vec!["SIP/2.0 400 Bad Request"]),
        (
            "too long a body",
            by_tcp(&Ask::invite()).replace("Length: 3", "Length: 70000"),
            vec!["SIP/2.0 513 Message Too Large"],
        ),
        ("another protocol", "GET / HTTP/1.1\r\n\r\n".into(), vec![]),
        ("noise", "\u{16}\u{3}".into(), vec![]),
    ] {
        let mut desk = desk();
        connected(&mut desk, 1, PHONE);
        let seen = stream(&mut desk, 1, &text);
        assert_eq!((lines(&seen, 1), &seen.closed), (answers, &vec![ConnectionId(1)]), "{name}");
        assert!(stream(&mut desk, 1, "more").events.is_empty());
    }
}

#[test]
fn a_sender_that_never_ends_its_message_is_closed_after_64_t1() {
    let mut desk = desk();
    connected(&mut desk, 1, PHONE);
    for _ in 0..31 {
        stream(&mut desk, 1, "a");
        assert!(desk.wait(Duration::from_secs(1)).closed.is_empty());
    }
    assert_eq!(desk.wait(Duration::from_secs(2)).closed, [ConnectionId(1)]);
    connected(&mut desk, 2, PHONE);
    stream(&mut desk, 2, &by_tcp(&Ask::new("OPTIONS", 1, "")));
    assert!(desk.wait(Duration::from_secs(3600)).closed.is_empty(), "an idle one stays");
}

#[test]
fn connections_are_limited() {
    let mut desk = desk();
    for id in 1..=3 {
        assert!(connected(&mut desk, id, PHONE).closed.is_empty());
    }
    let seen = connected(&mut desk, 4, PHONE);
    assert_eq!(
        (seen.counted(), seen.closed),
        (vec![Counted::LimitMet(Limit::Connections)], vec![ConnectionId(4)])
    );
}

const LONG: &str = {
    const BYTES: [u8; 1400] = [b'v'; 1400];
    match core::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

fn wide() -> Hop {
    Hop { oversize: Oversize::Stream(TCP), ..Hop::new(LISTENER, address(PEER)) }
}

#[test]
fn rfc3261_18_1_1_a_long_request_goes_by_a_stream_where_its_hop_lets_it() {
    let mut plain = desk();
    let seen = plain.command(invite_by(Hop::new(LISTENER, address(PEER)), LONG));
    assert_eq!((seen.sent.len(), seen.connects.len()), (1, 0), "carriers want datagrams");
    let mut short = desk();
    assert_eq!(short.command(invite_by(wide(), "v=0")).sent.len(), 1);

    let mut desk = desk();
    assert_eq!(desk.command(invite_by(wide(), LONG)).connects, [address(PEER)]);
    let invite = connected(&mut desk, 1, PEER).written.remove(0).1;
    assert!(header(&invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.10:5060;branch="), "{invite}");
    let seen = answered_by(&invite, 1, &mut desk, "200");
    assert_eq!(
        (seen.told(), seen.lines()),
        (vec!["Accepted 200".into()], vec!["ACK sip:callee@192.0.2.20:5070 SIP/2.0"])
    );
}

#[test]
fn rfc3261_18_1_1_without_a_connection_in_500_ms_it_goes_by_a_datagram_and_that_is_remembered() {
    let mut desk = desk();
    desk.command(invite_by(wide(), LONG));
    assert!(desk.wait(Duration::from_millis(499)).sent.is_empty());
    let seen = desk.wait(Duration::from_millis(2));
    let invite = seen.sent[0].clone();
    assert!(header(&invite, "Via").starts_with("SIP/2.0/UDP 192.0.2.10:5060;branch="), "{invite}");
    assert_eq!(desk.wait(Duration::from_millis(500)).sent, seen.sent, "as a datagram is sent again");
    assert_eq!(desk.feed(&answer(&invite, "180", "b", "")).told(), ["Progressed 180"]);

    let Command::Invite(mut second) = invite_by(wide(), LONG) else { panic!("an INVITE") };
    second.dialog = DialogId::outgoing(2);
    let seen = desk.command(Command::Invite(second.clone()));
    assert_eq!((seen.sent.len(), seen.connects.len()), (1, 0));
    let late = connected(&mut desk, 1, PEER);
    assert!(late.written.is_empty(), "it went by a datagram");
    second.dialog = DialogId::outgoing(3);
    assert_eq!(desk.command(Command::Invite(second)).written.len(), 1, "but the peer does listen");
}

#[test]
fn rfc3261_18_1_1_a_refused_connection_sends_the_datagram_at_once() {
    let mut desk = desk();
    desk.command(invite_by(wide(), LONG));
    let seen = desk.input(Input::ConnectFailed { listener: TCP, destination: address(PEER) });
    assert_eq!((seen.sent.len(), seen.told().len()), (1, 0));
}

#[test]
fn rfc3261_18_1_1_so_does_a_long_request_of_a_call_that_came_in_once_the_owner_says_so() {
    let reoffer = |dialog| Command::Reoffer { dialog, body: sdp(LONG) };
    let mut plain = desk();
    let (dialog, _) = plain.confirmed();
    assert_eq!(plain.command(reoffer(dialog)).sent.len(), 1, "carriers want datagrams");

    let mut desk = desk();
    let (dialog, tag) = desk.confirmed();
    desk.command(Command::Reach { dialog, oversize: Oversize::Stream(TCP) });
    let seen = desk.feed(&Ask::new("OPTIONS", 2, &tag).text());
    assert_eq!(seen.sent.len(), 1, "a request of the peer, which does not undo it");
    assert_eq!(desk.command(reoffer(dialog)).connects.len(), 1);
}
