//! Plays recordings one after the other.

use std::{collections::VecDeque, sync::Arc};

use terms::media::{PlayId, PlayItem, SampleRate};

use crate::prompts::Prompts;

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
            Self::Silence { samples } => *samples == 0,
        }
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
        let mut player = Player::new(PlayId(7), &items, &prompts, SampleRate::Hz16000);
        let mut frame = [1; 320];
        assert_eq!(player.fill(&mut frame), None);
        assert_eq!((frame[..160].to_vec(), frame[160..].to_vec()), (vec![0; 160], vec![9; 160]));
        assert_eq!(player.fill(&mut frame), Some(PlayId(7)));
        assert_eq!(frame, [9; 320]);
        assert_eq!(player.fill(&mut frame), None);
        assert_eq!(frame, [0; 320]);
    }
}
