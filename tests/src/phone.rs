//! A phone behind a trunk: calls, keys digits, talks a tone, keeps what it hears.

mod armor;
mod mouth;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use codecs::Decoder;
use rtp::{
    Header, Packet, SequenceNumber,
    rtcp::{self, CompactNtp, Item, Report, ReportBlock},
    telephone_event,
};
use sdp::{Capabilities, LocalDescription, SessionDescription};
use sip::{
    auth::Algorithm,
    endpoint::{
        Body, Command, DialogId, Ending, Endpoint, EndpointConfig, Event, ExtraHeader, Failure, Hop, Input,
        Invite, Invited, Limits, Listener, ListenerId, Output, Refusal, Registers, Reliability, SessionTimer,
    },
    transaction::Timers,
    wire::{Host, MaxForwards, NameAddr, StatusCode, Text, Transport, Uri, WwwAuthenticate},
};
use terms::{
    BootEpoch, Cause, Digit, Direction, Entropy, Instant, NodeId, Now, Origin, ShardId,
    media::{Codec, SampleRate, Stream},
};

pub use armor::{Setup, Told};

use armor::Armor;
use mouth::Mouth;

use crate::{
    gateway,
    login::Login,
    network::{Datagram, Network},
};

const TICK: Duration = Duration::from_millis(20);
const FRAME: usize = SampleRate::Hz8000.tick_samples();
const LISTENER: ListenerId = ListenerId(0);

/// What a phone does, one thing after the other, once it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Says nothing for so long.
    Wait(Duration),
    /// Keys digits, each for 100 ms with as long a pause.
    Key(&'static str),
    /// Says a tone for so long.
    Talk(Duration),
    /// Says this, at 8 kHz.
    Say(Arc<[i16]>),
    /// Sends no media for so long, be it silence.
    Stop(Duration),
    /// Hangs up.
    HangUp,
}

/// What a phone does with a call that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Rings, and answers at once.
    Answers,
    /// Rings, and nobody answers.
    Rings,
    /// Refuses.
    IsBusy,
    /// Says with this status what it sends, and sends it, until it is told to answer or to refuse.
    Plays(StatusCode, Reliability),
}

/// Where a phone's calls say what it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offering {
    /// In the INVITE.
    AtOnce,
    /// It waits for an offer.
    Later,
}

/// What happened to a phone, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneEvent {
    /// Somebody calls it.
    Called,
    /// It rang at the other end.
    Ringing,
    /// The other end is heard by what came with this status, before the answer.
    EarlyMedia(u16),
    /// It was answered; its ACK is on the way.
    Answered,
    /// The first media packet came.
    FirstMedia,
    /// The last key of a row was pressed.
    Keyed,
    /// The call was refused with this status and cause.
    Refused(u16, Option<Cause>),
    /// The other end hung up, for this cause.
    HungUp(Option<Cause>),
    /// It hung up itself.
    Left,
}

/// A phone.
pub struct Phone {
    endpoint: Endpoint,
    address: SocketAddr,
    dialog: DialogId,
    stream: Option<Stream>,
    local: LocalDescription,
    capabilities: Capabilities,
    manner: Manner,
    offering: Offering,
    /// Whether it makes something of an answer that comes before the call is answered.
    heeds_early: bool,
    /// What it says that it supports, where it isn't all that it does.
    supported: Option<&'static str>,
    /// What it was offered by the call that came.
    offered: Option<SessionDescription>,
    keys: telephone_event::Receiver,
    mouth: Mouth,
    armor: Option<Armor>,
    login: Option<Login>,
    /// Whether it has answered the challenge to its last call.
    has_answered: bool,
    /// How many calls it has made, tries with credentials counted in.
    dialed: u64,
    number_dialed: String,
    next_tick: Option<Instant>,
    is_unplugged: bool,
    /// Between two packets, by its own clock.
    tick: Duration,
    /// The keys that it was told of.
    pub pressed: String,
    /// The report blocks about it that came, if it speaks RTCP at all.
    pub reports: Option<Vec<ReportBlock>>,
    /// Everything heard, one packet after the other as it came.
    pub heard: Vec<i16>,
    /// Reports that came by the way of its sound.
    pub muxed_reports: usize,
    /// The header of the packet that came last.
    pub last_header: Option<Header>,
    /// What happened, and when.
    pub events: Vec<(Instant, PhoneEvent)>,
}

impl Phone {
    /// A phone of its own loopback address, that talks at `hz`.
    pub fn new(number: u8, hz: u32) -> Self {
        Self::at(SocketAddr::from(([127, 0, 1, number], 5060)), number, hz)
    }

    /// The same, on IPv6.
    pub fn on_ipv6(number: u8, hz: u32) -> Self {
        Self::at(SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, number.into()], 5060)), number, hz)
    }

    fn at(address: SocketAddr, number: u8, hz: u32) -> Self {
        let mut local = LocalDescription::new(SocketAddr::new(address.ip(), 4000));
        local.session_id = u64::from(number);
        let config = EndpointConfig {
            origin: Origin { node: NodeId(u16::from(number)), shard: ShardId(0), boot: BootEpoch(1) },
            timers: Timers::RFC,
            session: SessionTimer::RFC,
            limits: Limits::DEFAULT,
            product: Text::from_static("phone"),
            accept: Text::from_static("application/sdp"),
            listeners: vec![Listener {
                id: LISTENER,
                transport: Transport::Udp,
                host: match address.ip() {
                    IpAddr::V4(address) => Host::V4(address),
                    IpAddr::V6(address) => Host::V6(address),
                },
                port: address.port(),
                registers: Registers::No,
            }],
        };
        Self {
            endpoint: Endpoint::new(config, Entropy::from_seed([u64::from(number), 5, 6, 7])),
            address,
            dialog: DialogId::outgoing(1),
            stream: None,
            local,
            capabilities: Capabilities::without_comfort_noise(),
            manner: Manner::Answers,
            offering: Offering::AtOnce,
            heeds_early: true,
            supported: None,
            offered: None,
            keys: telephone_event::Receiver::new(),
            pressed: String::new(),
            mouth: Mouth::new(number, hz),
            armor: None,
            login: None,
            has_answered: false,
            dialed: 0,
            number_dialed: String::new(),
            next_tick: None,
            is_unplugged: false,
            tick: TICK,
            reports: None,
            heard: Vec::new(),
            muxed_reports: 0,
            last_header: None,
            events: Vec::new(),
        }
    }

    /// Calls a number and will do `actions` once it is answered.
    pub fn dial(&mut self, now: Now, number: &str, actions: &[Action], network: &mut Network) {
        self.mouth.will(actions);
        number.clone_into(&mut self.number_dialed);
        self.has_answered = false;
        self.invite(now, None, network);
    }

    /// It calls as this account from here on, and answers the challenge.
    pub const fn log_in(&mut self, login: Login) {
        self.login = Some(login);
    }

    fn invite(&mut self, now: Now, challenge: Option<&WwwAuthenticate>, network: &mut Network) {
        let gateway = if self.address.is_ipv4() { gateway::ADDRESS } else { gateway::ADDRESS_V6 };
        let uri = |user: &str, host: &str| {
            let text = format!("sip:{user}@{host}");
            Uri::parse(Text::from(Bytes::from(text))).expect("a URI")
        };
        let called = uri(&self.number_dialed, gateway);
        let caller = self.login.map_or("13800138000", |login| login.account);
        let credentials = self.login.zip(challenge).map(|(login, challenge)| {
            let about = called.to_string();
            ExtraHeader::of(&login.answer(challenge, ("INVITE", &about), (Algorithm::Md5, 1)))
        });
        self.dialed += 1;
        self.dialog = DialogId::outgoing(self.dialed);
        let invite = Invite {
            dialog: self.dialog,
            hop: Hop::new(LISTENER, gateway.parse().expect("an address")),
            from: NameAddr::new(uri(caller, "trunk.example")),
            to: NameAddr::new(uri(&self.number_dialed, "trunk.example")),
            uri: called,
            max_forwards: MaxForwards::INITIAL,
            body: match self.offering {
                Offering::AtOnce => Some(Body::sdp(Bytes::from(self.offer().print()))),
                Offering::Later => None,
            },
            headers: credentials.into_iter().collect(),
        };
        self.command(now, Command::Invite(Box::new(invite)), network);
    }

    /// The challenge of a 401 that it has not answered yet.
    fn challenge_of(&self, dialog: DialogId, failure: &Failure) -> Option<WwwAuthenticate> {
        let Failure::Refused(response) = failure else { return None };
        let is_first = self.login.is_some() && dialog == self.dialog && !self.has_answered;
        let challenges = response.headers.all::<WwwAuthenticate>().filter_map(Result::ok);
        let md5 = Some(Text::from_static(Algorithm::Md5.as_str()));
        challenges.into_iter().find(|challenge| is_first && challenge.algorithm == md5)
    }

    /// What it does with a call that comes.
    pub const fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// Its calls have no offer.
    pub const fn offer_later(&mut self) {
        self.offering = Offering::Later;
    }

    /// It has no media before its call is answered.
    pub const fn wait_for_the_answer(&mut self) {
        self.heeds_early = false;
    }

    /// It knows of nothing but the refreshing of sessions: provisional responses go unacknowledged.
    pub const fn forget_reliable(&mut self) {
        self.supported = Some("Supported: timer\r\n");
    }

    /// What it offers and takes.
    pub fn set_codecs(&mut self, codecs: &[Codec]) {
        self.capabilities.codecs = codecs.to_vec();
    }

    /// It offers DTLS-SRTP from here on, and nothing else, and takes it where it is offered.
    pub fn shake_hands(&mut self, setup: Setup, told: Told) {
        self.armor = Some(Armor::new(setup, told));
    }

    /// How many handshakes it has begun or waited for.
    pub fn handshakes(&self) -> usize {
        self.armor.as_ref().map_or(0, Armor::handshakes)
    }

    /// Offers its line again, with another direction: holds, or goes on.
    pub fn offer_again(&mut self, now: Now, direction: Direction, network: &mut Network) {
        self.local.direction = direction;
        self.local.version += 1;
        let body = Some(Body::sdp(Bytes::from(self.offer().print())));
        self.command(now, Command::Reoffer { dialog: self.dialog, body }, network);
    }

    fn offer(&self) -> SessionDescription {
        let clear = sdp::offer(&self.capabilities, &self.local);
        self.armor.as_ref().map(|armor| armor.offer(&clear)).unwrap_or(clear)
    }

    /// Answers a call that waits for that. What was acknowledged is not said again.
    pub fn answer(&mut self, now: Now, network: &mut Network) {
        let is_said = matches!(self.manner, Manner::Plays(_, Reliability::Acknowledged));
        let body = if is_said { None } else { self.answer_to_offer(now, network) };
        self.command(now, Command::Answer { dialog: self.dialog, body, headers: Vec::new() }, network);
    }

    /// Refuses a call that waits for an answer.
    pub fn refuse(&mut self, now: Now, (status, cause): (StatusCode, Cause), network: &mut Network) {
        self.stop_media();
        let reason = Some(sip::wire::Reason::q850(cause));
        let refusal = Refusal { reason, ..Refusal::new(status) };
        self.command(now, Command::Refuse { dialog: self.dialog, refusal }, network);
    }

    /// Hangs up, or takes the call back.
    pub fn hang_up(&mut self, now: Now, network: &mut Network) {
        self.happened(now, PhoneEvent::Left);
        self.stop_media();
        self.command(now, Command::Hangup { dialog: self.dialog, reason: None }, network);
    }

    /// What it does next, once it has done what it was told before.
    pub fn will(&mut self, actions: &[Action]) {
        self.mouth.will(actions);
    }

    /// The number of the media packet that it sends next.
    pub const fn next_sequence(&self) -> SequenceNumber {
        self.mouth.next_sequence()
    }

    /// From here on its clock is fast by so many parts in a million.
    pub fn set_clock(&mut self, ppm: i32) {
        let nanos = i64::try_from(TICK.as_nanos()).unwrap_or(0) * (1_000_000 - i64::from(ppm)) / 1_000_000;
        self.tick = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    }

    /// From here on nothing comes in or goes out.
    pub fn unplug(&mut self) {
        self.is_unplugged = true;
        self.stop_media();
    }

    /// Whether a datagram is for this phone.
    pub fn owns(&self, address: SocketAddr) -> bool {
        address.ip() == self.address.ip()
    }

    /// A datagram came.
    pub fn receive(&mut self, now: Now, datagram: &Datagram, network: &mut Network) {
        if self.is_unplugged {
            return;
        }
        if datagram.to == self.address {
            let bytes = Bytes::copy_from_slice(&datagram.bytes);
            let input = Input::Datagram { listener: LISTENER, source: datagram.from, bytes };
            self.endpoint.handle_input(now, input);
            self.drain(now, network);
        } else if datagram.to == self.media_address() {
            self.hear(now, &datagram.bytes, network);
        } else if datagram.to == self.local.rtcp {
            self.answer_report(now, &datagram.bytes, network);
        }
    }

    /// When time is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = [self.endpoint.poll_timeout(), self.next_tick].into_iter().flatten().min();
        due.filter(|_| !self.is_unplugged)
    }

    /// Time passed.
    pub fn on_time(&mut self, now: Now, network: &mut Network) {
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.endpoint.handle_input(now, Input::Timeout);
            self.drain(now, network);
        }
        if self.next_tick.is_some_and(|at| at <= now.mono) {
            self.next_tick = self.next_tick.map(|at| at + self.tick);
            self.tick(now, network);
        }
    }

    /// When something happened first.
    pub fn when(&self, event: &PhoneEvent) -> Option<Instant> {
        self.events.iter().find(|(_, other)| other == event).map(|(at, _)| *at)
    }

    /// Where it receives media.
    pub const fn media_address(&self) -> SocketAddr {
        self.local.rtp
    }

    /// Its media comes from, and is taken at, another port from here on, and nobody is told.
    pub const fn move_media(&mut self, port: u16) {
        self.local.rtp.set_port(port);
    }

    fn command(&mut self, now: Now, command: Command, network: &mut Network) {
        self.endpoint.handle_input(now, Input::Command(command));
        self.drain(now, network);
    }

    fn drain(&mut self, now: Now, network: &mut Network) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { destination, bytes, .. } => {
                    let bytes =
                        self.supported.map_or_else(|| bytes.to_vec(), |said| with_supported(&bytes, said));
                    network.send(now.mono, self.address, destination, &bytes);
                }
                // Its one listener is UDP.
                Output::Write { .. } | Output::Connect { .. } | Output::Disconnect { .. } => {}
                Output::Event(event) => self.on_event(now, event, network),
            }
        }
    }

    fn on_event(&mut self, now: Now, event: Event, network: &mut Network) {
        match event {
            Event::Progressed { response, .. } if response.body.is_empty() => {
                self.happened(now, PhoneEvent::Ringing);
            }
            Event::Progressed { response, .. } => {
                self.happened(now, PhoneEvent::EarlyMedia(response.status.code()));
                if self.heeds_early {
                    self.take(now, &response.body, network);
                }
            }
            Event::Accepted { response, .. } => {
                if !response.body.is_empty() {
                    self.take(now, &response.body, network);
                }
                self.happened(now, PhoneEvent::Answered);
            }
            Event::ReofferAnswered { response, .. } => {
                let answer = SessionDescription::parse(&response.body).expect("the gateway's SDP parses");
                let stream = sdp::accept(&answer, &self.offer()).expect("the gateway's answer fits");
                self.talk(now, stream, network);
            }
            Event::Invited(invited) => self.on_invited(now, &invited, network),
            Event::Acknowledged { .. } => self.happened(now, PhoneEvent::Answered),
            Event::Failed { dialog, failure } => {
                if let Some(challenge) = self.challenge_of(dialog, &failure) {
                    self.has_answered = true;
                    return self.invite(now, Some(&challenge), network);
                }
                let cause = match &failure {
                    Failure::Refused(response) => response.headers.first().ok().flatten(),
                    Failure::Timeout | Failure::NotSent(_) => None,
                };
                let cause = cause.as_ref().and_then(sip::wire::Reason::cause);
                self.happened(now, PhoneEvent::Refused(failure.status().code(), cause));
            }
            Event::Ended { ending, .. } if ending != Ending::Local => {
                self.stop_media();
                self.happened(now, PhoneEvent::HungUp(ending.reason().and_then(sip::wire::Reason::cause)));
            }
            _ => {}
        }
    }

    fn on_invited(&mut self, now: Now, invited: &Invited, network: &mut Network) {
        let dialog = invited.dialog;
        self.dialog = dialog;
        self.happened(now, PhoneEvent::Called);
        self.offered = SessionDescription::parse(&invited.request.body).ok();
        let ring = Command::Progress {
            dialog,
            status: StatusCode::RINGING,
            reliability: Reliability::BestEffort,
            body: None,
            headers: Vec::new(),
        };
        let command = match self.manner {
            Manner::Rings => ring,
            Manner::IsBusy => {
                let reason = Some(sip::wire::Reason::q850(Cause::USER_BUSY));
                let refusal = Refusal { reason, ..Refusal::new(StatusCode::BUSY_HERE) };
                Command::Refuse { dialog, refusal }
            }
            Manner::Answers => {
                self.endpoint.handle_input(now, Input::Command(ring));
                let body = self.answer_to_offer(now, network);
                Command::Answer { dialog, body, headers: Vec::new() }
            }
            Manner::Plays(status, reliability) => {
                let (body, stream) = self.answer_of_ours();
                if self.heeds_early {
                    self.talk(now, stream, network);
                }
                let body = Some(body);
                Command::Progress { dialog, status, reliability, body, headers: Vec::new() }
            }
        };
        self.endpoint.handle_input(now, Input::Command(command));
    }

    /// Talks as was offered, and says so.
    fn answer_to_offer(&mut self, now: Now, network: &mut Network) -> Option<Body> {
        let (body, stream) = self.answer_of_ours();
        self.talk(now, stream, network);
        Some(body)
    }

    fn answer_of_ours(&self) -> (Body, Stream) {
        let offer = self.offered.as_ref().expect("the gateway offers");
        let dtls = self.armor.as_ref().map(Armor::local);
        let local = LocalDescription { dtls, ..self.local.clone() };
        let answered = sdp::answer(offer, &self.capabilities, &local);
        let answered = answered.expect("the gateway offers what it takes");
        (Body::sdp(Bytes::from(answered.description.print())), answered.stream)
    }

    /// The gateway's answer to its offer, or where it made none the gateway's offer, which it answers.
    fn take(&mut self, now: Now, body: &[u8], network: &mut Network) {
        let said = SessionDescription::parse(body).expect("the gateway's SDP parses");
        if self.offering == Offering::AtOnce {
            let stream = sdp::accept(&said, &self.offer()).expect("the gateway's answer fits");
            return self.talk(now, stream, network);
        }
        self.offered = Some(said);
        let body = self.answer_to_offer(now, network);
        let answer = Command::Acknowledge { dialog: self.dialog, body };
        self.endpoint.handle_input(now, Input::Command(answer));
    }

    fn talk(&mut self, now: Now, stream: Stream, network: &mut Network) {
        self.mouth.speak(stream.send);
        if let (Some(armor), Some(terms)) = (&mut self.armor, &stream.dtls) {
            let said = armor.agree(now.mono, terms, self.mouth.ssrc());
            self.stream = Some(stream);
            self.send_all(now, said, network);
        } else {
            self.stream = Some(stream);
        }
        self.next_tick.get_or_insert(now.mono + TICK);
    }

    fn send_all(&self, now: Now, packets: Vec<Vec<u8>>, network: &mut Network) {
        let Some(stream) = &self.stream else { return };
        for packet in packets {
            network.send(now.mono, self.media_address(), stream.remote, &packet);
        }
    }

    fn happened(&mut self, now: Now, event: PhoneEvent) {
        self.events.push((now.mono, event));
    }

    fn stop_media(&mut self) {
        self.next_tick = None;
        self.stream = None;
    }

    fn hear(&mut self, now: Now, bytes: &[u8], network: &mut Network) {
        let plain;
        let bytes = match &mut self.armor {
            Some(armor) if rtp::classify(bytes) == rtp::Datagram::Dtls => {
                let said = armor.hear(bytes);
                return self.send_all(now, said, network);
            }
            Some(armor) => {
                let Some(opened) = armor.open(bytes) else { return };
                plain = opened;
                plain.as_slice()
            }
            None => bytes,
        };
        if rtp::classify(bytes) == rtp::Datagram::Rtcp {
            self.muxed_reports += 1;
            return;
        }
        let Some(stream) = &self.stream else { return };
        let packet = Packet::parse(bytes).expect("the gateway's RTP parses");
        if stream.receive_events == Some(packet.payload_type()) {
            return self.pressed.extend(self.keys.receive(&packet).map(Digit::as_char));
        }
        let format = stream.receive.iter().find(|format| format.payload_type == packet.payload_type());
        let format = format.expect("the gateway sends what was negotiated");
        let mut frame = [0; 3 * FRAME];
        let length = Decoder::new(format.codec).decode(packet.payload(), &mut frame);
        self.heard.extend_from_slice(&frame[..length]);
        self.last_header = Some(packet.header());
        if self.when(&PhoneEvent::FirstMedia).is_none() {
            self.happened(now, PhoneEvent::FirstMedia);
        }
    }

    /// Keeps what is said of it, and reports on the sender in turn.
    fn answer_report(&mut self, now: Now, bytes: &[u8], network: &mut Network) {
        let (Some(stream), Some(reports)) = (&self.stream, &mut self.reports) else { return };
        for item in rtcp::parse(bytes).expect("the gateway's RTCP parses") {
            let Item::SenderReport { from, info, blocks } = item else { continue };
            reports.extend(blocks);
            let Some(last) = self.last_header else { continue };
            let block = ReportBlock {
                ssrc: from,
                fraction_lost: 0,
                cumulative_lost: 0,
                highest_sequence: last.sequence.0.into(),
                jitter: 0,
                last_report: info.ntp.compact(),
                delay: CompactNtp(0),
            };
            let report = Report {
                ssrc: self.mouth.ssrc(),
                sender: None,
                blocks: &[block],
                cname: "phone",
                bye: false,
            };
            let mut out = [0; 128];
            let length = rtcp::write(&mut out, &report).expect("one block fits");
            network.send(now.mono, self.local.rtcp, stream.remote_rtcp, &out[..length]);
        }
    }

    fn tick(&mut self, now: Now, network: &mut Network) {
        if let Some(armor) = &mut self.armor {
            let said = armor.wait(now.mono);
            self.send_all(now, said, network);
        }
        let Some(stream) = &self.stream else { return };
        let events = stream.send_events.expect("the gateway takes telephone events");
        let remote = stream.remote;
        let (packet, told) = self.mouth.tick(now.mono, events);
        let packet = match &mut self.armor {
            Some(armor) => packet.and_then(|packet| armor.seal(&packet)),
            None => packet,
        };
        if let Some(packet) = packet {
            network.send(now.mono, self.media_address(), remote, &packet);
        }
        match told {
            mouth::Told::Nothing => {}
            mouth::Told::Keyed => self.happened(now, PhoneEvent::Keyed),
            mouth::Told::HangUp => self.hang_up(now, network),
        }
    }
}

/// A message with another Supported.
fn with_supported(bytes: &[u8], said: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive("\r\n");
    let lines: String = lines.map(|line| if line.starts_with("Supported:") { said } else { line }).collect();
    lines.into_bytes()
}
