//! What calls itself by a scanner's name, found without parsing.

/// How far a name is looked for: scanners say it early.
const HEAD: usize = 2_048;
/// And how far in it.
const LONGEST_AGENT: usize = 128;
const AGENT: &[u8] = b"user-agent";

/// Whether the sender of a message calls itself by one of these names (RFC 3261 §20.41), which are in lower case.
pub(super) fn is_scanner(bytes: &[u8], names: &[String]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let lines = head.split(|octet| *octet == b'\n').take_while(|line| !matches!(line, [] | [b'\r']));
    lines.filter_map(agent).any(|agent| names.iter().any(|name| has(agent, name.as_bytes())))
}

/// RFC 3261 §7.3.1: white space may stand before the colon.
fn agent(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(AGENT.len())?;
    let value = value.trim_ascii_start().strip_prefix(b":").filter(|_| name.eq_ignore_ascii_case(AGENT))?;
    Some(value.get(..LONGEST_AGENT).unwrap_or(value))
}

fn has(agent: &[u8], name: &[u8]) -> bool {
    agent.windows(name.len().max(1)).any(|part| part.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{super::Settings, *};

    #[test]
    fn sec_2_a_scanners_name_counts_in_its_header_alone() {
        let names = Settings::default().scanners;
        let message =
            |head: &str| format!("REGISTER sip:a SIP/2.0\r\n{head}\r\n\r\nUser-Agent: sipvicious\r\n");
        for (head, expected) in [
            ("User-Agent: friendly-scanner", true),
            ("USER-AGENT:SIPVicious/0.3", true),
            ("User-Agent \t: sipcli/v1.8", true),
            ("User-Agent: Polycom/sipv", false),
            ("Subject: sipvicious", false),
            ("", false),
        ] {
            assert_eq!(is_scanner(message(head).as_bytes(), &names), expected, "{head}");
        }
        for odd in [&b""[..], b"\n", b"User-Agent", b"User-Agent:", b"\xff\xfe\r\nuser-agent:\r\n"] {
            assert!(!is_scanner(odd, &names));
        }
    }
}
