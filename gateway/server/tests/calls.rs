//! A whole gateway in this process, called by telephones of its own through real sockets.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

use media::Clock;
use server::{
    caller::{self, CallError, Heard, Pair, Plan},
    config,
    program::{self, Gateway},
    status,
};
use terms::Secret;

const TALK: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_hears_itself_in_the_echo_and_another_in_a_meeting() {
    let stand = Stand::start().await;
    let join = |from, hz| {
        let plan = stand.plan("021-53290005").from(from);
        let pair =
            Pair { meeting: "900100001".parse().expect("an ID"), password: Secret::new("1234".to_owned()) };
        // The tones begin at nearly the same time: both callers key the same keys.
        plan.joining(&pair).talking(Some(hz), TALK * 2)
    };
    let echo = stand.plan("9001").talking(Some(1_000), TALK);
    let (echo, a, b) =
        tokio::join!(stand.call(echo), stand.call(join("2001", 440)), stand.call(join("2002", 700)),);
    let (echo, a, b) = (echo.expect("an echo"), a.expect("a meeting"), b.expect("a meeting"));
    assert_eq!(tones(&echo), [1_000]);
    assert_eq!((tones(&a), tones(&b)), (vec![700], vec![440]));
    for heard in [&echo, &a, &b] {
        assert_eq!((heard.packets.lost, heard.packets.reordered), (0, 0), "{heard}");
        assert!(heard.first_rtp.is_some_and(|first| first < Duration::from_millis(200)), "{heard}");
    }
    let join = a.join.expect("joined");
    assert!(join.sound.is_some_and(|sound| sound < Duration::from_millis(500)), "{a}");
    let load = status::ask(&format!("http://{}", stand.http), &Secret::new("test-token".to_owned()))
        .await
        .expect("a status")
        .load;
    assert_eq!((load.participants, load.leases), (0, 0));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_leads_nowhere_says_what_to_do() {
    let stand = Stand::start().await;
    let nowhere = stand.call(stand.plan("5555").talking(None, TALK)).await.expect_err("no route");
    assert!(matches!(&nowhere, CallError::Refused { status } if status.code() == 404), "{nowhere}");
    let busy = stand.call(stand.plan("9009").talking(None, TALK)).await.expect_err("refused");
    assert!(matches!(&busy, CallError::Refused { status } if status.code() == 486), "{busy}");
    let unasked = stand.call(stand.plan("not a number")).await.expect_err("no URI");
    assert!(matches!(unasked, CallError::Number(_)), "{unasked}");
    let gateway = stand.sip;
    let plan = stand.plan("9001").talking(None, TALK);
    stand.stop().await;
    let nobody = caller::call(plan, Clock::start(), program::entropy().expect("random")).await;
    let nobody = nobody.expect_err("nobody there");
    assert!(matches!(&nobody, CallError::NobodyThere { gateway: called } if *called == gateway), "{nobody}");
}

fn tones(heard: &Heard) -> Vec<u32> {
    heard.tones.iter().filter(|tone| tone.heard).map(|tone| tone.hz).collect()
}

/// A gateway on free ports, its state in a folder of its own.
struct Stand {
    gateway: Gateway,
    sip: SocketAddr,
    http: SocketAddr,
    folder: PathBuf,
}

impl Stand {
    async fn start() -> Self {
        let (sip, http, media) = (free_udp(1), free_tcp(), free_udp(64));
        let folder =
            std::env::temp_dir().join(format!("gateway-calls-{}-{}", std::process::id(), sip.port()));
        fs::create_dir_all(&folder).expect("a folder");
        copy_prompts(&folder.join("prompts/zh")).expect("the shipped recordings");
        let text = config_text(&folder, [sip, http, media]);
        let config = config::parse("calls.toml", &text, &[]).expect("a sound configuration");
        let gateway = Gateway::start(config).await.expect("it starts");
        Self { gateway, sip, http, folder }
    }

    fn plan(&self, number: &str) -> Plan {
        Plan::new(self.sip, Ipv4Addr::LOCALHOST.into(), number).listening(&[440, 700, 1_000])
    }

    async fn call(&self, plan: Plan) -> Result<Heard, CallError> {
        caller::call(plan, Clock::start(), program::entropy().expect("random")).await
    }

    async fn stop(self) {
        self.gateway.stop().await;
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Only what these calls hear: reading all takes seconds.
fn copy_prompts(folder: &Path) -> std::io::Result<()> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/prompts/zh");
    fs::create_dir_all(folder)?;
    for name in ["welcome.wav", "ask-meeting-id.wav", "ask-password.wav", "joined-as-guest.wav"] {
        fs::copy(shipped.join(name), folder.join(name))?;
    }
    Ok(())
}

fn config_text(folder: &Path, [sip, http, media]: [SocketAddr; 3]) -> String {
    format!(
        r#"
        state = "{state}"
        prompts = "{prompts}"
        [[listener]]
        zone = "trunk"
        transport = "udp"
        address = "{sip}"
        [[media.range]]
        zone = "trunk"
        address = "127.0.0.1"
        ports = "{first}-{last}"
        [http]
        address = "{http}"
        token = "test-token"
        [[trunk]]
        name = "local"
        zone = "trunk"
        peers = ["127.0.0.0/8"]
        [[tenant]]
        name = "test"
        [[meetings]]
        ids = "900100001-900100002"
        tenant = "test"
        host_password = "4321"
        guest_password = "1234"
        [[access_number]]
        number = "02153290005"
        languages = ["zh"]
        [dialplan]
        routes = ["02153290005 -> ivr", "9001 -> app:echo", "9009 -> refuse(17)"]
        "#,
        state = folder.join("state").display(),
        prompts = folder.join("prompts").display(),
        first = media.port(),
        last = media.port() + 63,
    )
}

/// The first of `count` neighbouring ports that are free, an even one.
fn free_udp(count: u16) -> SocketAddr {
    let run_of = |_| {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let first = probe.local_addr().ok()?.port() & !1;
        drop(probe);
        let mut run = first..first.checked_add(count)?;
        let bound: Result<Vec<_>, _> =
            run.clone().map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port))).collect();
        bound.ok().and(run.next())
    };
    let first = (0..100).find_map(run_of).expect("free ports in a row");
    (Ipv4Addr::LOCALHOST, first).into()
}

fn free_tcp() -> SocketAddr {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("bound")
}
