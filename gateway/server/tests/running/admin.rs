//! The administration over HTTP, as a client sees it.

use crate::stand::Stand;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

pub(crate) const TOKEN: &str = "test-token";

/// One request by hand: its status, and its body where that is JSON.
pub(crate) async fn ask(
    stand: &Stand,
    request: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let bearer = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    ask_with(stand, request, &bearer, body).await
}

/// The same by a meeting's ID and host password.
async fn ask_as_host(stand: &Stand, request: &str, pair: &str, body: Option<Value>) -> u16 {
    let basic = format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(pair));
    ask_with(stand, request, &basic, body).await.0
}

async fn ask_with(stand: &Stand, request: &str, header: &str, body: Option<Value>) -> (u16, Value) {
    let (status, body) = fetch(stand, request, header, body).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// The same, whatever comes back.
pub(crate) async fn fetch(stand: &Stand, request: &str, header: &str, body: Option<Value>) -> (u16, String) {
    let body = body.map_or_else(String::new, |body| body.to_string());
    let text = format!(
        "{request} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{header}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(stand.http).await.expect("it listens");
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

fn meeting(id: &str) -> Value {
    json!({ "id": id, "tenant": "test", "host_password": "8765", "guest_password": "5678" })
}

fn with(key: &str, value: Value) -> Option<Value> {
    let mut meeting = meeting("900100009");
    meeting[key] = value;
    Some(meeting)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_1_without_the_token_nothing_is_told_or_done() {
    let stand = Stand::start().await;
    for token in [None, Some("wrong"), Some("")] {
        for request in [
            "GET /v1/status",
            "GET /v1/calls",
            "GET /v1/meetings",
            "POST /v1/meetings",
            "DELETE /v1/meetings/900100001",
        ] {
            let body = Some(meeting("900100009"));
            assert_eq!(ask(&stand, request, token, body).await.0, 401, "{request} {token:?}");
        }
    }
    for request in ["GET /healthz", "GET /readyz", "GET /metrics"] {
        assert_eq!(ask(&stand, request, None, None).await.0, 200, "{request}");
    }
    assert_eq!(
        ask(&stand, "GET /v1/meetings/900100001", Some(TOKEN), None).await.0,
        200,
        "it is still there"
    );
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_that_can_not_be_is_refused_with_a_remedy() {
    let stand = Stand::start().await;
    let rows = [
        ("an ID in use", with("id", "900100001".into()), 409),
        ("no digits in the ID", with("id", "room".into()), 422),
        ("an unknown tenant", with("tenant", "nobody".into()), 422),
        ("no capacity", with("capacity", 0.into()), 422),
        ("no host password", with("host_password", "".into()), 422),
        ("letters in a PIN", with("guest_pin", "abcd".into()), 422),
        ("a short PIN", with("host_pin", "123".into()), 422),
        ("one password for both", with("host_password", "5678".into()), 422),
        ("an unknown key", with("colour", "blue".into()), 422),
    ];
    for (name, body, status) in rows {
        assert_eq!(ask(&stand, "POST /v1/meetings", Some(TOKEN), body).await.0, status, "{name}");
    }
    let (status, answer) = ask(&stand, "GET /v1/meetings/900100009", Some(TOKEN), None).await;
    assert_eq!(status, 404);
    assert!(answer["error"].is_string());
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dial_3_a_password_that_no_phone_can_key_gets_a_pin_which_is_told_once() {
    let stand = Stand::start().await;
    let rows = [
        ("letters", with("guest_password", "abcd!".into()), [false, true]),
        ("three digits", with("host_password", "123".into()), [true, false]),
        ("digits", with("capacity", 7.into()), [false, false]),
        ("none for guests", with("guest_password", "".into()), [false, false]),
    ];
    for (name, body, made) in rows {
        let (status, new) = ask(&stand, "POST /v1/meetings", Some(TOKEN), body).await;
        assert_eq!(status, 201, "{name}");
        for (key, is_made) in ["host_pin", "guest_pin"].into_iter().zip(made) {
            let digits = new[key].as_str().map(|pin| pin.bytes().filter(u8::is_ascii_digit).count());
            assert_eq!(digits, is_made.then_some(6), "{name}: {key}");
        }
        let (_, view) = ask(&stand, "GET /v1/meetings/900100009", Some(TOKEN), None).await;
        assert!(!view.to_string().contains("pin"), "{name}: {view}");
        assert_eq!(ask(&stand, "DELETE /v1/meetings/900100009", Some(TOKEN), None).await.0, 204);
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rel_4_a_meeting_that_was_acknowledged_is_there_after_a_restart_and_gone_once_deleted() {
    let stand = Stand::start().await;
    let (status, made) = ask(&stand, "POST /v1/meetings", Some(TOKEN), Some(meeting("012345678"))).await;
    assert_eq!((status, &made["id"], &made["capacity"]), (201, &"012345678".into(), &1_000.into()));
    assert!(!made.to_string().contains("8765"), "passwords never leave: {made}");
    let stand = stand.restart().await;
    assert_eq!(ask(&stand, "GET /v1/meetings/012345678", Some(TOKEN), None).await.0, 200);
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    assert_eq!((&status["boot"], &status["load"]["meetings"]), (&2.into(), &3.into()));
    assert_eq!(ask(&stand, "DELETE /v1/meetings/012345678", Some(TOKEN), None).await.0, 204);
    assert_eq!(ask(&stand, "DELETE /v1/meetings/012345678", Some(TOKEN), None).await.0, 404);
    let stand = stand.restart().await;
    assert_eq!(ask(&stand, "GET /v1/meetings/012345678", Some(TOKEN), None).await.0, 404);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meet_6_a_meeting_is_locked_and_unlocked_from_outside_and_what_is_not_there_is_told() {
    let stand = Stand::start().await;
    let control = "POST /v1/meetings/012345678/control";
    let order = |text: &str| Some(serde_json::from_str(text).expect("JSON"));
    assert_eq!(
        ask(&stand, control, Some(TOKEN), order(r#"{"action":"lock"}"#)).await.0,
        404,
        "no such meeting"
    );
    assert_eq!(ask(&stand, "POST /v1/meetings", Some(TOKEN), Some(meeting("012345678"))).await.0, 201);
    for (action, lock) in [("lock", "locked"), ("unlock", "open")] {
        let action = order(&format!(r#"{{"action":"{action}"}}"#));
        assert_eq!(ask(&stand, control, Some(TOKEN), action).await.0, 204);
        let (_, view) = ask(&stand, "GET /v1/meetings/012345678", Some(TOKEN), None).await;
        assert_eq!(view["lock"], lock);
    }
    let rows = [
        ("no such leg", r#"{"action":"mute","leg":77}"#, 404),
        ("no leg", r#"{"action":"mute"}"#, 422),
        ("no such action", r#"{"action":"sing"}"#, 422),
    ];
    for (name, text, status) in rows {
        assert_eq!(ask(&stand, control, Some(TOKEN), order(text)).await.0, status, "{name}");
    }
    assert_eq!(ask(&stand, control, None, order(r#"{"action":"lock"}"#)).await.0, 401);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_5_a_reload_changes_meetings_and_tenants_keeps_a_hosts_lock_and_names_what_waits_for_a_start() {
    let mut stand = Stand::start().await;
    let (_, meetings) = ask(&stand, "GET /v1/meetings", Some(TOKEN), None).await;
    let id = meetings[0]["id"].as_str().expect("a meeting of the file").to_owned();
    let lock = Some(serde_json::json!({ "action": "lock" }));
    assert_eq!(ask(&stand, &format!("POST /v1/meetings/{id}/control"), Some(TOKEN), lock).await.0, 204);
    let more = r#"
        [[tenant]]
        name = "late"
        [[meetings]]
        ids = "912345678"
        tenant = "late"
        host_password = "4321"
        guest_password = "1234"
        "#;
    let waits =
        stand.reload(|text| format!("{text}{more}").replace("state = ", "node = 7\n        state = ")).await;
    assert_eq!(waits, ["node"]);
    let (status, view) = ask(&stand, "GET /v1/meetings/912345678", Some(TOKEN), None).await;
    assert_eq!((status, &view["tenant"]), (200, &"late".into()));
    let (_, view) = ask(&stand, &format!("GET /v1/meetings/{id}"), Some(TOKEN), None).await;
    assert_eq!(view["lock"], "locked", "what the file does not change stays as the host has it");
    let mut of_late = meeting("012345678");
    of_late["tenant"] = "late".into();
    assert_eq!(ask(&stand, "POST /v1/meetings", Some(TOKEN), Some(of_late)).await.0, 201);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meet_2_a_host_runs_its_own_meeting_from_outside_and_no_other() {
    let stand = Stand::start().await;
    let lock = || Some(json!({ "action": "lock" }));
    let own = "POST /v1/meetings/900100001/control";
    let rows = [
        ("the host", own, "900100001:4321", 204),
        ("a guest", own, "900100001:1234", 401),
        ("nobody", own, "900100001:", 401),
        ("another meeting's ID", own, "900100002:4321", 401),
        ("no meeting", "POST /v1/meetings/900100077/control", "900100077:4321", 401),
        ("all meetings", "GET /v1/meetings", "900100001:4321", 401),
        ("making one", "POST /v1/meetings", "900100001:4321", 401),
    ];
    for (name, request, pair, status) in rows {
        assert_eq!(ask_as_host(&stand, request, pair, lock()).await, status, "{name}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dial_5_a_host_password_is_not_found_by_trying() {
    let stand = Stand::start().await;
    let lock = || Some(json!({ "action": "lock" }));
    let control = "POST /v1/meetings/900100001/control";
    for try_ in 0..10 {
        assert_eq!(ask_as_host(&stand, control, "900100001:0000", lock()).await, 401, "{try_}");
    }
    assert_eq!(ask_as_host(&stand, control, "900100001:4321", lock()).await, 429, "right, but who knows");
    let other = "POST /v1/meetings/900100002/control";
    assert_eq!(ask_as_host(&stand, other, "900100002:4321", lock()).await, 204, "another meeting's host may");
    assert_eq!(ask(&stand, control, Some(TOKEN), lock()).await.0, 204, "and so may the operator");
    stand.stop().await;
}

/// Reads on until `wanted` was told.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let read = async {
        let mut bytes = [0; 4_096];
        while !text.contains(wanted) {
            let length = stream.read(&mut bytes).await.expect("it goes on");
            assert!(length > 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), read).await.expect("it is told");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meet_6_who_watches_a_meeting_is_told_how_it_is_and_what_changes_and_nothing_of_others() {
    let stand = Stand::start().await;
    let mut stream = TcpStream::connect(stand.http).await.expect("it listens");
    let request = format!(
        "GET /v1/events?meeting=900100001 HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let head = read_until(&mut stream, "\n\n").await;
    assert!(head.contains("text/event-stream") && head.contains("event: snapshot"), "{head}");
    assert!(head.contains("900100001") && !head.contains("900100002"), "{head}");
    for meeting in ["900100002", "900100001"] {
        let lock = Some(json!({ "action": "lock" }));
        ask(&stand, &format!("POST /v1/meetings/{meeting}/control"), Some(TOKEN), lock).await;
    }
    let told = read_until(&mut stream, "\n\n").await;
    assert!(told.contains("event: meeting") && told.contains("\"lock\":\"locked\""), "{told}");
    assert!(!told.contains("900100002"), "{told}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rel_3_who_drains_is_not_ready_and_stops_when_nothing_is_left_unless_it_takes_calls_again() {
    let stand = Stand::start().await;
    assert_eq!(ask(&stand, "POST /v1/drain", None, None).await.0, 401);
    assert_eq!(ask(&stand, "POST /v1/drain", Some(TOKEN), None).await.0, 202);
    assert_eq!(ask(&stand, "GET /readyz", None, None).await.0, 503);
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    assert_eq!(status["load"]["state"], "draining");
    let trunk = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let options = format!(
        "OPTIONS sip:gateway@{0} SIP/2.0\r\nVia: SIP/2.0/UDP {1};branch=z9hG4bKdrain\r\nMax-Forwards: 70\r\n\
         From: <sip:trunk@{1}>;tag=1\r\nTo: <sip:gateway@{0}>\r\nCall-ID: drain\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n",
        stand.sip,
        trunk.local_addr().expect("bound")
    );
    trunk.send_to(options.as_bytes(), stand.sip).await.expect("sent");
    let mut answer = [0; 1_024];
    let length = trunk.recv(&mut answer).await.expect("answered");
    assert!(answer[..length].starts_with(b"SIP/2.0 503 "), "a trunk that asks is sent elsewhere");
    let drained = tokio::time::timeout(std::time::Duration::from_secs(5), stand.drained());
    drained.await.expect("no call is left, and who asks keeps nobody");
    assert_eq!(ask(&stand, "DELETE /v1/drain", Some(TOKEN), None).await.0, 204);
    assert_eq!(ask(&stand, "GET /readyz", None, None).await.0, 200);
    stand.stop().await;
}
