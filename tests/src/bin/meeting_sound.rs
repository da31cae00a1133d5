//! Carries a recording through a whole meeting on virtual time: one phone says it, another one hears it.
//!
//! usage: `meeting_sound IN.wav OUT.wav LOST.txt [loss=PERCENT] [jitter=MS] [ppm=N] [seconds=N] [seed=N]`
//!
//! IN is said again and again for `seconds`, over a network that is as bad as said on its way into the
//! gateway; OUT is what was heard of the last time, at 8 kHz as IN. LOST gets the numbers of its
//! packets of 20 ms that the network lost. What the gateway counted is printed as `name=value`.

use std::{env, error::Error, fs, process::ExitCode, sync::Arc, time::Duration};

use terms::media::Quality;
use tests::{
    Action::{Key, Say, Wait},
    Conditions, World,
};

const ACCESS_NUMBER: &str = "02153290005";
const SECOND: Duration = Duration::from_secs(1);
/// Samples of a packet.
const PACKET: usize = 160;
const RATE: u32 = 8_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    loss_percent: u64,
    jitter_ms: u64,
    ppm: i32,
    seconds: u64,
    seed: u64,
}

/// What came of it.
struct Outcome {
    heard: Vec<i16>,
    lost: Vec<i32>,
    quality: Quality,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(quality) => {
            println!(
                "received={} lost={} discarded={} gaps={} depth_ms={:.1}",
                quality.packets_received,
                quality.packets_lost,
                quality.packets_discarded,
                quality.gaps,
                quality.depth_ms.unwrap_or(0.0)
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("meeting_sound: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Quality, Box<dyn Error>> {
    let [input, output, lost, settings @ ..] = arguments else {
        return Err("usage: meeting_sound IN.wav OUT.wav LOST.txt [NAME=VALUE ...]".into());
    };
    let trial = Trial::parse(settings)?;
    let outcome = carry(read(input)?, trial)?;
    write(output, &outcome.heard)?;
    let numbers: Vec<String> = outcome.lost.iter().map(ToString::to_string).collect();
    fs::write(lost, numbers.join("\n"))?;
    Ok(outcome.quality)
}

impl Trial {
    fn parse(settings: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut trial = Self { loss_percent: 0, jitter_ms: 0, ppm: 0, seconds: 0, seed: 1 };
        for setting in settings {
            let (name, value) = setting.split_once('=').ok_or_else(|| format!("{setting}: no value"))?;
            match name {
                "loss" => trial.loss_percent = value.parse()?,
                "jitter" => trial.jitter_ms = value.parse()?,
                "ppm" => trial.ppm = value.parse()?,
                "seconds" => trial.seconds = value.parse()?,
                "seed" => trial.seed = value.parse()?,
                _ => return Err(format!("{name}: no such setting").into()),
            }
        }
        Ok(trial)
    }
}

fn carry(mut said: Vec<i16>, trial: Trial) -> Result<Outcome, Box<dyn Error>> {
    let mut world = World::new(Conditions::GOOD, trial.seed, &[440, 700]);
    for phone in 0..2 {
        let join = [Wait(SECOND), Key("900100001#"), Wait(SECOND), Key("1234#")];
        world.dial(phone, ACCESS_NUMBER, &join);
    }
    // To the end of the announcements, and until the path is known.
    world.run(15 * SECOND);
    let conditions = Conditions {
        jitter: Duration::from_millis(trial.jitter_ms),
        loss_percent: trial.loss_percent,
        ..Conditions::GOOD
    };
    world.network.impair(world.phones[0].media_address(), conditions);
    world.phones[0].set_clock(trial.ppm);
    world.run(10 * SECOND);

    said.resize(said.len().next_multiple_of(PACKET), 0);
    let length = u32::try_from(said.len())?;
    let once = Duration::from_secs(1) * length / RATE;
    let packets = said.len() / PACKET;
    let times = (trial.seconds * u64::from(RATE)).div_ceil(u64::from(length.max(1))).max(1);
    let first = world.phones[0].next_sequence();
    world.network.lost.clear();
    let said: Arc<[i16]> = said.into();
    world.phones[0].will(&vec![Say(said); usize::try_from(times)?]);
    for _ in 1..times {
        world.run(once);
    }
    world.phones[1].heard.clear();
    world.run(once + SECOND);
    let heard = std::mem::take(&mut world.phones[1].heard);

    // Of a single time; numbers wrap in a longer one, where nothing is lost.
    let number = |bytes: &[u8]| {
        let packet = rtp::Packet::parse(bytes).ok()?;
        Some(i32::from(packet.sequence().distance_from(first)))
    };
    let lost = world.network.lost.iter().filter_map(|datagram| number(&datagram.bytes));
    let is_said = |number: &i32| usize::try_from(*number).is_ok_and(|number| number < packets);
    let lost = lost.filter(is_said).collect();
    world.hang_up(0);
    world.run(2 * SECOND);
    let record = world.gateway.records.first().ok_or("the call left no record")?;
    Ok(Outcome { heard, lost, quality: record.quality.ok_or("the call had no media")? })
}

fn read(file: &str) -> Result<Vec<i16>, Box<dyn Error>> {
    let reader = hound::WavReader::open(file)?;
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (RATE, 1, 16) {
        return Err(format!("{file}: not 8 kHz, mono, 16 bits").into());
    }
    Ok(reader.into_samples().collect::<Result<_, _>>()?)
}

fn write(file: &str, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()
}
