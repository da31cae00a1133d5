//! The offers of room systems, with the traps that are known of them (ROOM-11): each call is answered, and each line in its place.

use std::{net::SocketAddr, time::Duration};

use call::LegRecord;
use sdp::SessionDescription;
use terms::{MediaKind, media::Secrecy};
use tests::{Conditions, World};

const SECOND: Duration = Duration::from_secs(1);
const ROOM: &str = "127.0.1.50:5060";
const GATEWAY: &str = "127.0.0.1:5060";

/// It sends no sound, and nobody shall ask after it.
const SETTINGS: [(&str, &str); 4] = [
    ("trunk.0.kind", "hardware"),
    ("no_stream.end", "10m"),
    ("no_stream.end_answered", "10m"),
    ("no_stream.probe", "9m"),
];

/// A room system that calls the echo.
struct Room {
    fixture: String,
    world: World,
    head: String,
    offer: String,
    /// The whole 200 to its call.
    answer: String,
    number: u32,
}

impl Room {
    /// It has been answered.
    fn of(fixture: &str) -> Self {
        Self::with(fixture, str::to_owned)
    }

    /// The same, saying what `change` makes of its call.
    fn with(fixture: &str, change: fn(&str) -> String) -> Self {
        let (mut room, answer) = Self::dial(fixture, change);
        assert!(answer.starts_with("SIP/2.0 200"), "{fixture}: {answer}");
        room.answer = answer;
        let number = room.number;
        room.send("ACK", number, "");
        room
    }

    /// It has called; and what that came to.
    fn dial(fixture: &str, change: fn(&str) -> String) -> (Self, String) {
        let text = change(&text_of(fixture)).replace('\n', "\r\n");
        let (head, offer) = text.split_once("\r\n\r\n").expect("a head and a body");
        let (head, offer) = (head.to_owned(), offer.to_owned());
        let number = header(&head, "CSeq").split(' ').next().and_then(|number| number.parse().ok());
        let number = number.expect("a number");
        let world = World::configured(Conditions::GOOD, 1, &[], &SETTINGS);
        let mut room =
            Self { fixture: fixture.to_owned(), world, head, offer, answer: String::new(), number };
        room.say(&format!("{}\r\nContent-Length: {}\r\n\r\n{}", room.head, room.offer.len(), room.offer));
        let answer = room.last(|text| text.starts_with("SIP/2.0") && !text.starts_with("SIP/2.0 1"));
        (room, answer.expect("an answer"))
    }

    /// Asks in the dialog, with what stands behind the last common header; the answer.
    fn ask(&mut self, method: &str, more: &str) -> String {
        self.number += 1;
        let number = self.number;
        self.send(method, number, more);
        let about = format!("CSeq: {number} {method}");
        self.last(|text| text.starts_with("SIP/2.0") && text.contains(&about)).expect("an answer")
    }

    /// Offers again; the answer, acknowledged.
    fn reoffer(&mut self, offer: &str) -> String {
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}", offer.len());
        let contact = format!("Contact: {}\r\n", header(&self.head, "Contact"));
        let answer = self.ask("INVITE", &(contact + &body));
        let number = self.number;
        self.send("ACK", number, "");
        answer
    }

    fn send(&mut self, method: &str, number: u32, more: &str) {
        let target =
            header(&self.answer, "Contact").trim_start_matches('<').split('>').next().expect("a URI");
        let end = if more.is_empty() { "Content-Length: 0\r\n\r\n" } else { more };
        self.say(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {ROOM};branch=z9hG4bK{method}{number};rport\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\n{end}",
            header(&self.head, "From"),
            header(&self.answer, "To"),
            header(&self.head, "Call-ID"),
        ));
    }

    /// Sends this, and gives it a second.
    fn say(&mut self, text: &str) {
        self.send_octets(GATEWAY.parse().expect("an address"), text.as_bytes());
    }

    fn send_octets(&mut self, to: SocketAddr, octets: &[u8]) {
        let now = self.world.now();
        self.world.network.send(now, ROOM.parse().expect("an address"), to, octets);
        self.world.run(SECOND);
    }

    /// What the gateway sent last of this kind.
    fn last(&self, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let sent = self.world.gateway.sent.iter().rev();
        sent.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).find(|text| is_it(text))
    }

    /// Where the gateway takes its sound.
    fn audio_port(&self) -> u16 {
        let description = description_of(&self.answer);
        description.media().next().expect("an audio line").port()
    }

    /// Hangs up; nothing of it may be left.
    fn leave(mut self) -> Visit {
        let answer = self.ask("BYE", "");
        assert!(answer.starts_with("SIP/2.0 200"), "{}: {answer}", self.fixture);
        assert!(self.world.gateway.is_at_rest(), "{}", self.fixture);
        let record = self.world.gateway.records.pop().expect("its record");
        Visit { description: description_of(&self.answer), answer: self.answer, record }
    }
}

/// A room system that called the echo, was answered, and hung up.
struct Visit {
    /// The whole 200.
    answer: String,
    description: SessionDescription,
    record: LegRecord,
}

impl Visit {
    fn of(fixture: &str) -> Self {
        Room::of(fixture).leave()
    }

    fn lines(&self) -> Vec<&str> {
        lines(&self.answer)
    }

    fn attributes(&self, beginning: &str) -> Vec<&str> {
        attributes(&self.answer, beginning)
    }

    fn refused(&self) -> Vec<(usize, MediaKind)> {
        self.record.refused_lines.iter().map(|refused| (refused.line, refused.kind.clone())).collect()
    }
}

fn text_of(fixture: &str) -> String {
    let file = format!("{}/fixtures/room-systems/{fixture}.sip", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(file).expect("a fixture")
}

fn description_of(message: &str) -> SessionDescription {
    let (_, described) = message.split_once("\r\n\r\n").expect("a body");
    SessionDescription::parse(described.as_bytes()).expect("it parses")
}

/// A description's `m=` lines.
fn lines(message: &str) -> Vec<&str> {
    message.lines().filter_map(|line| line.strip_prefix("m=")).collect()
}

/// All of its `a=` lines with this beginning.
fn attributes<'a>(message: &'a str, beginning: &str) -> Vec<&'a str> {
    let all = message.lines().filter_map(|line| line.strip_prefix("a="));
    all.filter(|line| line.starts_with(beginning)).collect()
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let lead = format!("{name}:");
    text.lines().find_map(|line| line.strip_prefix(lead.as_str())).expect(name).trim()
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

#[test]
fn room_11_a_group_adds_its_slides_later_and_is_told_of_it_where_they_stand() {
    let mut room = Room::of("polycom-group");
    let slides = "m=video 20008 RTP/SAVP 111\r\na=rtpmap:111 H264/90000\r\na=content:slides\r\n";
    let offer = room.offer.clone() + slides;
    let answer = room.reoffer(&offer);
    let (before, after) = (lines(&room.answer), lines(&answer));
    assert_eq!(after[..4], before[..], "{answer}");
    assert_eq!(after[4..], ["video 0 RTP/SAVP 111"]);
    assert_eq!(attributes(&answer, "crypto"), attributes(&room.answer, "crypto"), "the keys stay");
    let visit = room.leave();
    assert_eq!(visit.refused().last(), Some(&(4, MediaKind::Slides)));
    assert_eq!(visit.record.refused_lines[0].protocol, "RTP/SAVP");
}

#[test]
fn room_11_a_line_that_a_device_gives_up_stays_in_its_place_and_was_not_refused() {
    let mut room = Room::of("cisco-tc");
    let mut offer = room.offer.clone();
    for port in ["2328", "2330", "2332"] {
        offer = offer.replace(&format!(" {port} "), " 0 ");
    }
    let answer = room.reoffer(&offer);
    assert_eq!(lines(&answer).len(), lines(&offer).len(), "{answer}");
    let open =
        |message: &str| lines(message).iter().filter(|line| line.split(' ').nth(1) != Some("0")).count();
    assert_eq!((open(&offer), open(&answer)), (2, 1));
    assert_eq!(room.leave().refused(), [(2, MediaKind::Bfcp)]);
}

#[test]
fn room_11_a_fax_is_refused_and_the_call_goes_on() {
    let mut room = Room::of("cisco-ce");
    let head = room.offer.split("m=").next().expect("a head").to_owned();
    let fax = format!("{head}m=image 46020 udptl t38\r\na=T38FaxVersion:0\r\n");
    assert!(room.reoffer(&fax).starts_with("SIP/2.0 488"));
    let beside = room.offer.clone() + "m=image 46020 udptl t38\r\n";
    let answer = room.reoffer(&beside);
    assert_eq!(lines(&answer).last(), Some(&"image 0 udptl t38"), "{answer}");
    assert_eq!(lines(&answer)[0], lines(&room.answer)[0]);
    room.leave();
}

#[test]
fn media_2_a_key_without_encrypted_rtcp_is_passed_over_wherever_it_stands() {
    let swapped = |text: &str| {
        let mut all: Vec<&str> = text.lines().collect();
        let places = all.iter().enumerate().filter(|(_, line)| line.starts_with("a=crypto:"));
        let places: Vec<usize> = places.map(|(place, _)| place).take(2).collect();
        all.swap(places[0], places[1]);
        all.join("\n") + "\n"
    };
    let visit = Room::with("cisco-ce", swapped).leave();
    let keys = visit.attributes("crypto");
    assert!(matches!(keys[..], [key] if key.starts_with("crypto:1 AES_CM_128_HMAC_SHA1_80 ")), "{keys:?}");
}

#[test]
fn dial_7_where_101_is_a_codec_events_have_the_number_that_says_so() {
    let moved = |text: &str| {
        let text = text.replace(" 101\n", " 101 99\n").replace("a=fmtp:101 0-15", "a=fmtp:99 0-15");
        text.replace(
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:101 MP4A-LATM/90000\na=rtpmap:99 telephone-event/8000",
        )
    };
    let visit = Room::with("cisco-tc", moved).leave();
    let events: Vec<&str> =
        visit.attributes("rtpmap").into_iter().filter(|line| line.contains("telephone-event")).collect();
    assert_eq!(events, ["rtpmap:99 telephone-event/8000"], "{}", visit.answer);
}

#[test]
fn room_11_the_fingerprint_of_a_line_that_is_refused_begins_no_handshake() {
    let room = Room::of("cisco-ce");
    assert!(room.offer.contains("a=fingerprint"), "of its line of IX");
    assert_eq!(attributes(&room.answer, "fingerprint"), [""; 0]);
    // RFC 7983 §7: what begins with 20 to 63 is DTLS.
    assert!(!room.world.gateway.sent.iter().any(|bytes| matches!(bytes.first(), Some(20..=63))));
    room.leave();
}

#[test]
fn rfc4028_a_session_below_90_seconds_is_too_short() {
    let shorter = |text: &str| text.replace("Session-Expires: 90", "Session-Expires: 60");
    let (_, answer) = Room::dial("polycom-hdx", shorter);
    assert!(answer.starts_with("SIP/2.0 422"), "{answer}");
    assert_eq!(header(&answer, "Min-SE"), "90");
}

#[test]
fn rfc4028_our_own_refresh_keeps_every_line_in_its_place() {
    let ours = |text: &str| text.replace("Session-Expires: 90", "Session-Expires: 90;refresher=uas");
    let mut room = Room::with("polycom-hdx", ours);
    assert!(header(&room.answer, "Session-Expires").contains("uas"), "{}", room.answer);
    room.world.run(60 * SECOND);
    let refresh = room.last(|text| text.starts_with("INVITE ") || text.starts_with("UPDATE "));
    let refresh = refresh.expect("a refresh");
    let ports = |message: &str| {
        let port = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        lines(message).into_iter().map(port).collect::<Vec<_>>()
    };
    if refresh.starts_with("INVITE ") {
        assert_eq!(ports(&refresh), ports(&room.answer), "{refresh}");
    }
}

#[test]
fn room_11_empty_datagrams_keep_a_binding_of_a_nat_and_are_nothing_else() {
    let mut room = Room::of("polycom-group");
    let sound = SocketAddr::from(([127, 0, 0, 1], room.audio_port()));
    for to in [GATEWAY.parse().expect("an address"), sound] {
        room.send_octets(to, b"");
        room.send_octets(to, b"\r\n\r\n");
    }
    room.leave();
}

#[test]
fn room_11_a_device_that_asks_for_a_whole_picture_by_info_is_answered() {
    let mut room = Room::of("polycom-group");
    let body = "<?xml version=\"1.0\"?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>";
    let more = format!(
        "Content-Type: application/media_control+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = room.ask("INFO", &more);
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    room.leave();
}

#[test]
fn room_10_what_the_makers_write_beside_the_standards_is_read() {
    for (fixture, oddity) in [
        ("polycom-group", "\nP_Preferred_Identity:"),
        ("polycom-group", "\nUser-Agent:Polycom"),
        ("polycom-group", ";proxy=replace"),
        ("polycom-group", ";epid="),
        ("polycom-hdx", "\nTo:  <"),
        ("cisco-tc", "crypto:0 "),
        ("cisco-ce", ";egress-zone="),
        ("cisco-ce", "\nSession-ID:"),
    ] {
        assert!(text_of(fixture).contains(oddity), "{fixture} has lost {oddity:?}");
        Visit::of(fixture);
    }
}
