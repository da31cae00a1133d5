use super::*;
use crate::{Capabilities, SessionDescription, answer, reoffer};

const THEIRS: &[&str] = &["ice-ufrag:8hhY", "ice-pwd:asd88fgpdd777uzjYhagZg"];
const HOST: &str = "candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host";
const HOST_RTCP: &str = "candidate:1 2 UDP 2130706430 192.0.2.1 4001 typ host";
const REFLEXIVE: &str = "candidate:2 1 udp 1694498815 198.51.100.1 5000 typ srflx raddr 192.0.2.1 rport 4000";

fn ours() -> IceCredentials {
    IceCredentials::new("ours".into(), "oursoursoursoursoursours".into()).expect("they fit")
}

fn local() -> LocalDescription {
    let rtp = "192.0.2.100:20000".parse().expect("an address");
    LocalDescription { ice: Some(ours()), ..LocalDescription::new(rtp) }
}

fn offer(lines: &[&[&str]]) -> SessionDescription {
    let lines: String = lines.concat().iter().map(|line| format!("a={line}\r\n")).collect();
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n{lines}"
    );
    SessionDescription::parse(body.as_bytes()).expect("a description")
}

/// What an answer says of checks, and whether they are agreed on.
fn answered(lines: &[&[&str]], local: &LocalDescription) -> (Vec<String>, bool) {
    let answered = answer(&offer(lines), &Capabilities::default(), local).expect("an answer");
    let body = answered.description.print();
    let said = body
        .lines()
        .filter_map(|line| line.strip_prefix("a="))
        .filter(|line| line.starts_with("ice-") || line.starts_with("candidate"));
    (said.map(str::to_owned).collect(), answered.stream.ice.is_some())
}

#[test]
fn rfc8839_4_2_an_offer_with_candidates_is_answered_by_the_lite_side() {
    let (said, is_agreed) = answered(&[THEIRS, &[HOST, HOST_RTCP, REFLEXIVE]], &local());
    let expected = [
        "ice-lite",
        "ice-options:ice2",
        "ice-ufrag:ours",
        "ice-pwd:oursoursoursoursoursours",
        "candidate:1 1 UDP 2130706431 192.0.2.100 20000 typ host",
        "candidate:1 2 UDP 2130706430 192.0.2.100 20001 typ host",
    ];
    assert_eq!((said, is_agreed), (expected.map(str::to_owned).to_vec(), true));
    let (said, _) = answered(&[THEIRS, &[HOST, "rtcp-mux"]], &local());
    assert_eq!(said, expected[..5], "one component");
}

#[test]
fn rfc8839_4_2_5_who_is_not_where_the_candidates_are_is_told_of_the_mismatch() {
    let elsewhere = "candidate:1 1 UDP 2130706431 192.0.2.2 4000 typ host";
    let rtcp_elsewhere = "candidate:1 2 UDP 2130706430 192.0.2.1 4003 typ host";
    let by_name = "candidate:1 1 UDP 2130706431 f4a6.local 4000 typ host";
    let by_tcp = "candidate:1 1 TCP 2130706431 192.0.2.1 4000 typ host tcptype passive";
    let mismatch = (vec!["ice-mismatch".to_owned()], false);
    let rows: [(&str, &[&str], bool); 8] = [
        ("its default", &[HOST], true),
        ("among others", &[REFLEXIVE, HOST], true),
        ("another address", &[elsewhere], false),
        ("another address for RTCP", &[HOST, rtcp_elsewhere], false),
        ("which is of no use where RTCP goes with RTP", &[HOST, rtcp_elsewhere, "rtcp-mux"], true),
        ("no address", &[by_name, by_tcp], false),
        ("none", &[], false),
        ("none yet", &["ice-options:ice2 trickle"], true),
    ];
    for (name, lines, is_agreed) in rows {
        let found = answered(&[THEIRS, lines], &local());
        assert_eq!((found == mismatch, found.1), (!is_agreed, is_agreed), "{name}");
    }
}

#[test]
fn without_credentials_on_both_sides_nothing_is_said() {
    let nothing = (Vec::new(), false);
    assert_eq!(answered(&[THEIRS, &[HOST]], &LocalDescription { ice: None, ..local() }), nothing);
    assert_eq!(answered(&[&[HOST]], &local()), nothing);
    assert_eq!(answered(&[&[HOST, "ice-ufrag:8hhY", "ice-pwd:short"]], &local()), nothing);
}

#[test]
fn rfc8839_4_4_an_offer_of_ours_in_the_session_has_the_same_credentials_and_is_agreed_on_by_theirs() {
    let first = answer(&offer(&[THEIRS, &[HOST]]), &Capabilities::default(), &local()).expect("an answer");
    let again = reoffer(&first.description, &LocalDescription { version: 2, ..local() });
    let stream = |lines: &[&[&str]]| crate::accept(&offer(lines), &again).expect("an answer");
    let terms = stream(&[THEIRS, &[HOST]]).ice.expect("agreed");
    assert_eq!((terms.ours, terms.theirs.ufrag.as_str()), (ours(), "8hhY"));
    assert_eq!(stream(&[&[]]).ice, None);
    assert_eq!(stream(&[THEIRS, &["ice-mismatch"]]).ice, None);
}
