//! The embedded lease service: one terminal, one meeting (ISO-1).

use std::collections::BTreeMap;

use terms::{BootEpoch, LeaseEpoch, MeetingId, MeetingTag};

use crate::question::{LeaseAnswer, Terminal};

/// Leases in memory. A restart frees them: its boot epoch stands in the upper half of every epoch
/// granted after it, so that none granted before can be higher.
#[derive(Debug)]
pub struct Leases {
    held: BTreeMap<Terminal, (MeetingId, LeaseEpoch)>,
    next: LeaseEpoch,
}

impl Leases {
    /// No leases yet in this boot.
    pub fn new(boot: BootEpoch) -> Self {
        Self { held: BTreeMap::new(), next: LeaseEpoch(u64::from(boot.0) << 32 | 1) }
    }

    /// Grants `meeting` to `terminal` unless it holds another.
    pub fn take(&mut self, terminal: &Terminal, meeting: MeetingId) -> LeaseAnswer {
        match self.held.get(terminal) {
            Some((held, _)) if *held != meeting => LeaseAnswer::Held,
            _ => {
                let epoch = self.next;
                self.next = LeaseEpoch(epoch.0 + 1);
                self.held.insert(terminal.clone(), (meeting, epoch));
                let tag = MeetingTag { meeting, epoch };
                LeaseAnswer::Granted { terminal: terminal.clone(), tag }
            }
        }
    }

    /// Frees what `terminal` holds, if it still holds it under `epoch`.
    pub fn release(&mut self, terminal: &Terminal, epoch: LeaseEpoch) {
        if self.held.get(terminal).is_some_and(|(_, held)| *held == epoch) {
            self.held.remove(terminal);
        }
    }

    /// Holds again what a restored call held.
    pub fn adopt(&mut self, terminal: Terminal, tag: MeetingTag) {
        self.next = LeaseEpoch(self.next.0.max(tag.epoch.0 + 1));
        self.held.insert(terminal, (tag.meeting, tag.epoch));
    }

    /// How many terminals hold a meeting.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether no terminal holds a meeting.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terms::CallId;

    const PHONE: Terminal = Terminal::PhoneCall(CallId(1));

    fn meeting(text: &str) -> MeetingId {
        text.parse().expect("digits")
    }

    fn granted(answer: &LeaseAnswer) -> LeaseEpoch {
        match answer {
            LeaseAnswer::Granted { tag, .. } => tag.epoch,
            LeaseAnswer::Held => panic!("another meeting is held"),
        }
    }

    #[test]
    fn iso_1_a_terminal_holds_one_meeting_and_each_grant_is_higher() {
        let mut leases = Leases::new(BootEpoch(7));
        let first = granted(&leases.take(&PHONE, meeting("900100001")));
        assert_eq!(leases.take(&PHONE, meeting("900100002")), LeaseAnswer::Held);
        let second = granted(&leases.take(&PHONE, meeting("900100001")));
        assert!(second > first);
        leases.release(&PHONE, first);
        assert_eq!(leases.len(), 1, "an older epoch frees nothing");
        leases.release(&PHONE, second);
        assert!(leases.is_empty());
    }

    #[test]
    fn iso_1_a_later_boot_grants_higher_epochs() {
        let first_of = |boot| granted(&Leases::new(BootEpoch(boot)).take(&PHONE, meeting("1")));
        assert!(first_of(8) > first_of(7));
    }
}
