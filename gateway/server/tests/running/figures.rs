//! What is shown of a call's streams (MEDIA-7).

use std::time::Duration;

use serde_json::json;

use crate::{
    admin::{TOKEN, ask, fetch},
    calls::{call, plan},
    stand::Stand,
};

const TALK: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_7_a_call_that_goes_on_is_shown_with_its_figures_and_one_that_is_over_is_counted() {
    let stand = Stand::start().await;
    let echo = tokio::spawn(call(plan(&stand, "9001").from("2001").talking(Some(1_000), TALK)));
    let shown = loop {
        let (status, calls) = ask(&stand, "GET /v1/calls", Some(TOKEN), None).await;
        assert_eq!(status, 200);
        if calls[0]["inbound"]["loss_percent"].is_number() {
            break calls[0].clone();
        }
        assert!(!echo.is_finished(), "no figures: {calls}");
        tokio::time::sleep(TALK / 30).await;
    };
    assert_eq!((&shown["called"], &shown["caller"]), (&json!("9001"), &json!("2001")));
    let inbound = &shown["inbound"];
    assert_eq!((&inbound["loss_percent"], &inbound["signal"]), (&json!(0.0), &json!("green")));
    assert_eq!((&inbound["icon"], &inbound["mos"]["scale"]), (&json!("none"), &json!("narrow-band")));
    echo.await.expect("it runs").expect("an echo");
    let observed = "gateway_call_mos_count{direction=\"inbound\",scale=\"narrow-band\"} 1";
    let mut metrics = String::new();
    // The port closes, and the record follows, a moment after the caller has its 200.
    for _ in 0..50 {
        (_, metrics) = fetch(&stand, "GET /metrics", "", None).await;
        if metrics.contains(observed) {
            return stand.stop().await;
        }
        tokio::time::sleep(TALK / 30).await;
    }
    panic!("{metrics}");
}
