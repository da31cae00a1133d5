use super::*;

const G711: Impairment = Impairment::of(Codec::Pcma);

/// So many of a hundred packets, each for itself or in one run.
const fn lost(lost: u32, bursts: u32) -> Loss {
    Loss { expected: 100, lost, bursts }
}

const NO_LOSS: Loss = lost(0, 0);

fn rated(delay_ms: Option<u64>, loss: Loss) -> Rating {
    Rating::new(G711, delay_ms.map(Duration::from_millis), loss)
}

fn assert_near(value: f32, expected: f32, name: &str) {
    assert!((value - expected).abs() < 0.01, "{name}: {value}, not {expected}");
}

#[test]
fn g107_annex_b_a_rating_has_its_score() {
    for (r, mos) in [
        (-5.0, 1.0),
        (0.0, 1.0),
        (3.0, 1.0),
        (50.0, 2.58),
        (60.0, 3.10),
        (70.0, 3.60),
        (80.0, 4.03),
        (90.0, 4.34),
        (93.2, 4.41),
        (100.0, 4.5),
    ] {
        let scored = Rating { r, scale: MosScale::NarrowBand }.mos();
        assert_near(scored.score, mos, &format!("R {r}"));
        assert_eq!(scored.scale, MosScale::NarrowBand);
    }
}

#[test]
fn g107_1_annex_a_a_wide_band_has_a_scale_of_its_own() {
    for (r, mos) in [(129.0, 4.5), (103.2, 4.03), (77.4, 3.10), (0.0, 1.0)] {
        let scored = Rating { r, scale: MosScale::WideBand }.mos();
        assert_near(scored.score, mos, &format!("R {r}"));
    }
    let wide = Impairment { equipment: 13.0, robustness: 10.0, scale: MosScale::WideBand };
    let rating = Rating::new(wide, None, NO_LOSS);
    assert_eq!((rating.value(), rating.mos().scale), (116.0, MosScale::WideBand));
}

#[test]
fn media_7_the_default_connection_has_4_41() {
    assert_near(rated(Some(0), NO_LOSS).value(), 93.2, "at once");
    assert_near(rated(None, NO_LOSS).mos().score, 4.41, "who only listens");
}

#[test]
fn g107_7_4_delay_takes_nothing_below_100_ms_and_much_above_200() {
    for (delay_ms, impairment) in
        [(100, 0.0), (150, 0.163), (200, 3.044), (250, 8.917), (300, 14.761), (400, 24.070)]
    {
        let taken = 93.2 - rated(Some(delay_ms), NO_LOSS).value();
        assert_near(taken, impairment, &format!("{delay_ms} ms"));
    }
}

#[test]
fn g107_7_5_losses_take_more_in_bursts() {
    for (name, loss, impairment) in [
        ("1 %", lost(1, 1), 3.640),
        ("5 %", lost(5, 5), 15.781),
        ("5 % in one run", lost(5, 1), 18.163),
        ("10 %", lost(10, 10), 27.066),
        ("all", Loss { expected: 1, lost: 1, bursts: 1 }, 75.939),
    ] {
        assert_near(93.2 - rated(None, loss).value(), impairment, name);
    }
}
