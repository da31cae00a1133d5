//! How good a call's streams are: the red signal, the endpoint's icon, "severe loss", and what the
//! record keeps of it all (MEDIA-7).

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use terms::{
    Instant,
    media::{Figures, Measured, Mos, MosScale},
};

use crate::settings::QualitySettings;

/// One direction of a call, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// What the peer sends.
    Inbound,
    /// What we send.
    Outbound,
}

/// What makes a direction red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It takes too long.
    Delay,
    /// It comes unevenly.
    Jitter,
    /// Too little of it comes.
    Loss,
}

/// Whether a direction is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// As far as is known.
    Green,
    /// A limit is reached.
    Red,
}

/// What is shown beside an endpoint, by its loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Icon {
    /// Nothing.
    None,
    /// Some loss.
    Yellow,
    /// Much.
    Red,
}

/// How one direction is, for the administration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WayView {
    /// As of the last seconds.
    #[serde(flatten)]
    pub figures: Figures,
    /// Whether a limit is reached.
    pub signal: Signal,
    /// By the loss.
    pub icon: Icon,
}

/// How a call's streams were, for its record.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StreamsSummary {
    /// What the peer sent.
    pub inbound: WaySummary,
    /// What we sent, as far as the peer told.
    pub outbound: WaySummary,
}

/// How one direction was. What never was known is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaySummary {
    /// In percent.
    pub loss_percent: Option<Spread>,
    /// In milliseconds.
    pub jitter_ms: Option<Spread>,
    /// Half the round trip, in milliseconds.
    pub delay_estimated_ms: Option<Spread>,
    /// The score; its worst is its least.
    pub mos: Option<Spread>,
    /// The scale of the score.
    pub mos_scale: Option<MosScale>,
    /// How long the signal was red, in milliseconds.
    pub red_ms: u64,
    /// How often there was "severe loss".
    pub severe_losses: u32,
}

/// A figure over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Of all seconds.
    pub mean: f32,
    /// In one second.
    pub worst: f32,
}

/// What the gauge has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Output {
    /// A limit is reached.
    RedBegan(Way, Fault),
    /// None is any more.
    RedEnded(Way),
    /// Much was lost for long.
    SevereLoss(Way),
}

/// The gauge of one call: feed one measure, drain all [`Output`]s.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Gauge {
    inbound: Side,
    outbound: Side,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Side {
    newest: Figures,
    red_since: Option<Instant>,
    red_before: Duration,
    loss: Severity,
    severe_losses: u32,
    tallies: Tallies,
}

/// How long much has been lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Severity {
    #[default]
    Bearable,
    Severe {
        since: Instant,
    },
    Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Tallies {
    loss: Tally,
    jitter: Tally,
    delay: Tally,
    mos: Tally,
    mos_scale: Option<MosScale>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Tally {
    count: u32,
    sum: f64,
    worst: f32,
}

impl Gauge {
    pub(crate) fn handle_measured(&mut self, now: Instant, settings: &QualitySettings, measured: &Measured) {
        self.inbound.take(measured.inbound);
        self.outbound.take(measured.outbound);
        for (way, side) in [(Way::Inbound, &mut self.inbound), (Way::Outbound, &mut self.outbound)] {
            self.outputs.extend(side.signal(now, settings, way));
            self.outputs.extend(side.severe(now, settings, way));
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Both directions as they are, inbound first.
    pub(crate) fn view(&self, settings: &QualitySettings) -> [WayView; 2] {
        [&self.inbound, &self.outbound].map(|side| WayView {
            figures: side.newest,
            signal: if side.red_since.is_some() { Signal::Red } else { Signal::Green },
            icon: settings.icon(side.newest.loss_percent),
        })
    }

    /// Whether a direction is red.
    pub(crate) const fn is_red(&self) -> bool {
        self.inbound.red_since.is_some() || self.outbound.red_since.is_some()
    }

    /// How it was, up to now.
    pub(crate) fn summary(&self, now: Instant) -> StreamsSummary {
        StreamsSummary { inbound: self.inbound.summary(now), outbound: self.outbound.summary(now) }
    }
}

impl Side {
    fn take(&mut self, figures: Figures) {
        self.newest = figures;
        self.tallies.take(figures);
    }

    fn signal(&mut self, now: Instant, settings: &QualitySettings, way: Way) -> Option<Output> {
        match (settings.fault(&self.newest), self.red_since) {
            (Some(fault), None) => {
                self.red_since = Some(now);
                Some(Output::RedBegan(way, fault))
            }
            (None, Some(since)) => {
                self.red_since = None;
                self.red_before += now.since(since);
                Some(Output::RedEnded(way))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    fn severe(&mut self, now: Instant, settings: &QualitySettings, way: Way) -> Option<Output> {
        let is_severe = self.newest.loss_percent.is_some_and(|loss| loss > settings.icon_red_percent.into());
        self.loss = match (self.loss, is_severe) {
            (_, false) => Severity::Bearable,
            (Severity::Bearable, true) => Severity::Severe { since: now },
            (Severity::Severe { since }, true) if now.since(since) >= settings.severe_after => {
                self.severe_losses += 1;
                self.loss = Severity::Told;
                return Some(Output::SevereLoss(way));
            }
            (loss, true) => loss,
        };
        None
    }

    fn summary(&self, now: Instant) -> WaySummary {
        let red = self.red_before + self.red_since.map_or(Duration::ZERO, |since| now.since(since));
        let Tallies { loss, jitter, delay, mos, mos_scale } = self.tallies;
        WaySummary {
            loss_percent: loss.spread(),
            jitter_ms: jitter.spread(),
            delay_estimated_ms: delay.spread(),
            mos: mos.spread(),
            mos_scale,
            red_ms: u64::try_from(red.as_millis()).unwrap_or(u64::MAX),
            severe_losses: self.severe_losses,
        }
    }
}

impl Tallies {
    fn take(&mut self, figures: Figures) {
        let Figures { loss_percent, jitter_ms, delay_estimated_ms, mos } = figures;
        self.loss.take(loss_percent, f32::max);
        self.jitter.take(jitter_ms, f32::max);
        self.delay.take(delay_estimated_ms, f32::max);
        if let Some(Mos { score, scale }) = mos {
            // Scores of two scales have no mean.
            if self.mos_scale.replace(scale) != Some(scale) {
                self.mos = Tally::default();
            }
            self.mos.take(Some(score), f32::min);
        }
    }
}

impl Tally {
    fn take(&mut self, figure: Option<f32>, worse: fn(f32, f32) -> f32) {
        let Some(figure) = figure else { return };
        self.worst = if self.count == 0 { figure } else { worse(self.worst, figure) };
        self.count += 1;
        self.sum += f64::from(figure);
    }

    #[expect(clippy::cast_possible_truncation, reason = "a figure for people")]
    fn spread(self) -> Option<Spread> {
        let mean = (self.sum / f64::from(self.count)) as f32;
        (self.count > 0).then_some(Spread { mean, worst: self.worst })
    }
}

impl QualitySettings {
    /// Which limit a direction reaches, the first of them where there are more.
    fn fault(&self, figures: &Figures) -> Option<Fault> {
        let reaches = |figure: Option<f32>, limit: f32| figure.is_some_and(|figure| figure >= limit);
        let ms = |limit: Duration| limit.as_secs_f32() * 1_000.0;
        let faults = [
            (Fault::Loss, reaches(figures.loss_percent, self.red_loss_percent.into())),
            (Fault::Delay, reaches(figures.delay_estimated_ms, ms(self.red_delay))),
            (Fault::Jitter, reaches(figures.jitter_ms, ms(self.red_jitter))),
        ];
        faults.into_iter().find(|(_, is_reached)| *is_reached).map(|(fault, _)| fault)
    }

    fn icon(&self, loss_percent: Option<f32>) -> Icon {
        match loss_percent {
            Some(loss) if loss >= self.icon_red_percent.into() => Icon::Red,
            Some(loss) if loss > self.icon_yellow_percent.into() => Icon::Yellow,
            Some(_) | None => Icon::None,
        }
    }
}

#[cfg(test)]
mod tests;
