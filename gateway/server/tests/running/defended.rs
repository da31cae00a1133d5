//! Who is heard on a gateway's listeners (SEC-2).

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::{
    admin::{TOKEN, ask},
    stand::Stand,
};

const MOMENT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_2_a_reload_takes_the_budget_of_strangers_and_status_tells_who_is_not_heard() {
    let mut stand = defended().await;
    let loud = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    assert_eq!(answers(&loud, &stand, (12, "Desk phone 7")).await, 5);
    let another = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 9), 0)).await.expect("a socket");
    assert_eq!(answers(&another, &stand, (2, "friendly-scanner")).await, 0, "a scanner gets no answer");
    assert_eq!(answers(&another, &stand, (2, "Desk phone 7")).await, 2, "another address has its own");
    let unheard = json!({ "budget": 7, "scanner": 2 });
    assert_eq!(defence(&stand).await, json!({ "banned": 0, "known": 0, "unheard": unheard }));

    let allowed =
        |text: String| text.replace("[http]", "[defence]\nburst = 5\nallowed = [\"127.0.0.1\"]\n[http]");
    assert!(stand.reload(|text| allowed(without_trunk(&text))).await.is_empty());
    assert_eq!(answers(&loud, &stand, (12, "Desk phone 7")).await, 12);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_2_who_is_banned_has_its_connections_closed_and_gets_no_further_one() {
    let stand = defended().await;
    let mut quiet = TcpStream::connect(stand.tcp).await.expect("connects");
    quiet.write_all(b"\r\n\r\n").await.expect("goes");
    let mut scanner = TcpStream::connect(stand.tcp).await.expect("connects");
    scanner.write_all(options("1", "sipvicious").as_bytes()).await.expect("goes");
    assert!(is_closed(&mut scanner).await && is_closed(&mut quiet).await);
    let mut further = TcpStream::connect(stand.tcp).await.expect("the kernel takes it");
    assert!(is_closed(&mut further).await);
    let told = defence(&stand).await;
    assert_eq!((&told["banned"], &told["unheard"]["banned"]), (&json!(1), &json!(1)), "{told}");
    stand.stop().await;
}

/// With little to say for strangers, whom this machine is among.
async fn defended() -> Stand {
    let mut stand = Stand::start().await;
    let few = |text: String| text.replace("[http]", "[defence]\nper_second = 1\nburst = 5\n[http]");
    assert!(stand.reload(|text| few(without_trunk(&text))).await.is_empty(), "it takes effect at once");
    stand
}

fn without_trunk(text: &str) -> String {
    text.replace("peers = [\"127.0.0.0/8\"]", "peers = [\"192.0.2.0/24\"]")
}

/// How many of so many questions are answered.
async fn answers(socket: &UdpSocket, stand: &Stand, (questions, agent): (usize, &str)) -> usize {
    let from = socket.local_addr().expect("bound");
    for number in 0..questions {
        socket
            .send_to(options(&format!("{number}-{from}"), agent).as_bytes(), stand.sip)
            .await
            .expect("sent");
    }
    let (mut buffer, mut answers) = ([0; 2_048], 0);
    while timeout(MOMENT, socket.recv_from(&mut buffer)).await.is_ok() {
        answers += 1;
    }
    answers
}

fn options(branch: &str, agent: &str) -> String {
    format!(
        "OPTIONS sip:gateway SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:gateway>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\
         User-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // The peer of who is cut off may hear a reset in place of an end.
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

async fn defence(stand: &Stand) -> Value {
    let (_, status) = ask(stand, "GET /v1/status", Some(TOKEN), None).await;
    status["load"]["defence"].clone()
}
