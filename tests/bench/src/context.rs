//! What all experiments have at hand.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use terms::Entropy;

use crate::{
    echo,
    gateway::{Gateway, Wanted},
    process::ProcessError,
};

/// Why an experiment could not be made.
pub(crate) type Fault = Box<dyn Error>;

/// The processes under test run here, one at a time.
pub(crate) const SERVER_CORE: usize = 0;
/// And the callers here.
pub(crate) const CALLERS_CORE: usize = 1;

/// No call is held back by load: what a core can't carry must show.
const TAKING_ALL: [&str; 4] = [
    "admission.cpu_high_percent=101",
    "admission.ports_high_percent=101",
    "admission.memory_high_percent=101",
    "admission.tick_lag_high=60s",
];

/// What is wanted other than usual.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) callers: Option<usize>,
    pub(crate) seconds: Option<u64>,
    pub(crate) turns: Option<usize>,
    pub(crate) settings: Vec<String>,
}

/// A folder, randomness, and what was asked for.
#[derive(Debug)]
pub(crate) struct Context {
    folder: Folder,
    pub(crate) entropy: Entropy,
    pub(crate) options: Options,
    echo: Option<PathBuf>,
    starts: u32,
}

impl Context {
    /// A new one, with a folder of its own.
    pub(crate) fn new(options: Options, entropy: Entropy) -> io::Result<Self> {
        Ok(Self { folder: Folder::create()?, entropy, options, echo: None, starts: 0 })
    }

    /// How many call, where `usual` do.
    pub(crate) fn callers(&self, usual: usize) -> usize {
        self.options.callers.unwrap_or(usual).max(1)
    }

    /// How long it lasts.
    pub(crate) fn window(&self, usual: u64) -> Duration {
        Duration::from_secs(self.options.seconds.unwrap_or(usual).max(1))
    }

    /// How often.
    pub(crate) fn turns(&self, usual: usize) -> usize {
        self.options.turns.unwrap_or(usual).max(1)
    }

    /// Where files go.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// The echo, compiled.
    pub(crate) fn echo_program(&mut self) -> Result<PathBuf, ProcessError> {
        if let Some(program) = &self.echo {
            return Ok(program.clone());
        }
        let program = echo::compile(self.folder())?;
        self.echo = Some(program.clone());
        Ok(program)
    }

    /// A gateway that knows nothing yet, with so many pairs of media ports; it takes all calls.
    pub(crate) fn gateway(&mut self, pairs: usize, settings: &[&str]) -> Result<Gateway, ProcessError> {
        self.gateway_as_shipped(pairs, &[&TAKING_ALL, settings].concat())
    }

    /// The same, but it holds calls back where it is loaded.
    pub(crate) fn gateway_as_shipped(
        &mut self,
        pairs: usize,
        settings: &[&str],
    ) -> Result<Gateway, ProcessError> {
        self.starts += 1;
        let settings = settings.iter().map(|setting| (*setting).to_owned());
        let settings: Vec<String> = settings.chain(self.options.settings.iter().cloned()).collect();
        let state = self.state_folder();
        Gateway::start(&Wanted { core: SERVER_CORE, state, pairs, settings: &settings })
    }

    /// Where the gateway that was started last keeps its state.
    pub(crate) fn state_folder(&self) -> PathBuf {
        self.folder().join(format!("state-{}", self.starts))
    }
}

/// A folder that goes at the end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("gateway-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
