//! What a participant does and is told in the meeting (DIAL-8).

use terms::{
    Digit,
    media::{Command, PlayId, Route, Voice},
};

use super::{Call, Context, Joined, Program, Stage};
use crate::{
    core::{RecordingNotice, Tones},
    ivr,
    keys::Use,
    question::{Controlled, Notice, Question, Role},
};

/// What the others hear of who comes.
pub(super) const ENTRY_TONE: &str = "entry-tone";
/// What they hear of who goes.
pub(super) const EXIT_TONE: &str = "exit-tone";

impl Call {
    pub(super) fn on_meeting_key(
        &mut self,
        Joined { tag, welcome }: Joined,
        digit: Digit,
        context: &mut Context<'_>,
    ) {
        match self.pressed.press(context.now.mono, digit, &context.settings.keys) {
            Some(Use::Help) => match welcome.role {
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

    /// The host or the core decides whether the participant is heard.
    pub(crate) fn on_set_voice(&mut self, voice: Voice, context: &mut Context<'_>) {
        self.voice = voice;
        if let Stage::Meeting(Joined { tag, .. }) = self.stage {
            context.out.media(Command::Route { port: self.port, route: Route::Meeting { tag, voice } });
            let notice = match voice {
                Voice::Heard => Notice::Unmuted,
                Voice::Muted => Notice::Muted,
            };
            self.tell(&[notice], context);
        }
    }

    /// The participant becomes host, or is host no longer.
    pub(crate) fn on_set_role(&mut self, role: Role, context: &mut Context<'_>) {
        match &mut self.stage {
            Stage::Meeting(joined) => {
                joined.welcome.role = role;
                let notice = match role {
                    Role::Host => Notice::RoleGranted,
                    Role::Guest => Notice::RoleReleased,
                };
                self.tell(&[notice], context);
            }
            Stage::Announcing { joined: Some(joined), .. }
            | Stage::Answering { program: Program::Join(joined) } => joined.welcome.role = role,
            _ => {}
        }
    }

    /// DIAL-8: the others hear who comes and goes, where the meeting wants it.
    pub(super) fn chime(&self, joined: &Joined, name: &str, context: &mut Context<'_>) {
        if joined.welcome.tones == Tones::On {
            context.out.media(Command::Chime { port: self.port, name: name.into() });
        }
    }

    /// What is told to who just joined.
    pub(super) fn greet(&mut self, joined: &Joined, context: &mut Context<'_>) {
        let muted = (self.voice == Voice::Muted).then_some(Notice::Muted);
        let recorded = (joined.welcome.recording_notice == RecordingNotice::On).then_some(Notice::Recording);
        let notices: Vec<Notice> = recorded.into_iter().chain(muted).collect();
        if !notices.is_empty() {
            self.tell(&notices, context);
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
