//! The offers of room systems, with the traps that are known of them (ROOM-11): each call is answered, and each line in its place.

use std::time::Duration;

use call::LegRecord;
use sdp::SessionDescription;
use terms::{MediaKind, media::Secrecy};
use tests::{Conditions, World};

const SECOND: Duration = Duration::from_secs(1);
const ROOM: &str = "127.0.1.50:5060";
const GATEWAY: &str = "127.0.0.1:5060";

/// A room system that called the echo, was answered, and hung up.
struct Visit {
    /// The whole 200.
    answer: String,
    description: SessionDescription,
    record: LegRecord,
}

impl Visit {
    fn of(fixture: &str) -> Self {
        let file = format!("{}/fixtures/room-systems/{fixture}.sip", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("a fixture");
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let (head, body) = (head.replace('\n', "\r\n"), body.replace('\n', "\r\n"));
        let mut world = World::configured(Conditions::GOOD, 1, &[], &[("trunk.0.kind", "hardware")]);
        send(&mut world, &format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        world.run(SECOND);
        let sent = world.gateway.sent.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let answer = sent.into_iter().find(|text| text.starts_with("SIP/2.0 200")).expect("it is answered");
        let (_, described) = answer.split_once("\r\n\r\n").expect("a body");
        let description = SessionDescription::parse(described.as_bytes()).expect("it parses");
        for (method, number) in [("ACK", number_of(&head)), ("BYE", number_of(&head) + 1)] {
            send(&mut world, &in_dialog(&head, &answer, (method, number)));
            world.run(SECOND);
        }
        assert!(world.gateway.is_at_rest(), "{fixture}");
        let record = world.gateway.records.pop().expect("its record");
        Self { answer, description, record }
    }

    /// The answer's `m=` lines.
    fn lines(&self) -> Vec<&str> {
        self.answer.lines().filter_map(|line| line.strip_prefix("m=")).collect()
    }

    /// All of its `a=` lines with this beginning.
    fn attributes(&self, beginning: &str) -> Vec<&str> {
        self.answer
            .lines()
            .filter_map(|line| line.strip_prefix("a="))
            .filter(|line| line.starts_with(beginning))
            .collect()
    }

    fn refused(&self) -> Vec<(usize, MediaKind)> {
        self.record.refused_lines.iter().map(|refused| (refused.line, refused.kind.clone())).collect()
    }
}

fn send(world: &mut World, text: &str) {
    let (from, to) = (ROOM.parse().expect("an address"), GATEWAY.parse().expect("an address"));
    let now = world.now();
    world.network.send(now, from, to, text.as_bytes());
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let lead = format!("{name}:");
    text.lines().find_map(|line| line.strip_prefix(lead.as_str())).expect(name).trim()
}

fn number_of(head: &str) -> u32 {
    header(head, "CSeq").split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

fn in_dialog(head: &str, answer: &str, (method, number): (&str, u32)) -> String {
    let target =
        header(answer, "Contact").trim_start_matches('<').split('>').next().expect("a URI").to_owned();
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {ROOM};branch=z9hG4bK{method};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n",
        header(head, "From"),
        header(answer, "To"),
        header(head, "Call-ID"),
    )
}

/// What is never answered: codecs that are not built, loss repair of the makers' own.
const NEVER: [&str; 8] =
    ["MP4A-LATM", "SIRENLPR", "lpr", "x-ulpfecuc", "G7221", "G728", "G729", "UNENCRYPTED_SRTCP"];

#[test]
fn room_10_each_line_is_answered_in_its_place_with_its_protocol_and_what_is_refused_has_port_0() {
    use MediaKind::{Bfcp, CameraControl, Slides, Video};
    /// Whose offer, how its lines are answered, and which of them the record tells.
    type Row<'a> = (&'a str, &'a [&'a str], &'a [(usize, MediaKind)]);
    let rows: [Row<'_>; 4] = [
        (
            "cisco-tc",
            &[
                "audio",
                "video 0 RTP/AVP",
                "application 0 UDP/BFCP *",
                "video 0 RTP/AVP",
                "application 0 RTP/AVP 100",
            ],
            &[(1, Video), (2, Bfcp), (3, Slides), (4, CameraControl)],
        ),
        (
            "cisco-ce",
            &[
                "audio",
                "video 0 RTP/AVP",
                "application 0 UDP/BFCP *",
                "video 0 RTP/AVP",
                "application 0 RTP/AVP 104",
                "application 0 UDP/UDT/IX *",
            ],
            &[
                (1, Video),
                (2, Bfcp),
                (3, Slides),
                (4, CameraControl),
                (5, MediaKind::Unknown("application UDP/UDT/IX".into())),
            ],
        ),
        (
            "polycom-group",
            &["audio", "video 0 RTP/SAVP", "application 0 UDP/BFCP *", "application 0 RTP/SAVP 100"],
            &[(1, Video), (2, Bfcp), (3, CameraControl)],
        ),
        ("polycom-hdx", &["audio", "video 0 RTP/AVP", "application 0 TCP/BFCP *"], &[(1, Video), (2, Bfcp)]),
    ];
    for (fixture, lines, refused) in rows {
        let visit = Visit::of(fixture);
        assert_eq!(visit.lines().len(), lines.len(), "{fixture}: {}", visit.answer);
        for (line, expected) in visit.lines().into_iter().zip(lines) {
            assert!(line.starts_with(expected), "{fixture}: {line}, not {expected}");
        }
        let is_alike = |(line, kind): &(usize, MediaKind), (other, expected): &(usize, MediaKind)| {
            // What an unknown line is called is no matter here.
            let both_unknown = matches!((kind, expected), (MediaKind::Unknown(_), MediaKind::Unknown(_)));
            line == other && (kind == expected || both_unknown)
        };
        let told = visit.refused();
        assert_eq!(told.len(), refused.len(), "{fixture}: {told:?}");
        assert!(
            told.iter().zip(refused).all(|(told, expected)| is_alike(told, expected)),
            "{fixture}: {told:?}"
        );
        assert!(visit.record.refused_lines.iter().all(|refused| !refused.reason.is_empty()));
        assert_eq!(visit.description.media().count(), lines.len());
    }
}

#[test]
fn room_5_one_audio_codec_is_answered_and_none_that_is_not_built() {
    for (fixture, codec) in
        [("cisco-tc", "9"), ("cisco-ce", "114"), ("polycom-group", "9"), ("polycom-hdx", "9")]
    {
        let visit = Visit::of(fixture);
        let audio = visit.lines()[0].split(' ').skip(3).collect::<Vec<_>>();
        assert_eq!(audio[0], codec, "{fixture}: {audio:?}");
        for never in NEVER {
            assert!(!visit.answer.contains(never), "{fixture} is answered {never}: {}", visit.answer);
        }
    }
}

#[test]
fn dial_7_telephone_events_are_answered_by_the_number_that_they_were_offered_by() {
    let events = |fixture: &str| {
        let visit = Visit::of(fixture);
        let mapped = visit.attributes("rtpmap").into_iter().filter(|line| line.contains("telephone-event"));
        mapped.map(|line| line.split([':', ' ']).nth(1).expect("a number").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(events("cisco-tc"), ["101"]);
    assert_eq!(events("cisco-ce")[0], "101");
    assert_eq!(events("polycom-group"), ["119"], "101 is a codec there");
    assert_eq!(events("polycom-hdx"), [""; 0], "it has none: its tones are heard");
}

#[test]
fn media_2_keys_on_avp_are_answered_on_avp_by_the_tag_of_the_offer_0_included() {
    for (fixture, protocol, tag) in [
        ("cisco-tc", "RTP/AVP", "crypto:0 AES_CM_128_HMAC_SHA1_80 "),
        ("cisco-ce", "RTP/AVP", "crypto:1 AES_CM_128_HMAC_SHA1_80 "),
        ("polycom-group", "RTP/SAVP", "crypto:1 AES_CM_128_HMAC_SHA1_80 "),
    ] {
        let visit = Visit::of(fixture);
        let audio = visit.lines()[0];
        assert!(audio.contains(protocol), "{fixture}: {audio}");
        let keys = visit.attributes("crypto");
        assert!(matches!(keys[..], [key] if key.starts_with(tag)), "{fixture}: {keys:?}");
        assert_eq!(visit.record.secrecy, Some(Secrecy::KeysInClear), "{fixture}: it came by UDP");
    }
    assert_eq!(Visit::of("polycom-hdx").attributes("crypto"), [""; 0]);
}

#[test]
fn rfc4028_a_session_of_90_seconds_is_taken_as_it_is_asked_for() {
    for (fixture, seconds) in
        [("cisco-tc", "500"), ("cisco-ce", "1800"), ("polycom-group", "1800"), ("polycom-hdx", "90")]
    {
        let visit = Visit::of(fixture);
        let expires = header(&visit.answer, "Session-Expires");
        assert!(expires.starts_with(seconds), "{fixture}: {expires}");
    }
}

#[test]
fn room_11_the_record_tells_the_model() {
    for fixture in ["cisco-tc", "cisco-ce", "polycom-group", "polycom-hdx"] {
        let model = Visit::of(fixture).record.model.expect("it is known");
        assert_eq!(model.profile, fixture);
        assert_eq!(model.quirks, [""; 0], "a trunk's call was not challenged");
    }
}
