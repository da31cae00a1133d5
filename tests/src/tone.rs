//! Hearing: how loud a frequency is in what a phone received.

use codecs::Goertzel;
use terms::media::SampleRate;

/// The level of `hz` in `samples`, in dBm0.
pub fn level(samples: &[i16], hz: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "audible frequencies are exact")]
    let mut meter = Goertzel::new(hz as f32, SampleRate::Hz8000);
    meter.add(samples);
    meter.take().0
}

/// Whether `hz` is heard in `samples`, as loud as a phone sends it.
pub fn is_heard(samples: &[i16], hz: u32) -> bool {
    level(samples, hz) > -20.0
}

/// Whether nothing of `hz` is in `samples`.
pub fn is_absent(samples: &[i16], hz: u32) -> bool {
    level(samples, hz) < -50.0
}
