use super::*;

/// RFC 5769 §2.1. Its sender is in the controlled role, and so would have us control.
const SAMPLE: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
                      002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
                      000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
const OURS: Credentials<'static> = Credentials { ufrag: "evtj", password: "VOkJxbRl1RmTxUk/WvJxBt" };
/// RFC 5769 §2.2 and §2.3.
const SOURCE: &str = "192.0.2.1:32853";
const SOURCE6: &str = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";

fn octets(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(pair).collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A request with these attributes, signed by a password unless there is none.
fn request(attributes: &[(u16, &[u8])], password: Option<&str>) -> Vec<u8> {
    let mut out = [0; MAX_ANSWER];
    let transaction = octets("2112a442b7e7a701bc34d686fa87dfae").try_into().expect("16 octets");
    let mut request = Answer::new(&mut out, transaction);
    request.begin(BINDING_REQUEST);
    for (kind, value) in attributes {
        request.attribute(*kind, value);
    }
    if let Some(password) = password {
        request.sign(password);
    }
    let len = request.finish();
    out[..len].to_vec()
}

fn answer(datagram: &[u8], source: &str) -> (Verdict, Vec<u8>) {
    let request = Request::parse(datagram).expect("a request");
    let verdict = request.judge(&OURS);
    let mut out = [0; MAX_ANSWER];
    let len = request.answer(verdict, (address(source), &OURS), &mut out);
    (verdict, out[..len].to_vec())
}

#[test]
fn rfc5769_2_1_the_sample_request_is_authentic_and_of_the_wrong_role() {
    let (verdict, said) = answer(&octets(SAMPLE), SOURCE);
    assert_eq!(verdict, Verdict::RoleConflict);
    // Written by Python's hmac and zlib, which agree with the RFC's octets of the request.
    let expected = "011100282112a442b7e7a701bc34d686fa87dfae0009000400000457\
                    00080014757da347d4fda7d158a8eac86a94ffa151c6fd40802800048f4d1b5b";
    assert_eq!(said, octets(expected));
}

#[test]
fn rfc8445_7_3_a_check_is_answered_with_where_it_came_from_and_may_nominate() {
    let check = request(&[(USERNAME, b"evtj:h6vY"), (USE_CANDIDATE, b"")], Some(OURS.password));
    let (verdict, said) = answer(&check, SOURCE);
    assert_eq!(verdict, Verdict::Authentic(Nomination::UseCandidate));
    let expected = "0101002c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643\
                    0008001474c9371ebf3148548518699c3e3174c20dd9e68a80280004fae4043a";
    assert_eq!(said, octets(expected));
    let plain = request(&[(USERNAME, b"evtj:other"), (0x802a, &[0; 8])], Some(OURS.password));
    let (verdict, said) = answer(&plain, SOURCE6);
    assert_eq!(verdict, Verdict::Authentic(Nomination::None));
    assert_eq!(said[20..44], octets("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"));
}

#[test]
fn rfc8489_9_1_3_who_lacks_the_password_is_told_so_and_no_more() {
    let right = Some(OURS.password);
    let rows: [(&str, Vec<u8>, Verdict, u8); 6] = [
        ("no credentials", request(&[], None), Verdict::BadRequest, 0),
        ("no user", request(&[], right), Verdict::BadRequest, 0),
        ("no integrity", request(&[(USERNAME, b"evtj:h6vY")], None), Verdict::BadRequest, 0),
        ("another user", request(&[(USERNAME, b"evtk:h6vY")], right), Verdict::Unauthenticated, 1),
        ("half a user", request(&[(USERNAME, b"evtj")], right), Verdict::Unauthenticated, 1),
        (
            "another password",
            request(&[(USERNAME, b"evtj:h6vY")], Some("guess")),
            Verdict::Unauthenticated,
            1,
        ),
    ];
    for (name, datagram, expected, code) in rows {
        let (verdict, said) = answer(&datagram, SOURCE);
        assert_eq!(verdict, expected, "{name}");
        assert_eq!(
            (said.len(), said[1], said[26], said[27]),
            (36, 0x11, 4, code),
            "{name}: without integrity"
        );
    }
    let unknown = request(&[(USERNAME, b"evtj:h6vY"), (0x7001, &[1]), (0x0002, b"")], right);
    let (verdict, said) = answer(&unknown, SOURCE);
    assert_eq!((verdict, &said[26..36]), (Verdict::UnknownAttributes, &octets("0414000a000470010002")[..]));
}

#[test]
fn rfc8489_6_3_what_is_damaged_or_no_request_has_no_answer() {
    let sample = octets(SAMPLE);
    let parse = |bytes: &[u8]| Request::parse(bytes).err();
    // Under another name the fingerprint is none.
    for at in (0..sample.len()).filter(|at| !(100..102).contains(at)) {
        let mut damaged = sample.clone();
        damaged[at] ^= 0x10;
        assert!(parse(&damaged).is_some(), "octet {at}");
        assert_eq!(parse(&sample[..at]), Some(NoRequest::Malformed), "cut at {at}");
    }
    let mut kind = sample;
    kind[1] = 0x11;
    assert_eq!(parse(&kind), Some(NoRequest::NotAsked), "an indication");
    // The fingerprint is checked before anything else is believed; without it the integrity has to do.
    let mut unsigned = request(&[(USERNAME, b"evtj:h6vY")], Some(OURS.password));
    unsigned.truncate(unsigned.len() - 8);
    let length = u16::try_from(unsigned.len() - HEADER_LEN).expect("short");
    unsigned[2..4].copy_from_slice(&length.to_be_bytes());
    assert_eq!(answer(&unsigned, SOURCE).0, Verdict::Authentic(Nomination::None));
    unsigned[30] ^= 1;
    assert_eq!(answer(&unsigned, SOURCE).0, Verdict::Unauthenticated);
}
