use alloc::{format, string::ToString, vec};
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::target::Step;

/// The plan of the operator's page.
const PLAN: [&str; 7] = [
    "02153290005                       -> ivr",
    "+86|21XXXXXXXX      = 0{}         -> again            # prefix stripped, {} is what remains",
    "0|1XXXXXXXXXX {caller=+8621. priority=10} = +86{} -> trunk:telecom",
    "9001                              -> app:echo",
    "9002                              -> app:ring(2s),tone(1kHz)",
    "9003                              -> app:ring(20s),echo",
    "10086                             -> refuse(1)",
];

fn table(lines: &[&str]) -> Table {
    Table::parse(lines.iter().copied()).expect("good lines")
}

fn route(table: &Table, called: &str) -> Option<Route> {
    table.route(&Query { called, caller: Some("+862150000000"), trunk: None })
}

#[test]
fn media_8_tests_of_the_line_speak_both_languages_unless_said() {
    let table = table(&["9004 -> app:quality", "9005 -> app:digits(en),quality(fr-CA,zh)"]);
    let languages = |names: &[&str]| names.iter().map(|name| terms::Language::from(*name)).collect();
    let wanted = [
        Step::Quality(languages(&["zh", "en"])),
        Step::Digits(languages(&["en"])),
        Step::Quality(languages(&["fr-CA", "zh"])),
    ];
    assert!(table.steps().eq(&wanted), "{:?}", table.steps().collect::<alloc::vec::Vec<_>>());
}

#[test]
fn the_operator_s_page_reads_as_it_says() {
    let plan = table(&PLAN);
    let ring = |seconds| Step::Ring(Duration::from_secs(seconds));
    let cases = [
        ("02153290005", Target::Ivr, "02153290005", 0, vec![]),
        ("+862153290005", Target::Ivr, "02153290005", 0, vec![1]),
        ("+86-21-5329-0005;npdi;rn=1390000", Target::Ivr, "02153290005", 0, vec![1]),
        ("013800138000", Target::Trunk("telecom".into()), "+8613800138000", 2, vec![]),
        ("9001", Target::App(vec![Step::Echo]), "9001", 3, vec![]),
        ("9002", Target::App(vec![ring(2), Step::Tone { hz: 1_000 }]), "9002", 4, vec![]),
        ("9003", Target::App(vec![ring(20), Step::Echo]), "9003", 5, vec![]),
        ("10086", Target::Refuse(terms::Cause(1)), "10086", 6, vec![]),
    ];
    for (called, target, number, line, passed) in cases {
        let expected = Route { target, number: number.into(), line, passed };
        assert_eq!(route(&plan, called), Some(expected), "{called}");
    }
    for called in ["9004", "", "0215329000", "021532900055", "+8621", "alice"] {
        assert_eq!(route(&plan, called), None, "{called}");
    }
}

#[test]
fn each_symbol_matches_what_it_says() {
    let cases = [
        ("X", "0123456789", "*#+a"),
        ("Z", "123456789", "0*"),
        ("N", "23456789", "01"),
        ("[15-7]", "1567", "0489*"),
        ("[*0]", "*0", "1#"),
        ("#", "#", "*1"),
        ("+", "+", "0"),
    ];
    for (pattern, yes, no) in cases {
        let table = table(&[&format!("{pattern} -> ivr")]);
        for symbol in yes.chars() {
            assert!(route(&table, &symbol.to_string()).is_some(), "{pattern} {symbol}");
        }
        for symbol in no.chars() {
            assert!(route(&table, &symbol.to_string()).is_none(), "{pattern} {symbol}");
        }
    }
}

#[test]
fn tails_take_one_or_more_or_any() {
    let cases = [
        ("12.", &["123", "12345", "12a"][..], &["12", "13"][..]),
        ("12!", &["12", "123"], &["1", "13"]),
        (".", &["1", "alice"], &[""]),
        ("!", &["", "1"], &[]),
    ];
    for (pattern, yes, no) in cases {
        let table = table(&[&format!("{pattern} -> ivr")]);
        assert!(yes.iter().all(|called| route(&table, called).is_some()), "{pattern}");
        assert!(no.iter().all(|called| route(&table, called).is_none()), "{pattern}");
    }
}

#[test]
fn the_most_specific_line_wins_in_any_order_of_writing() {
    let by_trunk = "1234 {from=a} -> ivr";
    // Each winner stands first.
    let cases: [(&str, &[&str]); 10] = [
        (
            "a digit before a set",
            &["12[34]4 -> ivr", "12[2-4]4 -> ivr", "12N4 -> ivr", "12Z4 -> ivr", "12X4 -> ivr"],
        ),
        ("a place before a tail", &["123X -> ivr", "123. -> ivr", "123! -> ivr", "12. -> ivr", "! -> ivr"]),
        ("from the left", &["12XX -> ivr", "1X34 -> ivr", "X234 -> ivr"]),
        ("a longer beginning before more places", &["123. -> ivr", "1XXX -> ivr"]),
        ("a prefix counts as places", &["12|34 -> ivr", "123X -> ivr"]),
        ("the end before an empty tail", &["1234 -> ivr", "1234! -> ivr"]),
        (
            "a caller",
            &["1234 {caller=+8621.} -> ivr", "1234 {caller=+86.} -> ivr", "1234 {priority=9} -> ivr"],
        ),
        ("a trunk", &[by_trunk, "1234 {priority=9} -> ivr"]),
        ("priority", &["1234 {priority=10} -> ivr", "1234 {priority=9} -> ivr", "1234 -> ivr"]),
        ("a pattern before any condition", &["1234 -> ivr", "123X {caller=+8621. from=a priority=9} -> ivr"]),
    ];
    for (name, lines) in cases {
        let backwards: Vec<&str> = lines.iter().rev().copied().collect();
        let query = Query { called: "1234", caller: Some("+862150000000"), trunk: Some(&"a".into()) };
        let winner = |lines: &[&str]| table(lines).route(&query).map(|route| route.line);
        assert_eq!((winner(lines), winner(&backwards)), (Some(0), Some(lines.len() - 1)), "{name}");
    }
    assert_eq!(route(&table(&["1 -> ivr", "1 -> account"]), "1").map(|route| route.line), Some(0), "order");
}

#[test]
fn conditions_hold_or_the_next_line_is_tried() {
    let table =
        table(&["1 {caller=+86! from=telecom} -> ivr", "1 {caller=0.} -> account", "1 -> refuse(21)"]);
    let telecom = TrunkName::from("telecom");
    let cases = [
        ("both hold", Some("+86 21"), Some(&telecom), 0),
        ("another trunk", Some("+86 21"), None, 2),
        ("another caller", Some("021"), Some(&telecom), 1),
        ("withheld", None, Some(&telecom), 2),
    ];
    for (name, caller, trunk, line) in cases {
        let found = table.route(&Query { called: "1", caller, trunk });
        assert_eq!(found.map(|route| route.line), Some(line), "{name}");
    }
    assert_eq!(table.trunks().collect::<Vec<_>>(), [&telecom]);
}

#[test]
fn rewrites_put_what_remains_where_the_braces_stand() {
    let cases = [
        ("9|X. -> ivr", "9123", "123"),
        ("9|X. = {} -> ivr", "9123", "123"),
        ("X. = 00{}# -> ivr", "12", "0012#"),
        ("X. = {}*{} -> ivr", "12", "12*12"),
        ("X. = 10 -> ivr", "12", "10"),
        ("9|! = 5{} -> ivr", "9", "5"),
        ("X.={}->ivr", "12", "12"),
    ];
    for (line, called, expected) in cases {
        let found = route(&table(&[line]), called).map(|route| route.number);
        assert_eq!(found.as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn a_number_that_goes_round_has_no_route() {
    let round = table(&["1 = 2 -> again", "2 = 1 -> again"]);
    assert_eq!(route(&round, "1"), None);
    let growing = table(&[". = {}{}{}{} -> again"]);
    assert_eq!(route(&growing, "1234567890"), None);
    let chain = table(&["1|. -> again", "2 -> ivr"]);
    assert_eq!(route(&chain, "111111112").map(|route| route.passed.len()), Some(8));
    assert_eq!(route(&chain, "1111111112"), None);
}

#[test]
fn comments_stand_behind_the_target_and_the_hash_key_elsewhere() {
    assert!(route(&table(&["#21# -> ivr # the menu"]), "#21#").is_some());
    assert!(route(&table(&["  \t", "1 -> ivr\t#x", ""]), "1").is_some_and(|route| route.line == 1));
    let error = Table::parse(["1 -> ivr#x"]).expect_err("no white space");
    assert_eq!(error.len(), 1);
}

#[test]
fn an_error_says_where_and_what() {
    let cases = [
        ("12a -> ivr", 3, "'a' is no part of a pattern: 0-9 + * # X Z N [..] and a final . or !"),
        ("_12 -> ivr", 1, "'_' is no part of a pattern: 0-9 + * # X Z N [..] and a final . or !"),
        ("1.2 -> ivr", 3, "expected nothing behind . or !"),
        ("1.|2 -> ivr", 3, "expected digits or sets before |"),
        ("[12 -> ivr", 4, "' ' is no part of a pattern: 0-9 + * # X Z N [..] and a final . or !"),
        ("1[] -> ivr", 2, "expected a symbol in the set"),
        ("1[3-1] -> ivr", 3, "expected a range that rises"),
        ("-> ivr", 1, "expected a pattern"),
        ("1 ivr", 3, "expected \"-> target\""),
        (
            "1 ->",
            5,
            "unknown target \"\"; known are ivr, account, again, trunk:NAME, refuse(CAUSE), app:STEP,…",
        ),
        (
            "1 -> trunk",
            6,
            "unknown target \"trunk\"; known are ivr, account, again, trunk:NAME, refuse(CAUSE), app:STEP,…",
        ),
        ("1 -> trunk:", 12, "expected a trunk's name"),
        ("1 -> refuse(200)", 13, "expected a Q.850 cause from 1 to 127, such as 21"),
        ("1 -> refuse(21", 15, "expected )"),
        (
            "1 -> app:sing",
            10,
            "unknown step \"sing\"; known are answer, echo, ring(2s), silence(500ms), tone(1kHz), quality, digits(zh)",
        ),
        ("1 -> app:ring", 14, "expected a value in brackets"),
        ("1 -> app:digits()", 17, "expected languages such as zh,en"),
        ("1 -> app:quality(zh,", 21, "expected languages such as zh,en"),
        ("1 -> app:quality(zh", 20, "expected )"),
        ("1 -> app:digits(a,b,c,d,e)", 26, "more than 4 languages"),
        ("1 -> app:ring(2h)", 15, "expected a time such as 2s or 500ms, an hour at most"),
        ("1 -> app:tone(1MHz)", 15, "expected a frequency such as 440Hz or 1kHz, 24kHz at most"),
        ("1 -> ivr now", 10, "expected nothing, or a comment behind white space"),
        ("1 {cost=3} -> ivr", 4, "unknown attribute \"cost\"; known are caller, from, priority"),
        ("1 {priority=1 priority=2} -> ivr", 15, "priority is given twice"),
        ("1 {priority} -> ivr", 12, "expected = and a value"),
        ("1 {priority=9999999999} -> ivr", 13, "expected a whole number below 4294967296"),
        ("1 {caller=+86. -> ivr", 16, "expected attribute=value or }"),
        ("1 = x -> ivr", 5, "expected a rewrite of 0-9 + * # and {}"),
        ("电话 -> ivr", 1, "'电' is no part of a pattern: 0-9 + * # X Z N [..] and a final . or !"),
    ];
    for (line, column, words) in cases {
        let errors = Table::parse([line]).expect_err(line);
        let found: Vec<(usize, usize, String)> =
            errors.iter().map(|error| (error.line, error.column, error.reason.to_string())).collect();
        assert_eq!(found, [(0, column, words.to_string())], "{line}");
    }
}

#[test]
fn all_errors_come_at_once() {
    let errors = Table::parse(["1 -> ivr", "x -> ivr", "", "2 -> nowhere"]).expect_err("two bad lines");
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3]);
    assert!(errors[0].to_string().starts_with("line 2, column 1: 'x' is no part"));
}

#[test]
fn limits_have_an_error() {
    let steps = format!("1 -> app:{}", vec!["echo"; 17].join(","));
    let cases = [
        ("9".repeat(65) + " -> ivr", "places in a pattern"),
        (" ".repeat(1_020) + "1 -> ivr", "characters"),
        (steps, "steps"),
        ("1 = ".to_string() + &"9".repeat(129) + " -> ivr", "characters in a rewrite"),
    ];
    for (line, what) in cases {
        let errors = Table::parse([line.as_str()]).err().unwrap_or_default();
        let found = errors.iter().map(|error| &error.reason).collect::<Vec<_>>();
        assert!(
            matches!(found[..], [Reason::TooMany { what: found, .. }] if *found == what),
            "{what}: {found:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_never_panics(lines in prop::collection::vec(".{0,40}", 0..4), called: String) {
        if let Ok(table) = Table::parse(lines.iter().map(String::as_str)) {
            route(&table, &called);
        }
    }

    /// Lines that are nearly right, looked up with numbers that nearly match.
    #[test]
    fn nearly_right_lines_never_panic(
        lines in prop::collection::vec("([0-9+]{1,3}\\|)?[0-9XZN]{0,4}(\\[[0-9-]{0,4}\\])?[.!]?( \\{(priority|caller|from)=[0-9X.]{0,3}\\})?( = ?[0-9{}]{0,4})? -> (ivr|again|account|trunk:a|refuse\\(404\\))( #.*)?", 1..6),
        called in "[0-9+;=a-]{0,14}",
    ) {
        let good = lines.iter().map(String::as_str).filter(|line| Table::parse([*line]).is_ok());
        let table = Table::parse(good).expect("each is good");
        if let Some(found) = route(&table, &called) {
            prop_assert!(found.passed.len() <= MAX_AGAIN && found.number.len() <= MAX_NUMBER);
        }
    }

    /// The winner is the same however the lines are ordered, unless two are alike.
    #[test]
    fn order_of_writing_decides_between_equals_only(
        mut patterns in prop::collection::vec("[1-3X]{1,4}[.!]?", 1..8), called in "[1-3]{1,5}",
    ) {
        patterns.sort();
        patterns.dedup();
        let lines: Vec<String> = patterns.iter().map(|pattern| format!("{pattern} -> ivr")).collect();
        let forward: Vec<&str> = lines.iter().map(String::as_str).collect();
        let backward: Vec<&str> = forward.iter().rev().copied().collect();
        let winner = |lines: &[&str]| route(&table(lines), &called).map(|route| lines[route.line].to_string());
        prop_assert_eq!(winner(&forward), winner(&backward));
    }
}
