//! Whom to call and what to do there.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use terms::{Digit, MeetingId, Secret};

/// A shorter silence is one between two words: the longest within a shipped recording is 380 ms.
const PAUSE: Duration = Duration::from_millis(600);
/// No prompt is longer.
const PROMPT: Duration = Duration::from_secs(20);
/// From the last key to the meeting, the verdict and its prompt included.
const JOINING: Duration = Duration::from_secs(12);
/// Rings for longer are given up (OUT-3's own default).
const PATIENCE: Duration = Duration::from_secs(60);

/// A call to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the gateway's SIP listener is.
    pub gateway: SocketAddr,
    /// Our own address, for SIP and RTP.
    pub local: IpAddr,
    /// What is dialled.
    pub number: String,
    /// Who calls.
    pub from: String,
    /// How long it may ring.
    pub patience: Duration,
    /// What is done once the call is answered; then it is hung up.
    pub script: Vec<Step>,
    /// The frequencies to listen for, in Hz.
    pub listen: Vec<u32>,
}

/// A step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Hears a prompt to its end: sound, then `pause` without any.
    Listen {
        /// How long is no pause between two words.
        pause: Duration,
        /// A longer prompt is not waited for.
        within: Duration,
    },
    /// Keys digits (RFC 4733). Their `Debug` hides which.
    Key(Vec<Digit>),
    /// Waits until the gateway has let us into the meeting, as far as that can be heard.
    Join {
        /// Later is too late.
        within: Duration,
    },
    /// Talks, and measures what is heard.
    Talk {
        /// With a tone of so many Hz; silent without.
        hz: Option<u32>,
        /// For how long.
        duration: Duration,
    },
}

/// The keys to a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Which meeting.
    pub meeting: MeetingId,
    /// The host's or the guests' password.
    pub password: Secret,
}

impl Plan {
    /// A call to `number` that does nothing.
    pub fn new(gateway: SocketAddr, local: IpAddr, number: impl Into<String>) -> Self {
        Self {
            gateway,
            local,
            number: number.into(),
            from: "1000".to_owned(),
            patience: PATIENCE,
            script: Vec::new(),
            listen: Vec::new(),
        }
    }

    /// The same from another number.
    #[must_use]
    pub fn from(mut self, number: impl Into<String>) -> Self {
        self.from = number.into();
        self
    }

    /// The same that hears the IVR's prompts and keys a meeting and its password.
    #[must_use]
    pub fn joining(mut self, pair: &Pair) -> Self {
        let prompt = Step::Listen { pause: PAUSE, within: PROMPT };
        self.script.extend([
            prompt.clone(),
            Step::Key(entry(&pair.meeting.to_string())),
            prompt,
            Step::Key(entry(pair.password.reveal())),
            Step::Join { within: JOINING },
        ]);
        self
    }

    /// The same that then talks.
    #[must_use]
    pub fn talking(mut self, hz: Option<u32>, duration: Duration) -> Self {
        self.script.push(Step::Talk { hz, duration });
        self
    }

    /// The same that listens for these frequencies.
    #[must_use]
    pub fn listening(mut self, hz: &[u32]) -> Self {
        self.listen = hz.to_vec();
        self
    }
}

/// The keys of an entry, and the one that ends it. What is no key is left out.
fn entry(text: &str) -> Vec<Digit> {
    text.chars().filter_map(|key| Digit::try_from(key).ok()).chain([Digit::POUND]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_never_shows_what_it_keys() {
        let pair =
            Pair { meeting: "900100001".parse().expect("an ID"), password: Secret::new("8642".to_owned()) };
        let plan =
            Plan::new(([127, 0, 0, 1], 5060).into(), [127, 0, 0, 1].into(), "02153290005").joining(&pair);
        let shown = format!("{plan:?}");
        assert!(!shown.contains("8642") && !shown.contains("900100001"), "{shown}");
        let keyed: Vec<usize> = plan
            .script
            .iter()
            .filter_map(|step| match step {
                Step::Key(digits) => Some(digits.len()),
                Step::Listen { .. } | Step::Join { .. } | Step::Talk { .. } => None,
            })
            .collect();
        assert_eq!(keyed, [10, 5]);
    }
}
