//! Hearing: how loud a frequency is in what a phone received.

use codecs::Goertzel;
use terms::media::SampleRate;

/// 100 ms: whole periods of every tone that is a multiple of 10 Hz, and short enough that a lost
/// packet spoils one block and not the whole.
const BLOCK: usize = 800;

/// The mean level of `hz` in `samples`, in dBm0.
pub fn level(samples: &[i16], hz: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "audible frequencies are exact")]
    let mut meter = Goertzel::new(hz as f32, SampleRate::Hz8000);
    let power = |block: &[i16]| {
        meter.add(block);
        10_f32.powf(meter.take().0 / 10.0)
    };
    let powers: Vec<f32> = samples.chunks_exact(BLOCK).map(power).collect();
    #[expect(clippy::cast_precision_loss, reason = "a minute has 600 blocks")]
    let mean = powers.iter().sum::<f32>() / powers.len() as f32;
    10.0 * mean.log10()
}

/// Whether `hz` is heard in `samples`, as loud as a phone sends it.
pub fn is_heard(samples: &[i16], hz: u32) -> bool {
    level(samples, hz) > -20.0
}

/// Whether nothing of `hz` is in `samples`.
pub fn is_absent(samples: &[i16], hz: u32) -> bool {
    level(samples, hz) < -50.0
}
