//! SIP legs: offer and answer, ringing, refusing, hanging up.

mod dialing;
mod early;
mod refusals;

use std::{collections::VecDeque, fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use call::leg::{Arrival, Dial, EndedBy, LegCommand, LegEvent, LocalMedia};
use sdp::{Capabilities, LocalDescription, LocalDtls, OfferError, SessionDescription};
use serde::{Deserialize, Serialize};
use sip::{
    endpoint::{Body, Command, DialogId, Ending, Event, Invited, ListenerId, Oversize, Refusal, Reliability},
    registrar::Binding,
    wire::{Reason, Request, StatusCode, Text},
};
use terms::{
    Cause, Direction, Entropy, Instant, LegId, LineState, MediaLine,
    media::{DtlsRole, Encryption, Fingerprint, KeyStock, Secrecy, SrtpKey, Stream},
};

use crate::{
    arrival::arrival,
    causes::cause_of,
    dtmf,
    gates::{Gate, GateLimit, GateView},
    ice::Checks,
    key_source::{Fresh, KeySource},
    legs::Legs,
    peers::{EarlyMedia, Keying, Known, Peers, Policy, Signaling},
    profiles::Profiles,
    registrations::Member,
};
use early::{EarlyAnswer, conclude};
use refusals::{NoOffer, accepts_descriptions, offer_of, refusal_of, refusal_of_cause, refusal_when_full};

/// Of a line's protocol so much is kept for its record.
const LONGEST_PROTOCOL: usize = 32;

/// What SIP legs are told once, and again after a reload.
#[derive(Debug, Clone, Default)]
pub struct SipSettings {
    /// Who may send calls.
    pub peers: Peers,
    /// What we offer and take.
    pub capabilities: Capabilities,
    /// Models of devices.
    pub profiles: Profiles,
}

/// What the legs are told.
#[derive(Debug)]
pub enum Input {
    /// The endpoint speaks.
    Sip(Event),
    /// An INVITE came of somebody who has logged in.
    Calling(Box<Invited>, Box<Member>),
    /// A call speaks to its leg.
    Call(LegId, LegCommand),
    /// A call wants a leg to where an account is registered; it is not any more: `None`.
    Reach(LegId, Box<Dial>, Option<Box<Binding>>),
}

/// What the legs want done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// To the endpoint.
    Sip(Command),
    /// To the leg's call.
    Call(LegId, LegEvent),
    /// A gate was full, and a call was refused.
    Full(Gate, GateLimit),
}

/// How far offer and answer are (RFC 3264).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Exchange {
    /// The INVITE's offer waits for our answer.
    Offered(String),
    /// The INVITE had none: our 200 makes the offer.
    Delayed,
    /// We made the offer, and its answer must come: by the ACK where our 200 made it, by the PRACK where a provisional
    /// response did, else by the 200.
    AwaitingAnswer,
    /// Early dialogs have answered the offer of our INVITE; the 200 says which of them counts.
    Early(Vec<EarlyAnswer>),
    /// Our answer to this offer went out in a provisional response.
    Shown(String),
    /// Both sides agree.
    Settled,
}

/// One SIP leg. A plain value: all of it goes into a snapshot.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SipLeg {
    pub(crate) dialog: DialogId,
    /// What it came by, and counts on.
    pub(crate) gates: Vec<Gate>,
    exchange: Exchange,
    /// Our own session description, as we said it last; the dialog has it in the same memory.
    said: Option<Text>,
    session_id: u64,
    /// RFC 3264 §8: rises when what we say changes.
    version: u64,
    media: Option<LocalMedia>,
    #[serde(default)]
    secret: Secret,
    #[serde(default)]
    checks: Checks,
    /// Of a call that came: what its peer acknowledges.
    #[serde(default)]
    provisional: Reliability,
    /// Of a call that we make.
    #[serde(default)]
    early_media: EarlyMedia,
}

/// Descriptions have keys in them (RFC 4568), and are not printed.
impl fmt::Debug for SipLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipLeg")
            .field("dialog", &self.dialog)
            .field("gates", &self.gates)
            .finish_non_exhaustive()
    }
}

/// What a leg's keys are made of, and those of the peer as it told them last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Secret {
    encryption: Encryption,
    ours: Option<KeyStock>,
    theirs: Option<SrtpKey>,
    /// Whether the keys are read by who reads what is signaled.
    #[serde(default)]
    signaling: Signaling,
    /// Of the certificate that we show in handshakes.
    #[serde(default)]
    certificate: Option<Fingerprint>,
    /// Who began the handshake that stands.
    #[serde(default)]
    began: Option<DtlsRole>,
    /// Of what we offer; offers of the peer are taken either way.
    #[serde(default)]
    keying: Keying,
}

/// A leg as a value, for a standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipLegSnapshot {
    leg: LegId,
    sip: SipLeg,
}

impl SipLegSnapshot {
    /// The leg's dialog, whose snapshot belongs into the same image.
    pub const fn dialog(&self) -> DialogId {
        self.sip.dialog
    }
}

/// All SIP legs of a control shard: feed one [`Input`], drain all [`Output`]s.
#[derive(Debug)]
pub struct SipLegs {
    settings: Arc<SipSettings>,
    legs: Legs,
    entropy: Entropy,
    keys: KeySource,
    outputs: VecDeque<Output>,
}

impl SipLegs {
    /// No legs yet; `entropy` makes session ids.
    pub fn new(settings: Arc<SipSettings>, entropy: Entropy, keys: KeySource) -> Self {
        Self { settings, legs: Legs::default(), entropy, keys, outputs: VecDeque::new() }
    }

    /// Takes new settings; legs keep what they agreed on, and go on where there are more than may come.
    pub fn configure(&mut self, settings: Arc<SipSettings>) {
        self.legs.retain_gates(|gate| settings.peers.gates().any(|(known, _)| known == *gate));
        self.settings = settings;
    }

    /// Feed one, then drain [`SipLegs::poll_output`].
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Sip(Event::Invited(invited)) => self.on_invited(now, &invited, None),
            Input::Calling(invited, member) => self.on_invited(now, &invited, Some(*member)),
            Input::Sip(Event::Acknowledged { dialog, body }) => self.on_acknowledged(dialog, body.as_ref()),
            Input::Sip(Event::Reoffered { dialog, request }) => self.on_reoffered(dialog, &request),
            Input::Sip(Event::Info { dialog, request }) => self.on_info(dialog, &request),
            Input::Sip(Event::Probed { dialog }) => self.on_probed(dialog),
            Input::Sip(Event::Ended { dialog, ending }) => self.on_ended(dialog, &ending),
            Input::Sip(Event::Progressed { dialog, response }) => self.on_progressed(dialog, &response),
            Input::Sip(Event::ProgressAcknowledged { dialog, body }) => {
                self.on_progress_acknowledged(dialog, body.as_ref());
            }
            Input::Sip(Event::Accepted { dialog, response }) => self.on_accepted(dialog, &response),
            Input::Sip(Event::Failed { dialog, failure }) => self.on_failed(dialog, &failure),
            // An offer that was withdrawn changed nothing yet; we make none in a dialog.
            Input::Sip(
                Event::ReofferWithdrawn { .. }
                | Event::ReofferAnswered { .. }
                | Event::Registering(_)
                | Event::Counted(_),
            ) => {}
            Input::Call(leg, LegCommand::Dial(dial)) => self.dial(now, leg, &dial),
            Input::Reach(leg, dial, binding) => self.reach_account(now, leg, (&dial, binding.as_deref())),
            Input::Call(leg, command) => self.on_command(leg, &command),
        }
    }

    /// What is to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many legs there are.
    pub fn len(&self) -> usize {
        self.legs.len()
    }

    /// Whether there are no legs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Trunks and listeners that have a limit, and what came by them.
    pub fn gates(&self) -> Vec<GateView> {
        self.legs.views(self.settings.peers.gates())
    }

    /// Whether an INVITE is taken only of who logs in.
    pub fn asks_who(&self, invited: &Invited) -> bool {
        let known = self.settings.peers.find(invited.listener, invited.source.ip());
        known.is_some_and(|known| known.trunk.is_none() && known.listener.policy == Policy::Accounts)
    }

    /// A socket that devices are reached by.
    pub fn listener(&self, listener: ListenerId) -> Option<&crate::Listener> {
        self.settings.peers.listeners.get(&listener)
    }

    /// A leg as a value.
    pub fn snapshot(&self, leg: LegId) -> Option<SipLegSnapshot> {
        Some(SipLegSnapshot { leg, sip: self.legs.get(leg)?.clone() })
    }

    /// Goes on with a leg where its snapshot was taken.
    pub fn restore(&mut self, snapshot: SipLegSnapshot) {
        let SipLegSnapshot { leg, sip } = snapshot;
        self.legs.insert(leg, sip);
    }

    fn on_invited(&mut self, now: Instant, invited: &Invited, member: Option<Member>) {
        let Invited { dialog, listener, source, request } = invited;
        let settings = Arc::clone(&self.settings);
        let known = match member {
            Some(_) => settings.peers.of_accounts(*listener),
            None => settings.peers.find(*listener, source.ip()),
        };
        let Some(known) = known else {
            return self.refuse(*dialog, Refusal::new(StatusCode::FORBIDDEN));
        };
        // The endpoint's names are unique within an origin, and so are the legs'.
        let leg = LegId(dialog.as_u64());
        let gates = known.gates();
        if let Err((gate, limit)) = self.legs.admit(now, &gates) {
            self.outputs.push_back(Output::Full(gate, limit));
            let refusal = refusal_when_full(limit, &mut self.entropy);
            self.refuse(*dialog, refusal);
            let arrival = Box::new(arrival(&settings.profiles, (&known, leg), (request, member)));
            let turned_away = LegEvent::TurnedAway { arrival, cause: limit.cause() };
            return self.outputs.push_back(Output::Call(leg, turned_away));
        }
        let mut secret =
            Secret::of((known.encryption(), known.keying()), known.listener.signaling, &mut self.keys);
        match self.read_offer(request, *source, &mut secret) {
            Ok((exchange, lines)) => {
                let sip = SipLeg {
                    dialog: *dialog,
                    gates: gates.into_iter().map(|(gate, _)| gate).collect(),
                    exchange,
                    said: None,
                    session_id: self.entropy.next_u64() >> 2,
                    version: 1,
                    media: None,
                    secret,
                    checks: Checks::of(known.ice(), &mut self.keys),
                    provisional: invited.reliability(),
                    early_media: EarlyMedia::default(),
                };
                self.legs.insert(leg, sip);
                self.reach(*dialog, *listener, &known);
                let arrival =
                    Arrival { lines, ..arrival(&settings.profiles, (&known, leg), (request, member)) };
                self.outputs.push_back(Output::Call(leg, LegEvent::Arrived(Box::new(arrival))));
            }
            Err(error) => self.refuse(*dialog, refusal_of(error)),
        }
    }

    /// A call that came by a stream stays on it.
    fn reach(&mut self, dialog: DialogId, by: ListenerId, known: &Known<'_>) {
        let oversize = known.trunk.map_or(Oversize::Same, |trunk| trunk.oversize);
        if let Oversize::Stream(stream) = oversize
            && stream != by
        {
            self.outputs.push_back(Output::Sip(Command::Reach { dialog, oversize }));
        }
    }

    /// An offer is answered in draft before the call is asked: nothing rings that could not talk.
    fn read_offer(
        &self,
        request: &Request,
        source: SocketAddr,
        secret: &mut Secret,
    ) -> Result<(Exchange, Vec<MediaLine>), NoOffer> {
        if !accepts_descriptions(request) {
            return Err(NoOffer::AnswerUnwanted);
        }
        let Some(offer) = offer_of(request)? else { return Ok((Exchange::Delayed, Vec::new())) };
        let stream = self.draft(&offer, secret)?;
        secret.prepare(&stream, source);
        Ok((Exchange::Offered(offer.print()), lines_of(&offer)))
    }

    fn draft(&self, offer: &SessionDescription, secret: &Secret) -> Result<Stream, NoOffer> {
        let nowhere = LocalDescription::new(SocketAddr::from(([127, 0, 0, 1], 9)));
        let nowhere = LocalDescription { keys: secret.ours.clone(), dtls: secret.dtls(), ..nowhere };
        let capabilities = secret.within(&self.settings.capabilities);
        sdp::answer(offer, &capabilities, &nowhere).map(|answered| answered.stream).map_err(|error| {
            match error {
                OfferError::NotEncrypted { .. } => NoOffer::InClear,
                error => NoOffer::Unacceptable(error.status()),
            }
        })
    }

    fn on_command(&mut self, leg: LegId, command: &LegCommand) {
        let Some(sip) = self.legs.get(leg) else { return };
        let dialog = sip.dialog;
        match command {
            LegCommand::Dial(_) => {}
            LegCommand::Ring => self.ring(dialog),
            LegCommand::EarlyMedia { alert, audio } => self.let_hear(leg, *alert, *audio),
            LegCommand::Answer { audio } => self.answer(leg, *audio),
            LegCommand::Refuse { cause, text } => {
                self.legs.remove(leg);
                self.refuse(dialog, refusal_of_cause(*cause, *text));
            }
            LegCommand::Key(digit) => {
                let body = dtmf::relay(*digit);
                self.outputs.push_back(Output::Sip(Command::Info { dialog, body }));
            }
            LegCommand::Probe => self.outputs.push_back(Output::Sip(Command::Probe { dialog })),
            LegCommand::HangUp { cause, text } => {
                self.legs.remove(leg);
                let text = text.map(|text| Text::from_static(text.words()));
                let reason = Some(Reason { text, ..Reason::q850(*cause) });
                let hangup = Command::Hangup { dialog, reason };
                self.outputs.push_back(Output::Sip(hangup));
            }
        }
    }

    fn answer(&mut self, leg: LegId, audio: LocalMedia) {
        let fresh = self.keys.fresh();
        let Some(sip) = self.legs.get_mut(leg) else { return };
        sip.media = Some(audio);
        let dialog = sip.dialog;
        let Some((text, agreed)) = conclude(sip, &self.settings.capabilities, fresh) else {
            // The draft was answered when the offer came; only a reload of the codecs leads here.
            self.legs.remove(leg);
            self.refuse(dialog, Refusal::new(StatusCode::NOT_ACCEPTABLE_HERE));
            return self.ended(leg, Cause::BEARER_NOT_IMPLEMENTED, EndedBy::Failure);
        };
        let body = text.map(Body::sdp);
        self.outputs.push_back(Output::Sip(Command::Answer { dialog, body, headers: Vec::new() }));
        self.negotiated(leg, agreed);
    }

    fn on_acknowledged(&mut self, dialog: DialogId, body: Option<&Body>) {
        let Some((leg, sip)) = self.leg_of(dialog) else { return };
        if sip.exchange == Exchange::AwaitingAnswer && self.take_answer(dialog, body).is_none() {
            return;
        }
        self.outputs.push_back(Output::Call(leg, LegEvent::Established));
    }

    /// RFC 3261 §13.2.1: the 200 to our offer, or the ACK to our 200's, has to answer it; else the call is over.
    fn take_answer(&mut self, dialog: DialogId, body: Option<&Body>) -> Option<LegId> {
        let (leg, sip) = self.leg_of(dialog)?;
        let accepted = accept(body, sip.said.as_ref());
        let Some(stream) = accepted.filter(|stream| sip.secret.permits(stream)) else {
            self.legs.remove(leg);
            let reason = Some(Reason::q850(Cause::INCOMPATIBLE_DESTINATION));
            self.outputs.push_back(Output::Sip(Command::Hangup { dialog, reason }));
            self.ended(leg, Cause::INCOMPATIBLE_DESTINATION, EndedBy::Failure);
            return None;
        };
        sip.exchange = Exchange::Settled;
        sip.secret.theirs = stream.srtp.as_ref().map(|keys| keys.receive.clone());
        sip.secret.began = stream.dtls.as_ref().map(|agreed| agreed.role);
        // The offer that we made has one line.
        self.negotiated(leg, Some(Agreed { line: 0, stream }));
        Some(leg)
    }

    fn on_reoffered(&mut self, dialog: DialogId, request: &Request) {
        let (capabilities, fresh) = (self.settings.capabilities.clone(), self.keys.fresh());
        let Some((leg, sip)) = self.leg_of(dialog) else { return };
        let command = match offer_of(request) {
            Ok(offered) => {
                let before = sip.clone();
                let lines = offered.as_ref().map(lines_of);
                sip.exchange = offered.map_or(Exchange::Delayed, |offer| Exchange::Offered(offer.print()));
                match settle(sip, &capabilities, fresh) {
                    Some(settled) => {
                        let reoffered = lines.map(|lines| Output::Call(leg, LegEvent::Reoffered(lines)));
                        self.outputs.extend(reoffered);
                        let body = Some(Body::sdp(settled.text));
                        self.negotiated(leg, settled.agreed);
                        Command::AnswerReoffer { dialog, body }
                    }
                    None => {
                        // RFC 3261 §14.2: refused, and the session goes on as it was.
                        *sip = before;
                        let refusal = refusal_of(NoOffer::Unacceptable(488));
                        Command::RefuseReoffer { dialog, refusal }
                    }
                }
            }
            Err(error) => Command::RefuseReoffer { dialog, refusal: refusal_of(error) },
        };
        self.outputs.push_back(Output::Sip(command));
    }

    fn on_info(&mut self, dialog: DialogId, request: &Request) {
        let digit = request.body().as_ref().and_then(dtmf::digit);
        if let (Some(leg), Some(digit)) = (self.legs.of_dialog(dialog), digit) {
            self.outputs.push_back(Output::Call(leg, LegEvent::Digit(digit)));
        }
    }

    fn on_probed(&mut self, dialog: DialogId) {
        if let Some(leg) = self.legs.of_dialog(dialog) {
            self.outputs.push_back(Output::Call(leg, LegEvent::Probed));
        }
    }

    fn on_ended(&mut self, dialog: DialogId, ending: &Ending) {
        let Some(leg) = self.legs.of_dialog(dialog) else { return };
        self.legs.remove(leg);
        let by = match ending {
            Ending::Bye(_) | Ending::Cancelled(_) => EndedBy::Peer,
            Ending::Local => EndedBy::Gateway,
            Ending::NoAck | Ending::Timeout | Ending::DialogGone(_) => EndedBy::Failure,
        };
        self.ended(leg, cause_of(ending), by);
    }

    fn negotiated(&mut self, leg: LegId, agreed: Option<Agreed>) {
        if let (Some(Agreed { line, stream }), Some(sip)) = (agreed, self.legs.get(leg)) {
            let secrecy = sip.secret.secrecy(&stream);
            let event = LegEvent::Negotiated { line, stream: Box::new(stream), secrecy };
            self.outputs.push_back(Output::Call(leg, event));
        }
    }

    fn ended(&mut self, leg: LegId, cause: Cause, by: EndedBy) {
        self.outputs.push_back(Output::Call(leg, LegEvent::Ended { cause, by }));
    }

    fn refuse(&mut self, dialog: DialogId, refusal: Refusal) {
        self.outputs.push_back(Output::Sip(Command::Refuse { dialog, refusal }));
    }

    fn leg_of(&mut self, dialog: DialogId) -> Option<(LegId, &mut SipLeg)> {
        let leg = self.legs.of_dialog(dialog)?;
        Some((leg, self.legs.get_mut(leg)?))
    }
}

/// The lines of a peer's offer; none of them has been answered.
fn lines_of(offer: &SessionDescription) -> Vec<MediaLine> {
    let line = |media: sdp::MediaDescription<'_>| MediaLine {
        kind: media.kind(),
        protocol: media.protocol().chars().take(LONGEST_PROTOCOL).collect(),
        direction: media.direction().reversed(),
        state: if media.port() == 0 { LineState::Unwanted } else { LineState::Refused },
    };
    offer.media().map(line).collect()
}

/// Our side of an exchange, and what both agreed on, if the other side has spoken.
struct Settled {
    text: Bytes,
    agreed: Option<Agreed>,
}

/// What both sides agreed on, for one of the leg's lines.
struct Agreed {
    line: usize,
    stream: Stream,
}

/// Says our side: the answer to an offer, or the offer that was asked for. `None`: no common codec,
/// or no address of ours. Where the peer has another key than before, or other credentials for its checks, so have we.
fn settle(sip: &mut SipLeg, capabilities: &Capabilities, fresh: Fresh) -> Option<Settled> {
    let media = sip.media?;
    let before = sip.said.as_ref().and_then(|text| SessionDescription::parse(text.as_bytes()).ok());
    let (mut description, mut agreed) = say(sip, media, capabilities, before.as_ref())?;
    if let Some(Agreed { stream, .. }) = &agreed {
        sip.secret.began = stream.dtls.as_ref().map(|agreed| agreed.role);
    }
    if let Some(Agreed { stream, .. }) = &agreed {
        let is_rekeyed = sip.secret.renew(stream, before.as_ref().map(|_| fresh.keys));
        let is_restarted = sip.checks.renew(stream, fresh.ice);
        if is_rekeyed || is_restarted {
            (description, agreed) = say(sip, media, capabilities, before.as_ref())?;
        }
    }
    if before.as_ref().is_some_and(|before| !description.says_the_same_as(before)) {
        // RFC 3264 §8: a change shows in the version, a refresh does not (RFC 4028 §7.4).
        sip.version += 1;
        description = say(sip, media, capabilities, before.as_ref())?.0;
    }
    let text = Bytes::from(description.print().into_bytes().into_boxed_slice());
    sip.said = Some(Text::from(text.clone()));
    sip.exchange = if agreed.is_some() { Exchange::Settled } else { Exchange::AwaitingAnswer };
    Some(Settled { text, agreed })
}

fn say(
    sip: &SipLeg,
    media: LocalMedia,
    capabilities: &Capabilities,
    before: Option<&SessionDescription>,
) -> Option<(SessionDescription, Option<Agreed>)> {
    let local = LocalDescription {
        rtp: media.rtp,
        rtcp: media.rtcp,
        session_id: sip.session_id,
        version: sip.version,
        direction: Direction::SendReceive,
        keys: sip.secret.ours.clone(),
        dtls: sip.secret.dtls(),
        ice: sip.checks.ours(),
    };
    let capabilities = sip.secret.within(capabilities);
    if let Exchange::Offered(offer) = &sip.exchange {
        let offer = SessionDescription::parse(offer.as_bytes()).ok()?;
        let answered = sdp::answer(&offer, &capabilities, &local).ok()?;
        let agreed = Agreed { line: answered.line, stream: answered.stream };
        return Some((answered.description, Some(agreed)));
    }
    let offer = match before {
        None => sdp::offer(&capabilities, &sip.secret.offering(local)),
        Some(last) => sdp::reoffer(last, &local),
    };
    Some((offer, None))
}

impl Secret {
    fn of((encryption, keying): (Encryption, Keying), signaling: Signaling, keys: &mut KeySource) -> Self {
        let ours = (encryption != Encryption::Off).then(|| keys.draw());
        let certificate = keys.certificate().filter(|_| encryption != Encryption::Off).cloned();
        Self { encryption, ours, theirs: None, signaling, certificate, began: None, keying }
    }

    /// As our first offer has it: no key stands in it where a handshake is wanted.
    fn offering(&self, local: LocalDescription) -> LocalDescription {
        let keys = local.keys.filter(|_| self.keying == Keying::Description);
        LocalDescription { keys, ..local }
    }

    fn dtls(&self) -> Option<LocalDtls> {
        Some(LocalDtls { fingerprint: self.certificate.clone()?, role: self.began })
    }

    /// Deviation: RFC 5763 §5 would have us begin a handshake that we may begin or await. A peer whose media have another
    /// address than its signaling may sit behind a NAT, where nobody can begin but itself.
    fn prepare(&mut self, stream: &Stream, source: SocketAddr) {
        if stream.dtls.is_some() && stream.remote.ip() != source.ip() {
            self.began = Some(DtlsRole::Passive);
        }
    }

    fn within(&self, capabilities: &Capabilities) -> Capabilities {
        Capabilities { encryption: self.encryption, ..capabilities.clone() }
    }

    fn permits(&self, stream: &Stream) -> bool {
        stream.is_encrypted() || self.encryption != Encryption::Required
    }

    /// Notes the peer's key. One that changed, that is gone or came back, has ours changed too: neither side has to know
    /// of the other's roll-over counter (RFC 3711 §9.1: a key that was left is never taken up again).
    fn renew(&mut self, stream: &Stream, fresh: Option<KeyStock>) -> bool {
        let theirs = stream.srtp.as_ref().map(|keys| keys.receive.clone());
        if theirs == self.theirs {
            return false;
        }
        self.theirs = theirs;
        match (&mut self.ours, fresh) {
            (Some(ours), Some(fresh)) => *ours = fresh,
            _ => return false,
        }
        true
    }

    const fn is_signaled_secretly(&self) -> bool {
        matches!(self.signaling, Signaling::Encrypted)
    }

    /// Without TLS whoever reads the signaling has the keys in it, and who can change it can change fingerprints.
    const fn secrecy(&self, stream: &Stream) -> Secrecy {
        match (&stream.srtp, &stream.dtls, self.encryption) {
            (_, Some(_), _) | (Some(_), None, _) if self.is_signaled_secretly() => Secrecy::Encrypted,
            (_, Some(_), _) => Secrecy::FingerprintInClear,
            (Some(_), None, _) => Secrecy::KeysInClear,
            (None, None, Encryption::Off) => Secrecy::Off,
            (None, None, Encryption::Required | Encryption::Preferred) => Secrecy::NotOffered,
        }
    }
}

fn accept(body: Option<&Body>, ours: Option<&Text>) -> Option<Stream> {
    let answer = SessionDescription::parse(&body?.bytes).ok()?;
    let ours = SessionDescription::parse(ours?.as_bytes()).ok()?;
    sdp::accept(&answer, &ours).ok()
}

#[cfg(test)]
mod tests;
