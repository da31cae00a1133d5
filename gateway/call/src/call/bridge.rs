//! A call between two legs (MEDIA-1, ROOM-12): two halves, each a call with one leg and one port, that tell each other what
//! becomes of them.

use serde::{Deserialize, Serialize};
use terms::{
    AccountName, CallId, Cause, Digit, PortId, TrunkName, ZoneName,
    media::{Command, Route, Sources},
};

use super::{Beginning, Call, Context, LegState, PortState, Program, Stage, digits::KeysBy};
use crate::{
    event::Event,
    lease::SecondJoin,
    leg::{Alert, Arrival, Dial, KeyMethod, Kind, LegCommand, LocalMedia, Model, Way},
    question::{LeaseAnswer, Place, Reached},
    settings::WayOut,
    terminal::Terminal,
};

/// The other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partner {
    pub(crate) call: CallId,
    pub(crate) port: PortId,
}

/// Where a call goes on to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Onward {
    way: Way,
    zone: ZoneName,
    sources: Sources,
    keys: KeyMethod,
    terminal: Option<Box<Terminal>>,
    #[serde(default)]
    model: Option<Box<Model>>,
    number: String,
}

impl Onward {
    pub(crate) fn to_trunk(trunk: TrunkName, out: WayOut, number: String) -> Self {
        let WayOut { zone, sources, keys } = out;
        Self { way: Way::Trunk(trunk), zone, sources, keys, terminal: None, model: None, number }
    }

    pub(super) fn to_account(account: AccountName, reached: Reached) -> Self {
        let Reached { zone, sources, keys, terminal, model } = reached;
        // Behind the name may stand which device of it.
        let number = account.as_str().split(';').next().unwrap_or_default().to_owned();
        Self {
            way: Way::Account(account),
            zone,
            sources,
            keys,
            terminal: Some(Box::new(terminal)),
            model,
            number,
        }
    }

    /// The leg that is to be made for one that came.
    pub(crate) fn arrival(self, came: &Arrival) -> Arrival {
        let Self { way, zone, sources, keys, terminal, model, number } = self;
        let (trunk, account, kind) = match way {
            Way::Trunk(trunk) => (Some(trunk), None, Kind::Phone),
            Way::Account(account) => (None, Some(account), Kind::Hardware),
        };
        Arrival {
            zone,
            sources,
            trunk,
            account,
            tenant: came.tenant.clone(),
            terminal,
            called: number,
            caller: came.caller.clone(),
            kind,
            keys,
            model,
            lines: Vec::new(),
            hops_left: came.hops_left.saturating_sub(1),
        }
    }
}

/// What one half tells the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It rings.
    Ringing,
    /// The peer is heard before it answers.
    EarlyMedia(Alert),
    /// The peer has answered.
    Answered,
    /// The peer pressed a key.
    Key(Digit, KeysBy),
    /// It is over.
    Ended(Cause),
}

/// What the caller was told of the other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    Nothing,
    /// That it rings.
    Ringing,
    /// It hears it (OUT-3): no word more is needed.
    Sound,
}

impl Call {
    /// The half of who calls: the other is being made.
    pub(crate) fn join(&mut self, partner: Partner) {
        self.partner = Some(partner);
        self.milestones.partner = Some(partner.call);
    }

    /// The half of who is called: dialed as soon as its port is open, and its device has the lease.
    pub(crate) fn dial(beginning: Beginning, partner: Partner, context: &mut Context<'_>) -> Self {
        let mut call = Self::new(beginning, LegState::Planned, context);
        call.join(partner);
        call.stage = Stage::Dialing { until: context.now.mono + context.settings.no_answer };
        if call.arrival.terminal.is_some() {
            // Whoever is called is not moved by that.
            call.claim_as(SecondJoin::Reject, Place::Call(partner.call), context);
        }
        call
    }

    /// The lease service's word on the device that is to be called.
    pub(super) fn on_callee_lease(&mut self, answer: LeaseAnswer, context: &mut Context<'_>) {
        match (answer, self.port_state) {
            (LeaseAnswer::Granted { place, epoch }, port_state) => {
                self.lease = Some((place, epoch));
                if let PortState::Open(media) = port_state {
                    self.send_dial(media, context);
                }
            }
            (LeaseAnswer::Held | LeaseAnswer::Contended, _) => self.end(Cause::USER_BUSY, context),
        }
    }

    pub(super) fn send_dial(&mut self, audio: LocalMedia, context: &mut Context<'_>) {
        let way = match (&self.arrival.trunk, &self.arrival.account) {
            (Some(trunk), _) => Way::Trunk(trunk.clone()),
            (None, Some(account)) => Way::Account(account.clone()),
            (None, None) => return,
        };
        self.leg_state = LegState::Dialed;
        let called = terms::Pii(self.arrival.called.clone());
        context.out.event(self.id, Event::Dialed { trunk: self.arrival.trunk.clone(), called });
        let dial = Dial {
            way,
            number: self.arrival.called.clone(),
            caller: self.arrival.caller.clone(),
            hops_left: self.arrival.hops_left,
            audio,
        };
        context.out.leg(self.leg, LegCommand::Dial(Box::new(dial)));
    }

    /// Who was dialed is heard before it answers. OUT-3: by its caller, and by nobody else. Both directions are as was
    /// negotiated: who hears that a number is not in service may be asked for a key.
    pub(super) fn on_early_media(&mut self, alert: Alert, context: &mut Context<'_>) {
        if let Stage::Dialing { until } = self.stage {
            self.stage = Stage::EarlyMedia { until };
            self.milestones.early_media = Some(context.now.wall);
            context.out.event(self.id, Event::EarlyMedia);
            self.hear_partner(context);
            self.tell_partner(Word::EarlyMedia(alert), context);
        }
    }

    /// Who was dialed has answered.
    pub(super) fn on_reached(&mut self, before: &Stage, context: &mut Context<'_>) -> Stage {
        context.out.event(self.id, Event::Answered);
        if matches!(before, Stage::Dialing { .. }) {
            self.hear_partner(context);
        }
        self.tell_partner(Word::Answered, context);
        Stage::Bridged
    }

    pub(crate) fn on_partner(&mut self, word: Word, context: &mut Context<'_>) {
        match word {
            Word::Ringing => {
                if let Stage::Reaching { told: told @ Told::Nothing } = &mut self.stage {
                    *told = Told::Ringing;
                    context.out.leg(self.leg, LegCommand::Ring);
                }
            }
            Word::EarlyMedia(alert) => self.on_partner_heard(alert, context),
            Word::Answered => {
                if let Stage::Reaching { told } = self.stage {
                    if told != Told::Sound {
                        self.hear_partner(context);
                    }
                    self.stage = self.answer(Program::Bridge, context);
                }
            }
            Word::Key(digit, by) => self.on_partner_key(digit, by, context),
            Word::Ended(cause) => {
                self.partner = None;
                self.end(cause, context);
            }
        }
    }

    fn on_partner_heard(&mut self, alert: Alert, context: &mut Context<'_>) {
        if let (Stage::Reaching { told: told @ (Told::Nothing | Told::Ringing) }, PortState::Open(audio)) =
            (&mut self.stage, self.port_state)
        {
            *told = Told::Sound;
            self.milestones.early_media = Some(context.now.wall);
            self.hear_partner(context);
            context.out.leg(self.leg, LegCommand::EarlyMedia { alert, audio });
        }
    }

    /// A key in the media is carried there; who has its own in signaling is told all of them there; one that came in signaling
    /// becomes an event in the media, where the peer reads these, and an event is told in signaling where it doesn't.
    fn on_partner_key(&self, digit: Digit, by: KeysBy, context: &mut Context<'_>) {
        if !matches!(self.stage, Stage::Bridged) {
            return;
        }
        match (self.keys_by, by) {
            (Some(KeysBy::Signaling), _) => context.out.leg(self.leg, LegCommand::Key(digit)),
            (_, KeysBy::Signaling) if self.reads_events => {
                context.out.media(Command::Press { port: self.port, digit });
            }
            (_, KeysBy::Signaling) => context.out.leg(self.leg, LegCommand::Key(digit)),
            (_, KeysBy::Media) if self.reads_events => {}
            (_, KeysBy::Media) => context.out.leg(self.leg, LegCommand::Key(digit)),
        }
    }

    pub(super) fn tell_partner(&self, word: Word, context: &mut Context<'_>) {
        if let Some(partner) = self.partner {
            context.out.word(partner.call, word);
        }
    }

    fn hear_partner(&self, context: &mut Context<'_>) {
        if let (Some(partner), true) = (self.partner, self.port_state != PortState::Gone) {
            let route = Route::Peer { port: partner.port };
            context.out.media(Command::Route { port: self.port, route });
        }
    }
}
