//! Accounts over HTTP, and a device that registers by them over a socket (ROOM-2, OPS-4).

use serde_json::{Value, json};
use sip::{
    auth::{Algorithm, Answered, hash_password},
    wire::{self, Message, Response, WwwAuthenticate},
};
use tokio::net::UdpSocket;

use crate::{
    admin::{TOKEN, ask, fetch},
    stand::Stand,
};

const PASSWORD: &str = "secret-9";

fn account(name: &str) -> Value {
    json!({ "name": name, "tenant": "test", "password": PASSWORD, "serial": format!("SN-{name}") })
}

fn with(key: &str, value: Value) -> Option<Value> {
    let mut account = account("room9");
    account[key] = value;
    Some(account)
}

/// A device that registers: what it was answered at last.
async fn register(stand: &Stand, name: &str, password: &str) -> Response {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let first = exchange(stand, &socket, (name, 1), "").await;
    let Some(challenge) = first.headers.first::<WwwAuthenticate>().expect("sound") else { return first };
    let answered = Answered {
        algorithm: Algorithm::Sha256,
        method: b"REGISTER",
        uri: b"sip:gw",
        nonce: challenge.nonce.as_bytes(),
        counted: Some((b"00000001", b"c")),
    };
    let realm = challenge.realm.as_str().expect("text");
    let credentials = format!(
        "Authorization: Digest username=\"{name}\", realm=\"{realm}\", nonce=\"{}\", uri=\"sip:gw\", algorithm=SHA-256, \
         qop=auth, nc=00000001, cnonce=\"c\", response=\"{}\"\r\n",
        challenge.nonce,
        answered.digest(&hash_password(name, realm, password))
    );
    exchange(stand, &socket, (name, 2), &credentials).await
}

async fn exchange(
    stand: &Stand,
    socket: &UdpSocket,
    (name, number): (&str, u32),
    credentials: &str,
) -> Response {
    let address = socket.local_addr().expect("bound");
    let text = format!(
        "REGISTER sip:gw SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{name}{number}\r\nFrom: <sip:{name}@gw>;tag=1\r\n\
         To: <sip:{name}@gw>\r\nCall-ID: {address}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{name}@{address}>\r\n\
         {credentials}Content-Length: 0\r\n\r\n"
    );
    socket.send_to(text.as_bytes(), stand.sip).await.expect("sent");
    let mut buffer = vec![0; 4_096];
    let len = socket.recv(&mut buffer).await.expect("an answer");
    buffer.truncate(len);
    let read = wire::parse(buffer.into()).expect("a message");
    let response = if let Message::Response(response) = read { Some(*response) } else { None };
    response.expect("a response")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_2_an_account_that_can_not_be_is_refused_with_a_remedy() {
    let stand = Stand::start().await;
    let create = "POST /v1/accounts";
    assert_eq!(ask(&stand, create, Some(TOKEN), Some(account("room8"))).await.0, 201);
    let rows = [
        ("a name in use", with("name", "room8".into()), 409),
        ("a serial number in use", with("serial", "SN-room8".into()), 409),
        ("a name with a space", with("name", "room 9".into()), 422),
        ("a name that is a temporary address", with("name", "tgruu.9".into()), 422),
        ("an unknown tenant", with("tenant", "nobody".into()), 422),
        ("a short password", with("password", "abc-123".into()), 422),
        ("a password of one class", with("password", "abcdefgh".into()), 422),
        ("an unknown type", with("type", "phone".into()), 422),
        ("an unknown key", with("colour", "blue".into()), 422),
    ];
    for (name, body, status) in rows {
        assert_eq!(ask(&stand, create, Some(TOKEN), body).await.0, status, "{name}");
    }
    let of_file = "/v1/accounts/room1";
    for (request, body) in
        [(format!("DELETE {of_file}"), None), (format!("PATCH {of_file}"), Some(json!({})))]
    {
        let (status, told) = ask(&stand, &request, Some(TOKEN), body).await;
        assert_eq!(status, 409, "{request}");
        assert!(told["error"].as_str().is_some_and(|error| error.contains("configuration")), "{told}");
    }
    for request in ["GET /v1/accounts/nobody", "DELETE /v1/accounts/nobody", "GET /v1/registrations/nobody"] {
        assert_eq!(ask(&stand, request, Some(TOKEN), None).await.0, 404, "{request}");
        assert_eq!(ask(&stand, request, None, None).await.0, 401, "{request}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rel_4_an_account_and_its_device_are_there_after_a_restart_and_no_password_is_told() {
    let mut stand = Stand::start().await;
    let (status, made) = ask(&stand, "POST /v1/accounts", Some(TOKEN), Some(account("room9"))).await;
    assert_eq!((status, &made["standing"], &made["type"]), (201, &json!("active"), &json!("third-party")));
    assert_eq!(register(&stand, "room9", PASSWORD).await.status.code(), 200);
    stand = stand.restart().await;

    let (_, all) =
        fetch(&stand, "GET /v1/accounts", &format!("Authorization: Bearer {TOKEN}\r\n"), None).await;
    assert!(all.contains("room9") && all.contains("room1"), "{all}");
    assert!(!all.contains("secret") && !all.contains("md5") && !all.contains("password"), "{all}");
    let (_, part) = ask(&stand, "GET /v1/accounts?after=room1&limit=1", Some(TOKEN), None).await;
    assert_eq!((part[0]["name"].as_str(), part.as_array().map(Vec::len)), (Some("room9"), Some(1)));

    let (_, view) = ask(&stand, "GET /v1/registrations/room9", Some(TOKEN), None).await;
    assert_eq!(view["bindings"].as_array().map(Vec::len), Some(1), "{view}");
    let (_, licences) = ask(&stand, "GET /v1/licences", Some(TOKEN), None).await;
    assert_eq!(licences, json!([{ "tenant": "test", "type": "third-party", "licences": 2, "in_use": 1 }]));
    let (_, status) = ask(&stand, "GET /v1/status", Some(TOKEN), None).await;
    assert_eq!(status["load"]["registered"], json!({ "accounts": 1, "bindings": 1, "flapping": 0 }));

    // Another password, then none at all.
    let change = json!({ "password": "secret-10", "serial": "", "life": "trial" });
    let (status, changed) = ask(&stand, "PATCH /v1/accounts/room9", Some(TOKEN), Some(change)).await;
    assert_eq!((status, &changed["serial"], &changed["life"]), (200, &Value::Null, &json!("trial")));
    assert_eq!(register(&stand, "room9", PASSWORD).await.status.code(), 401);
    assert_eq!(register(&stand, "room9", "secret-10").await.status.code(), 200);
    assert_eq!(ask(&stand, "DELETE /v1/accounts/room9", Some(TOKEN), None).await.0, 204);
    assert_eq!(register(&stand, "room9", "secret-10").await.status.code(), 401);
    stand = stand.restart().await;
    assert_eq!(ask(&stand, "GET /v1/accounts/room9", Some(TOKEN), None).await.0, 404);
    let (_, all) = ask(&stand, "GET /v1/registrations", Some(TOKEN), None).await;
    assert_eq!(all, json!([]));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_4_the_doctor_tells_what_became_of_attempts_in_the_services_words() {
    let stand = Stand::start().await;
    assert_eq!(register(&stand, "room1", "guess-99").await.status.code(), 401);
    assert_eq!(register(&stand, "room1", "secret-1").await.status.code(), 200);
    assert_eq!(register(&stand, "nobody", "secret-1").await.status.code(), 401);
    let (_, view) = ask(&stand, "GET /v1/registrations/room1", Some(TOKEN), None).await;
    let told: Vec<(&str, &str)> = view["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| {
            (attempt["outcome"].as_str().expect("a word"), attempt["words"].as_str().expect("words"))
        })
        .collect();
    assert_eq!(told, [("wrong-password", "注册密码认证失败"), ("registered", "成功注册")]);
    let (_, strangers) = ask(&stand, "GET /v1/strangers", Some(TOKEN), None).await;
    assert_eq!(strangers["attempts"][0]["outcome"], json!("no-account"), "{strangers}");
    let (_, metrics) = fetch(&stand, "GET /metrics", "", None).await;
    for outcome in ["registered", "wrong_password", "no_account"] {
        let counted = format!("gateway_registration_attempts_total{{outcome=\"{outcome}\"}} 1");
        assert!(metrics.contains(&counted), "{metrics}");
    }
    stand.stop().await;
}
