//! What the doctor of the call's stream wants (MEDIA-4).

use terms::{Cause, Direction, media::Stream};

use super::{Call, Context};
use crate::{
    doctor::{Input, Output},
    event::Event,
    leg::{LegCommand, Words},
};

/// Who sends. RFC 3264 §8.4: a peer that names no address, as of old, is on hold.
pub(super) const fn agreed(stream: &Stream) -> Input {
    let has_no_address = stream.remote.ip().is_unspecified() || stream.remote.port() == 0;
    Input::Agreed(if has_no_address { Direction::Inactive } else { stream.direction })
}

impl Call {
    pub(super) fn consult(&mut self, input: Input, context: &mut Context<'_>) {
        self.doctor.handle_input(context.now.mono, &context.settings.no_stream, input);
        while let Some(output) = self.doctor.poll_output() {
            match output {
                Output::Warn(stopped) => context.out.event(self.id, Event::StreamStopped(stopped)),
                Output::Probe => {
                    context.out.event(self.id, Event::ProbeSent);
                    context.out.leg(self.leg, LegCommand::Probe);
                }
                Output::Resumed => context.out.event(self.id, Event::StreamResumed),
                Output::End(stopped) => {
                    context.out.event(self.id, Event::StreamGivenUp(stopped));
                    self.end_with(Cause::TIMER_EXPIRY, Some(Words::NoStream), context);
                }
            }
        }
    }

    pub(super) fn on_probed(&mut self, context: &mut Context<'_>) {
        context.out.event(self.id, Event::ProbeAnswered);
        self.consult(Input::Answered, context);
    }
}
