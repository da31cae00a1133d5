//! The command line.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use server::{
    config::{self, Config, LogFormat},
    program,
};
use tracing_subscriber::EnvFilter;

/// A SIP, PSTN and H.323 interop gateway for cloud meetings.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run in the foreground until SIGTERM.
    Run(ConfigArgs),
    /// Read the configuration and tell everything that is wrong with it.
    Check(ConfigArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file.
    #[arg(long, default_value = "/etc/gateway/gateway.toml")]
    config: PathBuf,
    /// Lay a value over the file's, such as `http.address=127.0.0.1:8081`; lists by number: `listener.0.address=…`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, config::Problems> {
        config::load(&self.config, &self.set)
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn main() -> ExitCode {
    match carry_out(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<()> {
    match command {
        Command::Check(args) => {
            args.load()?;
            println!("{}: no problems", args.config.display());
            Ok(())
        }
        Command::Run(args) => {
            let config = args.load()?;
            start_log(&config.log);
            runtime()?.block_on(program::run(config))
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("async runtime")
}

fn start_log(log: &config::Log) {
    let filter = EnvFilter::new(&log.level);
    let log_to = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => log_to.init(),
        LogFormat::Json => log_to.json().init(),
    }
}
