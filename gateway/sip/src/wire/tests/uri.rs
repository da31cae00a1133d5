//! URIs.

use crate::wire::{Host, Scheme, Uri};
use alloc::string::{String, ToString};

fn uri(text: &str) -> Uri {
    Uri::try_from(text).unwrap_or_else(|_| panic!("{text}"))
}

fn shown(text: Option<crate::wire::Text>) -> String {
    text.map_or_else(|| "-".into(), |text| text.to_string())
}

#[test]
fn rfc3261_19_1_1_parts() {
    for (text, user, host, port, params, headers) in [
        ("sip:alice@atlanta.com", "alice", "atlanta.com", None, "", ""),
        ("sip:alice:secret@atlanta.com;transport=tcp", "alice", "atlanta.com", None, ";transport=tcp", ""),
        (
            "sips:alice@atlanta.com?subject=x&priority=urgent",
            "alice",
            "atlanta.com",
            None,
            "",
            "subject=x&priority=urgent",
        ),
        ("sip:+1-212-555-1212:1234@gw.com;user=phone", "+1-212-555-1212", "gw.com", None, ";user=phone", ""),
        ("sip:1212@gateway.com:5070", "1212", "gateway.com", Some(5070), "", ""),
        ("sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "atlanta.com", None, "", ""),
        ("SIP:gw", "-", "gw", None, "", ""),
        ("sip:[2001:db8::10]:5060", "-", "[2001:db8::10]", Some(5060), "", ""),
        ("sip:a@[::ffff:192.0.2.1];lr", "a", "[::ffff:192.0.2.1]", None, ";lr", ""),
        ("sip:%61%20b@192.0.2.1", "%61%20b", "192.0.2.1", None, "", ""),
        ("sip:;npdi?;/@h", ";npdi?;/", "h", None, "", ""),
    ] {
        let uri = uri(text);
        assert_eq!(shown(uri.user()), user, "{text}");
        assert_eq!(uri.host().map(|host| host.to_string()), Some(host.into()), "{text}");
        assert_eq!((uri.port(), uri.params().as_text().to_string().as_str()), (port, params), "{text}");
        assert_eq!(uri.headers().to_string(), headers, "{text}");
        assert_eq!(uri.to_string(), text, "verbatim");
    }
}

#[test]
fn rfc3966_3_telephone_numbers() {
    for (text, dialed, params) in [
        ("tel:+86-21-5329-0005", "+862153290005", ""),
        ("tel:53290005;phone-context=+8621;npdi", "53290005", ";phone-context=+8621;npdi"),
        ("sip:+862153290005;npdi;rn=+8613800@gw;user=phone", "+862153290005", ";npdi;rn=+8613800"),
        ("sip:021-53290005@gw", "02153290005", ""),
        ("sip:%2B8621@gw", "+8621", ""),
        ("sip:first.last@gw", "first.last", ""),
        ("sip:900100001*123456@gw", "900100001*123456", ""),
        ("sip:900100001.123456@gw", "900100001.123456", ""),
        ("sip:021.5329.0005@gw;user=phone", "02153290005", ""),
    ] {
        assert_eq!(shown(uri(text).dialed()), dialed, "{text}");
        assert_eq!(uri(text).number_params().as_text().to_string(), params, "{text}");
    }
}

#[test]
fn what_is_no_uri() {
    for text in [
        "",
        "sip",
        "sip:",
        ":x",
        "1sip:a",
        "sip:@host",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@b:port",
        "sip:a@b:65536",
        "sip:a@[::1",
        "sip:a@[::g]",
        "sip:a@::1",
        "<sip:a@b>",
        "sip:a@b;;x",
        "tel:",
        "sip:%4@h",
        "sip:a@b\r\nX: y",
    ] {
        assert!(Uri::try_from(text).is_err(), "{text:?}");
    }
    assert_eq!(uri("nobodyKnows:opaque@x").scheme(), Scheme::Other);
    assert_eq!(uri("sip:a@192.0.2.1").host(), Some(Host::V4([192, 0, 2, 1].into())));
}

#[test]
fn rfc3261_19_1_4_equality() {
    for (a, b, expected) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            true,
        ),
        (
            "sip:alice@atlanta.com?subject=x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=x",
            true,
        ),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false),
        ("sip:a@b", "sips:a@b", false),
        ("sip:a@b", "sip:b", false),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true),
    ] {
        assert_eq!(uri(a).is_equivalent(&uri(b)), expected, "{a} {b}");
        assert_eq!(uri(b).is_equivalent(&uri(a)), expected, "{b} {a}");
    }
}
