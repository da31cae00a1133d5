//! What is said of the call's streams, and what follows (MEDIA-4, MEDIA-7).

use terms::{
    Cause, Instant,
    media::{DtlsFault, Measured},
};

use super::{Call, Context, LegState, Stage};
use crate::{
    doctor::{Input, Output},
    event::Event,
    gauge,
    leg::{LegCommand, ReasonText},
    self_test,
    settings::Settings,
    view::CallView,
};

impl Call {
    pub(crate) fn view(&self, now: Instant, settings: &Settings) -> CallView {
        let [inbound, outbound] = self.gauge.view(&settings.quality);
        CallView {
            call: self.id,
            leg: self.leg,
            trunk: self.arrival.trunk.clone(),
            caller: self.arrival.caller.number().map(str::to_owned),
            called: self.arrival.called.clone(),
            account: self.arrival.account.clone(),
            model: self.arrival.model.clone(),
            refused_lines: self.milestones.refused_lines(&self.arrival.lines),
            meeting: self.meeting().map(|tag| tag.meeting),
            arrived: self.milestones.arrived,
            early_media: self.milestones.early_media,
            answered: self.milestones.answered,
            secrecy: self.milestones.secrecy,
            icon: inbound.icon.max(outbound.icon),
            inbound,
            outbound,
            no_stream: self.doctor.stopped(now),
        }
    }

    pub(crate) const fn is_red(&self) -> bool {
        self.gauge.is_red()
    }

    pub(super) fn on_measured(&mut self, measured: &Measured, context: &mut Context<'_>) {
        if self.leg_state != LegState::Established {
            return;
        }
        self.gauge.handle_measured(context.now.mono, &context.settings.quality, measured);
        while let Some(output) = self.gauge.poll_output() {
            let event = match output {
                gauge::Output::RedBegan(way, fault) => Event::RedBegan(way, fault),
                gauge::Output::RedEnded(way) => Event::RedEnded(way),
                gauge::Output::SevereLoss(way) => Event::SevereLoss(way),
            };
            context.out.event(self.id, event);
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Recorded);
        self.stage = match stage {
            Stage::Testing { app, test } => {
                self.feed_test(app, test, self_test::Input::Measured(measured), context)
            }
            stage => stage,
        };
        self.consult(Input::Measured(measured.silences), context);
    }

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
                    self.end_with(Cause::TIMER_EXPIRY, Some(ReasonText::NoStream), context);
                }
            }
        }
    }

    /// RFC 5763 §5: a call whose media can't be encrypted as agreed is over: neither side would hear the other, or somebody
    /// else is in between. Early media need not be heard: who does not shake hands before the answer has time behind it.
    pub(super) fn on_unkeyed(&mut self, fault: DtlsFault, context: &mut Context<'_>) {
        let is_unanswered = matches!(self.leg_state, LegState::Offered | LegState::Dialed);
        let is_early = is_unanswered && fault != DtlsFault::WrongCertificate;
        if is_early || self.leg_state == LegState::Over {
            return;
        }
        context.out.event(self.id, Event::Unkeyed(fault));
        self.end_with(Cause::INCOMPATIBLE_DESTINATION, Some(ReasonText::NoKeys), context);
    }

    pub(super) fn on_probed(&mut self, context: &mut Context<'_>) {
        context.out.event(self.id, Event::ProbeAnswered);
        self.consult(Input::Answered, context);
    }
}
