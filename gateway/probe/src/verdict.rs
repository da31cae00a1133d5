//! Whether figures are good enough.

use serde::Serialize;

use crate::course::Figures;

/// What video with shared content takes, in each direction.
pub const VIDEO_BITS_PER_SECOND: u32 = 4_000_000;

/// What a call bears. A figure at its limit is good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// One way (ITU-T G.114).
    pub delay_ms: f32,
    /// RFC 3550 §6.4.1.
    pub jitter_ms: f32,
    /// There and back.
    pub loss_percent: f32,
}

impl Limits {
    /// Within a country.
    pub const HOME: Self = Self { delay_ms: 150.0, jitter_ms: 50.0, loss_percent: 5.0 };
    /// Between countries.
    pub const ABROAD: Self = Self { delay_ms: 400.0, ..Self::HOME };
}

/// What is not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing comes back.
    Silent,
    /// It takes too long.
    Delay,
    /// It comes unevenly.
    Jitter,
    /// Too little comes.
    Loss,
    /// Video with sharing would not come through.
    Rate,
}

/// What is not good enough of a run; nothing is lacking of a good one.
pub fn faults(figures: &Figures, limits: &Limits) -> Vec<Fault> {
    let over = |figure: Option<f32>, limit: f32| figure.is_some_and(|figure| figure > limit);
    if figures.answered == 0 {
        return vec![Fault::Silent];
    }
    let checks = [
        (Fault::Delay, over(figures.delay_estimated_ms, limits.delay_ms)),
        (Fault::Jitter, over(figures.jitter_ms, limits.jitter_ms)),
        (Fault::Loss, figures.lost_percent > limits.loss_percent),
    ];
    checks.into_iter().filter(|(_, is_over)| *is_over).map(|(fault, _)| fault).collect()
}

/// The same of a run at [`VIDEO_BITS_PER_SECOND`]: what is lost of it is rate that is not there.
pub fn video_fault(figures: &Figures, limits: &Limits) -> Option<Fault> {
    (figures.answered == 0 || figures.lost_percent > limits.loss_percent).then_some(Fault::Rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Course;

    fn figures(delay: f32, jitter: f32, loss: f32) -> Figures {
        Figures {
            answered: 1,
            delay_estimated_ms: Some(delay),
            jitter_ms: Some(jitter),
            lost_percent: loss,
            ..Course::default().figures()
        }
    }

    #[test]
    fn media_8_verdicts_are_by_the_services_limits() {
        use Fault::{Delay, Jitter, Loss};
        let rows: [(&str, Figures, Limits, &[Fault]); 7] = [
            ("at all limits", figures(150.0, 50.0, 5.0), Limits::HOME, &[]),
            ("slow", figures(150.5, 0.0, 0.0), Limits::HOME, &[Delay]),
            ("slow, and far", figures(150.5, 0.0, 0.0), Limits::ABROAD, &[]),
            ("too slow even so", figures(400.5, 0.0, 0.0), Limits::ABROAD, &[Delay]),
            ("uneven", figures(1.0, 50.5, 0.0), Limits::ABROAD, &[Jitter]),
            ("lossy", figures(1.0, 1.0, 5.5), Limits::ABROAD, &[Loss]),
            ("all of it", figures(500.0, 60.0, 90.0), Limits::HOME, &[Delay, Jitter, Loss]),
        ];
        for (name, figures, limits, wanted) in rows {
            assert_eq!(faults(&figures, &limits), wanted, "{name}");
        }
        assert_eq!(faults(&Course::default().figures(), &Limits::HOME), [Fault::Silent]);
        assert_eq!(video_fault(&figures(1.0, 1.0, 5.5), &Limits::HOME), Some(Fault::Rate));
        assert_eq!(video_fault(&figures(500.0, 90.0, 5.0), &Limits::HOME), None);
    }
}
