use super::*;

const NOTHING: Figures = Figures { loss_percent: None, jitter_ms: None, delay_estimated_ms: None, mos: None };

const fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

const fn loss(percent: f32) -> Figures {
    Figures { loss_percent: Some(percent), ..NOTHING }
}

/// What is told when these figures come in, one a second.
fn told(inbound: &[Figures]) -> (Vec<(u64, Output)>, Gauge) {
    let (mut gauge, mut told) = (Gauge::default(), Vec::new());
    for (second, figures) in (0..).zip(inbound) {
        let measured = Measured { inbound: *figures, ..Measured::default() };
        gauge.handle_measured(at(second * 1_000), &QualitySettings::default(), &measured);
        while let Some(output) = gauge.poll_output() {
            told.push((second, output));
        }
    }
    (told, gauge)
}

#[test]
fn media_7_red_begins_at_each_limit() {
    let delay = |ms| Figures { delay_estimated_ms: Some(ms), ..NOTHING };
    let jitter = |ms| Figures { jitter_ms: Some(ms), ..NOTHING };
    let rows = [
        ("nothing is known", NOTHING, None),
        ("little delay", delay(249.9), None),
        ("much delay", delay(250.0), Some(Fault::Delay)),
        ("little jitter", jitter(49.9), None),
        ("much jitter", jitter(50.0), Some(Fault::Jitter)),
        ("little loss", loss(9.9), None),
        ("much loss", loss(10.0), Some(Fault::Loss)),
    ];
    for (name, figures, fault) in rows {
        let expected: Vec<_> =
            fault.map(|fault| (0, Output::RedBegan(Way::Inbound, fault))).into_iter().collect();
        assert_eq!(told(&[figures]).0, expected, "{name}");
    }
}

#[test]
fn media_7_red_is_told_as_it_begins_and_ends_and_its_seconds_are_kept() {
    let (told, gauge) =
        told(&[loss(0.0), loss(12.0), loss(20.0), loss(3.0), NOTHING, loss(10.0), loss(10.0)]);
    let (began, ended) = (Output::RedBegan(Way::Inbound, Fault::Loss), Output::RedEnded(Way::Inbound));
    assert_eq!(told, [(1, began), (3, ended), (5, began)]);
    let summary = gauge.summary(at(8_000));
    assert_eq!((summary.inbound.red_ms, summary.outbound.red_ms), (5_000, 0));
    assert_eq!(gauge.view(&QualitySettings::default()).map(|way| way.signal), [Signal::Red, Signal::Green]);
}

#[test]
fn media_7_the_icon_has_two_steps() {
    let settings = QualitySettings::default();
    let rows = [
        (None, Icon::None),
        (Some(0.0), Icon::None),
        (Some(1.0), Icon::None),
        (Some(1.1), Icon::Yellow),
        (Some(4.9), Icon::Yellow),
        (Some(5.0), Icon::Red),
        (Some(100.0), Icon::Red),
    ];
    for (loss_percent, icon) in rows {
        assert_eq!(settings.icon(loss_percent), icon, "{loss_percent:?}");
    }
}

#[test]
fn media_7_severe_loss_is_told_after_five_seconds_on_end_and_once() {
    type Row = (&'static str, Vec<Figures>, &'static [(u64, Output)]);
    const SEVERE: Output = Output::SevereLoss(Way::Inbound);
    let rows: [Row; 5] = [
        ("five seconds", vec![loss(6.0); 6], &[(5, SEVERE)]),
        ("less", vec![loss(6.0); 5], &[]),
        ("no more than the limit", vec![loss(5.0); 20], &[]),
        ("for long", vec![loss(6.0); 60], &[(5, SEVERE)]),
        (
            "with a break",
            [vec![loss(6.0); 4], vec![loss(5.0)], vec![loss(6.0); 6], vec![NOTHING], vec![loss(6.0); 6]]
                .concat(),
            &[(10, SEVERE), (17, SEVERE)],
        ),
    ];
    for (name, figures, expected) in rows {
        assert_eq!(told(&figures).0, expected, "{name}");
    }
}

#[test]
fn media_7_the_record_keeps_mean_and_worst_of_what_was_known() {
    let mos = |score, scale| Some(Mos { score, scale });
    let second = |loss, jitter, score| Figures {
        loss_percent: Some(loss),
        jitter_ms: Some(jitter),
        delay_estimated_ms: None,
        mos: mos(score, MosScale::NarrowBand),
    };
    let (_, gauge) = told(&[second(0.0, 1.0, 4.4), NOTHING, second(4.0, 3.0, 3.6)]);
    let WaySummary { loss_percent, jitter_ms, delay_estimated_ms, mos, mos_scale, .. } =
        gauge.summary(at(3_000)).inbound;
    assert_eq!(loss_percent, Some(Spread { mean: 2.0, worst: 4.0 }));
    assert_eq!(jitter_ms, Some(Spread { mean: 2.0, worst: 3.0 }));
    assert_eq!(delay_estimated_ms, None, "never known, and not 0");
    assert_eq!((mos, mos_scale), (Some(Spread { mean: 4.0, worst: 3.6 }), Some(MosScale::NarrowBand)));
}

#[test]
fn media_7_scores_of_two_scales_are_not_mixed() {
    let scored = |score, scale| Figures { mos: Some(Mos { score, scale }), ..NOTHING };
    let (_, gauge) = told(&[scored(1.0, MosScale::NarrowBand), scored(4.0, MosScale::WideBand)]);
    let summary = gauge.summary(at(2_000)).inbound;
    assert_eq!(
        (summary.mos, summary.mos_scale),
        (Some(Spread { mean: 4.0, worst: 4.0 }), Some(MosScale::WideBand))
    );
}
