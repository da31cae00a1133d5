//! Replays pcaps/: what other people's programs put on the wire, and what must come out of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use rtp::{Packet, telephone_event};
use serde::Deserialize;
use sip::wire::{self, Message};
use tests::pcap::{self, Captured};

/// What NAME.toml says of NAME.pcap.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    origin: String,
    licence: String,
    sip_port: u16,
    sip: Vec<String>,
    events: u8,
    digits: String,
}

#[test]
fn every_capture_yields_what_its_description_says() {
    let captures = captures();
    assert!(!captures.is_empty());
    for path in captures {
        let file = fs::read(&path).expect("a capture");
        let text = fs::read_to_string(path.with_extension("toml")).expect("each capture has a description");
        let expected: Expected = toml::from_str(&text).expect("a description");
        assert!(!expected.origin.is_empty() && !expected.licence.is_empty(), "{}", path.display());
        let datagrams = pcap::datagrams(&file);
        let (signaling, media): (Vec<_>, Vec<_>) = datagrams
            .iter()
            .partition(|datagram| [datagram.from.port(), datagram.to.port()].contains(&expected.sip_port));
        let messages: Vec<String> = signaling.into_iter().map(message).collect();
        assert_eq!(messages, expected.sip, "{}", path.display());
        assert_eq!(digits(&media, expected.events), expected.digits, "{}", path.display());
    }
}

/// A request's method, a response's status.
fn message(datagram: &Captured<'_>) -> String {
    match wire::parse(Bytes::copy_from_slice(datagram.payload)).expect("a message of a program that works") {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => response.status.code().to_string(),
    }
}

fn digits(media: &[&Captured<'_>], events: u8) -> String {
    let mut receiver = telephone_event::Receiver::new();
    let packets = media.iter().filter_map(|datagram| Packet::parse(datagram.payload).ok());
    let events = packets.filter(|packet| packet.payload_type().0 == events);
    events.filter_map(|packet| receiver.receive(&packet)).map(terms::Digit::as_char).collect()
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")).collect()
}
