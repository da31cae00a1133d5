//! A whole gateway in this process, called by telephones of its own through real sockets.

use std::{net::Ipv4Addr, time::Duration};

use crate::stand::Stand;
use media::Clock;
use server::{
    caller::{self, CallError, Heard, Pair, Plan},
    program, status,
};
use terms::Secret;

const TALK: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_hears_itself_in_the_echo_and_another_in_a_meeting() {
    let stand = Stand::start().await;
    let join = |from, hz| {
        let plan = plan(&stand, "021-53290005").from(from);
        let pair =
            Pair { meeting: "900100001".parse().expect("an ID"), password: Secret::new("1234".to_owned()) };
        // The tones begin at nearly the same time: both callers key the same keys.
        plan.joining(&pair).talking(Some(hz), TALK * 2)
    };
    let echo = plan(&stand, "9001").talking(Some(1_000), TALK);
    let (echo, a, b) = tokio::join!(call(echo), call(join("2001", 440)), call(join("2002", 700)),);
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
    let nowhere = call(plan(&stand, "5555").talking(None, TALK)).await.expect_err("no route");
    assert!(matches!(&nowhere, CallError::Refused { status } if status.code() == 404), "{nowhere}");
    let busy = call(plan(&stand, "9009").talking(None, TALK)).await.expect_err("refused");
    assert!(matches!(&busy, CallError::Refused { status } if status.code() == 486), "{busy}");
    let unasked = call(plan(&stand, "not a number")).await.expect_err("no URI");
    assert!(matches!(unasked, CallError::Number(_)), "{unasked}");
    let gateway = stand.sip;
    let plan = plan(&stand, "9001").talking(None, TALK);
    stand.stop().await;
    let nobody = caller::call(plan, Clock::start(), program::entropy().expect("random")).await;
    let nobody = nobody.expect_err("nobody there");
    assert!(matches!(&nobody, CallError::NobodyThere { gateway: called } if *called == gateway), "{nobody}");
}

fn tones(heard: &Heard) -> Vec<u32> {
    heard.tones.iter().filter(|tone| tone.heard).map(|tone| tone.hz).collect()
}

pub(crate) fn plan(stand: &Stand, number: &str) -> Plan {
    Plan::new(stand.sip, Ipv4Addr::LOCALHOST.into(), number).listening(&[440, 700, 1_000])
}

pub(crate) async fn call(plan: Plan) -> Result<Heard, CallError> {
    caller::call(plan, Clock::start(), program::entropy().expect("random")).await
}
