//! A legacy listener, as the operator sees it (SEC-4).

use std::path::Path;

use serde_json::json;

use crate::{
    admin::{TOKEN, ask, fetch},
    stand::{Stand, free_tcp},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_4_a_legacy_listener_is_told_as_weak_until_the_next_start_without_it() {
    let [address, _] = free_tcp();
    let shown = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tls/testing");
    let (legacy, allowed) = ("tls = \"legacy\"", "allowed = [\"192.0.2.0/28\"]");
    let more = format!(
        "[[listener]]\nzone = \"trunk\"\ntransport = \"tls\"\n{legacy}\naddress = \"{address}\"\n{allowed}\n\
         certificates = [{{ chain = \"{0}/rsa.pem\", key = \"{0}/rsa.key.pem\" }}]\n",
        shown.display()
    );
    let mut stand = Stand::start_with(more).await;
    let other = stand.reload(|text| text.replace(allowed, "allowed = [\"192.0.2.64/28\"]")).await;
    assert!(other.is_empty(), "others may come from here on: {other:?}");
    let waits = stand.reload(|text| text.replace(legacy, "").replace(allowed, "")).await;
    assert_eq!(waits, ["listener"]);
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    assert_eq!(status["weak"], json!([format!("tls-legacy:{address}")]));
    let (_, metrics) = fetch(&stand, "GET /metrics", "", None).await;
    assert!(metrics.contains("gateway_tls_weak_listeners 1"), "{metrics}");
    stand.stop().await;
}
