//! How the streams of calls were that are over, as histograms (MEDIA-7).

use call::gauge::{StreamsSummary, WaySummary};
use prometheus_client::{
    metrics::{
        family::{Family, MetricConstructor},
        histogram::Histogram,
    },
    registry::Registry,
};
use terms::media::MosScale;

type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram, Buckets>;

/// The upper ends of a histogram's buckets.
#[derive(Debug, Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// One observation a call and direction: the mean over the call.
#[derive(Debug)]
pub(super) struct Streams {
    loss: Histograms,
    jitter: Histograms,
    delay: Histograms,
    score: Histograms,
}

impl Streams {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut histograms = |name, help, buckets| {
            let family = Family::new_with_constructor(Buckets(buckets));
            registry.register(name, help, Family::clone(&family));
            family
        };
        let loss = &[0.1, 1.0, 3.0, 5.0, 10.0, 20.0, 50.0];
        let (jitter, delay) =
            (&[1.0, 5.0, 10.0, 20.0, 50.0, 100.0], &[10.0, 50.0, 100.0, 150.0, 250.0, 400.0]);
        let score = &[2.0, 2.6, 3.1, 3.6, 4.0, 4.3];
        Self {
            loss: histograms("call_loss_percent", "Loss of a call, its mean", loss),
            jitter: histograms("call_jitter_ms", "Jitter of a call, its mean", jitter),
            delay: histograms("call_delay_estimated_ms", "Half the round trip of a call, its mean", delay),
            score: histograms("call_mos", "Opinion score of a call by the E-model, its mean", score),
        }
    }

    pub(super) fn observe(&self, summary: &StreamsSummary) {
        self.observe_way("inbound", &summary.inbound);
        self.observe_way("outbound", &summary.outbound);
    }

    fn observe_way(&self, direction: &str, summary: &WaySummary) {
        let WaySummary { loss_percent, jitter_ms, delay_estimated_ms, mos, mos_scale, .. } = summary;
        let mut labels = vec![("direction", direction.to_owned())];
        let figures =
            [(&self.loss, loss_percent), (&self.jitter, jitter_ms), (&self.delay, delay_estimated_ms)];
        for (histograms, spread) in figures {
            if let Some(spread) = spread {
                histograms.get_or_create(&labels).observe(spread.mean.into());
            }
        }
        if let (Some(spread), Some(scale)) = (mos, mos_scale) {
            let scale = match scale {
                MosScale::NarrowBand => "narrow-band",
                MosScale::WideBand => "wide-band",
            };
            labels.push(("scale", scale.to_owned()));
            self.score.get_or_create(&labels).observe(spread.mean.into());
        }
    }
}
