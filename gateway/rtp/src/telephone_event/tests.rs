use proptest::prelude::*;
use terms::media::PayloadType;

use terms::media::Ssrc;

use super::*;
use crate::packet::{HEADER_LEN, Header, SequenceNumber, write_header};

fn digit(key: char) -> Digit {
    Digit::try_from(key).expect("a key")
}

/// The packets of `keys`, each 100 ms long, one each 200 ms.
fn presses(keys: &str) -> Vec<Outgoing> {
    let begin = |at: u32| Timestamp(0xffff_ff00).advanced_by(at * 1_600);
    (0..)
        .zip(keys.chars())
        .flat_map(|(at, key)| Sender::new(digit(key), begin(at), Duration::from_millis(100)))
        .collect()
}

fn hear(receiver: &mut Receiver, ssrc: u32, outgoing: &Outgoing) -> Option<Digit> {
    let mut datagram = [0; HEADER_LEN + 4];
    let header = Header {
        payload_type: PayloadType(101),
        marker: outgoing.marker,
        sequence: SequenceNumber(0),
        timestamp: outgoing.timestamp,
        ssrc: Ssrc(ssrc),
    };
    write_header(&mut datagram, &header);
    datagram[HEADER_LEN..].copy_from_slice(&outgoing.payload);
    receiver.receive(&Packet::parse(&datagram).expect("we wrote it"))
}

fn heard<'a>(packets: impl IntoIterator<Item = &'a Outgoing>) -> String {
    let mut receiver = Receiver::new();
    packets.into_iter().filter_map(|packet| hear(&mut receiver, 1, packet)).map(Digit::as_char).collect()
}

#[test]
fn rfc4733_2_5_1_a_press_is_a_marker_updates_and_three_ends() {
    let sent: Vec<(bool, bool, u16)> = Sender::new(digit('5'), Timestamp(7), Duration::from_millis(70))
        .map(|packet| {
            assert_eq!(packet.timestamp, Timestamp(7));
            let event = Event::parse(&packet.payload).expect("four octets");
            assert_eq!((event.code, event.volume), (5, 10));
            (packet.marker, event.end, event.duration)
        })
        .collect();
    let end = (false, true, 640);
    assert_eq!(sent, [(true, false, 160), (false, false, 320), (false, false, 480), end, end, end]);
}

#[test]
fn a_press_has_one_tick_at_least_and_ends_in_bounds() {
    assert_eq!(Sender::new(digit('1'), Timestamp(0), Duration::ZERO).count(), 3);
    assert_eq!(Sender::new(digit('1'), Timestamp(0), Duration::MAX).count(), 409 + 2);
}

#[test]
fn dial_7_one_press_is_one_digit() {
    let sent = presses("11#");
    let without = |cut: fn(usize, &Outgoing) -> bool| -> Vec<Outgoing> {
        sent.iter().enumerate().filter(|(at, packet)| !cut(*at, packet)).map(|(_, packet)| *packet).collect()
    };
    let mut swapped = sent.clone();
    // The last end of each press after the first packets of the next.
    swapped.swap(6, 7);
    swapped.swap(13, 14);
    let cases = [
        ("all packets", sent.clone()),
        ("markers lost", without(|_, packet| packet.marker)),
        ("ends lost", without(|_, packet| packet.payload[1] & 0x80 != 0)),
        ("all but one of each press", without(|at, _| at % 7 != 3)),
        ("each packet twice", sent.iter().flat_map(|packet| [*packet; 2]).collect()),
        ("presses overlap", swapped),
        ("reversed within a press", sent.chunks(7).flat_map(|press| press.iter().rev().copied()).collect()),
    ];
    for (name, packets) in cases {
        assert_eq!(heard(&packets), "11#", "{name}");
    }
}

#[test]
fn rfc4733_2_5_1_3_a_long_press_in_segments_is_one() {
    let segment = |at: u32, duration| Outgoing {
        marker: at == 0,
        timestamp: Timestamp(at * 0xffff),
        payload: Event { code: 1, end: false, volume: 10, duration }.to_payload(),
    };
    assert_eq!(heard(&[segment(0, 0xffff), segment(1, 800), segment(2, 160)]), "1");
}

#[test]
fn rfc4734_tones_are_no_keys() {
    let fax = Event { code: 36, end: false, volume: 10, duration: 160 }.to_payload();
    let packet = Outgoing { marker: true, timestamp: Timestamp(0), payload: fax };
    assert_eq!(heard(&[packet]), "");
}

#[test]
fn another_source_presses_anew() {
    let sent = presses("1");
    let mut receiver = Receiver::new();
    assert!(hear(&mut receiver, 1, &sent[0]).is_some() && hear(&mut receiver, 2, &sent[1]).is_some());
}

proptest! {
    /// Lose any packets but one of each press, repeat any: each press is heard once.
    #[test]
    fn losses_and_repeats_change_nothing(
        keys in "[0-9*#A-D]{1,12}", kept in prop::collection::vec((0usize..7, any::<[u8; 7]>()), 12),
    ) {
        let packets = presses(&keys);
        let sent = packets.chunks(7).zip(kept).flat_map(|(press, (one, copies))| {
            let times = move |at: usize| usize::from(copies[at] % 3).max(usize::from(at == one));
            press.iter().enumerate().flat_map(move |(at, packet)| core::iter::repeat_n(packet, times(at)))
        });
        prop_assert_eq!(heard(sent), keys);
    }

    #[test]
    fn any_payload_is_survived(payload: Vec<u8>) {
        if let Some(event) = Event::parse(&payload) {
            prop_assert_eq!(Event::parse(&event.to_payload()), Some(event));
        }
    }
}

#[test]
fn rfc4733_2_3_5_a_duration_goes_on_in_the_units_of_the_other_clock() {
    use ClockRate::{Hz8000, Hz48000};
    let event = Event { code: 5, end: true, volume: 10, duration: 800 };
    let on =
        |clocks| on_clock(&event.to_payload(), clocks).as_ref().and_then(|payload| Event::parse(payload));
    assert_eq!(on((Hz8000, Hz48000)), Some(Event { duration: 4_800, ..event }));
    assert_eq!(on((Hz8000, Hz8000)), Some(event));
    assert_eq!(on((Hz48000, Hz8000)), Some(Event { duration: 133, ..event }));
    assert_eq!(on_clock(&[5, 10], (Hz8000, Hz8000)), None);
}
