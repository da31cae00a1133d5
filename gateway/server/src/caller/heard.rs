//! What a call was like, for people and for programs.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

/// What a call was like, measured from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heard {
    /// What was dialled.
    pub number: String,
    /// From the INVITE to the 180, where there was one.
    #[serde(rename = "ringing_ms", serialize_with = "optional_millis")]
    pub ringing: Option<Duration>,
    /// From the INVITE to the 200.
    #[serde(rename = "setup_ms", serialize_with = "millis")]
    pub setup: Duration,
    /// From the ACK to the first RTP packet; none came: `None`.
    #[serde(rename = "first_rtp_ms", serialize_with = "optional_millis")]
    pub first_rtp: Option<Duration>,
    /// How the meeting was reached, where one was asked for.
    pub join: Option<Join>,
    /// What came and went.
    pub packets: Packets,
    /// The frequencies that were listened for.
    pub tones: Vec<Tone>,
}

/// How long it took into the meeting, from the last `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Join {
    /// To the first sound.
    #[serde(rename = "sound_ms", serialize_with = "optional_millis")]
    pub sound: Option<Duration>,
    /// To the end of the joined prompt, or to a tone of another participant if that came first.
    #[serde(rename = "joined_ms", serialize_with = "millis")]
    pub joined: Duration,
    /// To the first tone of another participant.
    #[serde(rename = "tone_ms", serialize_with = "optional_millis")]
    pub tone: Option<Duration>,
}

/// RTP packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// Sent by the caller.
    pub sent: u64,
    /// Received from the gateway.
    pub received: u64,
    /// RFC 3550 §A.3: sent by the gateway and not received.
    pub lost: u64,
    /// Received after one that was sent later, or twice.
    pub reordered: u64,
    /// The longest time without one, while talking.
    #[serde(rename = "largest_gap_ms", serialize_with = "millis")]
    pub largest_gap: Duration,
}

/// A frequency that was listened for while talking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tone {
    /// Which.
    pub hz: u32,
    /// Its level.
    pub dbm0: f32,
    /// Whether it is loud enough to be heard.
    pub heard: bool,
}

impl Heard {
    /// Whether a tone was heard.
    pub fn hears(&self, hz: u32) -> bool {
        self.tones.iter().any(|tone| tone.hz == hz && tone.heard)
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered after {} ms", self.setup.as_millis())?;
        if let Some(ringing) = self.ringing {
            write!(f, ", ringing from {} ms on", ringing.as_millis())?;
        }
        match self.first_rtp {
            Some(first) => writeln!(f, "; first sound packet {} ms after the ACK", first.as_millis())?,
            None => writeln!(f, "; no sound packet came")?,
        }
        if let Some(join) = &self.join {
            writeln!(f, "in the meeting {} ms after the last #", join.joined.as_millis())?;
        }
        let Packets { sent, received, lost, reordered, largest_gap } = self.packets;
        write!(
            f,
            "packets: {sent} sent, {received} received, {lost} lost, {reordered} reordered, largest gap {} ms",
            largest_gap.as_millis()
        )?;
        for tone in &self.tones {
            write!(f, "\n{tone}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.heard { "heard" } else { "not heard" };
        write!(f, "{:>5} Hz {verdict} ({:.1} dBm0)", self.hz, self.dbm0)
    }
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Tenths: a packet each 20 ms tells no more.
    serializer.serialize_f64((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}

fn optional_millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_milliseconds_and_a_person_a_verdict() {
        let ms = Duration::from_millis;
        let heard = Heard {
            number: "9001".to_owned(),
            ringing: None,
            setup: Duration::from_micros(12_340),
            first_rtp: Some(ms(15)),
            join: Some(Join { sound: Some(ms(30)), joined: ms(1_500), tone: None }),
            packets: Packets { sent: 9, received: 8, lost: 1, reordered: 0, largest_gap: ms(41) },
            tones: vec![
                Tone { hz: 440, dbm0: -16.25, heard: true },
                Tone { hz: 700, dbm0: -90.0, heard: false },
            ],
        };
        let json = serde_json::to_value(&heard).expect("it serializes");
        assert_eq!(json["setup_ms"], 12.3);
        assert_eq!(json["join"]["joined_ms"], 1_500.0);
        assert_eq!(json["packets"]["largest_gap_ms"], 41.0);
        assert_eq!(json["tones"][1]["heard"], false);
        let text = heard.to_string();
        assert!(
            text.contains("1500 ms after the last #") && text.contains("440 Hz heard (-16.2 dBm0)"),
            "{text}"
        );
        assert!(heard.hears(440) && !heard.hears(700) && !heard.hears(1_000));
    }
}
