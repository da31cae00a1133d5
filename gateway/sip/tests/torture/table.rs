//! All cases of RFC 4475 and RFC 5118 in messages of our own, each as short as its point allows,
//! judged by what the RFC permits.

use crate::judge::{fits, outcome};
use bytes::Bytes;
use sip::wire::{Contact, From, HeaderName, Message, Request, Route, To, Via, parse};

/// What the parser may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parses {
    Yes,
    No,
    Either,
}
use Parses::{Either, No, Yes};

/// Clause, what is odd, the message, what the parser and the endpoint may do. A vertical bar stands
/// for a line end; what is missing of Via, From, To, Call-ID, CSeq and Contact is filled in, unless
/// the message begins with `=`.
type Case = (&'static str, &'static str, &'static str, Parses, &'static [&'static str]);

const TAKEN: &[&str] = &["accept", "3xx-6xx"];
/// A REGISTER, as long as nobody can register here.
const NO_REGISTRAR: &[&str] = &["405", "501", "403"];
const REFUSED_OR_TAKEN: &[&str] = &["400", "accept", "3xx-6xx"];

const CASES: [Case; 61] = [
    (
        "4475 3.1.1.1",
        "folds, odd spacing, short names",
        "INVITE sip:a@b.example;x SIP/2.0|TO :| sip:a@b.example ;   tag    = 1n|from   : \"J \\\\\\\"\"       <sip:j@b.example>|  ;|  tag = 98|MaX-fOrWaRdS: 0068|Call-ID: w.1|Content-Length   : 3|cseq: 0009|  INVITE|Via  : SIP  /   2.0|   /UDP|    192.0.2.2;branch=390|s :|NewFangled:   a| b\tc|Odd: ;;,,;;,;|Content-Type: application/sdp|Route:| <sip:r.example;lr;a=b;c>|v:  SIP  / 2.0  / TCP     s.example   ;|  branch  =   z9hG4bK9  ,| SIP  /    2.0   / UDP  192.168.255.1   ; branch=|  z9hG4bK3|m:\"Q \\\"\\\"\" <sip:j@b.example> ; n = v ;|  s ; q = 0.33||v=0",
        Yes,
        &["accept", "481", "3xx-6xx"],
    ),
    (
        "4475 3.1.1.2",
        "every character that a token may have",
        "!Odd-Meth0_*+`.%ind'~ sip:1_u~(t!s)&n't+$/c?,/;;*:&p=1*@b.example SIP/2.0|To: \"\\\u{7}\\\\ \" <sip:1@b.example>|From: t1~` t'+_ *%!.- <sip:m@b.example>;x=\"\u{44d}\u{44e};\";tag=_t~1'+`*%!.-|Call-ID: w%Z-!.*_+'@w`~)(><:\\/\"][?}{|CSeq: 139122385 !Odd-Meth0_*+`.%ind'~|Max-Forwards: 255|x-!.%*+`'~: \u{feff}\u{5927}",
        Yes,
        &["501"],
    ),
    (
        "4475 3.1.1.3",
        "escapes where they count",
        "INVITE sip:sips%3Auser%40b.example@b.example SIP/2.0|To: <sip:%75se%72@b.example>|From: <sip:I%20have%20spaces@b.example>;tag=1|m: <sip:c%61ller@h.example;%6C%72;n%61me=v%61lue%25%34%31>",
        Yes,
        TAKEN,
    ),
    (
        "4475 3.1.1.4",
        "escaped NUL in users",
        "REGISTER sip:b.example SIP/2.0|To: sip:n-%00-n@b.example|From: sip:n-%00-n@b.example;tag=1|Contact: <sip:%00@h.example>|Contact: <sip:%00%00@h.example>|L:0",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.1.1.5",
        "percent signs that escape nothing",
        "RE%47IST%45R sip:b.example SIP/2.0|To: \"%Z%45\" <sip:r@b.example>|From: \"%Z%45\" <sip:r@b.example>;tag=1|C%6Fntact: <sip:x@h.example>|Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK209%fz",
        Yes,
        &["501"],
    ),
    (
        "4475 3.1.1.6",
        "no space before the bracket",
        "OPTIONS sip:a@b.example SIP/2.0|From: caller<sip:c@b.example>;tag=323",
        Yes,
        TAKEN,
    ),
    (
        "4475 3.1.1.7",
        "very long values",
        "INVITE sip:a@b.example SIP/2.0|To: \"LONG\" <sip:LONG@b.example:6000;a=LONG;LONG>|From: sip:LONG@b.example;tag=LONG|Call-ID: LONG.LONG|X-LONG: LONG LONG|Contact: <sip:LONG@h.example>|Via: SIP/2.0/UDP a.example, SIP/2.0/UDP b.example;branch=z9hG4bKLONG|v: SIP/2.0/TCP c.example,SIP/2.0/TLS d.example;received=192.0.2.5",
        Yes,
        TAKEN,
    ),
    (
        "4475 3.1.1.8",
        "a second request in the datagram",
        "REGISTER sip:b.example SIP/2.0|Content-Length: 0||INVITE sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsecond||",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.1.1.9",
        "semicolon and escaped at sign in a user",
        "OPTIONS sip:u;par=u%40b.example@b.example SIP/2.0|To: sip:j_user@b.example|Accept: a/b, c/d,| e/f",
        Yes,
        TAKEN,
    ),
    (
        "4475 3.1.1.10",
        "all transports and an unknown one",
        "OPTIONS sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP a.example;branch=z9hG4bK1|Via: SIP/2.0/SCTP b.example;branch=z9hG4bK2|Via: SIP/2.0/TLS c.example;branch=z9hG4bK3|Via: SIP/2.0/UNKNOWN d.example;branch=z9hG4bK4|Via: SIP/2.0/TCP e.example;branch=z9hG4bK5",
        Yes,
        TAKEN,
    ),
    (
        "4475 3.1.1.11",
        "two parts, one binary",
        "MESSAGE sip:a@b.example SIP/2.0|Content-Type: multipart/mixed;boundary=7a|Content-Length: 38||--7a|||Hello|--7a|||\u{0}\u{1}\u{0}|\n\u{0}|--7a--||",
        Yes,
        &["accept", "415", "405", "501", "3xx-6xx"],
    ),
    (
        "4475 3.1.1.12",
        "an unusual reason phrase",
        "SIP/2.0 200 = 2**3 * 5**2 \u{43d}\u{43e} \u{43f}\u{440}|CSeq: 35 INVITE",
        Yes,
        &["ignore"],
    ),
    ("4475 3.1.1.13", "an empty reason phrase", "SIP/2.0 100 |CSeq: 35 INVITE", Yes, &["ignore"]),
    (
        "4475 3.1.2.1",
        "stray separators in Via and Contact",
        "INVITE sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP 192.0.2.15;;,;,,|Contact: \"J\" <sip:j@h.example>;;;;",
        No,
        &["400", "ignore"],
    ),
    (
        "4475 3.1.2.2",
        "more body told than there is",
        "INVITE sip:a@b.example SIP/2.0|Content-Length: 9999||v=0",
        No,
        &["400"],
    ),
    (
        "4475 3.1.2.3",
        "a negative length",
        "INVITE sip:a@b.example SIP/2.0|CSeq: 0 INVITE|Content-Length: -999||v=0",
        No,
        &["400", "error"],
    ),
    (
        "4475 3.1.2.4",
        "numbers beyond their range",
        "REGISTER sip:b.example SIP/2.0|CSeq: 36893488147419103232 REGISTER|Max-Forwards: 300|Expires: 10000000000000000000000000|Contact: <sip:u@h.example>;expires=280297596632815",
        No,
        &["400"],
    ),
    (
        "4475 3.1.2.5",
        "the same in a response",
        "SIP/2.0 503 Service Unavailable|CSeq: 9292394834772304023312 OPTIONS|Retry-After: 949302838503028349304023988|Warning: 1812 o \"In Progress\"",
        No,
        &["ignore"],
    ),
    (
        "4475 3.1.2.6",
        "a quote that is not closed",
        "INVITE sip:a@b.example SIP/2.0|To: \"Mr. J. User <sip:j.user@b.example>",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.7",
        "brackets around the Request-URI",
        "INVITE <sip:a@b.example> SIP/2.0",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.8",
        "a space in the Request-URI",
        "INVITE sip:a@b.example; lr SIP/2.0|To: sip:a@b.example;tag=3|CSeq: 2130706432 INVITE",
        Either,
        &["400", "481", "accept", "3xx-6xx"],
    ),
    (
        "4475 3.1.2.9",
        "two spaces in the request line",
        "INVITE  sip:a@b.example  SIP/2.0",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.10",
        "spaces behind the request line",
        "OPTIONS sip:a@b.example SIP/2.0  ",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.11",
        "a Route in the Request-URI",
        "INVITE sip:a@b.example?Route=%3Csip:r.example%3E SIP/2.0",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.12",
        "a date of another zone",
        "INVITE sip:a@b.example SIP/2.0|Date: Fri, 01 Jan 2010 16:00:00 EST",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.13",
        "headers of a URI without brackets",
        "REGISTER sip:b.example SIP/2.0|Contact: sip:a@b.example?Route=%3Csip:r.example%3E",
        Either,
        &["400", "405", "501", "403"],
    ),
    (
        "4475 3.1.2.14",
        "spaces inside brackets",
        "OPTIONS sip:a@b.example SIP/2.0|To: \"Watson, T\" < sip:t@b.example >|From: \"Bell, A\" <sip:b@b.example> ;tag=43",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.15",
        "a comma in a name without quotes",
        "OPTIONS sip:a@b.example SIP/2.0|From: Bell, Alexander <sip:b@b.example>;tag=43|To: Watson, T <sip:t@b.example>",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.1.2.16",
        "another version",
        "OPTIONS sip:a@b.example SIP/7.0|Via: SIP/7.0/UDP 192.0.2.1;branch=z9hG4bKv",
        No,
        &["505"],
    ),
    (
        "4475 3.1.2.17",
        "the method of CSeq is another",
        "OPTIONS sip:a@b.example SIP/2.0|CSeq: 8 INVITE",
        Either,
        &["400"],
    ),
    (
        "4475 3.1.2.18",
        "the same with an unknown method",
        "NEWMETHOD sip:a@b.example SIP/2.0|CSeq: 8 INVITE",
        Either,
        &["501", "400"],
    ),
    (
        "4475 3.1.2.19",
        "a status far beyond 699",
        "SIP/2.0 4294967301 better not break|CSeq: 353494 INVITE",
        No,
        &["ignore"],
    ),
    (
        "4475 3.2.1",
        "a branch that is only the cookie",
        "OPTIONS sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "4475 3.3.1",
        "no Call-ID, From or To",
        "=INVITE sip:a@b.example SIP/2.0|CSeq: 193942 INVITE|Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKi|Content-Length: 0",
        Either,
        &["400", "ignore"],
    ),
    (
        "4475 3.3.2",
        "an unknown scheme",
        "OPTIONS nobodyKnowsThis:totallyopaque SIP/2.0|To: sip:a@b.example",
        Yes,
        &["416"],
    ),
    (
        "4475 3.3.3",
        "a scheme that routes nothing here",
        "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0",
        Yes,
        &["416", "404"],
    ),
    (
        "4475 3.3.4",
        "other schemes in To, From and Contact",
        "REGISTER sip:b.example SIP/2.0|To: isbn:2983792873|From: <http://www.b.example>;tag=3|Contact: <name:John_Smith>",
        Yes,
        &["405", "501", "403", "400"],
    ),
    (
        "4475 3.3.5",
        "unknown extensions required",
        "OPTIONS sip:a@b.example SIP/2.0|Require: nothingSupportsThis, norThis|Proxy-Require: noProxyDoes",
        Yes,
        &["420"],
    ),
    (
        "4475 3.3.6",
        "a body of an unknown type",
        "INVITE sip:a@b.example SIP/2.0|Content-Type: application/unknownformat||<audio/>",
        Yes,
        &["415"],
    ),
    (
        "4475 3.3.7",
        "an unknown authorization scheme",
        "REGISTER sip:b.example SIP/2.0|Authorization: NoOneKnowsThis opaque=here",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.3.8",
        "two of each",
        "=INVITE sip:a@b.example SIP/2.0|CSeq: 5 INVITE|Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKm|Max-Forwards: 70|Max-Forwards: 5|From: sip:a@b.example;tag=1|From: sip:c@b.example;tag=2|To: sip:a@b.example|To: sip:d@b.example|Call-ID: m1@h|Call-ID: m2@h|CSeq: 59 INVITE|Contact: <sip:a@h.example>|Contact: <sip:c@h.example>",
        Either,
        &["400"],
    ),
    (
        "4475 3.3.9",
        "two lengths",
        "OPTIONS sip:a@b.example SIP/2.0|Content-Length: 13|Content-Length: 5||There's no way to know",
        No,
        &["400", "error"],
    ),
    (
        "4475 3.3.10",
        "a response for the broadcast address",
        "SIP/2.0 200 OK|CSeq: 1 INVITE|Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1|Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2",
        Yes,
        &["ignore"],
    ),
    (
        "4475 3.3.11",
        "no hops left",
        "OPTIONS sip:a@b.example SIP/2.0|Max-Forwards: 0",
        Yes,
        &["accept", "483", "3xx-6xx"],
    ),
    (
        "4475 3.3.12",
        "a parameter behind a bare Contact",
        "REGISTER sip:b.example SIP/2.0|Contact: sip:+1972@h.example;unknownparam",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.3.13",
        "a parameter inside Contact's URI",
        "REGISTER sip:b.example SIP/2.0|Contact: <sip:+1972@h.example;unknownparam>",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.3.14",
        "a Route in Contact's URI",
        "REGISTER sip:b.example SIP/2.0|M: <sip:a@b.example?Route=%3Csip:r.example%3E>",
        Yes,
        NO_REGISTRAR,
    ),
    (
        "4475 3.3.15",
        "no SDP accepted in the answer",
        "INVITE sip:a@b.example SIP/2.0|Accept: text/nobodyKnowsThis|Content-Type: application/sdp||v=0",
        Yes,
        &["406", "400"],
    ),
    (
        "4475 3.4.1",
        "a request from before RFC 3261",
        "=INVITE sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP i.example|From: <sip:a@i.example;user=phone>|Record-Route: <sip:p.example;maddr=192.0.2.1>|To: sip:+1@b.example;user=phone|Call-ID: 1717@i.example|CSeq: 56 INVITE|Content-Type: application/sdp||v=0",
        Either,
        REFUSED_OR_TAKEN,
    ),
    (
        "5118 4.1",
        "IPv6 in its places",
        "REGISTER sip:[2001:db8::10] SIP/2.0|Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1|Contact: \"C\" <sip:c@[2001:db8::1]>",
        Yes,
        NO_REGISTRAR,
    ),
    ("5118 4.2", "IPv6 without brackets", "REGISTER sip:2001:db8::10 SIP/2.0", No, &["400"]),
    ("5118 4.3", "a port inside the brackets", "REGISTER sip:[2001:db8::10:5070] SIP/2.0", Yes, NO_REGISTRAR),
    ("5118 4.4", "a port behind the brackets", "REGISTER sip:[2001:db8::10]:5070 SIP/2.0", Yes, NO_REGISTRAR),
    (
        "5118 4.5 a",
        "received with brackets",
        "BYE sip:[2001:db8::10] SIP/2.0|To: sip:a@b.example;tag=b|Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK1",
        Yes,
        &["481", "3xx-6xx"],
    ),
    (
        "5118 4.5 b",
        "received without brackets",
        "OPTIONS sip:[2001:db8::10] SIP/2.0|Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bK1",
        Yes,
        TAKEN,
    ),
    (
        "5118 4.6",
        "IPv6 in SDP",
        "INVITE sip:a@[2001:db8::10] SIP/2.0|Content-Type: application/sdp||v=0|o=- 1 1 IN IP6 2001:db8::20|s=-|c=IN IP6 2001:db8::20|t=0 0|m=audio 4000 RTP/AVP 0",
        Yes,
        &["accept", "488", "3xx-6xx"],
    ),
    (
        "5118 4.7",
        "both families in Via",
        "BYE sip:a@h.example SIP/2.0|To: sip:a@b.example;tag=b|Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK1|Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2|Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK3;received=192.0.2.200",
        Yes,
        &["481", "3xx-6xx"],
    ),
    (
        "5118 4.8",
        "both families in SDP",
        "INVITE sip:a@[2001:db8::10] SIP/2.0|Content-Type: application/sdp||v=0|o=- 1 1 IN IP4 192.0.2.1|s=-|t=0 0|m=audio 4000 RTP/AVP 0|c=IN IP4 192.0.2.1|m=video 4002 RTP/AVP 31|c=IN IP6 2001:db8::1",
        Yes,
        &["accept", "488", "3xx-6xx"],
    ),
    (
        "5118 4.9",
        "IPv4 addresses in IPv6",
        "INVITE sip:a@b.example SIP/2.0|Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bK1|Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bK2|Contact: \"T\" <sip:t@[::ffff:192.0.2.2]>",
        Yes,
        &["accept", "488", "3xx-6xx"],
    ),
    ("5118 4.10 a", "three colons", "OPTIONS sip:a@[2001:db8:::192.0.2.1] SIP/2.0", Either, REFUSED_OR_TAKEN),
    (
        "5118 4.10 b",
        "two colons before an IPv4 part",
        "OPTIONS sip:a@[2001:db8::192.0.2.1] SIP/2.0",
        Yes,
        TAKEN,
    ),
];

/// What is filled in where a message has no such header.
const USUAL: [(&str, &str, &str); 6] = [
    ("via", "v", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKusual"),
    ("from", "f", "From: <sip:c@c.example>;tag=c"),
    ("to", "t", "To: <sip:a@b.example>"),
    ("call-id", "i", "Call-ID: usual@c.example"),
    ("contact", "m", "Contact: <sip:c@c.example>"),
    ("cseq", "cseq", "CSeq: 1 "),
];

fn message(case: &Case) -> Bytes {
    let (clause, _, text, ..) = case;
    let text = text.replace("LONG", &"long0123456789".repeat(12)).replace('|', "\r\n");
    let Some(whole) = text.strip_prefix('=') else {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let method = head.split(' ').next().unwrap_or_default();
        let mut head = head.to_owned();
        for (name, short, line) in USUAL {
            let is_it = |line: &str| {
                let own = line.split(':').next().unwrap_or_default().trim();
                own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(short)
            };
            if !head.split("\r\n").skip(1).any(is_it) {
                let method = if name == "cseq" { method } else { "" };
                head.push_str(&format!("\r\n{line}{method}"));
            }
        }
        assert!(head.contains('\n'), "{clause}");
        return Bytes::from(format!("{head}\r\n\r\n{body}"));
    };
    let end = if whole.contains("\r\n\r\n") { "" } else { "\r\n\r\n" };
    Bytes::from(format!("{whole}{end}"))
}

#[expect(clippy::panic, reason = "a row of the table that is no request is a mistake in the table")]
fn request_of(clause: &str) -> Request {
    let case = CASES.iter().find(|case| case.0 == clause).expect("a clause of the table");
    match parse(message(case)) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{clause}: {other:?}"),
    }
}

#[test]
fn rfc4475_and_rfc5118_cases_of_our_own_parse_as_the_rfcs_permit() {
    let mut wrong = Vec::new();
    for case in &CASES {
        let parsed = parse(message(case));
        let is_right = match case.3 {
            Yes => parsed.is_ok(),
            No => parsed.is_err(),
            Either => true,
        };
        if !is_right {
            let fault = parsed.err().map_or_else(|| "parsed".into(), |error| error.to_string());
            wrong.push(format!("{} ({}): {fault}", case.0, case.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4475_and_rfc5118_cases_of_our_own_are_answered_as_the_rfcs_permit() {
    let mut wrong = Vec::new();
    for case in &CASES {
        let seen = outcome(message(case));
        if !case.4.iter().any(|word| fits(word, &seen)) {
            wrong.push(format!("{} ({}): {seen}, not one of {:?}", case.0, case.1, case.4));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4475_and_rfc5118_cases_read_as_they_are_meant() {
    let folded = request_of("4475 3.1.1.1");
    assert_eq!((folded.max_forwards.map(|left| left.0), folded.head.cseq.number.0), (Some(68), 9));
    assert_eq!(folded.headers.all::<Via>().count(), 3);
    let From(from) = folded.headers.first().expect("it reads").expect("it is there");
    assert_eq!(from.display.map(|name| name.to_string()).as_deref(), Some("J \\\""));
    assert_eq!(folded.headers.other("Odd").next().map(|odd| odd.to_string()).as_deref(), Some(";;,,;;,;"));
    let Route(route) = folded.headers.first().expect("it reads").expect("it is there");
    assert!(route.uri.params().has("lr") && route.uri.params().has("c"));

    let odd = request_of("4475 3.1.1.2");
    assert_eq!(odd.uri.user().map(|user| user.to_string()).as_deref(), Some("1_u~(t!s)&n't+$/c?,/;;*"));
    assert_eq!(odd.uri.password().map(|word| word.to_string()).as_deref(), Some("&p=1*"));

    let escaped = request_of("4475 3.1.1.3");
    assert_eq!(escaped.uri.dialed().map(|user| user.to_string()).as_deref(), Some("sips:user@b.example"));
    let To(to) = escaped.headers.first().expect("it reads").expect("it is there");
    assert_eq!(to.uri.dialed().map(|user| user.to_string()).as_deref(), Some("user"));

    assert_eq!(request_of("4475 3.1.1.4").headers.all::<Contact>().count(), 2);
    assert_eq!(request_of("4475 3.1.1.8").body.len(), 0, "one datagram is one message");
    assert!(request_of("4475 3.1.1.11").body.contains(&0));
    assert_eq!(request_of("4475 3.3.11").max_forwards.map(|left| left.0), Some(0));

    let contact = |clause| match request_of(clause).headers.first::<Contact>() {
        Ok(Some(Contact::Address(address))) => {
            (address.params.has("unknownparam"), address.uri.params().has("unknownparam"))
        }
        other => panic!("{clause}: {other:?}"),
    };
    assert_eq!((contact("4475 3.3.12"), contact("4475 3.3.13")), ((true, false), (false, true)));

    let host = |clause| request_of(clause).uri.host().map(|host| host.to_string());
    assert_eq!(host("5118 4.3").as_deref(), Some("[2001:db8::10:5070]"));
    assert_eq!(host("5118 4.10 b").as_deref(), Some("[2001:db8::c000:201]"));
    assert_eq!(request_of("5118 4.4").uri.port(), Some(5070));
    let received = |clause| request_of(clause).head.via.received().map(|ip| ip.to_string());
    assert_eq!(
        (received("5118 4.5 a"), received("5118 4.5 b")),
        (Some("2001:db8::9:255".into()), Some("2001:db8::9:255".into()))
    );
    assert!(request_of("4475 3.3.7").headers.has(HeaderName::Authorization));
}
