//! A gateway that is probed for whether it can be reached, and how well (MEDIA-8).

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use probe::{Fault, Figures, Kind, Limits, Packet};
use server::reach::{self, Outcome, Plan, Report, Standing, What};
use terms::Entropy;
use tokio::{net::UdpSocket, task::JoinHandle, time::timeout};

use crate::{admin::fetch, stand::Stand};

const MOMENT: Duration = Duration::from_millis(200);

fn plan(gateway: SocketAddr) -> Plan {
    Plan { gateway, media: None, packets: 40, video: None, limits: Limits::HOME }
}

fn figures(report: &Report, what: What) -> Figures {
    let leg = report.legs.iter().find(|leg| leg.what == what);
    match leg.map(|leg| &leg.outcome) {
        Some(Outcome::Measured(figures)) => *figures,
        _ => unreachable!("{what:?}: {report}"),
    }
}

fn outcome(report: &Report, what: What) -> &Outcome {
    &report.legs.iter().find(|leg| leg.what == what).expect("it is probed").outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_a_gateway_at_hand_is_good_by_signalling_and_media_and_tells_where_media_is() {
    let stand = Stand::start().await;
    let report = reach::probe(&plan(stand.sip)).await;
    assert_eq!(report.standing, Standing::Good, "{report}");
    for what in [What::Signalling, What::Media] {
        let Figures { sent, answered, lost_there_percent, lost_back_percent, reordered, .. } =
            figures(&report, what);
        assert_eq!((sent, answered, reordered), (40, 40, 0), "{report}");
        assert_eq!((lost_there_percent, lost_back_percent), (Some(0.0), Some(0.0)), "{report}");
    }
    let media = report.legs.iter().find(|leg| leg.what == What::Media).expect("probed");
    assert_eq!(media.address, stand.media_probe());
    assert_eq!(outcome(&report, What::Stream), &Outcome::Refused, "TCP is at another port");
    assert!(report.to_string().contains("SIP over TCP can't be used"), "{report}");
    let counted = "gateway_probe_questions_total{answer=\"echo\"} 82";
    let mut metrics = String::new();
    // 40 echoes and a count of each, told at the next beat.
    for _ in 0..50 {
        (_, metrics) = fetch(&stand, "GET /metrics", "", None).await;
        if metrics.contains(counted) {
            return stand.stop().await;
        }
        tokio::time::sleep(MOMENT / 4).await;
    }
    panic!("{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_where_tcp_alone_comes_through_it_is_said() {
    let stand = Stand::start().await;
    let report = reach::probe(&plan(stand.tcp)).await;
    let Figures { answered, round_trip, .. } = figures(&report, What::Stream);
    assert_eq!((answered, round_trip.is_some()), (40, true), "{report}");
    assert_eq!((report.standing, outcome(&report, What::Signalling)), (Standing::Bad, &Outcome::Refused));
    assert!(report.to_string().contains("TCP comes through and UDP does not"), "{report}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_loss_is_told_in_the_direction_in_which_it_is() {
    let stand = Stand::start().await;
    // Of each ten echoes two are lost there, and of the eight that come one on its way back.
    let relay = Relay::to(stand.sip, |sequence| sequence % 5 == 0, |sequence| sequence % 10 == 1).await;
    let report = reach::probe(&plan(relay.address)).await;
    let Figures { sent, answered, lost_there_percent, lost_back_percent, .. } =
        figures(&report, What::Signalling);
    assert_eq!((sent, answered), (40, 28), "{report}");
    assert_eq!((lost_there_percent, lost_back_percent), (Some(20.0), Some(12.5)), "{report}");
    let signalling = report.legs.iter().find(|leg| leg.what == What::Signalling).expect("probed");
    assert_eq!((report.standing, &signalling.faults[..]), (Standing::Bad, &[Fault::Loss][..]), "{report}");
    assert_eq!(figures(&report, What::Media).answered, 40, "media does not go through the relay");
    relay.end();
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_video_with_sharing_is_4_mb_a_second_both_ways() {
    let stand = Stand::start().await;
    let plan = Plan { packets: 5, video: Some(Duration::from_secs(1)), ..plan(stand.sip) };
    let report = reach::probe(&plan).await;
    let Figures { sent, limited, .. } = figures(&report, What::Video);
    assert_eq!((sent, limited), (416, 0), "{report}");
    assert_eq!(report.standing, Standing::Good, "{report}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_answers_are_as_many_and_as_the_operator_wants_from_the_reload_on() {
    let mut stand = Stand::start().await;
    let few = |text: String| text.replace("[http]", "[probe]\nper_source = 10\n[http]");
    assert!(stand.reload(few).await.is_empty(), "it takes effect at once");
    let report = reach::probe(&Plan { packets: 60, ..plan(stand.sip) }).await;
    let Figures { limited, lost_percent, .. } = figures(&report, What::Signalling);
    assert!(limited > 10 && lost_percent < 20.0, "what is not answered on purpose is not lost: {report}");
    assert!(report.to_string().contains("probe.per_source"), "{report}");

    let off = |text: String| text.replace("[http]", "[probe]\nanswer = \"off\"\n[http]");
    assert!(stand.reload(off).await.is_empty());
    let report = reach::probe(&plan(stand.sip)).await;
    assert_eq!((report.standing, outcome(&report, What::Signalling)), (Standing::Unknown, &Outcome::Silent));
    assert!(report.to_string().contains("Nothing comes back"), "{report}");
    stand.stop().await;
}

/// Of whatever begins as a probe; and SIP goes on beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_8_no_answer_is_longer_than_its_question_whatever_comes() {
    let stand = Stand::start().await;
    let mut entropy = Entropy::from_seed([8, 8, 8, 8]);
    let mut octets = move |below: u64| u8::try_from(entropy.below(below)).expect("below 256");
    let mut buffer = [0; 2_048];
    let mut answered = 0;
    for place in [stand.sip, stand.media_probe()] {
        for round in 0..400_usize {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
            let mut question: Vec<u8> = (0..round * 3 + 8).map(|_| octets(256)).collect();
            // Most are packets with something wrong; some are right.
            Packet::ask(7).write(&mut question);
            if octets(2) == 0 {
                let place = usize::from(octets(8));
                question[place] = octets(256);
            }
            socket.send_to(&question, place).await.expect("sent");
            let patience = if round % 20 == 0 { MOMENT } else { Duration::from_millis(2) };
            if let Ok(Ok((length, _))) = timeout(patience, socket.recv_from(&mut buffer)).await {
                // What does not begin as a probe is SIP's to answer.
                assert!(question[0] != 0xfb || length <= question.len(), "{length} for {}", question.len());
                answered += 1;
            }
        }
    }
    assert!(answered > 100, "{answered}");
    stand.stop().await;
}

/// A stretch of network that loses what it is told to.
struct Relay {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Relay {
    /// Loses the echoes of these sequence numbers, there and back.
    async fn to(gateway: SocketAddr, there: fn(u32) -> bool, back: fn(u32) -> bool) -> Self {
        let (near, far) = (socket().await, socket().await);
        let address = near.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            let (mut caller, mut from_near, mut from_far) = (None, [0; 2_048], [0; 2_048]);
            loop {
                tokio::select! {
                    Ok((length, source)) = near.recv_from(&mut from_near) => {
                        caller = Some(source);
                        if !loses(&from_near[..length], Kind::Echo, there) {
                            far.send_to(&from_near[..length], gateway).await.expect("sent");
                        }
                    }
                    Ok((length, _)) = far.recv_from(&mut from_far) => {
                        if let Some(caller) = caller.filter(|_| !loses(&from_far[..length], Kind::Echoed, back)) {
                            near.send_to(&from_far[..length], caller).await.expect("sent");
                        }
                    }
                }
            }
        });
        Self { address, task }
    }

    fn end(self) {
        self.task.abort();
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket")
}

fn loses(bytes: &[u8], kind: Kind, which: fn(u32) -> bool) -> bool {
    Packet::read(bytes).is_ok_and(|packet| packet.kind == kind && which(packet.sequence))
}
