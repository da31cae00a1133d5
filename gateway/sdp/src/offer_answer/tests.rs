use proptest::prelude::*;

use terms::media::{InBandFec, OpusWish};

use super::*;
use crate::description::tests::nearly_sdp;

fn parse(body: &str) -> SessionDescription {
    let lines: Vec<&str> = body.lines().map(str::trim).collect();
    SessionDescription::parse(lines.join("\r\n").as_bytes()).expect("SDP")
}

fn local() -> LocalDescription {
    LocalDescription::new("198.51.100.7:20000".parse().expect("an address"))
}

fn ours() -> Capabilities {
    Capabilities::narrow_band()
}

/// The answer's lines from its first media line on.
fn media_lines(description: &SessionDescription) -> Vec<String> {
    description.print().lines().skip_while(|line| !line.starts_with("m=")).map(str::to_owned).collect()
}

const HEAD: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n";

fn with_media(lines: &str) -> SessionDescription {
    parse(&format!("{HEAD}{lines}"))
}

/// endpoints C1: a Cisco CE offer of five lines, where 101 is telephone-event and Opus stands first.
const CISCO: &str = "\
    v=0
    o=tandberg 7 1 IN IP4 192.0.2.10
    s=-
    c=IN IP4 192.0.2.10
    b=AS:2000
    t=0 0
    m=audio 46002 RTP/AVP 114 107 104 9 18 8 0 101 123
    b=TIAS:128000
    a=rtpmap:114 opus/48000/2
    a=fmtp:114 maxaveragebitrate=128000;stereo=1
    a=rtpmap:107 MP4A-LATM/90000
    a=fmtp:107 profile-level-id=25;object=23;bitrate=128000
    a=rtpmap:104 G7221/16000
    a=rtpmap:9 G722/8000
    a=rtpmap:18 G729/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:0 PCMU/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
    a=rtpmap:123 x-ulpfecuc/8000
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^48
    a=sendrecv
    m=video 46004 RTP/AVP 97 126
    a=rtpmap:97 H264/90000
    a=rtcp-fb:* nack pli
    a=content:main
    m=application 5070 UDP/BFCP *
    a=floorctrl:c-s
    a=setup:actpass
    m=video 46006 RTP/AVP 97 126
    a=content:slides
    m=application 46008 RTP/AVP 100
    a=rtpmap:100 H224/4800
";

/// endpoints C2: a Polycom Group offer, where 101 is G.722.1 and 119 telephone-event.
const POLYCOM: &str = "\
    v=0
    o=GroupSeries 1762 0 IN IP4 192.0.2.20
    s=MRD=MRE MRC-V=1.0.1
    c=IN IP4 192.0.2.20
    b=AS:1024
    t=0 0
    a=sendrecv
    m=audio 20000 RTP/AVP 118 115 9 101 8 0 119
    a=rtpmap:118 SIRENLPR/48000/1
    a=rtpmap:115 G7221/32000
    a=rtpmap:101 G7221/16000
    a=fmtp:101 bitrate=24000
    a=rtpmap:119 Telephone-Event/8000
    m=video 20002 RTP/AVP 116 111 109
    a=rtpmap:116 vnd.polycom.lpr/9000
    a=fmtp:109 profile-level-id=42801f; max-mbps=245000; max-fs=8192
    m=application 20004 UDP/BFCP *
    a=floorctrl:c-s
";

#[test]
fn room_10_a_cisco_offer_keeps_its_five_lines() {
    let answered = answer(&parse(CISCO), &ours(), &local()).expect("an answer");
    let expected = [
        "m=audio 20000 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "m=video 0 RTP/AVP 97 126",
        "m=application 0 UDP/BFCP *",
        "m=video 0 RTP/AVP 97 126",
        "m=application 0 RTP/AVP 100",
    ];
    assert_eq!(media_lines(&answered.description), expected);
    assert_eq!(answered.stream.remote, "192.0.2.10:46002".parse().expect("an address"));
    assert_eq!(answered.stream.remote_rtcp, "192.0.2.10:46003".parse().expect("an address"));
}

#[test]
fn media_1_a_cisco_offer_is_answered_in_opus_with_events_on_the_clock_that_is_offered() {
    let answered = answer(&parse(CISCO), &Capabilities::default(), &local()).expect("an answer");
    let expected = [
        "m=audio 20000 RTP/AVP 114 101",
        "a=rtpmap:114 opus/48000/2",
        "a=fmtp:114 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
    ];
    assert_eq!(media_lines(&answered.description)[..5], expected);
    let wish = OpusWish { max_bitrate: Some(128_000), ..OpusWish::default() };
    assert_eq!(answered.stream.opus, wish);
}

#[test]
fn rfc4733_2_1_events_are_answered_on_the_clock_of_the_codec() {
    let lines = "m=audio 4000 RTP/AVP 96 9 100 101
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1; maxplaybackrate=8000;stereo=0
        a=rtpmap:100 telephone-event/8000
        a=rtpmap:101 telephone-event/48000\n";
    for (codec, number) in [(Codec::Opus, 101), (Codec::G722, 100)] {
        let ours = Capabilities { codecs: vec![codec], ..Capabilities::default() };
        let stream = answer(&with_media(lines), &ours, &local()).expect("an answer").stream;
        assert_eq!((stream.send.codec, stream.receive_events), (codec, Some(PayloadType(number))));
        let wish = OpusWish { max_bitrate: None, max_playback_hz: Some(8_000), fec: InBandFec::Used };
        assert_eq!(stream.opus, if codec == Codec::Opus { wish } else { OpusWish::default() });
    }
}

#[test]
fn media_1_our_offer_has_every_codec_the_best_first() {
    let offered = offer(&Capabilities::default(), &local());
    let expected = [
        "m=audio 20000 RTP/AVP 111 9 8 0 118 119 13 101 109 110",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:118 L16/16000",
        "a=rtpmap:119 L16/8000",
        "a=rtpmap:13 CN/8000",
    ];
    assert_eq!(media_lines(&offered)[..9], expected);
    let answered = with_media(
        "m=audio 6000 RTP/AVP 111 110\na=rtpmap:111 opus/48000/2\na=rtpmap:110 telephone-event/48000\n",
    );
    let stream = accept(&answered, &offered).expect("a stream");
    assert_eq!((stream.send.codec, stream.receive.len()), (Codec::Opus, 1));
    assert_eq!((stream.receive_events, stream.comfort_noise), (Some(PayloadType(110)), None));
}

#[test]
fn rfc6716_2_1_4_opus_is_sent_in_frames_that_it_has() {
    for (asked, sent) in [(10, 10), (30, 20), (50, 40), (60, 60)] {
        let lines = format!("m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=ptime:{asked}\n");
        let stream =
            answer(&with_media(&lines), &Capabilities::default(), &local()).expect("an answer").stream;
        assert_eq!(stream.ptime, Ptime::nearest(sent), "{asked} ms");
    }
}

#[test]
fn room_10_a_polycom_offer_s_101_is_no_telephone_event() {
    let answered = answer(&parse(POLYCOM), &ours(), &local()).expect("an answer");
    let lines = media_lines(&answered.description);
    assert_eq!(lines[0], "m=audio 20000 RTP/AVP 8 119");
    assert_eq!(lines[lines.len() - 2..], ["m=video 0 RTP/AVP 116 111 109", "m=application 0 UDP/BFCP *"]);
    assert_eq!(answered.stream.send, Format { payload_type: PayloadType(8), codec: Codec::Pcma });
    let events = (answered.stream.receive_events, answered.stream.send_events);
    assert_eq!(events, (Some(PayloadType(119)), Some(PayloadType(119))));
}

#[test]
fn dial_7_events_are_taken_on_our_clock_first_and_else_on_the_one_that_is_offered() {
    let rows = [
        (
            "ours",
            "96 97",
            "a=rtpmap:96 telephone-event/16000\na=rtpmap:97 telephone-event/8000\n",
            97,
            "8000",
        ),
        ("wide band's", "96", "a=rtpmap:96 telephone-event/16000\n", 96, "16000"),
        ("full band's", "96", "a=rtpmap:96 telephone-event/48000\n", 96, "48000"),
    ];
    for (name, numbers, maps, number, clock) in rows {
        let offer = with_media(&format!("m=audio 3230 RTP/AVP 8 {numbers}\n{maps}"));
        let answered = answer(&offer, &ours(), &local()).expect("an answer");
        assert_eq!(answered.stream.receive_events, Some(PayloadType(number)), "{name}");
        let map = format!("a=rtpmap:{number} telephone-event/{clock}");
        assert!(media_lines(&answered.description).contains(&map), "{name}");
    }
}

/// endpoints C3: HDX 2.5 has no telephone-event.
#[test]
fn an_offer_without_telephone_event_gets_none() {
    let offer = with_media("m=audio 3230 RTP/AVP 115 9 0\na=rtpmap:115 G7221/32000\n");
    let answered = answer(&offer, &ours(), &local()).expect("an answer");
    assert_eq!(media_lines(&answered.description)[0], "m=audio 20000 RTP/AVP 0");
    assert_eq!((answered.stream.receive_events, answered.stream.send_events), (None, None));
}

#[test]
fn media_3_comfort_noise_is_answered_where_it_is_offered_on_our_clock() {
    let cases = [
        ("not offered", "m=audio 4 RTP/AVP 8\n", ours(), None, "m=audio 20000 RTP/AVP 8"),
        ("by its number", "m=audio 4 RTP/AVP 8 13\n", ours(), Some(13), "m=audio 20000 RTP/AVP 8 13"),
        (
            "by its name",
            "m=audio 4 RTP/AVP 8 98\na=rtpmap:98 cn/8000\n",
            ours(),
            Some(98),
            "m=audio 20000 RTP/AVP 8 98",
        ),
        (
            "on another clock",
            "m=audio 4 RTP/AVP 8 98\na=rtpmap:98 CN/16000\n",
            ours(),
            None,
            "m=audio 20000 RTP/AVP 8",
        ),
        (
            "refused",
            "m=audio 4 RTP/AVP 8 13\n",
            Capabilities::without_comfort_noise(),
            None,
            "m=audio 20000 RTP/AVP 8",
        ),
    ];
    for (name, offer, ours, noise, line) in cases {
        let answered = answer(&with_media(offer), &ours, &local()).expect(name);
        assert_eq!(answered.stream.comfort_noise, noise.map(PayloadType), "{name}");
        assert_eq!(media_lines(&answered.description)[0], line, "{name}");
    }
}

#[test]
fn rfc3264_6_1_our_preference_decides_and_names_have_no_case() {
    let pcmu_first = Capabilities { codecs: vec![Codec::Pcmu, Codec::Pcma], ..ours() };
    let cases = [
        ("static types", "m=audio 4 RTP/AVP 8 0", &pcmu_first, (0, Codec::Pcmu)),
        ("dynamic type", "m=audio 4 RTP/AVP 0 97\na=rtpmap:97 pcma/8000/1", &ours(), (97, Codec::Pcma)),
        (
            "a static number that means another",
            "m=audio 4 RTP/AVP 8 0\na=rtpmap:8 L16/8000",
            &ours(),
            (0, Codec::Pcmu),
        ),
        ("two channels", "m=audio 4 RTP/AVP 96 0\na=rtpmap:96 PCMA/8000/2", &ours(), (0, Codec::Pcmu)),
    ];
    for (name, lines, ours, (payload_type, codec)) in cases {
        let answered = answer(&with_media(lines), ours, &local()).expect(name);
        assert_eq!(answered.stream.send, Format { payload_type: PayloadType(payload_type), codec }, "{name}");
    }
}

#[test]
fn rfc3264_6_the_second_audio_line_and_closed_ones_are_refused() {
    let offer = with_media("m=audio 0 RTP/AVP 8\nm=audio 4000 RTP/AVP 8\nm=audio 4002/2 RTP/AVP 0 8\n");
    let answered = answer(&offer, &ours(), &local()).expect("an answer");
    let lines = media_lines(&answered.description);
    let heads: Vec<&String> = lines.iter().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(heads, ["m=audio 0 RTP/AVP 8", "m=audio 20000 RTP/AVP 8", "m=audio 0 RTP/AVP 0 8"]);
    assert_eq!(answered.line, 1);
}

#[test]
fn what_cannot_be_answered_says_why() {
    let cases = [
        ("T.38 only", "m=image 4000 udptl t38", 488, "no common audio codec; offered: []"),
        (
            "other codecs",
            "m=audio 4 RTP/AVP 18 96\na=rtpmap:96 AMR/8000",
            488,
            "no common audio codec; offered: [\"18\", \"AMR/8000\"]",
        ),
        ("no line", "", 488, "no common audio codec; offered: []"),
        ("encrypted", "m=audio 4 RTP/SAVP 8", 488, "no common audio protocol; offered: [\"RTP/SAVP\"]"),
        (
            "a name for an address",
            "m=audio 4 RTP/AVP 8\nc=IN IP4 host.example",
            400,
            "media line 0 has no address",
        ),
    ];
    for (name, lines, status, words) in cases {
        let error = answer(&with_media(lines), &ours(), &local()).expect_err(name);
        assert_eq!((error.status(), error.to_string().as_str()), (status, words), "{name}");
    }
    let error = OfferError::from(SessionDescription::parse(b"nonsense").expect_err("no SDP"));
    assert_eq!(error.status(), 400);
}

#[test]
fn rfc3264_6_1_directions_are_mirrored_within_our_own() {
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    let cases = [
        ("plain", "a=sendrecv", SendReceive, SendReceive),
        ("peer holds", "a=sendonly", SendReceive, ReceiveOnly),
        ("peer listens", "a=recvonly", SendReceive, SendOnly),
        ("peer is away", "a=inactive", SendReceive, Inactive),
        ("peer holds by zeros", "c=IN IP4 0.0.0.0", SendReceive, ReceiveOnly),
        ("we hold", "a=sendrecv", SendOnly, SendOnly),
        ("both hold", "a=sendonly", SendOnly, Inactive),
    ];
    for (name, line, direction, expected) in cases {
        let offer = with_media(&format!("m=audio 4000 RTP/AVP 8\n{line}\n"));
        let answered = answer(&offer, &ours(), &LocalDescription { direction, ..local() }).expect(name);
        assert_eq!(answered.stream.direction, expected, "{name}");
        let line = format!("a={}", direction_name(expected));
        assert!(media_lines(&answered.description).contains(&line), "{name}");
    }
}

#[test]
fn media_3_the_packet_time_is_the_peer_s_wish_within_bounds() {
    let cases = [
        ("none", "a=x", 20),
        ("30", "a=ptime:30", 30),
        ("35, which we don't have", "a=ptime:35", 30),
        ("a limit", "a=ptime:60\na=maxptime:40", 40),
        ("too long", "a=ptime:200", 60),
        ("nonsense", "a=ptime:x", 20),
    ];
    for (name, lines, ms) in cases {
        let offer = with_media(&format!("m=audio 4000 RTP/AVP 8\n{lines}\n"));
        let answered = answer(&offer, &ours(), &local()).expect(name);
        assert_eq!(answered.stream.ptime.as_millis(), ms, "{name}");
    }
}

#[test]
fn the_answer_s_head_is_ours_and_its_times_are_the_offer_s() {
    let local = LocalDescription {
        rtcp: "[2001:db8::7]:30001".parse().expect("an address"),
        session_id: 9,
        version: 4,
        ..LocalDescription::new("[2001:db8::7]:20000".parse().expect("an address"))
    };
    let offer =
        parse("v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nt=5 6\nm=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::1");
    let body = answer(&offer, &ours(), &local).expect("an answer").description.print();
    let head = "v=0\r\no=- 9 4 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=5 6\r\nm=audio 20000 ";
    assert!(body.starts_with(head) && body.ends_with("a=rtcp:30001 IN IP6 2001:db8::7\r\n"), "{body}");
}

#[test]
fn our_offer_is_answered_and_accepted() {
    let offered = offer(&ours(), &local());
    let expected = [
        "m=audio 20000 RTP/AVP 8 0 13 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:13 CN/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ];
    assert_eq!(media_lines(&offered), expected);
    // The peer numbers its events otherwise (RFC 3264 §5.1).
    let theirs = with_media("m=audio 6000 RTP/AVP 0 13 96\na=rtpmap:96 telephone-event/8000\na=sendonly\n");
    let stream = accept(&theirs, &offered).expect("a stream");
    assert_eq!(stream.send, Format { payload_type: PayloadType(0), codec: Codec::Pcmu });
    assert_eq!(stream.receive.len(), 2);
    assert_eq!((stream.receive_events, stream.send_events), (Some(PayloadType(101)), Some(PayloadType(96))));
    assert_eq!((stream.direction, stream.comfort_noise), (Direction::ReceiveOnly, Some(PayloadType(13))));
    let no_events = accept(&with_media("m=audio 6000 RTP/AVP 8\n"), &offered).expect("a stream");
    assert_eq!((no_events.receive_events, no_events.send_events), (None, None));
    assert_eq!(no_events.comfort_noise, None);
}

#[test]
fn an_answer_that_is_none_says_why() {
    let offered = offer(&ours(), &local());
    let cases = [
        ("refused", "m=audio 0 RTP/AVP 8", AnswerError::Refused),
        (
            "two lines for one",
            "m=audio 4 RTP/AVP 8\nm=video 0 RTP/AVP 9",
            AnswerError::LineCount { offered: 1, answered: 2 },
        ),
        (
            "another codec",
            "m=audio 4 RTP/AVP 18",
            AnswerError::NoCommonCodec { answered: vec!["18".to_owned()] },
        ),
        ("no address", "m=audio 4 RTP/AVP 8\nc=IN IP4 host.example", AnswerError::NoAddress { line: 0 }),
    ];
    for (name, lines, expected) in cases {
        assert_eq!(accept(&with_media(lines), &offered), Err(expected), "{name}");
    }
}

#[test]
fn rfc3264_8_a_new_offer_keeps_every_line() {
    let first = answer(&parse(CISCO), &ours(), &local()).expect("an answer").description;
    let held = LocalDescription { version: 2, direction: Direction::SendOnly, ..local() };
    let next = reoffer(&first, &held);
    let expected: Vec<String> =
        media_lines(&first).into_iter().map(|line| line.replace("a=sendrecv", "a=sendonly")).collect();
    assert_eq!((media_lines(&next), next.version()), (expected, 2));
    assert!(first.says_the_same_as(&reoffer(&first, &LocalDescription { version: 3, ..local() })));
}

proptest! {
    /// Any offer: no panic; as many lines as offered, in order; and the answer reads as SDP.
    #[test]
    fn an_answer_has_the_offer_s_lines(body in nearly_sdp()) {
        let Ok(offer) = SessionDescription::parse(&body) else { return Ok(()) };
        let Ok(answered) = answer(&offer, &ours(), &local()) else { return Ok(()) };
        let again = SessionDescription::parse(answered.description.print().as_bytes()).expect("SDP");
        prop_assert_eq!(again.media().count(), offer.media().count());
        for (theirs, own) in offer.media().zip(again.media()) {
            prop_assert_eq!((own.kind() == MediaKind::Audio, own.protocol()), (theirs.kind() == MediaKind::Audio, theirs.protocol()));
        }
        prop_assert_eq!(again.media().filter(|media| media.port() != 0).count(), 1);
    }

    #[test]
    fn any_answer_is_taken_or_refused(body in nearly_sdp()) {
        if let Ok(theirs) = SessionDescription::parse(&body) {
            let _ = accept(&theirs, &offer(&ours(), &local()));
            let _ = accept(&theirs, &theirs);
        }
    }
}
