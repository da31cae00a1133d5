//! What a media line says of encryption, feedback, content and floors: read here, carried as it is.

use terms::media::PayloadType;

use super::MediaDescription;

/// What RTP a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// In clear or encrypted.
    pub protection: Protection,
    /// Where the keys of an encrypted line are.
    pub key_exchange: KeyExchange,
    /// Whether RTCP comes early (RFC 4585).
    pub feedback: Feedback,
}

/// Whether a profile encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// RFC 3551: `RTP/AVP`, `RTP/AVPF`. A line may have `a=crypto` all the same (best effort).
    Clear,
    /// RFC 3711: `RTP/SAVP`, `RTP/SAVPF`, and RFC 5764's `UDP/TLS/RTP/…`.
    Secure,
}

/// Where keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExchange {
    /// RFC 4568: from the description, if from anywhere.
    Description,
    /// RFC 5764: from a handshake where the media go.
    Dtls,
}

/// Whether a profile has early feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// RFC 3550's pace.
    Regular,
    /// RFC 4585.
    Early,
}

/// RFC 4568 §9.1: `a=crypto`. The keys don't print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// Which of the line's; some begin at 0.
    pub tag: u32,
    /// Such as `AES_CM_128_HMAC_SHA1_80`.
    pub suite: &'a str,
    /// `inline:` with key, lifetime and MKI.
    pub keys: &'a str,
    /// What follows, such as `UNENCRYPTED_SRTCP`.
    pub session: &'a str,
}

impl std::fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crypto({} {} {})", self.tag, self.suite, self.session)
    }
}

/// RFC 4585 §4.2: `a=rtcp-fb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackKind<'a> {
    /// Of which payload type; none is all.
    pub payload_type: Option<PayloadType>,
    /// Such as `nack pli` or `ccm fir`.
    pub kind: &'a str,
}

/// RFC 8856 §5.5: a floor, and the labels (RFC 4574) of the streams that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor<'a> {
    /// Its number.
    pub id: u16,
    /// The labels; none where the offer leaves them to the answer.
    pub labels: Vec<&'a str>,
}

impl<'a> MediaDescription<'a> {
    /// What RTP the line is of; none where it is no RTP.
    pub fn profile(&self) -> Option<Profile> {
        let protocol = self.protocol();
        let is = |names: &[&str]| names.iter().any(|name| protocol.eq_ignore_ascii_case(name));
        let (protection, feedback) = if is(&["RTP/AVP"]) {
            (Protection::Clear, Feedback::Regular)
        } else if is(&["RTP/AVPF"]) {
            (Protection::Clear, Feedback::Early)
        } else if is(&["RTP/SAVP", "UDP/TLS/RTP/SAVP"]) {
            (Protection::Secure, Feedback::Regular)
        } else if is(&["RTP/SAVPF", "UDP/TLS/RTP/SAVPF"]) {
            (Protection::Secure, Feedback::Early)
        } else {
            return None;
        };
        let is_dtls = is(&["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"]);
        let key_exchange = if is_dtls { KeyExchange::Dtls } else { KeyExchange::Description };
        Some(Profile { protection, key_exchange, feedback })
    }

    /// The keys that it offers, in the order of preference. What is malformed is passed over.
    pub fn crypto(&self) -> impl Iterator<Item = Crypto<'a>> + use<'a> {
        self.values("crypto").filter_map(|value| {
            let mut words = value.splitn(4, ' ').map(str::trim).filter(|word| !word.is_empty());
            Some(Crypto {
                tag: words.next()?.parse().ok()?,
                suite: words.next()?,
                keys: words.next().filter(|keys| keys.starts_with("inline:"))?,
                session: words.next().unwrap_or_default(),
            })
        })
    }

    /// The feedback that the describer understands.
    ///
    /// Deviation: a line that names several kinds (`ccm fir tmmbr`, Polycom HDX) is handed on as one.
    pub fn feedback(&self) -> impl Iterator<Item = FeedbackKind<'a>> + use<'a> {
        self.values("rtcp-fb").filter_map(|value| {
            let (payload_type, kind) = value.trim().split_once(' ')?;
            let payload_type = match payload_type {
                "*" => None,
                number => Some(number.parse().ok().filter(|number| *number < 128).map(PayloadType)?),
            };
            Some(FeedbackKind { payload_type, kind: kind.trim() })
        })
    }

    /// RFC 4574: the line's label.
    pub fn label(&self) -> Option<&'a str> {
        self.values("label").next().map(str::trim)
    }

    /// RFC 4796: what the line shows, such as `main` or `slides`.
    pub fn content(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values("content").flat_map(|value| value.split(',')).map(str::trim)
    }

    /// RFC 8856 §5.5: the floors of a BFCP line, in today's spelling (`mstrm`) or the draft's (`m-stream`).
    pub fn floors(&self) -> impl Iterator<Item = Floor<'a>> + use<'a> {
        self.values("floorid").filter_map(|value| {
            let mut words = value.split_ascii_whitespace();
            let id = words.next()?.parse().ok()?;
            let labels = words.flat_map(|word| {
                let first = word.strip_prefix("mstrm:").or_else(|| word.strip_prefix("m-stream:"));
                first.unwrap_or(word).split(',').filter(|label| !label.is_empty())
            });
            Some(Floor { id, labels: labels.collect() })
        })
    }

    fn values(&self, wanted: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        let of_name = move |(name, value): (&'a str, Option<&'a str>)| {
            value.filter(|_| name.eq_ignore_ascii_case(wanted))
        };
        self.attributes().filter_map(of_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionDescription;

    fn look<T>(line: &str, attributes: &[&str], look: impl FnOnce(MediaDescription<'_>) -> T) -> T {
        let lines = [&["v=0", "c=IN IP4 192.0.2.1", line], attributes].concat();
        let description = SessionDescription::parse(lines.join("\r\n").as_bytes()).expect("it parses");
        look(description.media().next().expect("a line"))
    }

    #[test]
    fn media_2_profiles_are_told_apart() {
        use Feedback::{Early, Regular};
        use Protection::{Clear, Secure};
        let rows = [
            ("RTP/AVP", Some((Clear, Regular))),
            ("rtp/avpf", Some((Clear, Early))),
            ("RTP/SAVP", Some((Secure, Regular))),
            ("RTP/SAVPF", Some((Secure, Early))),
            ("UDP/TLS/RTP/SAVPF", Some((Secure, Early))),
            ("UDP/BFCP", None),
            ("udptl", None),
        ];
        for (protocol, expected) in rows {
            let profile = look(&format!("m=audio 4000 {protocol} 0"), &[], |media| media.profile());
            assert_eq!(profile.map(|profile| (profile.protection, profile.feedback)), expected, "{protocol}");
        }
    }

    #[test]
    fn rfc4568_9_1_keys_are_read_in_order_from_tag_0_on_and_never_print() {
        let attributes = [
            "a=crypto:0 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^48",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BBBB|2^48 UNENCRYPTED_SRTCP",
            "a=crypto:2 NONSENSE",
            "a=crypto:x AES_CM_128_HMAC_SHA1_32 inline:CCCC",
        ];
        look("m=audio 4000 RTP/AVP 0", &attributes, |media| {
            let crypto: Vec<Crypto<'_>> = media.crypto().collect();
            assert_eq!(crypto.iter().map(|crypto| crypto.tag).collect::<Vec<_>>(), [0, 1]);
            assert_eq!((crypto[0].keys, crypto[1].session), ("inline:AAAA|2^48", "UNENCRYPTED_SRTCP"));
            assert!(!format!("{crypto:?}").contains("AAAA"));
        });
    }

    #[test]
    fn rfc4585_4_2_feedback_is_of_one_payload_type_or_all() {
        let attributes =
            ["a=rtcp-fb:* nack pli", "a=rtcp-fb:97 ccm fir", "a=rtcp-fb:* ccm fir tmmbr", "a=rtcp-fb:x nack"];
        look("m=video 4000 RTP/AVP 97", &attributes, |media| {
            let feedback: Vec<_> = media.feedback().map(|kind| (kind.payload_type, kind.kind)).collect();
            let all = None;
            assert_eq!(
                feedback,
                [(all, "nack pli"), (Some(PayloadType(97)), "ccm fir"), (all, "ccm fir tmmbr")]
            );
        });
    }

    #[test]
    fn rfc8856_5_5_floors_have_labels_in_both_spellings_or_none() {
        let attributes =
            ["a=floorid:2 mstrm:12", "a=floorid:1 m-stream:3", "a=floorid:4", "a=floorid:x mstrm:1"];
        look("m=application 4000 UDP/BFCP *", &attributes, |media| {
            let floors: Vec<_> = media.floors().map(|floor| (floor.id, floor.labels)).collect();
            assert_eq!(floors, [(2, vec!["12"]), (1, vec!["3"]), (4, vec![])]);
        });
    }

    #[test]
    fn rfc4574_and_rfc4796_label_and_content() {
        look("m=video 4000 RTP/AVP 97", &["a=content:slides, alt", "a=label:12"], |media| {
            assert_eq!(media.content().collect::<Vec<_>>(), ["slides", "alt"]);
            assert_eq!(media.label(), Some("12"));
        });
    }
}
