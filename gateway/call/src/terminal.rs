//! Which device a leg leads to (ISO-1).

use serde::{Deserialize, Serialize};
use terms::{AccountName, CallId, LegId, SerialNumber};

/// By what a device is known. Two legs that share one lead to one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// A call from the telephone network is a device of its own.
    Call(CallId),
    /// A device that nobody knows.
    Leg(LegId),
    /// Of a device that has no name of its own: its account.
    Account(AccountName),
    /// `+sip.instance` (RFC 5626 §4.1).
    Instance(String),
    /// The number of its hardware: `epid` of a Polycom device.
    Serial(SerialNumber),
    /// The fingerprint of the certificate that it shows (SEC-4).
    Certificate(String),
}

/// How sure it is that a leg leads to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Proof {
    /// The peer says so, and anybody could.
    Hinted,
    /// Who says so has logged in.
    Proved,
}

/// A device that can be in one meeting at a time, by all that it is known by. Its address is no part of that: many devices
/// sit behind one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Terminal {
    /// In order, each once.
    marks: Vec<(Mark, Proof)>,
}

impl Terminal {
    /// A device that is known by this call alone.
    pub fn of_call(call: CallId) -> Self {
        Self { marks: vec![(Mark::Call(call), Proof::Proved)] }
    }

    /// The device of somebody who has logged in; one without a name of its own is known by its account.
    pub fn of_account(account: &AccountName, marks: impl IntoIterator<Item = Mark>) -> Self {
        let mut marks: Vec<_> = marks.into_iter().map(|mark| (mark, Proof::Proved)).collect();
        if marks.is_empty() {
            marks.push((Mark::Account(account.clone()), Proof::Proved));
        }
        Self::of(marks)
    }

    /// A device that says who it is, and was not asked to prove it.
    pub fn of_stranger(leg: LegId, hints: impl IntoIterator<Item = Mark>) -> Self {
        let hints = hints.into_iter().map(|mark| (mark, Proof::Hinted));
        Self::of(hints.chain([(Mark::Leg(leg), Proof::Proved)]).collect())
    }

    /// It is known by this besides, and has proved it.
    pub fn also(self, mark: Mark) -> Self {
        let named = self.marks.into_iter().filter(|(mark, _)| !matches!(mark, Mark::Account(_)));
        Self::of(named.chain([(mark, Proof::Proved)]).collect())
    }

    fn of(mut marks: Vec<(Mark, Proof)>) -> Self {
        marks.sort();
        marks.dedup_by(|later, earlier| later.0 == earlier.0);
        Self { marks }
    }

    /// All that it is known by.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().map(|(mark, _)| mark)
    }

    /// How sure it is, of `self` and of `other`, that both are one device: by the mark that they share for which `self` has
    /// the better proof. They share none: `None`.
    pub fn kinship(&self, other: &Self) -> Option<(Proof, Proof)> {
        let proof_of =
            |wanted: &Mark| other.marks.iter().find(|(mark, _)| mark == wanted).map(|(_, proof)| *proof);
        self.marks.iter().filter_map(|(mark, own)| Some((*own, proof_of(mark)?))).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> Mark {
        Mark::Instance(name.to_owned())
    }

    #[test]
    fn iso_1_one_device_under_two_accounts_is_one_and_two_devices_under_one_account_are_two() {
        let device = |account: &str, marks: &[&str]| {
            Terminal::of_account(&account.into(), marks.iter().map(|name| instance(name)))
        };
        let (one, two) = (device("1001", &["a"]), device("1002", &["a", "b"]));
        assert_eq!(one.kinship(&two), Some((Proof::Proved, Proof::Proved)));
        assert_eq!(device("1001", &["a"]).kinship(&device("1001", &["c"])), None, "two devices");
        assert_eq!(device("1001", &[]).kinship(&device("1001", &[])), Some((Proof::Proved, Proof::Proved)));
        assert_eq!(
            device("1001", &[]).kinship(&device("1002", &[])),
            None,
            "nothing tells that they are one"
        );
        let showing = |account: &str| device(account, &[]).also(Mark::Certificate("ab:cd".into()));
        assert_eq!(showing("1001").kinship(&showing("1002")), Some((Proof::Proved, Proof::Proved)));
        assert_eq!(Terminal::of_call(CallId(1)).kinship(&Terminal::of_call(CallId(2))), None);
    }

    #[test]
    fn iso_1_what_a_stranger_says_of_itself_is_a_hint() {
        let owner = Terminal::of_account(&"1001".into(), [instance("a")]);
        let stranger = Terminal::of_stranger(LegId(7), [instance("a")]);
        assert_eq!(stranger.kinship(&owner), Some((Proof::Hinted, Proof::Proved)));
        assert_eq!(owner.kinship(&stranger), Some((Proof::Proved, Proof::Hinted)));
    }
}
