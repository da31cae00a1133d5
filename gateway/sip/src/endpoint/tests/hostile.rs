//! Whatever comes in, nothing panics and no limit is passed.

use super::desk::*;
use crate::endpoint::*;
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::time::Duration;
use proptest::prelude::*;

/// Messages of a call, to be spoilt.
fn messages() -> Vec<String> {
    let mut desk = Desk::new();
    let invite = desk.command(invite_to("192.0.2.20:5060")).sent.remove(0);
    let mut all: Vec<String> = ["INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "OPTIONS"]
        .iter()
        .flat_map(|method| {
            let asks = "Supported: 100rel, timer\r\nSession-Expires: 90\r\nRAck: 1 1 INVITE";
            [
                Ask::new(method, 1, "").with(asks).text(),
                Ask { body: "v=0", ..Ask::new(method, 2, "tag") }.text(),
            ]
        })
        .collect();
    all.extend(
        ["100", "180", "200", "302", "422", "486", "491"].map(|status| answer(&invite, status, "b", "v=0")),
    );
    let reliable = "Require: 100rel\r\nRSeq: 1\r\nMin-SE: 3000\r\nSession-Expires: 90\r\nContact:";
    let more: Vec<String> = all.iter().map(|text| text.replacen("Contact:", reliable, 1)).collect();
    all.extend(more);
    all
}

#[derive(Debug, Clone)]
enum Step {
    Feed { message: usize, cuts: Vec<(usize, u8)> },
    Noise(Vec<u8>),
    Wait(u16),
    Answer,
    Refuse,
    Hangup,
    Reoffer,
    Progress,
    Acknowledge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<usize>(), proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4))
            .prop_map(|(message, cuts)| Step::Feed { message, cuts }),
        1 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Step::Noise),
        2 => any::<u16>().prop_map(Step::Wait),
        2 => Just(Step::Answer),
        1 => Just(Step::Refuse),
        1 => Just(Step::Hangup),
        1 => Just(Step::Reoffer),
        1 => Just(Step::Progress),
        1 => Just(Step::Acknowledge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_spoilt_messages_panics(steps in proptest::collection::vec(step(), 1..40)) {
        let mut config = config(1, [192, 0, 2, 10]);
        config.limits.dialogs = 4;
        config.limits.transactions = 12;
        let mut desk = Desk::with(config);
        desk.command(invite_to("192.0.2.20:5060"));
        let messages = messages();
        let mut dialog = CALLED;
        for step in steps {
            let bytes = match step {
                Step::Feed { message, cuts } => spoilt(&messages[message % messages.len()], &cuts),
                Step::Noise(noise) => noise,
                Step::Wait(millis) => { desk.wait(Duration::from_millis(millis.into())); continue }
                Step::Answer => { desk.command(Command::Answer { dialog, body: None, headers: Vec::new() }); continue }
                Step::Refuse => {
                    let refusal = Refusal::new(crate::wire::StatusCode::OK);
                    desk.command(Command::Refuse { dialog, refusal });
                    continue
                }
                Step::Hangup => { desk.command(Command::Hangup { dialog, reason: None }); continue }
                Step::Progress => {
                    let (status, reliability) = (crate::wire::StatusCode::RINGING, Reliability::Acknowledged);
                    let progress = Command::Progress { dialog, status, reliability, body: sdp("v=1"), headers: Vec::new() };
                    desk.command(progress);
                    continue
                }
                Step::Acknowledge => { desk.command(Command::Acknowledge { dialog, body: None }); continue }
                Step::Reoffer => { desk.command(Command::Reoffer { dialog, body: None }); continue }
            };
            let source = "192.0.2.20:5060".parse().expect("an address");
            let input = Input::Datagram { listener: LISTENER, source, bytes: Bytes::from(bytes) };
            desk.endpoint.handle_input(at(desk.now), input);
            for event in desk.drain().events {
                if let Event::Invited(invited) = event {
                    dialog = invited.dialog;
                }
            }
            prop_assert!(desk.endpoint.dialogs() <= 4);
        }
        // Without a peer that answers, all winds down but a call that is up.
        for id in [dialog, CALLED] {
            desk.command(Command::Hangup { dialog: id, reason: None });
        }
        desk.wait(Duration::from_secs(600));
        prop_assert!(desk.endpoint.transactions() <= desk.endpoint.dialogs() * 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_stream_of_spoilt_messages_panics_or_grows(
        spoils in proptest::collection::vec((any::<usize>(), proptest::collection::vec((any::<usize>(), any::<u8>()), 0..2)), 1..12),
        piece in 1..400_usize,
    ) {
        let mut config = config(1, [192, 0, 2, 10]);
        config.listeners[0].transport = crate::wire::Transport::Tcp;
        let mut desk = Desk::with(config);
        let (connection, messages) = (ConnectionId(1), messages());
        let peer = "192.0.2.20:5060".parse().expect("an address");
        desk.input(Input::Connected { listener: LISTENER, connection, peer });
        let stream: Vec<u8> =
            spoils.iter().flat_map(|(message, cuts)| spoilt(&messages[message % messages.len()], cuts)).collect();
        for piece in stream.chunks(piece) {
            desk.input(Input::Stream { connection, bytes: Bytes::copy_from_slice(piece) });
        }
        desk.input(Input::Disconnected { connection });
        desk.wait(Duration::from_secs(600));
        prop_assert!(desk.endpoint.transactions() <= desk.endpoint.dialogs() * 2);
    }
}

/// A message with some bytes changed, or cut short.
fn spoilt(message: &str, cuts: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = message.as_bytes().to_vec();
    for (at, byte) in cuts {
        let at = at % (bytes.len() + 1);
        match byte {
            0..16 => bytes.truncate(at),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = *byte),
        }
    }
    bytes
}
