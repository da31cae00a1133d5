use proptest::prelude::*;

use super::*;

fn plan() -> NumberPlan {
    NumberPlan {
        country: "86".to_owned(),
        area: "21".to_owned(),
        trunk_prefix: "0".to_owned(),
        international_prefix: "00".to_owned(),
    }
}

#[test]
fn dial_1_every_written_form_of_an_access_number_is_one_number() {
    let forms = [
        "+862153290005",
        "862153290005",
        "0086 21 5329 0005",
        "02153290005",
        "021-53290005",
        "(021) 5329.0005",
        "2153290005",
        "53290005",
        "+86 (0)21 5329 0005",
        "tel:+86-21-5329-0005",
        "sip:+862153290005@192.0.2.1;user=phone",
        "53290005;phone-context=+8621",
        "53290005;phone-context=+86-21",
        "02153290005;phone-context=+86",
        "02153290005;phone-context=ims.example",
        "+862153290005;npdi;rn=+8613900000000",
        "02153290005;rn=1390000;cic=0421;npdi",
        "TEL:53290005;PHONE-CONTEXT=+8621",
    ];
    for form in forms {
        let number = Number::parse(form);
        assert_eq!(plan().to_e164(&number).as_deref(), Some("+862153290005"), "{form}");
        assert_eq!(plan().to_national(&number).as_deref(), Some("02153290005"), "{form}");
    }
}

#[test]
fn other_numbers_in_e164_and_as_they_are_dialled() {
    let cases = [
        ("mobile", "13800138000", Some(("+8613800138000", "013800138000"))),
        ("mobile with zero", "013800138000", Some(("+8613800138000", "013800138000"))),
        ("abroad", "0012125550100", Some(("+12125550100", "0012125550100"))),
        ("abroad with plus", "+442079460000", Some(("+442079460000", "00442079460000"))),
        ("another area by context", "66660000;phone-context=+8610", Some(("+861066660000", "01066660000"))),
        ("a subscriber's number like a country code", "86215329", Some(("+862186215329", "02186215329"))),
        ("service code", "10086", None),
        ("emergency", "110", None),
        ("a context abroad", "5550100;phone-context=+1212", None),
        ("feature code", "*9001", None),
        ("a name", "alice", None),
        ("nothing", "", None),
        ("too long", "+8621532900051234567", None),
    ];
    for (name, text, expected) in cases {
        let number = Number::parse(text);
        let found = plan().to_e164(&number).zip(plan().to_national(&number));
        let found = found.as_ref().map(|(e164, national)| (e164.as_str(), national.as_str()));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn rfc3966_5_1_5_a_context_belongs_to_a_local_number_and_is_kept_apart() {
    let context = |text| Number::parse(text).context;
    assert_eq!(context("7042;phone-context=+1-201-555"), Some("+1201555".to_owned()));
    assert_eq!(context("+12015557042;phone-context=+1201555"), None);
    assert_eq!(context("7042;phone-context=example.com"), None);
    assert_eq!(Number::parse("7042;phone-context=+1201555").dialled, "7042");
}

#[test]
fn a_name_keeps_its_separators() {
    assert_eq!(Number::parse("sip:john.smith-2;x=1@example.test").dialled, "john.smith-2");
}

#[test]
fn a_plan_without_prefixes_is_no_trap() {
    let plan = NumberPlan {
        country: "65".to_owned(),
        area: String::new(),
        trunk_prefix: String::new(),
        international_prefix: "000".to_owned(),
    };
    assert_eq!(plan.to_e164(&Number::parse("61234567")).as_deref(), Some("+6561234567"));
}

proptest! {
    #[test]
    fn any_text_never_panics(text: String) {
        let number = Number::parse(&text);
        let _ = (plan().to_e164(&number), plan().to_national(&number));
    }

    /// What is in E.164 form stays as it is, and comes back from its national form.
    #[test]
    fn e164_is_a_fixed_point(digits in "[1-9][0-9]{9,12}") {
        let number = Number::parse(&format!("+{digits}"));
        let e164 = plan().to_e164(&number);
        prop_assume!(!digits.starts_with("860"));
        let expected = format!("+{digits}");
        prop_assert_eq!(e164.as_deref(), Some(expected.as_str()));
        let national = plan().to_national(&number).map(|national| Number::parse(&national));
        prop_assert_eq!(national.and_then(|national| plan().to_e164(&national)), e164);
    }
}
