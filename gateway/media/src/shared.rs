//! What all who are silent hear, encoded once for each codec of theirs.
//!
//! A codec without state is encoded for whoever comes first in a tick. One with state (G.722, Opus) needs an encoder
//! that hears every tick, and who listens changes to it in silence alone:
//!
//! ```text
//!             silence for some ticks, here and there
//!     Own ──────────────────────────────────────────▶ Shared
//!      ▲                                                │
//!      └──── it is to hear something else ──────────────┘
//!            (its own encoder goes on where the shared one is)
//! ```

use codecs::Encoder;
use terms::media::{Codec, OpusWish, SampleRate};

use crate::send::{Line, Sender};

/// The longest payload of a tick: L16 at 16 kHz.
const MAX_PAYLOAD: usize = 640;
/// How long it is silent before anybody changes encoders: what is left of a sound in their states has faded.
const SILENT_TICKS: u32 = 3;

/// What a participant hears in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    /// What nobody else does: others less itself, or words.
    ItsOwn,
    /// Nothing, since only it talks.
    Itself,
    /// All who talk.
    All,
    /// Nothing, as everybody.
    Silence,
}

/// The encoders of a room, and what they made in this tick.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    lines: Vec<SharedLine>,
}

#[derive(Debug)]
struct SharedLine {
    codec: Codec,
    wish: OpusWish,
    /// Of codecs without state: what was encoded in this tick.
    hears: Hears,
    encoder: Encoder,
    payload: [u8; MAX_PAYLOAD],
    length: usize,
    freshness: Freshness,
    silent_ticks: u32,
    /// What was encoded last.
    last: Box<[i16]>,
}

/// When the encoder heard something last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    ThisTick,
    LastTick,
    /// Nobody listened.
    Before,
}

impl Shared {
    /// What was encoded is of the last tick from here on.
    pub(crate) fn begin_tick(&mut self) {
        self.lines.retain(|line| line.encoder.has_state() || line.freshness == Freshness::ThisTick);
        for line in &mut self.lines {
            line.freshness = match line.freshness {
                Freshness::ThisTick => Freshness::LastTick,
                Freshness::LastTick | Freshness::Before => Freshness::Before,
            };
        }
    }

    /// Whether a sender is served by [`Shared::payload`] in this tick; one that is no longer goes on by itself.
    pub(crate) fn is_for(&mut self, sender: &mut Sender, hears: Hears) -> bool {
        let is_common = matches!(hears, Hears::All | Hears::Silence);
        let can_share = sender.takes_shared();
        if !sender.has_state() {
            return can_share && (is_common || hears == Hears::Itself);
        }
        let silent_ticks = sender.note_silence(hears);
        match sender.line() {
            Line::Shared if is_common && can_share => true,
            Line::Shared => {
                let known = self.lines.iter().find(|line| line.is_of(sender));
                if let Some(line) = known {
                    sender.take_over(&line.encoder, &line.last);
                }
                sender.set_line(Line::Own);
                false
            }
            Line::Own if hears == Hears::Silence && can_share && silent_ticks >= SILENT_TICKS => {
                let known = self.lines.iter().find(|line| line.is_of(sender));
                let is_silent = known.is_none_or(SharedLine::is_silent);
                if is_silent {
                    sender.set_line(Line::Shared);
                }
                is_silent
            }
            Line::Own => false,
        }
    }

    /// The tick's payload for a sender; `frame` is what it hears, as all others.
    pub(crate) fn payload(&mut self, sender: &Sender, hears: Hears, frame: &[i16]) -> &[u8] {
        let is_same =
            |line: &SharedLine| line.is_of(sender) && (line.encoder.has_state() || line.hears == hears);
        let index = self.lines.iter().position(is_same).unwrap_or_else(|| {
            self.lines.push(SharedLine::new(sender, hears));
            self.lines.len() - 1
        });
        let line = &mut self.lines[index];
        line.encode(hears, frame);
        &line.payload[..line.length]
    }
}

impl SharedLine {
    fn new(sender: &Sender, hears: Hears) -> Self {
        let (codec, wish) = (sender.codec(), sender.wish());
        let encoder = Encoder::for_peer(codec, &wish);
        let remembered = if encoder.has_state() { codec.sample_rate().tick_samples() } else { 0 };
        Self {
            codec,
            wish,
            hears,
            encoder,
            payload: [0; MAX_PAYLOAD],
            length: 0,
            freshness: Freshness::Before,
            silent_ticks: 0,
            last: vec![0; remembered].into(),
        }
    }

    fn is_of(&self, sender: &Sender) -> bool {
        self.codec == sender.codec()
            && (self.codec.at_its_best() != Codec::Opus || self.wish == sender.wish())
    }

    /// Whether somebody may begin to listen: nothing has been heard here for a while, or nobody listens.
    fn is_silent(&self) -> bool {
        self.freshness == Freshness::Before || self.silent_ticks >= SILENT_TICKS
    }

    fn encode(&mut self, hears: Hears, frame: &[i16]) {
        if self.freshness == Freshness::ThisTick {
            return;
        }
        if self.freshness == Freshness::Before {
            self.encoder.reset();
            self.silent_ticks = 0;
        }
        self.freshness = Freshness::ThisTick;
        self.silent_ticks = if hears == Hears::Silence { self.silent_ticks.saturating_add(1) } else { 0 };
        self.length = self.encoder.encode(frame, &mut self.payload);
        let length = self.last.len().min(frame.len());
        self.last[..length].copy_from_slice(&frame[..length]);
    }
}

const _: () = assert!(MAX_PAYLOAD >= 2 * SampleRate::Hz16000.tick_samples());
