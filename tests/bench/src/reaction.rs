//! How fast a caller hears something: the first packet after the ACK, the meeting after the last `#` (DIAL-10).

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use terms::media::Ptime;

use crate::{
    context::{Context, Fault},
    crowd::LineId,
    findings::{Findings, Row, Times, Verdict},
    line::{Part, Voice},
    phones::{Guest, Manner, Phones},
    tones::{Tone, Tones},
};

const CALLERS: usize = 200;
/// Who talks, each one of the four tones that a single packet tells.
const TALKERS: usize = 4;
/// Calls a second: the gateway has time for each.
const PACE: u64 = 20;
const FIRST_PACKET_BAR: Duration = Duration::from_millis(20);
const IN_MIX_BAR: Duration = Duration::from_millis(300);
const SAYS_JOINED: &str = "say = [\"joined-as-guest\"]";
const SAYS_NOTHING: &str = "say = []";
/// What the first four settle in, and the last in the end.
const SETTLING: Duration = Duration::from_secs(1);

/// 200 callers join a meeting in which four talk.
pub(crate) fn reaction(context: &mut Context) -> Result<Findings, Fault> {
    let callers = context.callers(CALLERS);
    let flows = silent_flows(&context.folder().join("flows"))?;
    let gateway = context.gateway(callers + 16, &[&format!("ivr.flows={}", flows.display())])?;
    let mut phones = Phones::new(gateway.sip, &mut context.entropy)?;
    let talkers: Vec<Guest> = (0..TALKERS).map(|seat| guest(Some(Tone::quick(seat)))).collect();
    phones.dial(&talkers, PACE)?;
    phones.run_for(SETTLING);
    phones.crowd_mut().begin_measuring();
    phones.dial(&vec![guest(None); callers], PACE)?;
    phones.run_for(SETTLING);
    let late = phones.crowd().late();
    let came = |id: &LineId| id.0 >= TALKERS as u64;
    let times: Vec<_> =
        phones.crowd().lines().filter(|(id, _)| came(id)).map(|(_, line)| line.times()).collect();
    let first_packet = Times::of(times.iter().filter_map(|times| times.first_packet));
    let in_mix = Times::of(times.iter().filter_map(|times| times.in_mix));
    phones.hang_up_all();

    let mut findings = Findings::of("reaction");
    findings.must_be("callers who heard a packet", first_packet.count(), callers);
    findings.must_be("callers who heard the meeting", in_mix.count(), callers);
    let bars = [
        (format!("{callers} join: first RTP after the ACK"), first_packet, FIRST_PACKET_BAR),
        ("  in the mix after the last #, announcement apart".to_owned(), in_mix, IN_MIX_BAR),
    ];
    for (name, times, bar) in bars {
        let verdict = Verdict::at_most(times.max(), bar).if_punctual(late);
        findings
            .rows
            .push(Row::new(name, times.to_string()).bar(format!("≤ {} ms", bar.as_millis()), verdict));
    }
    Ok(findings)
}

/// The shipped flows, but that nobody is told that it joined: what an announcement takes is apart (DIAL-10).
fn silent_flows(folder: &Path) -> Result<PathBuf, Fault> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/ivr"))? {
        let file = entry?.path();
        let text = fs::read_to_string(&file)?;
        fs::write(
            folder.join(file.file_name().unwrap_or_default()),
            text.replace(SAYS_JOINED, SAYS_NOTHING),
        )?;
    }
    if fs::read_to_string(folder.join("words.toml"))?.contains(SAYS_NOTHING) {
        Ok(folder.to_owned())
    } else {
        Err("conf/ivr/words.toml no longer says that a guest joined".into())
    }
}

fn guest(says: Option<Tone>) -> Guest {
    let hears = says.map_or(Tones::QUICK, |says| Tones::QUICK.without(says));
    let part = Part { says: says.map(Voice::Tone), hears, ptime: Ptime::MS_20 };
    Guest { meeting: 0, part, manner: Manner::Sure }
}
