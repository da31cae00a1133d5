//! Plays recordings one after the other.

use std::{collections::VecDeque, sync::Arc};

use codecs::fade;
use terms::media::{PlayId, PlayItem, SampleRate};

use crate::{prompts::Prompts, room::MAX_FRAME};

/// What is left to play.
#[derive(Debug)]
pub(crate) struct Player {
    play: PlayId,
    pieces: VecDeque<Piece>,
    state: State,
}

#[derive(Debug)]
enum Piece {
    Recording { samples: Arc<[i16]>, next: usize },
    Music { samples: Arc<[i16]>, next: usize },
    Silence { samples: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Playing,
    Told,
}

impl Player {
    /// A recording that is missing is passed over: the words before and after it are still heard.
    pub(crate) fn new(play: PlayId, items: &[PlayItem], prompts: &Prompts, rate: SampleRate) -> Self {
        let piece = |item: &PlayItem| match item {
            PlayItem::Silence(duration) => {
                let samples = duration.as_millis() * u128::from(rate.hz()) / 1_000;
                Some(Piece::Silence { samples: usize::try_from(samples).unwrap_or(0) })
            }
            PlayItem::Music { name } => {
                let samples = prompts.music(name, rate).filter(|samples| !samples.is_empty())?;
                Some(Piece::Music { samples, next: 0 })
            }
            PlayItem::Prompt { name, language } => {
                prompts.get(name, language, rate).map(|samples| Piece::Recording { samples, next: 0 })
            }
        };
        Self { play, pieces: items.iter().filter_map(piece).collect(), state: State::Playing }
    }

    /// Writes the next samples; silence once all was played. Yields the playing's name when the
    /// last of its samples was written, once.
    pub(crate) fn fill(&mut self, frame: &mut [i16]) -> Option<PlayId> {
        let mut rest = frame;
        while let Some(piece) = self.pieces.front_mut().filter(|_| !rest.is_empty()) {
            let written = piece.fill(rest);
            if piece.is_over() {
                self.pieces.pop_front();
            }
            rest = rest.split_at_mut(written).1;
        }
        rest.fill(0);
        if self.pieces.is_empty() && self.state == State::Playing {
            self.state = State::Told;
            return Some(self.play);
        }
        None
    }
}

impl Piece {
    fn fill(&mut self, frame: &mut [i16]) -> usize {
        match self {
            Self::Recording { samples, next } => {
                let left = samples.get(*next..).unwrap_or_default();
                let length = left.len().min(frame.len());
                frame[..length].copy_from_slice(&left[..length]);
                *next += length;
                length
            }
            Self::Music { samples, next } => {
                for sample in frame.iter_mut() {
                    *sample = samples[*next];
                    *next = (*next + 1) % samples.len();
                }
                frame.len()
            }
            Self::Silence { samples } => {
                let length = (*samples).min(frame.len());
                frame[..length].fill(0);
                *samples -= length;
                length
            }
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Recording { samples, next } => *next >= samples.len(),
            Self::Music { .. } => false,
            Self::Silence { samples } => *samples == 0,
        }
    }
}

/// Words over the sound of a meeting, which is turned down meanwhile.
#[derive(Debug)]
pub(crate) struct Announcement {
    player: Player,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    TurningDown,
    Speaking,
    TurningUp,
}

impl Stage {
    /// Where the next announcement begins.
    const fn cut_short(self) -> Self {
        match self {
            Self::TurningDown => Self::TurningDown,
            Self::Speaking | Self::TurningUp => Self::Speaking,
        }
    }
}

/// How far an announcement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Going,
    /// The words have ended; one more frame turns the meeting up again.
    Words(PlayId),
    /// All is as it was.
    All,
}

/// What is left of the meeting below the words: 12 dB less.
const TURNED_DOWN: f32 = 0.25;

impl Announcement {
    pub(crate) const fn new(player: Player) -> Self {
        Self { player, stage: Stage::TurningDown }
    }

    /// Other words in place of those that are being spoken.
    pub(crate) const fn after(spoken: &Self, player: Player) -> Self {
        Self { player, stage: spoken.stage.cut_short() }
    }

    /// Lays the next words over a frame.
    pub(crate) fn lay_over(&mut self, frame: &mut [i16]) -> Told {
        match self.stage {
            Stage::TurningDown => fade(frame, 1.0, TURNED_DOWN),
            Stage::Speaking => fade(frame, TURNED_DOWN, TURNED_DOWN),
            Stage::TurningUp => {
                fade(frame, TURNED_DOWN, 1.0);
                return Told::All;
            }
        }
        self.stage = Stage::Speaking;
        let mut words = [0; MAX_FRAME];
        let words = &mut words[..frame.len()];
        let ended = self.player.fill(words);
        for (sample, word) in frame.iter_mut().zip(words) {
            *sample = sample.saturating_add(*word);
        }
        let Some(play) = ended else { return Told::Going };
        self.stage = Stage::TurningUp;
        Told::Words(play)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pieces_follow_each_other_without_a_gap_and_the_end_is_told_once() {
        let mut prompts = Prompts::default();
        prompts.insert("a".into(), "zh".into(), vec![9; 16 * 30]);
        let prompt = |name: &str| PlayItem::Prompt { name: name.into(), language: "zh".into() };
        let items = [PlayItem::Silence(Duration::from_millis(10)), prompt("missing"), prompt("a")];
        let recording = prompts.get(&"a".into(), &"zh".into(), SampleRate::Hz16000).expect("it is there");
        let mut player = Player::new(PlayId(7), &items, &prompts, SampleRate::Hz16000);
        let mut frame = [1; 320];
        assert_eq!(player.fill(&mut frame), None);
        assert_eq!((&frame[..160], &frame[160..]), (&[0; 160][..], &recording[..160]));
        assert_eq!(player.fill(&mut frame), Some(PlayId(7)));
        assert_eq!((&frame[..], frame[100]), (&recording[160..], 9));
        assert_eq!(player.fill(&mut frame), None);
        assert_eq!(frame, [0; 320]);
    }

    #[test]
    fn music_goes_round_without_a_gap_and_never_ends() {
        let mut prompts = Prompts::default();
        prompts.insert_music("music".into(), (0..500).collect());
        let items = [PlayItem::Music { name: "music".into() }];
        let mut player = Player::new(PlayId(1), &items, &prompts, SampleRate::Hz16000);
        let mut heard = [0; 1_280];
        for frame in heard.chunks_exact_mut(320) {
            assert_eq!(player.fill(frame), None);
        }
        assert!(heard.iter().zip((0..500).cycle()).all(|(sample, expected)| *sample == expected));
    }

    #[test]
    fn a_meeting_is_turned_down_below_the_words_and_up_again_without_a_step() {
        let mut prompts = Prompts::default();
        prompts.insert("a".into(), "en".into(), vec![0; 640]);
        let items = [PlayItem::Prompt { name: "a".into(), language: "en".into() }];
        let player = Player::new(PlayId(3), &items, &prompts, SampleRate::Hz16000);
        let mut announcement = Announcement::new(player);
        let mut heard = [8_000; 1_280];
        let told: Vec<Told> =
            heard.chunks_exact_mut(320).map(|frame| announcement.lay_over(frame)).take(3).collect();
        assert_eq!(told, [Told::Going, Told::Words(PlayId(3)), Told::All]);
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 20), "no step");
        assert_eq!((heard[0], heard[480], heard[959], heard[960]), (8_000, 2_000, 7_981, 8_000));
    }
}
