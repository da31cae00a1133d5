mod figures;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rtp::{Header, Packet, SequenceNumber, Timestamp, write_header};
use terms::{
    Direction, LeaseEpoch, MeetingTag, WallTime,
    media::{
        Codec, Format, Measured, PayloadType, PortRefusal, Ptime, Route, SampleRate, Silence, SilenceReason,
        Silences, Sources, Ssrc, Stream, Voice,
    },
};

use super::*;

mod bridged;
mod checked;
mod clicks;
mod encrypted;
mod quiet;
mod reading;
mod shaken;
mod sources;
mod wide;

const PEER: &str = "192.0.2.1:4000";
const STRANGER: &str = "192.0.2.66:4000";
const MS_20: Duration = Duration::from_millis(20);
const SILENT_PCMA: u8 = 0xd5;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

const fn port(serial: u64) -> PortId {
    PortId { worker: WorkerId(0), serial }
}

fn tag(meeting: &str, epoch: u64) -> MeetingTag {
    MeetingTag { meeting: meeting.parse().expect("digits"), epoch: LeaseEpoch(epoch) }
}

fn stream(ptime: u32) -> Box<Stream> {
    let format = Format { payload_type: PayloadType(8), codec: Codec::Pcma };
    Box::new(Stream {
        remote: address(PEER),
        remote_rtcp: address("192.0.2.1:4001"),
        direction: Direction::SendReceive,
        send: format,
        ptime: Ptime::nearest(ptime),
        receive: vec![format],
        receive_events: Some(PayloadType(101)),
        send_events: Some(PayloadType(101)),
        comfort_noise: None,
        opus: terms::media::OpusWish::default(),
        rtcp: terms::media::RtcpPath::Apart,
        srtp: None,
        dtls: None,
        ice: None,
    })
}

/// What an engine said to the outside.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Bind(SlotId),
    Rtp(SlotId, SocketAddr, Header, usize),
    Rtcp(SlotId, SocketAddr),
    Report(Report),
}

/// An engine on virtual time whose pairs are bound unless somebody else has them.
struct Bench {
    engine: Engine,
    now: Now,
    taken: Vec<SlotId>,
    /// What the peer of each pair was sent, decoded.
    heard: BTreeMap<SlotId, Vec<i16>>,
    /// The same as it was sent.
    sent: BTreeMap<SlotId, Vec<(Header, Vec<u8>)>>,
    /// When the RTP of each pair is read.
    reading: BTreeMap<SlotId, Reading>,
}

impl Bench {
    fn new(pairs: u16) -> Self {
        Self::with(pairs, Prompts::default())
    }

    fn with(pairs: u16, prompts: Prompts) -> Self {
        let range =
            Range { zone: "trunk".into(), address: IpAddr::from([127, 0, 0, 1]), first: 10_000, pairs };
        let settings = EngineSettings {
            id: WorkerId(0),
            workers: 1,
            ranges: vec![range],
            quarantine: Quarantine::default(),
            prompts: Arc::new(prompts),
            identity: Some(crate::dtls::tests::identity(1)),
        };
        let now = Now { mono: Instant::from_nanos(1_000_000_500), wall: WallTime::from_unix_nanos(1 << 60) };
        Self {
            engine: Engine::new(now.mono, settings, Entropy::from_seed([1, 2, 3, 4])),
            now,
            taken: Vec::new(),
            heard: BTreeMap::new(),
            sent: BTreeMap::new(),
            reading: BTreeMap::new(),
        }
    }

    fn feed(&mut self, input: Input<'_>) -> Vec<Said> {
        self.engine.handle_input(self.now, input);
        let mut said = Vec::new();
        loop {
            let mut binds = Vec::new();
            while let Some(output) = self.engine.poll_output() {
                said.push(match output {
                    Output::Read { slot, reading } => {
                        self.reading.insert(slot, reading);
                        continue;
                    }
                    Output::Bind { slot, .. } => {
                        binds.push(slot);
                        Said::Bind(slot)
                    }
                    Output::Transmit { slot, channel: Channel::Rtp, destination, bytes } => {
                        let packet = Packet::parse(bytes).expect("RTP of our own");
                        let sent = (packet.header(), packet.payload().to_vec());
                        self.sent.entry(slot).or_default().push(sent);
                        let mut sound = [0; 480];
                        let length = codecs::Decoder::new(Codec::Pcma).decode(packet.payload(), &mut sound);
                        self.heard.entry(slot).or_default().extend_from_slice(&sound[..length]);
                        Said::Rtp(slot, destination, packet.header(), packet.payload().len())
                    }
                    Output::Transmit { slot, channel: Channel::Rtcp, destination, .. } => {
                        Said::Rtcp(slot, destination)
                    }
                    Output::Report(report) => Said::Report(report),
                    Output::Peer { .. } => unreachable!("there is one worker"),
                });
            }
            if binds.is_empty() {
                return said;
            }
            for slot in binds {
                let failed = self.taken.contains(&slot);
                self.engine.handle_input(
                    self.now,
                    if failed { Input::BindFailed(slot) } else { Input::Bound(slot) },
                );
            }
        }
    }

    fn command(&mut self, command: Command) -> Vec<Said> {
        self.feed(Input::Command(command))
    }

    /// Opens and connects a port, which then hears `route`.
    fn open(&mut self, serial: u64, ptime: u32, route: Route) -> Vec<Said> {
        self.open_from(serial, Sources::default(), stream(ptime), route)
    }

    /// The same for a port that takes media from there.
    fn open_from(&mut self, serial: u64, sources: Sources, stream: Box<Stream>, route: Route) -> Vec<Said> {
        let mut said = self.command(Command::Open { port: port(serial), zone: "trunk".into(), sources });
        said.extend(self.command(Command::Connect { port: port(serial), stream }));
        said.extend(self.command(Command::Route { port: port(serial), route }));
        said
    }

    fn wait(&mut self, duration: Duration) -> Vec<Said> {
        let until = self.now.mono + duration;
        let mut said = Vec::new();
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= until) {
            self.now.mono = self.now.mono.max(at);
            said.extend(self.feed(Input::Timeout));
        }
        self.now.mono = until;
        said
    }

    /// A packet of 20 ms of a constant comes.
    fn hear(&mut self, slot: u32, source: &str, sequence: u16, payload: u8) -> Vec<Said> {
        self.packet((slot, source), sequence, &[payload; 160])
    }

    /// The peer says something.
    fn say_as(&mut self, slot: u32, sequence: u16, payload: &[u8; 160]) -> Vec<Said> {
        self.packet((slot, PEER), sequence, payload)
    }

    fn packet(&mut self, from: (u32, &str), sequence: u16, payload: &[u8; 160]) -> Vec<Said> {
        self.as_type(from, (PayloadType(8), sequence), payload)
    }

    fn as_type(
        &mut self,
        (slot, source): (u32, &str),
        (payload_type, sequence): (PayloadType, u16),
        payload: &[u8; 160],
    ) -> Vec<Said> {
        let mut bytes = [0; 172];
        bytes[12..].copy_from_slice(payload);
        let header = Header {
            payload_type,
            marker: false,
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(u32::from(sequence) * 160),
            ssrc: Ssrc(7),
        };
        write_header(&mut bytes, &header);
        self.feed(Input::Packet {
            slot: SlotId(slot),
            channel: Channel::Rtp,
            source: address(source),
            bytes: &bytes,
        })
    }
}

fn rtp(said: &[Said]) -> Vec<(SocketAddr, Header, usize)> {
    let rtp = |said: &Said| match said {
        Said::Rtp(_, destination, header, length) => Some((*destination, *header, *length)),
        _ => None,
    };
    said.iter().filter_map(rtp).collect()
}

fn reports(said: Vec<Said>) -> Vec<Report> {
    let report = |said| match said {
        Said::Report(report) => Some(report),
        _ => None,
    };
    said.into_iter().filter_map(report).collect()
}

#[test]
fn a_pair_that_somebody_else_has_is_passed_over() {
    let mut bench = Bench::new(4);
    bench.taken = vec![SlotId(0), SlotId(1)];
    let said =
        bench.command(Command::Open { port: port(1), zone: "trunk".into(), sources: Sources::default() });
    let opened =
        Report::Opened { port: port(1), rtp: address("127.0.0.1:10004"), rtcp: address("127.0.0.1:10005") };
    assert_eq!(said.last(), Some(&Said::Report(opened)));
}

#[test]
fn a_port_is_refused_with_its_reason() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Drop);
    for (zone, reason) in [("trunk", PortRefusal::RangeExhausted), ("moon", PortRefusal::NoSuchZone)] {
        let said =
            bench.command(Command::Open { port: port(2), zone: zone.into(), sources: Sources::default() });
        assert_eq!(reports(said), [Report::Refused { port: port(2), reason }]);
    }
    bench.taken = vec![SlotId(0)];
}

#[test]
fn media_3_each_packet_time_gives_its_packets_with_sequence_and_timestamp_running_on() {
    for (ptime, octets, packets) in
        [(10, 80, 100), (20, 160, 50), (30, 240, 33), (40, 320, 25), (60, 480, 16)]
    {
        let mut bench = Bench::new(1);
        bench.open(1, ptime, Route::Tone { hz: 440 });
        let sent = rtp(&bench.wait(Duration::from_secs(1)));
        assert!(sent.len().abs_diff(packets) <= 1, "{ptime} ms: {} packets", sent.len());
        assert!(sent.iter().all(|(to, _, length)| *to == address(PEER) && *length == octets), "{ptime} ms");
        assert!(sent[0].1.marker && sent[1..].iter().all(|(_, header, _)| !header.marker), "{ptime} ms");
        for pair in sent.windows(2) {
            assert_eq!(pair[1].1.sequence.distance_from(pair[0].1.sequence), 1);
            let samples = pair[1].1.timestamp.distance_from(pair[0].1.timestamp);
            assert_eq!(usize::try_from(samples), Ok(octets), "{ptime} ms");
        }
    }
}

#[test]
fn rfc3551_4_1_after_a_pause_the_first_packet_is_marked_and_its_timestamp_has_run_on() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Tone { hz: 440 });
    let before = rtp(&bench.wait(Duration::from_secs(1))).last().expect("a packet").1;
    bench.command(Command::Route { port: port(1), route: Route::Drop });
    // The tone rings out.
    assert_eq!(rtp(&bench.wait(MS_20)).len(), 1);
    assert_eq!(rtp(&bench.wait(Duration::from_secs(2))), []);
    bench.command(Command::Route { port: port(1), route: Route::Tone { hz: 440 } });
    let after = rtp(&bench.wait(Duration::from_millis(100)))[0].1;
    assert!(after.marker);
    assert_eq!(after.sequence.distance_from(before.sequence), 2);
    let passed = after.timestamp.distance_from(before.timestamp);
    assert!((16_000..=16_480).contains(&passed), "{passed} samples in 2 s");
}

#[test]
fn iso_3_the_first_good_packet_latches_and_others_are_foreign() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    for sequence in 0..3 {
        bench.hear(0, "192.0.2.2:9999", sequence, SILENT_PCMA);
    }
    bench.hear(0, STRANGER, 3, SILENT_PCMA);
    let sent = rtp(&bench.wait(Duration::from_millis(200)));
    assert!(sent.iter().all(|(to, ..)| *to == address("192.0.2.2:9999")), "media goes where it comes from");
    assert_eq!(bench.engine.counted().packets_foreign, 1);
    let closed = reports(bench.command(Command::Close { port: port(1) }));
    let [Report::Closed { quality, .. }] = &closed[..] else { panic!("{closed:?}") };
    assert_eq!((quality.packets_received, quality.foreign_packets), (3, 1));
}

#[test]
fn hold_sends_nothing_and_unhold_goes_on() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Tone { hz: 440 });
    assert!(!rtp(&bench.wait(MS_20)).is_empty());
    let held = |change: fn(&mut Stream)| {
        let mut held = stream(20);
        change(&mut held);
        held
    };
    for change in [
        (|stream| stream.direction = Direction::ReceiveOnly) as fn(&mut Stream),
        |stream| stream.direction = Direction::Inactive,
        |stream| stream.remote = address("0.0.0.0:4000"),
    ] {
        bench.command(Command::Connect { port: port(1), stream: held(change) });
        assert_eq!(rtp(&bench.wait(Duration::from_millis(100))), []);
    }
    bench.command(Command::Connect { port: port(1), stream: stream(20) });
    assert!(!rtp(&bench.wait(Duration::from_millis(100))).is_empty());
}

#[test]
fn iso_1_a_fence_stops_older_media_at_once_and_for_good() {
    let mut bench = Bench::new(2);
    bench.open(1, 20, Route::Meeting { tag: tag("900100001", 5), voice: Voice::Heard });
    assert_eq!(rtp(&bench.wait(MS_20)).len(), 1);
    bench.command(Command::Fence { port: port(1), tag: tag("900100002", 6) });
    assert_eq!(rtp(&bench.wait(Duration::from_millis(100))), []);
    // A command that was on its way when the fence came.
    bench.command(Command::Route {
        port: port(1),
        route: Route::Meeting { tag: tag("900100001", 5), voice: Voice::Heard },
    });
    assert_eq!(rtp(&bench.wait(Duration::from_millis(100))), []);
    bench.command(Command::Route {
        port: port(1),
        route: Route::Meeting { tag: tag("900100002", 6), voice: Voice::Heard },
    });
    assert_eq!(rtp(&bench.wait(MS_20)).len(), 1);
    assert_eq!(bench.engine.counted().isolation_violations, 0);
}

#[test]
fn a_muted_participant_hears_and_is_not_heard() {
    let mut bench = Bench::new(2);
    let voices = [Voice::Muted, Voice::Heard];
    for (serial, voice) in (1..).zip(voices) {
        bench.open(serial, 20, Route::Meeting { tag: tag("900100001", serial), voice });
    }
    // A-law 0x00 is a loud sample; both say it for 200 ms.
    for sequence in 0..10 {
        bench.hear(0, PEER, sequence, 0x00);
        bench.hear(1, PEER, sequence, 0x00);
        bench.wait(MS_20);
    }
    let mut heard = [0_i16; 2];
    bench.engine.handle_input(bench.now, Input::Timeout);
    bench.now.mono += MS_20;
    bench.engine.handle_input(bench.now, Input::Timeout);
    while let Some(output) = bench.engine.poll_output() {
        if let Output::Transmit { slot, channel: Channel::Rtp, bytes, .. } = output {
            let mut frame = [0; 160];
            codecs::Decoder::new(Codec::Pcma).decode(&bytes[12..], &mut frame);
            heard[slot.0 as usize] = frame.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0);
        }
    }
    assert!(heard[0] > 1_000, "the muted one hears the other: {heard:?}");
    assert!(heard[1] < 100, "the other does not hear the muted one: {heard:?}");
}

#[test]
fn rfc3550_6_6_a_closed_port_says_bye_and_its_pair_rests() {
    let mut bench = Bench::new(2);
    bench.open(1, 20, Route::Tone { hz: 440 });
    bench.wait(Duration::from_millis(100));
    let said = bench.command(Command::Close { port: port(1) });
    assert!(said.contains(&Said::Rtcp(SlotId(0), address("192.0.2.1:4001"))), "{said:?}");
    bench.hear(0, PEER, 1, SILENT_PCMA);
    assert_eq!(bench.engine.counted().packets_late, 1);
    let said = bench.open(2, 20, Route::Drop);
    assert!(said.contains(&Said::Bind(SlotId(1))), "the rested pair is not used: {said:?}");
}

#[test]
fn rfc3550_6_2_reports_go_to_the_peers_rtcp_port_every_few_seconds() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Tone { hz: 440 });
    let said = bench.wait(Duration::from_secs(60));
    let reports =
        said.iter().filter(|said| **said == Said::Rtcp(SlotId(0), address("192.0.2.1:4001"))).count();
    assert!((8..=24).contains(&reports), "{reports} reports in a minute");
}

#[test]
fn sec_3_no_datagram_on_any_port_is_a_panic() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    bench.command(Command::Connect {
        port: port(1),
        stream: Box::new(Stream { comfort_noise: Some(PayloadType(13)), ..*stream(20) }),
    });
    let mut entropy = Entropy::from_seed([9, 9, 9, 9]);
    for round in 0..20_000_u32 {
        let length = usize::try_from(entropy.below(200)).expect("short");
        let mut bytes: Vec<u8> = (0..length).map(|_| entropy.next_u64().to_be_bytes()[0]).collect();
        // Half of them look like RTP or RTCP of what was negotiated.
        if let (Some(first), true) = (bytes.first_mut(), round % 2 == 0) {
            *first = 0x80 | (*first & 0x3f);
        }
        if let (Some(second), true) = (bytes.get_mut(1), round % 4 == 0) {
            *second = [8, 13, 101, 200, 201, 203][usize::try_from(entropy.below(6)).expect("small")];
        }
        let channel = if round % 3 == 0 { Channel::Rtcp } else { Channel::Rtp };
        bench.feed(Input::Packet { slot: SlotId(0), channel, source: address(PEER), bytes: &bytes });
        if round % 16 == 0 {
            bench.wait(MS_20);
        }
    }
    assert_eq!(bench.engine.counted().packets_received, 20_000);
}

/// A tick of sound or of an event comes.
fn say(bench: &mut Bench, sequence: u16, payload_type: u8, payload: &[u8]) -> Vec<Report> {
    let mut bytes = vec![0; 12];
    let header = Header {
        payload_type: PayloadType(payload_type),
        marker: false,
        sequence: SequenceNumber(sequence),
        timestamp: Timestamp(u32::from(sequence) * 160),
        ssrc: Ssrc(7),
    };
    write_header(&mut bytes, &header);
    bytes.extend_from_slice(payload);
    let input =
        Input::Packet { slot: SlotId(0), channel: Channel::Rtp, source: address(PEER), bytes: &bytes };
    let mut said = bench.feed(input);
    said.extend(bench.wait(MS_20));
    reports(said)
}

/// 100 ms of a key's tones, then 100 ms of silence.
fn press_in_band(bench: &mut Bench, first: u16) -> Vec<Report> {
    let digit = terms::Digit::try_from('5').expect("a key");
    let mut tones = codecs::Dtmf::new(digit, codecs::Dbm0(-10.0), SampleRate::Hz8000);
    let mut told = Vec::new();
    for sequence in first..first + 10 {
        let mut frame = [0; 160];
        if sequence < first + 5 {
            tones.fill(&mut frame);
        }
        let mut payload = [0; 160];
        codecs::Encoder::new(Codec::Pcma).encode(&frame, &mut payload);
        told.extend(say(bench, sequence, 8, &payload));
    }
    told
}

#[test]
fn dial_7_a_key_in_the_sound_is_told_once_until_keys_come_as_events() {
    for route in [Route::Drop, Route::Meeting { tag: tag("900100001", 1), voice: Voice::Heard }] {
        let mut bench = Bench::new(1);
        bench.open(1, 20, route);
        let digit = terms::Digit::try_from('5').expect("a key");
        let told = Report::Digit { port: port(1), digit };
        assert_eq!(press_in_band(&mut bench, 0), std::slice::from_ref(&told));
        // RFC 4733 §2.3: key 5, end of event, 20 ms.
        let event = [5, 0x8a, 0, 160];
        assert_eq!(say(&mut bench, 10, 101, &event), [], "the same press, heard by the peer too");
        assert_eq!(say(&mut bench, 11, 101, &event), [told], "the next");
        assert_eq!(
            press_in_band(&mut bench, 12),
            [],
            "the peer sends events: what is in its sound is an echo"
        );
    }
}

#[test]
fn media_4_silence_and_what_icmp_says_are_told_of_the_port_that_they_are_of() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    bench.hear(0, PEER, 1, SILENT_PCMA);
    let heard = bench.now.mono;
    for destination in [STRANGER, PEER] {
        bench.wait(Duration::from_secs(1));
        bench.feed(Input::Unreachable { slot: SlotId(0), destination: address(destination) });
    }
    let refused = bench.now.mono;
    let told = reports(bench.wait(Duration::from_secs(1)));
    let silence = |since| Some(Silence { since, reason: SilenceReason::Unreachable });
    let silences = Silences { inbound: silence(heard), outbound: silence(refused), comfort_noise: false };
    assert_eq!(measured(&told).map(|(port, measured)| (port, measured.silences)), Some((port(1), silences)));
}

/// What is told of the first port at the next second.
fn told_inbound(bench: &mut Bench) -> Option<SilenceReason> {
    let told = reports(bench.wait(Duration::from_secs(1)));
    let (_, measured) = measured(&told).expect("it is told each second");
    measured.silences.inbound.map(|silence| silence.reason)
}

fn measured(told: &[Report]) -> Option<(PortId, Measured)> {
    told.iter().find_map(|report| match report {
        Report::Measured { port, measured } => Some((*port, **measured)),
        _ => None,
    })
}

#[test]
fn media_4_what_comes_in_place_of_the_stream_is_the_reason_of_its_silence() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Drop);
    bench.hear(0, PEER, 1, SILENT_PCMA);
    bench.wait(Duration::from_secs(1));
    assert_eq!(told_inbound(&mut bench), Some(SilenceReason::NothingAtAll));
    bench.hear(0, STRANGER, 2, SILENT_PCMA);
    assert_eq!(told_inbound(&mut bench), Some(SilenceReason::WrongSource));
    say(&mut bench, 3, 96, &[0; 20]);
    assert_eq!(told_inbound(&mut bench), Some(SilenceReason::WrongPayloadType));
    let mut report = [0; 128];
    let empty = rtp::rtcp::Report { ssrc: Ssrc(7), sender: None, blocks: &[], cname: "peer", bye: false };
    let length = rtp::rtcp::write(&mut report, &empty).expect("it fits");
    let bytes = &report[..length];
    bench.feed(Input::Packet { slot: SlotId(0), channel: Channel::Rtcp, source: address(PEER), bytes });
    assert_eq!(bench.wait(MS_20).len(), 1, "the end of a silence is told at once");
    // RFC 3389: a packet of comfort noise is no sound, and no silence, whether it was agreed or not.
    for noise in [None, Some(PayloadType(13))] {
        bench.command(Command::Connect {
            port: port(1),
            stream: Box::new(Stream { comfort_noise: noise, ..*stream(20) }),
        });
        say(&mut bench, 4, 13, &[0x40]);
        let told = reports(bench.wait(Duration::from_secs(1)));
        let comfort = Silences { comfort_noise: true, ..Silences::default() };
        assert_eq!(measured(&told).map(|(_, measured)| measured.silences), Some(comfort));
    }
}
