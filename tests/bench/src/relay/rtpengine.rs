//! rtpengine in user space, told by its ng protocol (bencoded dictionaries behind a cookie, over UDP).

use std::{
    net::{Ipv4Addr, UdpSocket},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use sdp::SessionDescription;
use terms::media::{Codec, Stream};

use super::agent::Party;
use crate::{
    context::Fault,
    gateway::own_address,
    process::{Process, ProcessError, not_started, on_core},
};

const PROGRAM: &str = "rtpengine";
const NG_PORT: u16 = 2_223;
const FIRST_PORT: u16 = 10_000;
const LAST_PORT: u16 = 39_999;
const START: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 65_535;

/// A running rtpengine.
#[derive(Debug)]
pub(super) struct Rtpengine {
    pub(super) process: Process,
    control: UdpSocket,
    calls: u64,
    cookies: u64,
}

impl Rtpengine {
    /// Whether it is installed.
    pub(super) fn is_there() -> bool {
        let asked =
            Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    }

    /// Starts it on a core, with no kernel module.
    pub(super) fn start(core: usize) -> Result<Self, Fault> {
        let address = own_address();
        let mut command = on_core(core);
        command.arg(PROGRAM).args(["--table=-1", "--foreground", "--log-stderr", "--log-level=2"]);
        command.args([
            format!("--interface={address}"),
            format!("--listen-ng={address}:{NG_PORT}"),
            format!("--port-min={FIRST_PORT}"),
            format!("--port-max={LAST_PORT}"),
        ]);
        let process =
            Process::start(command.stdout(Stdio::null()).stderr(Stdio::null())).map_err(|error| {
                not_started(PROGRAM, std::io::Error::other(error), "install rtpengine-daemon")
            })?;
        let control = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        control.connect((address, NG_PORT))?;
        control.set_read_timeout(Some(ANSWER))?;
        let mut rtpengine = Self { process, control, calls: 0, cookies: 0 };
        let until = Instant::now() + START;
        while !rtpengine.ask(&[("command", "ping".into())]).is_ok_and(|answer| answer.contains("4:pong")) {
            if Instant::now() > until || !rtpengine.process.is_up() {
                return Err(ProcessError::NotUp(PROGRAM).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(rtpengine)
    }

    /// A call between two; what each then says and hears.
    pub(super) fn connect(&mut self, caller: &Party, called: &Party) -> Result<(Stream, Stream), Fault> {
        self.calls += 1;
        let call = format!("call-{}", self.calls);
        let offer = caller.offer();
        let theirs = called.capabilities.codecs.first().copied();
        let mut request = vec![
            ("ICE", "remove".into()),
            ("call-id", call.as_str().into()),
            ("command", "offer".into()),
            ("from-tag", "a".into()),
            ("sdp", offer.print().into()),
        ];
        if theirs != caller.capabilities.codecs.first().copied()
            && let Some(codec) = theirs
        {
            request.insert(2, ("codec", Value::transcoding_to(codec)));
        }
        let offered = self.description(&request)?;
        let (answer, theirs) = called.answer(offered.as_bytes())?;
        let answered = self.description(&[
            ("ICE", "remove".into()),
            ("call-id", call.as_str().into()),
            ("command", "answer".into()),
            ("from-tag", "a".into()),
            ("sdp", answer.print().into()),
            ("to-tag", "b".into()),
        ])?;
        let ours = sdp::accept(&SessionDescription::parse(answered.as_bytes())?, &offer)?;
        Ok((ours, theirs))
    }

    /// The description that it answers with.
    fn description(&mut self, request: &[(&str, Value)]) -> Result<String, Fault> {
        let answer = self.ask(request)?;
        let failed = || ProcessError::Failed(PROGRAM, answer.clone());
        let (_, found) = answer.split_once("3:sdp").ok_or_else(failed)?;
        let (length, text) = found.split_once(':').ok_or_else(failed)?;
        Ok(text.get(..length.parse()?).ok_or_else(failed)?.to_owned())
    }

    fn ask(&mut self, request: &[(&str, Value)]) -> Result<String, Fault> {
        self.cookies += 1;
        let cookie = format!("{:08}", self.cookies);
        self.control.send(format!("{cookie} {}", dictionary(request)).as_bytes())?;
        let mut answer = vec![0; MAX_ANSWER];
        loop {
            let length = self.control.recv(&mut answer)?;
            let text = String::from_utf8_lossy(&answer[..length]);
            if let Some(text) = text.strip_prefix(&cookie) {
                return Ok(text.to_owned());
            }
        }
    }
}

/// What stands in a dictionary.
#[derive(Debug)]
enum Value {
    Text(String),
    /// Of lists of texts.
    Lists(Vec<(&'static str, Vec<String>)>),
}

impl<T: Into<String>> From<T> for Value {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

impl Value {
    /// Everything else is hidden from who is called.
    fn transcoding_to(codec: Codec) -> Self {
        let name = match codec {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus | Codec::OpusNarrow => "opus",
            Codec::L16 | Codec::L16Narrow => "L16",
        };
        Self::Lists(vec![("mask", vec!["all".to_owned()]), ("transcode", vec![name.to_owned()])])
    }

    fn bencoded(&self) -> String {
        match self {
            Self::Text(text) => string(text),
            Self::Lists(lists) => {
                let list = |(name, texts): &(&str, Vec<String>)| {
                    let texts: String = texts.iter().map(|text| string(text)).collect();
                    format!("{}l{texts}e", string(name))
                };
                format!("d{}e", lists.iter().map(list).collect::<String>())
            }
        }
    }
}

fn string(text: &str) -> String {
    format!("{}:{text}", text.len())
}

fn dictionary(entries: &[(&str, Value)]) -> String {
    let entry = |(name, value): &(&str, Value)| format!("{}{}", string(name), value.bencoded());
    format!("d{}e", entries.iter().map(entry).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_bencoded() {
        let request = [("codec", Value::transcoding_to(Codec::G722)), ("command", "offer".into())];
        let expected = "d5:codecd4:maskl3:alle9:transcodel4:G722ee7:command5:offere";
        assert_eq!(dictionary(&request), expected);
    }
}
