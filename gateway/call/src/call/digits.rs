//! Keys, however they come: the first way that one does owns the leg's keys (DIAL-7).

use serde::{Deserialize, Serialize};
use terms::{
    Cause, Digit,
    media::{Command, KeysIn},
};

use super::{Call, Context, Stage, bridge::Word};
use crate::{event::Event, ivr, leg::KeyMethod, self_test, switch::At};

/// The ways that a key can come to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeysBy {
    /// In the media stream (RFC 4733, in-band).
    Media,
    /// In signaling (SIP INFO, H.245 UserInput).
    Signaling,
}

/// Who owns the keys of a leg whose trunk says how they come.
pub(super) const fn owner(method: KeyMethod) -> Option<KeysBy> {
    match method {
        KeyMethod::Auto => None,
        KeyMethod::Events | KeyMethod::Sound => Some(KeysBy::Media),
        KeyMethod::Signaling => Some(KeysBy::Signaling),
    }
}

/// Where the media plane looks for the keys of such a leg.
pub(super) const fn keys_in(method: KeyMethod) -> KeysIn {
    match method {
        KeyMethod::Auto => KeysIn::EventsOrSound,
        KeyMethod::Events => KeysIn::Events,
        KeyMethod::Sound => KeysIn::Sound,
        KeyMethod::Signaling => KeysIn::Neither,
    }
}

impl Call {
    pub(super) fn on_digit(&mut self, by: KeysBy, digit: Digit, context: &mut Context<'_>) {
        if self.keys_by.is_none() && by == KeysBy::Signaling {
            // Nobody need listen to the sound any longer.
            context.out.media(Command::Listen { port: self.port, keys: KeysIn::Neither });
        }
        if *self.keys_by.get_or_insert(by) != by {
            return;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match stage {
            Stage::Ivr(ivr) => self.feed_ivr(ivr, ivr::Input::Digit(digit), context),
            Stage::Testing { app, test } => {
                self.feed_test(app, test, self_test::Input::Digit(digit), context)
            }
            Stage::Meeting(joined) => {
                self.on_meeting_key(joined, digit, context);
                Stage::Meeting(joined)
            }
            Stage::Bridged => {
                self.tell_partner(Word::Key(digit, by), context);
                Stage::Bridged
            }
            stage => stage,
        };
    }

    /// DIAL-7: nobody is there who could hear the prompts.
    pub(super) fn on_fax(&mut self, context: &mut Context<'_>) {
        if self.at() == At::Ivr {
            context.out.event(self.id, Event::FaxHeard);
            self.end(Cause::INCOMPATIBLE_DESTINATION, context);
        }
    }
}
