//! The limits of trunks and listeners, as the operator sees them (OUT-6).

use std::time::Duration;

use serde_json::json;
use server::caller::CallError;

use crate::{
    admin::{TOKEN, ask, fetch},
    calls::{call, plan},
    stand::Stand,
};

const TALK: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_6_a_reload_takes_limits_and_status_and_metrics_tell_of_them() {
    let mut stand = Stand::start().await;
    let waits = stand.reload(|text| text.replacen("[[listener]]", "[[listener]]\nchannels = 9", 1)).await;
    assert!(waits.is_empty(), "{waits:?}");
    let listener = format!("udp:{}", stand.sip);
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    let none_refused = json!({ "channels": 0, "rate": 0 });
    let of_listener = json!({
        "listener": listener, "in_use": 0, "channels": 9, "calls_per_second": null, "refused": none_refused
    });
    assert_eq!(status["load"]["gates"], json!([of_listener]));

    // One call in a quarter of an hour, and that one is used up.
    let limits = "peers = [\"127.0.0.0/8\"]\ncalls_per_second = 0.001\nchannels = 30";
    stand.reload(|text| text.replace("peers = [\"127.0.0.0/8\"]", limits)).await;
    let first = tokio::spawn(call(plan(&stand, "9001").talking(None, TALK)));
    let in_use = loop {
        let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
        let trunk = status["load"]["gates"][0].clone();
        if trunk["in_use"] == 1 {
            break trunk;
        }
        assert!(!first.is_finished(), "{trunk}");
        tokio::time::sleep(TALK / 30).await;
    };
    assert_eq!((&in_use["trunk"], &in_use["calls_per_second"]), (&json!("local"), &json!(0.001)));
    let refused = call(plan(&stand, "9001").talking(None, TALK)).await.expect_err("too fast");
    assert!(matches!(&refused, CallError::Refused { status } if status.code() == 503), "{refused}");
    let (_, metrics) = fetch(&stand, "GET /metrics", "", None).await;
    let counted = "gateway_calls_refused_total{trunk=\"local\",limit=\"rate\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    first.await.expect("it runs").expect("an echo");
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    let gates = &status["load"]["gates"];
    assert_eq!((&gates[0]["in_use"], &gates[0]["refused"]["rate"]), (&json!(0), &json!(1)), "{gates}");
    assert_eq!(gates.as_array().map(Vec::len), Some(1), "the listener has no limit any more");
    stand.stop().await;
}
