//! The yardstick: a plain UDP echo in C.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    gateway::own_address,
    process::{Process, ProcessError, not_started, on_core},
};

const FIRST_PORT: u16 = 10_000;

/// `cc -O2` of the echo beside this program's source.
pub(crate) fn compile(folder: &Path) -> Result<PathBuf, ProcessError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("echo.c");
    let program = folder.join("echo");
    let done = Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(source).status();
    let done = done.map_err(|error| not_started("cc", error, "install gcc and libc6-dev"))?;
    if done.success() { Ok(program) } else { Err(ProcessError::Failed("cc", done.to_string())) }
}

/// A running echo.
#[derive(Debug)]
pub(crate) struct Echo {
    /// Its process.
    pub(crate) process: Process,
}

impl Echo {
    /// Starts it with one port a caller.
    pub(crate) fn start(core: usize, program: &Path, callers: usize) -> Result<Self, ProcessError> {
        let mut command = on_core(core);
        command.arg(program).args([own_address().to_string(), FIRST_PORT.to_string(), callers.to_string()]);
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let mut line = String::new();
        if let (_, Some(out)) = process.pipes() {
            // It says nothing more until it is stopped: nothing is lost in the reader's buffer.
            BufReader::new(out).read_line(&mut line)?;
        }
        if line.trim() == "ready" { Ok(Self { process }) } else { Err(ProcessError::NotUp("the echo")) }
    }

    /// Where a caller's packets go.
    pub(crate) fn port_of(&self, index: usize) -> SocketAddr {
        let port = u16::try_from(index).ok().and_then(|index| FIRST_PORT.checked_add(index));
        (own_address(), port.unwrap_or(u16::MAX)).into()
    }

    /// Stops it; what it says of itself.
    pub(crate) fn stop(mut self) -> Result<String, ProcessError> {
        let (input, output) = self.process.pipes();
        drop(input.take());
        let mut said = String::new();
        if let Some(out) = output {
            out.read_to_string(&mut said)?;
        }
        Ok(said.trim().to_owned())
    }
}
