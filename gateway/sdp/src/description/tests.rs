use proptest::prelude::*;

use super::*;

fn parse(lines: &[&str]) -> SessionDescription {
    SessionDescription::parse(lines.join("\r\n").as_bytes()).expect("SDP")
}

const HEAD: [&str; 4] = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0"];

/// One audio line behind a head.
fn audio(session: &[&str], media: &[&str]) -> SessionDescription {
    parse(&[&HEAD, session, &["m=audio 4000 RTP/AVP 0 101"], media].concat())
}

fn with_first<T>(description: &SessionDescription, look: impl FnOnce(MediaDescription<'_>) -> T) -> T {
    look(description.media().next().expect("a media line"))
}

#[test]
fn rfc8866_5_all_that_was_written_is_printed_in_order() {
    let body = [
        "v=0",
        "o=GroupSeries 1762 0 IN IP4 192.0.2.20",
        "s=MRD=MRE MRC-V=1.0.1",
        "c=IN IP4 192.0.2.20",
        "b=AS:1024",
        "t=0 0",
        "a=vnd.polycom.MBA.p2p",
        "a=sendrecv",
        "m=audio 20000 RTP/SAVP 118 115 9 101 8 0 119",
        "a=rtpmap:118 SIRENLPR/48000/1",
        "a=fmtp:118 bitrate=64000",
        "a=rtpmap:101 G7221/16000",
        "a=fmtp:101 bitrate=24000",
        "a=x-unknown: spaces  kept ",
        "a=rtpmap:119 telephone-event/8000",
        "m=application 20004 UDP/BFCP *",
        "a=floorctrl:c-s",
        "a=setup:actpass",
        "a=connection:new",
        "",
    ]
    .join("\r\n");
    assert_eq!(SessionDescription::parse(body.as_bytes()).expect("SDP").print(), body);
}

#[test]
fn rfc8866_5_7_a_media_line_has_its_own_address_or_the_session_s() {
    type Case = (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);
    let cases: [Case; 6] = [
        ("session", &["c=IN IP4 192.0.2.1"], &[], Some("192.0.2.1")),
        ("own", &["c=IN IP4 192.0.2.1"], &["c=IN IP4 192.0.2.9"], Some("192.0.2.9")),
        ("IPv6", &[], &["c=IN IP6 2001:db8::9"], Some("2001:db8::9")),
        ("multicast with time to live", &["c=IN IP4 233.252.0.1/127"], &[], Some("233.252.0.1")),
        ("a name", &["c=IN IP4 host.example"], &[], None),
        ("none", &[], &[], None),
    ];
    for (name, session, media, expected) in cases {
        let found = with_first(&audio(session, media), |media| media.address());
        assert_eq!(found, expected.map(|text| text.parse().expect("an address")), "{name}");
    }
}

#[test]
fn rfc8866_6_7_direction_is_inherited_and_rfc3264_8_4_zeros_hold() {
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    let cases: [(&str, &[&str], &[&str], Direction); 7] = [
        ("default", &[], &[], SendReceive),
        ("session", &["a=sendonly"], &[], SendOnly),
        ("own over session", &["a=sendonly"], &["a=recvonly"], ReceiveOnly),
        ("inactive", &[], &["a=inactive"], Inactive),
        ("zeros", &["c=IN IP4 0.0.0.0"], &[], SendOnly),
        ("zeros that only receive", &[], &["c=IN IP4 0.0.0.0", "a=recvonly"], Inactive),
        ("IPv6 zeros", &[], &["c=IN IP6 ::"], SendOnly),
    ];
    for (name, session, media, expected) in cases {
        assert_eq!(with_first(&audio(session, media), |media| media.direction()), expected, "{name}");
    }
}

#[test]
fn rfc3605_2_1_rtcp_is_the_port_above_or_what_is_said() {
    let cases = [
        ("default", "a=x", "192.0.2.1:4001"),
        ("port", "a=rtcp:5003", "192.0.2.1:5003"),
        ("address", "a=rtcp:5003 IN IP4 192.0.2.7", "192.0.2.7:5003"),
        ("IPv6", "a=rtcp:5003 IN IP6 2001:db8::7", "[2001:db8::7]:5003"),
        ("nonsense", "a=rtcp:none", "192.0.2.1:4001"),
    ];
    for (name, line, expected) in cases {
        let found = with_first(&audio(&["c=IN IP4 192.0.2.1"], &[line]), |media| media.rtcp());
        assert_eq!(found, Some(expected.parse().expect("an address")), "{name}");
    }
}

#[test]
fn attributes_are_found_by_payload_type_and_name() {
    let lines = ["a=rtpmap:101 telephone-event/8000", "a=FMTP:101 0-15", "a=ptime:30", "a=maxptime: 40.0"];
    with_first(&audio(&[], &lines), |media| {
        assert_eq!(media.rtpmap(PayloadType(101)), Some("telephone-event/8000"));
        assert_eq!(media.rtpmap(PayloadType(10)), None);
        assert_eq!(media.fmtp(PayloadType(101)), Some("0-15"));
        assert_eq!((media.ptime(), media.maxptime()), (Some(30), Some(40)));
        assert_eq!(media.formats().collect::<Vec<_>>(), ["0", "101"]);
        assert_eq!(media.attributes().nth(1), Some(("FMTP", Some("101 0-15"))));
    });
}

#[test]
fn kinds_are_told_by_type_protocol_and_content() {
    let lines = [
        "m=audio 1 RTP/AVP 0",
        "m=video 2 RTP/AVP 97",
        "m=video 3 RTP/AVP 97",
        "a=content:slides",
        "m=application 4 UDP/BFCP *",
        "m=application 5 RTP/AVP 100",
        "a=rtpmap:100 H224/4800",
        "m=image 6 udptl t38",
        "m=application 7 UDP/UDT/IX *",
    ];
    let description = parse(&[&HEAD[..], &lines].concat());
    let kinds: Vec<MediaKind> = description.media().map(|media| media.kind()).collect();
    use MediaKind::{Audio, Bfcp, CameraControl, Slides, Unknown, Video};
    let unknown = |text: &str| Unknown(text.to_owned());
    assert_eq!(kinds, [Audio, Video, Slides, Bfcp, CameraControl, unknown("image"), unknown("application")]);
}

#[test]
fn an_error_names_its_line() {
    let many = [&HEAD[..], &["m=audio 1 RTP/AVP 0"; MAX_MEDIA + 1]].concat().join("\r\n");
    let cases = [
        ("no version", "o=- 1 1 IN IP4 192.0.2.1\r\n", 0),
        ("port", "v=0\r\nm=audio x RTP/AVP 0\r\n", 2),
        ("two origins", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\no=- 1 1 IN IP4 192.0.2.1\r\n", 3),
        ("empty", "", 0),
        ("too many lines", &many, 0),
    ];
    for (name, body, line) in cases {
        let error = SessionDescription::parse(body.as_bytes()).expect_err(name);
        assert_eq!(error.line, line, "{name}: {error}");
    }
}

#[test]
fn rfc3264_8_the_version_alone_makes_no_other_description() {
    let first = audio(&[], &[]);
    let mut second = first.clone();
    second.0.origin.sess_version += 1;
    assert!(first.says_the_same_as(&second) && first != second);
    assert!(!first.says_the_same_as(&audio(&["a=sendonly"], &[])));
}

/// Lines that are nearly SDP.
pub(crate) fn nearly_sdp() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[a-z]=[ -~]{0,30}",
        "a=(rtpmap|fmtp|ptime|rtcp|content|maxptime):[ -~]{0,20}",
        "m=(audio|video|image) [0-9]{1,6}(/[0-9])? RTP/(AVP|SAVP|AVPF) [0-9 ]{0,20}",
        "c=IN IP[46] [0-9a-f.:/]{0,20}",
        "o=- [0-9]{1,22} [0-9]{1,22} IN IP4 [0-9.]{0,15}",
        "a=(sendonly|recvonly|inactive|sendrecv)",
    ];
    prop::collection::vec(line, 0..30).prop_map(|lines| {
        ["v=0".to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\r\n").into_bytes()
    })
}

proptest! {
    #[test]
    fn any_octets_never_panic(body: Vec<u8>) {
        let _ = SessionDescription::parse(&body);
    }

    /// What is read can be asked anything and printed, and reads the same again.
    #[test]
    fn what_is_read_is_printed_and_read_again(body in nearly_sdp()) {
        if let Ok(description) = SessionDescription::parse(&body) {
            for media in description.media() {
                let _ = (media.kind(), media.direction(), media.rtp(), media.rtcp(), media.ptime(), media.maxptime());
                media.payload_types().for_each(|payload_type| {
                    let _ = (media.rtpmap(payload_type), media.fmtp(payload_type));
                });
            }
            let again = SessionDescription::parse(description.print().as_bytes());
            prop_assert_eq!(again.map(|again| again.print()), Ok(description.print()));
        }
    }
}
