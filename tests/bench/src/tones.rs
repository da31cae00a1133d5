//! What callers say and listen for.

use codecs::{Dbm0, Encoder, Generator};
use terms::media::{Codec, SampleRate};

/// Two sets for neighbouring meetings, so that a leak from one shows in the other, all on multiples of the meter's
/// 20 Hz; and four of which a single packet of 20 ms holds whole periods.
pub(crate) const ALL: [u32; COUNT] =
    [440, 620, 860, 1_180, 1_600, 520, 740, 1_000, 1_360, 1_840, 1_100, 1_500, 2_050, 2_500];
/// How many there are.
pub(crate) const COUNT: usize = SETS * SET + QUICK;
/// Tones of a set.
pub(crate) const SET: usize = 5;
const SETS: usize = 2;
const QUICK: usize = 4;

/// As loud as people talk (ITU-T P.56); four of them together still fit G.711.
const LEVEL: Dbm0 = Dbm0(-16.0);
/// Whole periods of each tone: 100 ms.
const PERIODS: usize = 800;
/// Samples of the longest packet: 60 ms.
pub(crate) const LONGEST: usize = 3 * SampleRate::Hz8000.tick_samples();

/// One of [`ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tone(usize);

impl Tone {
    /// That of a seat in a meeting; neighbouring meetings have other tones.
    pub(crate) const fn of_seat(meeting: usize, seat: usize) -> Self {
        Self(meeting % SETS * SET + seat % SET)
    }

    /// One of the four that are told by a single packet.
    pub(crate) const fn quick(seat: usize) -> Self {
        Self(SETS * SET + seat % QUICK)
    }

    /// Its place in [`ALL`].
    pub(crate) const fn index(self) -> usize {
        self.0
    }

    /// Its frequency.
    pub(crate) const fn hz(self) -> u32 {
        ALL[self.0]
    }
}

/// Some of [`ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tones(u16);

impl Tones {
    /// None.
    pub(crate) const NONE: Self = Self(0);
    /// Every one.
    pub(crate) const ALL: Self = Self((1 << COUNT) - 1);
    /// The four that are told by a single packet.
    pub(crate) const QUICK: Self = Self(((1 << QUICK) - 1) << (SETS * SET));

    /// And this one.
    #[must_use]
    pub(crate) const fn with(self, tone: Tone) -> Self {
        Self(self.0 | 1 << tone.0)
    }

    /// But for this one.
    #[must_use]
    pub(crate) const fn without(self, tone: Tone) -> Self {
        Self(self.0 & !(1 << tone.0))
    }

    /// But for these.
    #[must_use]
    pub(crate) const fn except(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Which they are.
    pub(crate) fn iter(self) -> impl Iterator<Item = Tone> {
        (0..COUNT).filter(move |index| self.0 >> index & 1 == 1).map(Tone)
    }
}

impl FromIterator<Tone> for Tones {
    fn from_iter<I: IntoIterator<Item = Tone>>(tones: I) -> Self {
        tones.into_iter().fold(Self::NONE, Self::with)
    }
}

/// All that is ever said, encoded once: the callers shall cost little beside what they call.
#[derive(Debug)]
pub(crate) struct Sounds {
    tones: Vec<Vec<u8>>,
    silence: Vec<u8>,
}

impl Sounds {
    /// In A-law.
    pub(crate) fn new() -> Self {
        let encode = |samples: &[i16]| {
            let mut payload = vec![0; samples.len()];
            Encoder::new(Codec::Pcma).encode(samples, &mut payload);
            payload
        };
        let tone = |hz: &u32| {
            let mut samples = [0; PERIODS + LONGEST];
            Generator::new(*hz, LEVEL, SampleRate::Hz8000).fill(&mut samples);
            encode(&samples)
        };
        Self { tones: ALL.iter().map(tone).collect(), silence: encode(&[0; LONGEST]) }
    }

    /// So many samples of a tone from a time on.
    pub(crate) fn tone(&self, tone: Tone, time: u32, samples: usize) -> &[u8] {
        let from = time as usize % PERIODS;
        self.tones.get(tone.0).and_then(|sound| sound.get(from..from + samples)).unwrap_or_default()
    }

    /// So many samples of nothing.
    pub(crate) fn silence(&self, samples: usize) -> &[u8] {
        &self.silence[..samples.min(LONGEST)]
    }
}
