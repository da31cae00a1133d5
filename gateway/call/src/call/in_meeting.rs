//! What a participant does and is told in the meeting (DIAL-8).

use terms::{
    Digit, MeetingTag,
    media::{Command, PlayId},
};

use super::{Call, Context};
use crate::{
    ivr,
    keys::Use,
    question::{Controlled, Notice, Question, Role},
};

impl Call {
    pub(super) fn on_meeting_key(
        &mut self,
        (tag, role): (MeetingTag, Role),
        digit: Digit,
        context: &mut Context<'_>,
    ) {
        match self.pressed.press(context.now.mono, digit, &context.settings.keys) {
            Some(Use::Help) => match role {
                Role::Guest => self.tell(&[Notice::Help], context),
                Role::Host => self.tell(&[Notice::Help, Notice::HelpHost], context),
            },
            // One wish at a time: who presses faster than the core answers presses again.
            Some(Use::Wish(wish)) if self.pending.is_none() => {
                self.ask(Question::Control { leg: self.leg, meeting: tag.meeting, wish }, context);
            }
            Some(Use::Wish(_)) | None => {}
        }
    }

    pub(super) fn on_controlled(&mut self, controlled: Controlled, context: &mut Context<'_>) {
        match controlled {
            Controlled::Done(notice) => self.tell(&[notice], context),
            Controlled::HostOnly => self.tell(&[Notice::HostOnly], context),
            Controlled::Quietly | Controlled::NotIn => {}
        }
    }

    /// Speaks over the meeting, which goes on.
    pub(super) fn tell(&mut self, notices: &[Notice], context: &mut Context<'_>) {
        let play = self.next_play();
        let say: Vec<_> =
            notices.iter().flat_map(|notice| context.settings.words.notice(*notice)).cloned().collect();
        let items = ivr::speak(&self.languages, &say);
        context.out.media(Command::Announce { port: self.port, play, items });
    }

    pub(super) const fn next_play(&mut self) -> PlayId {
        let play = self.next_play;
        self.next_play = PlayId(play.0 + 1);
        play
    }
}
