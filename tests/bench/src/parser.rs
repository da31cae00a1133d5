//! Reading SIP beside rsip: a program of its own, since it counts what is allocated.

use std::process::Command;

use crate::{
    context::Fault,
    findings::{Findings, Row, Verdict},
};

/// Runs it and takes the last line of its first table.
pub(crate) fn parser() -> Result<Findings, Fault> {
    let program = std::env::current_exe()?.with_file_name("parser_bench");
    let output = Command::new(&program).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    if !output.status.success() {
        return Err(format!("parser_bench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let line = text.lines().find_map(|line| line.strip_prefix("all ")).ok_or("parser_bench tells no sum")?;
    let figures: Vec<f64> = line.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [ours, theirs, _] = figures.as_slice() else {
        return Err("parser_bench tells another sum than it did".into());
    };
    let (ours, theirs) = (ours / 1e3, theirs / 1e3);
    let row = Row::new("reading five SIP messages", format!("{ours:.1} µs"))
        .beside(format!("{theirs:.1} µs (rsip)"), Some(ours / theirs))
        .bar("≤ rsip", Verdict::at_most(ours, theirs))
        .absolute(format!("{:.2} and {:.2} µs a message", ours / 5.0, theirs / 5.0));
    Ok(Findings { rows: vec![row], ..Findings::of("parser") })
}
