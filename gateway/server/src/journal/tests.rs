use std::{env, fs::OpenOptions, io::Write as _};

use call::{LegRecord, leg::EndedBy};
use terms::{CallId, Cause, LegId};

use super::*;

const DAY: u64 = 86_400 * 1_000_000_000;

/// A leg that ended so many days after the epoch.
fn record(call: u64, day: u64) -> Record {
    Record::Leg(Box::new(LegRecord {
        call: CallId(call),
        leg: LegId(call),
        partner: None,
        trunk: None,
        account: None,
        model: None,
        refused_lines: Vec::new(),
        caller: None,
        called: "9001".into(),
        meeting: None,
        arrived: WallTime::from_unix_nanos(day * DAY),
        early_media: None,
        answered: None,
        joined: None,
        ended: WallTime::from_unix_nanos(day * DAY + 1),
        cause: Cause::NORMAL_CLEARING,
        by: EndedBy::Peer,
        quality: None,
        no_stream: None,
        streams: None,
        secrecy: None,
    }))
}

fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("gateway-journal-{name}-{}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder of its own");
    folder
}

fn write(folder: &Path, records: impl IntoIterator<Item = Record>) {
    let journal = Journal::open(folder, 12, WallTime::from_unix_nanos(0)).expect("opens");
    for record in records {
        journal.write(record).expect("room");
    }
    journal.close();
}

fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    files(folder).expect("is there").iter().filter_map(name).collect()
}

#[test]
fn rel_5_each_line_is_bound_to_the_one_before_across_restarts_and_torn_ends() {
    let folder = folder("torn");
    for calls in [1..3, 3..4] {
        write(&folder, calls.map(|call| record(call, 0)));
        let mut file =
            OpenOptions::new().append(true).open(folder.join("records-1970-01.jsonl")).expect("is there");
        file.write_all(b"{\"previous\":\"cut sho").expect("own file");
    }
    write(&folder, []);
    let verified = verify(&files(&folder).expect("is there"), None).expect("whole");
    assert_eq!((verified.records, verified.continues), (3, None));
    fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn rel_5_each_month_has_its_file_and_what_is_older_than_is_kept_is_gone() {
    let folder = folder("months");
    write(&folder, [record(1, 0), record(2, 31), record(3, 30), record(4, 60)]);
    let january_to_march = ["records-1970-01.jsonl", "records-1970-02.jsonl", "records-1970-03.jsonl"];
    assert_eq!(names(&folder), january_to_march);
    let verified = verify(&files(&folder).expect("is there"), None).expect("one chain");
    assert_eq!((verified.records, verified.continues), (4, None));

    write(&folder, (2..14).map(|month| record(month, month * 31)));
    let kept = names(&folder);
    assert_eq!((kept.len(), kept[0].as_str()), (13, "records-1970-02.jsonl"));
    let verified = verify(&files(&folder).expect("is there"), None).expect("one chain");
    assert!(verified.continues.is_some(), "it says that there was more");
    fs::remove_file(folder.join("records-1970-05.jsonl")).expect("own file");
    let broken = verify(&files(&folder).expect("is there"), None).expect_err("a month is gone");
    assert!(broken.to_string().contains("records-1970-06.jsonl: line 1: does not follow"), "{broken}");
    fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn rel_5_a_clock_that_leaps_deletes_nothing() {
    let folder = folder("leap");
    write(&folder, [record(1, 0), record(2, 31), record(3, 40_000)]);
    let leapt = WallTime::from_unix_nanos(60_000 * DAY);
    Journal::open(&folder, 12, leapt).expect("opens").close();
    assert_eq!(names(&folder).len(), 3);
    fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn rel_5_a_last_line_that_is_none_of_ours_stops_no_calls_and_is_found() {
    let folder = folder("none");
    write(&folder, [record(1, 0)]);
    let path = folder.join("records-1970-01.jsonl");
    let mut file = OpenOptions::new().append(true).open(&path).expect("is there");
    file.write_all(b"rubbish\n").expect("own file");
    write(&folder, [record(2, 0)]);
    let broken = verify(&files(&folder).expect("is there"), None).expect_err("somebody wrote into it");
    assert!(broken.to_string().contains("line 3: not a record"), "{broken}");
    fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn rel_5_a_crash_as_a_month_begins_leaves_one_chain() {
    let folder = folder("begins");
    write(&folder, [record(1, 0)]);
    fs::write(folder.join("records-1970-02.jsonl"), b"{\"previ").expect("own file");
    write(&folder, [record(2, 31)]);
    let verified = verify(&files(&folder).expect("is there"), None).expect("one chain");
    assert_eq!(verified.records, 2);
    fs::remove_dir_all(&folder).expect("own folder");
}

#[test]
fn rel_5_records_are_exported_as_csv_and_as_json_lines() {
    let folder = folder("export");
    write(&folder, [record(1, 0), record(2, 31), record(3, 60)]);
    let files = files(&folder).expect("is there");
    let text = |format, filter: Filter| {
        let mut out = Vec::new();
        export(&files, (format, filter), &mut out).expect("a whole journal");
        String::from_utf8(out).expect("text")
    };
    let csv = text(Format::Csv, Filter::default());
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 4, "{csv}");
    assert!(rows[0].starts_with("kind,call,leg,partner,trunk,caller,called"), "{csv}");
    assert!(rows[1].starts_with("leg,1,1,,,,9001,,1970-01-01T00:00:00Z"), "{csv}");
    let since = Filter { from: Some("1970-02".parse().expect("a month")), ..Filter::default() };
    let json = text(Format::Json, since);
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().map(|line| line["call"].clone()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(lines[0]["ended"], "1970-02-01T00:00:00.000000001Z");
    fs::remove_dir_all(&folder).expect("own folder");
}
