//! One stream that goes out: from frames of one tick to packets.

use codecs::{Concealment, Dbov, Encoder, describe_noise};
use rtp::{Header, SequenceNumber, Timestamp, telephone_event};
use terms::{
    Digit, Entropy, Instant,
    media::{ClockRate, Codec, Format, OpusWish, PayloadType, PortSnapshot, Ptime, SampleRate, Ssrc, Stream},
};

use crate::{press::Presses, relay::Following, schedule::TICK, shared::Hears};

/// The background of a meeting in which nobody speaks, so that the line doesn't seem dead.
const BACKGROUND: Dbov = Dbov(-68.0);
/// How long silence is sent before it is described: the pauses between words.
const HANGOVER_TICKS: u32 = 10;
/// A pause is described once in so many ticks.
const DESCRIBED_TICKS: u32 = 10;

/// The longest payload that is sent.
const MAX_PAYLOAD: usize = 1_920;

/// The numbers of a stream that its receiver sees. They outlive every renegotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) ssrc: Ssrc,
    pub(crate) sequence: SequenceNumber,
    pub(crate) timestamp: Timestamp,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

impl Numbers {
    /// RFC 3550 §5.1: sequence number and timestamp begin at random.
    pub(crate) const fn random(entropy: &mut Entropy) -> Self {
        let first = entropy.next_u64();
        let (sequence, timestamp) = ((first & 0x7fff) as u16, (first >> 32) as u32);
        Self {
            ssrc: Ssrc(entropy.next_u32()),
            sequence: SequenceNumber(sequence),
            timestamp: Timestamp(timestamp),
            packets: 0,
            octets: 0,
        }
    }

    pub(crate) const fn of(snapshot: &PortSnapshot) -> Self {
        Self {
            ssrc: snapshot.ssrc,
            sequence: SequenceNumber(snapshot.next_sequence),
            timestamp: Timestamp(snapshot.next_timestamp),
            packets: snapshot.packets_sent,
            octets: snapshot.octets_sent,
        }
    }
}

/// The sending half of a port.
#[derive(Debug)]
pub(crate) struct Sender {
    format: Format,
    ptime: Ptime,
    encoder: Encoder,
    wish: OpusWish,
    line: Line,
    /// How long nothing was heard in a meeting.
    silent_ticks: u32,
    /// Frames that don't fill a packet yet.
    waiting: Vec<i16>,
    last_frame: Option<Instant>,
    /// What was sent last, which a sound that is cut short rings out like.
    seam: Concealment,
    stop: Stop,
    /// The payload type of comfort noise (RFC 3389).
    noise_type: Option<PayloadType>,
    speech: Speech,
    /// Of the next packet.
    marker: Marker,
    /// Whose packets go out as they come.
    following: Option<Following>,
    /// The event that goes out: its timestamp as it came, and as it goes.
    event: Option<(Timestamp, Timestamp)>,
    /// Keys that we tell; none while there are none.
    presses: Option<Box<Presses>>,
}

impl Sender {
    pub(crate) fn new(stream: &Stream) -> Self {
        Self {
            format: stream.send,
            ptime: stream.ptime,
            encoder: Encoder::for_peer(stream.send.codec, &stream.opus),
            wish: stream.opus,
            line: Line::Own,
            silent_ticks: 0,
            waiting: Vec::new(),
            last_frame: None,
            seam: Concealment::new(stream.send.codec.sample_rate()),
            stop: Stop::AtOnce,
            noise_type: stream.comfort_noise,
            speech: Speech::Going,
            marker: Marker::Yes,
            following: None,
            event: None,
            presses: None,
        }
    }

    /// Goes on in another format; timestamps run on.
    pub(crate) fn renegotiate(&mut self, stream: &Stream) {
        let (codec, before) = (stream.send.codec, self.format.codec);
        if codec != before || (codec.at_its_best() == Codec::Opus && stream.opus != self.wish) {
            self.encoder = Encoder::for_peer(codec, &stream.opus);
            self.line = Line::Own;
        }
        self.wish = stream.opus;
        if codec.sample_rate() != before.sample_rate() {
            self.seam = Concealment::new(codec.sample_rate());
            self.waiting.clear();
        }
        if stream.send_events.is_none() {
            self.presses = None;
        }
        self.format = stream.send;
        self.ptime = stream.ptime;
        self.noise_type = stream.comfort_noise;
        if self.noise_type.is_none() {
            // Who makes no noise of its own is sent the silence.
            self.speech = Speech::Going;
        }
    }

    pub(crate) const fn codec(&self) -> Codec {
        self.format.codec
    }

    pub(crate) const fn wish(&self) -> OpusWish {
        self.wish
    }

    /// Whether its peer can hear one encoder alone.
    pub(crate) const fn has_state(&self) -> bool {
        self.encoder.has_state()
    }

    pub(crate) const fn line(&self) -> Line {
        self.line
    }

    pub(crate) const fn set_line(&mut self, line: Line) {
        self.line = line;
    }

    /// Goes on by itself where a shared encoder is, which encoded `last`.
    pub(crate) fn take_over(&mut self, shared: &Encoder, last: &[i16]) {
        self.encoder.take_over(shared, last);
    }

    /// How many ticks it has been silent, with this one.
    pub(crate) const fn note_silence(&mut self, hears: Hears) -> u32 {
        self.silent_ticks = match hears {
            Hears::Silence => self.silent_ticks.saturating_add(1),
            Hears::ItsOwn | Hears::Itself | Hears::All => 0,
        };
        self.silent_ticks
    }

    /// Whether one frame is one packet, so that a frame encoded once can serve many.
    pub(crate) fn takes_shared(&self) -> bool {
        self.ptime == Ptime::MS_20 && self.waiting.is_empty() && !self.seam.is_cut()
    }

    /// What is sent from here on doesn't go on with what was sent before, which may ring out.
    pub(crate) const fn cut(&mut self) {
        self.seam.cut();
        self.stop = Stop::RingsOut;
    }

    /// Nothing of what was sent before is heard from here on.
    pub(crate) fn silence(&mut self) {
        self.seam.forget();
        self.waiting.clear();
        self.stop = Stop::AtOnce;
    }

    /// Whether what was sent until now still rings out, though there is nothing more to send.
    pub(crate) fn rings_out(&self, now: Instant) -> bool {
        self.stop == Stop::RingsOut
            && !self.has_paused(now)
            && (self.seam.is_cut() || !self.waiting.is_empty())
    }

    /// There is something to hear in this tick.
    pub(crate) const fn on_sound(&mut self) {
        self.speech = Speech::Going;
    }

    /// There is nothing to hear in this tick. Whether it need not be sent, since the peer makes its
    /// own noise meanwhile: then [`Sender::describe_pause`] is called in its place.
    pub(crate) fn pauses(&mut self) -> bool {
        self.speech = match self.speech {
            Speech::Going => Speech::Hangover { ticks: 1 },
            Speech::Hangover { ticks } if ticks < HANGOVER_TICKS => Speech::Hangover { ticks: ticks + 1 },
            Speech::Hangover { .. } if self.noise_type.is_some() && self.waiting.is_empty() => {
                Speech::Pause { ticks: 0 }
            }
            Speech::Hangover { ticks } => Speech::Hangover { ticks },
            Speech::Pause { ticks } => Speech::Pause { ticks: ticks.wrapping_add(1) },
        };
        matches!(self.speech, Speech::Pause { .. })
    }

    /// RFC 3389 §4: describes the noise as a pause begins, and again from time to time.
    pub(crate) fn describe_pause(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        emit: impl FnOnce(Header, &[u8]),
    ) {
        let (Speech::Pause { ticks }, Some(payload_type)) = (self.speech, self.noise_type) else { return };
        if !ticks.is_multiple_of(DESCRIBED_TICKS) {
            return;
        }
        self.resume(now, numbers);
        let payload = describe_noise(BACKGROUND);
        let header = next_header(numbers, payload_type, Marker::No, self.tick_units(), payload.len());
        self.marker = Marker::Yes;
        self.seam.forget();
        emit(header, &payload);
    }

    /// Lays the seam over a frame that is about to be sent, if there is one.
    pub(crate) fn join(&mut self, now: Instant, frame: &mut [i16]) {
        if self.has_paused(now) {
            self.seam.forget();
        }
        self.seam.good(frame);
    }

    fn has_paused(&self, now: Instant) -> bool {
        self.last_frame.is_none_or(|last| now.since(last) >= TICK * 2)
    }

    /// Sends a payload that is one tick of this codec.
    pub(crate) fn send_shared(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        payload: &[u8],
        emit: impl FnOnce(Header, &[u8]),
    ) {
        self.resume(now, numbers);
        let marker = std::mem::replace(&mut self.marker, Marker::No);
        let header = next_header(numbers, self.format.payload_type, marker, self.tick_units(), payload.len());
        emit(header, payload);
    }

    /// Takes a frame of one tick and sends the packets that it completes.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        frame: &[i16],
        mut emit: impl FnMut(Header, &[u8]),
    ) {
        let rate = self.format.codec.sample_rate();
        self.resume(now, numbers);
        self.following = None;
        self.waiting.extend_from_slice(frame);
        let samples = samples_of(self.ptime, rate);
        let mut payload = [0; MAX_PAYLOAD];
        while self.waiting.len() >= samples {
            let length = self.encoder.encode(&self.waiting[..samples], &mut payload);
            self.waiting.drain(..samples);
            let marker = std::mem::replace(&mut self.marker, Marker::No);
            let units = self.units_of(samples);
            let header = next_header(numbers, self.format.payload_type, marker, units, length);
            emit(header, &payload[..length]);
        }
    }

    pub(crate) const fn payload_type(&self) -> PayloadType {
        self.format.payload_type
    }

    /// Sends a packet of another port's peer on: sound of this codec, or the description of a pause in it.
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        (came, payload): (&Header, &[u8]),
        (payload_type, emit): (PayloadType, impl FnOnce(Header, &[u8])),
    ) {
        let header = self.follow(now, numbers, came).onward(
            numbers,
            came,
            (payload_type, self.tick_units(), payload.len()),
        );
        emit(header, payload);
    }

    /// Sends an event of another port's peer on (RFC 4733 §2.5.1.2: all its packets have one timestamp).
    pub(crate) fn pass_event(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        (came, payload): (&Header, &[u8]),
        (payload_type, emit): (PayloadType, impl FnOnce(Header, &[u8])),
    ) {
        let timestamp = self.event_at(now, numbers, came);
        let header = match self.following.filter(|following| following.fits(numbers, came)) {
            Some(following) => following.onward(numbers, came, (payload_type, 0, payload.len())),
            None => {
                let marker = if came.marker { Marker::Yes } else { Marker::No };
                next_header(numbers, payload_type, marker, 0, payload.len())
            }
        };
        let header = Header { timestamp, ..header };
        self.last_frame = Some(now);
        emit(header, payload);
    }

    /// The timestamp of an event: one for all its packets, and another than that of the event before.
    fn event_at(&mut self, now: Instant, numbers: &mut Numbers, came: &Header) -> Timestamp {
        if let Some((_, goes)) = self.event.filter(|(before, _)| *before == came.timestamp) {
            return goes;
        }
        let following = self.following.filter(|following| following.fits(numbers, came));
        if following.is_none() {
            self.resume(now, numbers);
        }
        let begins = following.map_or(numbers.timestamp, |following| following.timestamp(came));
        let goes = match self.event {
            Some((_, last)) if begins.distance_from(last) <= 0 => last.advanced_by(self.tick_units()),
            Some(_) | None => begins,
        };
        self.event = Some((came.timestamp, goes));
        goes
    }

    /// Tells the peer of a key, in the ticks to come.
    pub(crate) fn press(&mut self, digit: Digit) {
        self.presses.get_or_insert_default().add(digit);
    }

    /// Whether there are keys that the peer is not told of yet.
    pub(crate) const fn is_pressing(&self) -> bool {
        self.presses.is_some()
    }

    /// Whether an event is under way, in place of any sound.
    pub(crate) fn is_key_down(&self) -> bool {
        self.presses.as_ref().is_some_and(|presses| presses.is_down())
    }

    /// Who can't be told of keys now is told of none of them later.
    pub(crate) fn drop_keys(&mut self) {
        self.presses = None;
    }

    /// Sends what of a key is due in this tick.
    pub(crate) fn send_key(
        &mut self,
        now: Instant,
        numbers: &mut Numbers,
        (payload_type, emit): (PayloadType, impl FnOnce(Header, &[u8])),
    ) {
        let (clock, units) = (self.format.codec.clock_rate(), self.tick_units());
        if self.presses.as_ref().is_some_and(|presses| presses.begins()) {
            // RFC 4733 §2.2: its timestamp is that of its beginning, however long nothing was sent before it.
            self.resume(now, numbers);
        }
        let Some(presses) = &mut self.presses else { return };
        let event = presses.tick(numbers.timestamp);
        if presses.is_over() {
            self.presses = None;
        }
        let Some(event) = event else { return };
        let Some(payload) = telephone_event::on_clock(&event.payload, (ClockRate::Hz8000, clock)) else {
            return;
        };
        (self.following, self.last_frame) = (None, Some(now));
        let marker = if event.marker { Marker::Yes } else { Marker::No };
        let header = next_header(numbers, payload_type, marker, units, payload.len());
        self.seam.forget();
        emit(Header { timestamp: event.timestamp, ..header }, &payload);
    }

    /// What comes next is no more of what came before: the numbers go on without a gap.
    pub(crate) const fn unfollow(&mut self) {
        self.following = None;
    }

    fn follow(&mut self, now: Instant, numbers: &mut Numbers, came: &Header) -> Following {
        if let Some(following) = self.following.filter(|following| following.fits(numbers, came)) {
            self.last_frame = Some(now);
            return following;
        }
        self.resume(now, numbers);
        self.marker = Marker::No;
        self.seam.forget();
        *self.following.insert(Following::begin(numbers, came))
    }

    /// RFC 3551 §4.1: the first packet after a pause is marked, and its timestamp has run on with the time.
    fn resume(&mut self, now: Instant, numbers: &mut Numbers) {
        let Some(last) = self.last_frame.replace(now) else { return };
        let pause = now.since(last);
        if pause < TICK * 2 {
            return;
        }
        let ticks = u32::try_from(pause.as_nanos() / TICK.as_nanos() - 1).unwrap_or(0);
        numbers.timestamp = numbers.timestamp.advanced_by(ticks.wrapping_mul(self.tick_units()));
        self.waiting.clear();
        self.marker = Marker::Yes;
    }

    /// Timestamps of a tick.
    fn tick_units(&self) -> u32 {
        self.units_of(self.format.codec.sample_rate().tick_samples())
    }

    /// Timestamps of so many samples.
    fn units_of(&self, samples: usize) -> u32 {
        let codec = self.format.codec;
        codec.clock_rate().units_of(u32::try_from(samples).unwrap_or(0), codec.sample_rate())
    }
}

/// Whose encoder the peer hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// That of its sender.
    Own,
    /// That of all who are silent.
    Shared,
}

/// Whether there is anything to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Going,
    /// Silence, which is sent as any sound: it may be a pause between words.
    Hangover {
        ticks: u32,
    },
    /// Silence that is described.
    Pause {
        ticks: u32,
    },
}

/// How a sound ends that nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    RingsOut,
    AtOnce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Yes,
    No,
}

fn next_header(
    numbers: &mut Numbers,
    payload_type: PayloadType,
    marker: Marker,
    units: u32,
    octets: usize,
) -> Header {
    let header = Header {
        payload_type,
        marker: marker == Marker::Yes,
        sequence: numbers.sequence,
        timestamp: numbers.timestamp,
        ssrc: numbers.ssrc,
    };
    numbers.sequence = numbers.sequence.next();
    numbers.timestamp = numbers.timestamp.advanced_by(units);
    numbers.packets += 1;
    numbers.octets += u64::try_from(octets).unwrap_or(0);
    header
}

fn samples_of(ptime: Ptime, rate: SampleRate) -> usize {
    rate.tick_samples() * usize::try_from(ptime.as_millis()).unwrap_or(20) / 20
}
