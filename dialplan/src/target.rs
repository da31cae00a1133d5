//! Where a route leads.

use alloc::{borrow::ToOwned, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};
use terms::{Cause, Language, TrunkName};

use crate::{
    error::Reason,
    line::{Verdict, read_number, read_trunk},
    reader::{At, Reader},
};

/// Steps of one application.
const MAX_STEPS: usize = 16;
/// The languages that one step speaks.
const MAX_LANGUAGES: usize = 4;
/// Those whose recordings are shipped.
const SHIPPED: [&str; 2] = ["zh", "en"];
/// The longest step.
const MAX_SPAN: Duration = Duration::from_secs(3_600);
/// Up to the half of full band.
const MAX_HZ: u32 = 24_000;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The dial-in prompts.
    Ivr,
    /// A few steps that the gateway plays by itself.
    App(Vec<Step>),
    /// A carrier.
    Trunk(TrunkName),
    /// The account whose number it is.
    Account,
    /// Nowhere: refused for this cause (Q.850 table 1).
    Refuse(Cause),
}

/// One step of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Answers, and goes on with the next step.
    Answer,
    /// Rings for so long.
    Ring(Duration),
    /// Gives the caller's sound back, until the call ends.
    Echo,
    /// A sine tone, until the call ends.
    Tone {
        /// Its frequency.
        hz: u32,
    },
    /// Nothing is heard for so long.
    Silence(Duration),
    /// Measures the caller's stream and reads the figures back in these languages.
    Quality(Vec<Language>),
    /// Reads each key back in these languages, until `#`.
    Digits(Vec<Language>),
}

/// Reads what stands behind the arrow.
pub(crate) fn read_target(reader: &mut Reader<'_>) -> Result<Verdict, At<Reason>> {
    let begin = reader.clone();
    let name = reader.take_while(|symbol| symbol.is_ascii_alphabetic());
    let target = match name {
        "again" => return Ok(Verdict::Again),
        "ivr" => Target::Ivr,
        "account" => Target::Account,
        "trunk" if reader.take(':') => Target::Trunk(read_trunk(reader)?),
        "app" if reader.take(':') => Target::App(read_steps(reader)?),
        "refuse" => Target::Refuse(in_brackets(reader, read_cause)?),
        _ => {
            let word = begin.clone().take_while(|symbol| !symbol.is_whitespace());
            return Err(begin.fail(Reason::UnknownTarget(word.to_owned())));
        }
    };
    Ok(Verdict::Leads(target))
}

fn read_cause(reader: &mut Reader<'_>) -> Result<Cause, At<Reason>> {
    let begin = reader.clone();
    let cause = u8::try_from(read_number(reader)?).ok().filter(|cause| (1..128).contains(cause));
    cause.map(Cause).ok_or(begin.fail(Reason::Expected("a Q.850 cause from 1 to 127, such as 21")))
}

fn read_steps(reader: &mut Reader<'_>) -> Result<Vec<Step>, At<Reason>> {
    let mut steps = Vec::new();
    loop {
        if steps.len() == MAX_STEPS {
            return Err(reader.fail(Reason::TooMany { what: "steps", limit: MAX_STEPS }));
        }
        steps.push(read_step(reader)?);
        if !reader.take(',') {
            return Ok(steps);
        }
    }
}

fn read_step(reader: &mut Reader<'_>) -> Result<Step, At<Reason>> {
    let begin = reader.clone();
    match reader.take_while(|symbol| symbol.is_ascii_alphabetic()) {
        "answer" => Ok(Step::Answer),
        "echo" => Ok(Step::Echo),
        "ring" => in_brackets(reader, read_span).map(Step::Ring),
        "silence" => in_brackets(reader, read_span).map(Step::Silence),
        "tone" => in_brackets(reader, read_frequency).map(|hz| Step::Tone { hz }),
        "quality" => read_languages(reader).map(Step::Quality),
        "digits" => read_languages(reader).map(Step::Digits),
        _ => {
            let word = begin.clone().take_while(|symbol| !symbol.is_whitespace() && symbol != ',');
            Err(begin.fail(Reason::UnknownStep(word.to_owned())))
        }
    }
}

fn in_brackets<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, At<Reason>>,
) -> Result<T, At<Reason>> {
    if !reader.take('(') {
        return Err(reader.fail(Reason::Expected("a value in brackets")));
    }
    let value = read(reader)?;
    if reader.take(')') { Ok(value) } else { Err(reader.fail(Reason::Expected(")"))) }
}

/// Reads `(zh,en)`, in the order in which they are spoken; without it, both that are shipped.
fn read_languages(reader: &mut Reader<'_>) -> Result<Vec<Language>, At<Reason>> {
    if reader.peek() != Some('(') {
        return Ok(SHIPPED.map(Language::from).into());
    }
    in_brackets(reader, |reader| {
        let mut languages = Vec::new();
        loop {
            let name = reader.take_while(|symbol| symbol.is_ascii_alphanumeric() || symbol == '-');
            if name.is_empty() {
                return Err(reader.fail(Reason::Expected("languages such as zh,en")));
            }
            if languages.len() == MAX_LANGUAGES {
                return Err(reader.fail(Reason::TooMany { what: "languages", limit: MAX_LANGUAGES }));
            }
            languages.push(Language::from(name));
            if !reader.take(',') {
                return Ok(languages);
            }
        }
    })
}

/// Reads `2s` or `500ms`.
fn read_span(reader: &mut Reader<'_>) -> Result<Duration, At<Reason>> {
    let begin = reader.clone();
    let count = u64::from(read_number(reader)?);
    let span = match reader.take_while(|symbol| symbol.is_ascii_alphabetic()) {
        "s" => Some(Duration::from_secs(count)),
        "ms" => Some(Duration::from_millis(count)),
        _ => None,
    };
    let expected = begin.fail(Reason::Expected("a time such as 2s or 500ms, an hour at most"));
    span.filter(|span| *span <= MAX_SPAN && !span.is_zero()).ok_or(expected)
}

/// Reads `440Hz` or `1kHz`.
fn read_frequency(reader: &mut Reader<'_>) -> Result<u32, At<Reason>> {
    let begin = reader.clone();
    let count = read_number(reader)?;
    let hz = match reader.take_while(|symbol| symbol.is_ascii_alphabetic()) {
        "Hz" => Some(count),
        "kHz" => count.checked_mul(1_000),
        _ => None,
    };
    let expected = begin.fail(Reason::Expected("a frequency such as 440Hz or 1kHz, 24kHz at most"));
    hz.filter(|hz| (1..=MAX_HZ).contains(hz)).ok_or(expected)
}
