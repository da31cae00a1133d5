//! Offer and answer (RFC 3264) for audio.

use core::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};
use terms::{
    Direction, MediaKind,
    media::{
        ClockRate, Codec, DtlsTerms, Encryption, Format, IceCredentials, KeyStock, PayloadType, Ptime,
        RtcpPath, SampleRate, SrtpKeys, Stream,
    },
};
use thiserror::Error;

use crate::{
    description::{KeyExchange, MediaDescription, ParseError, Protection, SessionDescription},
    dtls::{self, LocalDtls},
    ice,
    sdes::{self, Taken},
};

mod encoding;
mod opus;

use encoding::{
    NOISE, STATIC_NOISE, codec_of, encoding, events, events_of, noise_of, offered_events,
    offered_payload_type, parameters,
};

/// What we can do, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The codecs, in the order that we prefer them.
    pub codecs: Vec<Codec>,
    /// How much a packet holds where the peer has no wish.
    pub ptime: Ptime,
    /// The payload type that we offer for telephone events; none: they aren't offered or taken.
    pub events: Option<PayloadType>,
    /// Whether comfort noise (RFC 3389) is offered, and taken where it is offered.
    pub comfort_noise: ComfortNoise,
    /// Whether the sound is encrypted (RFC 4568, RFC 5763), as far as the local description has what that takes.
    pub encryption: Encryption,
}

/// Whether silence may be described in place of being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComfortNoise {
    /// It may.
    Taken,
    /// Every packet is sound.
    Refused,
}

impl Default for Capabilities {
    /// Every codec, the best first, 20 ms, events under 101, comfort noise.
    fn default() -> Self {
        Self {
            codecs: Codec::ALL.to_vec(),
            ptime: Ptime::MS_20,
            events: Some(PayloadType(101)),
            comfort_noise: ComfortNoise::Taken,
            encryption: Encryption::Preferred,
        }
    }
}

impl Capabilities {
    /// A telephone's: G.711, A-law first.
    pub fn narrow_band() -> Self {
        Self { codecs: vec![Codec::Pcma, Codec::Pcmu], ..Self::default() }
    }

    /// A telephone's, for who measures what comes and would take silence for loss.
    pub fn without_comfort_noise() -> Self {
        Self { comfort_noise: ComfortNoise::Refused, ..Self::narrow_band() }
    }
}

/// Our own end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDescription {
    /// Where we receive RTP.
    pub rtp: SocketAddr,
    /// Where we receive RTCP.
    pub rtcp: SocketAddr,
    /// The session's id in `o=`; stays for the dialog.
    pub session_id: u64,
    /// The version in `o=`; one more for each description that differs (RFC 3264 §8).
    pub version: u64,
    /// Who may send, seen from us: what holds the peer, or not.
    pub direction: Direction,
    /// What our keys are made of; none: no key stands in a description.
    pub keys: Option<KeyStock>,
    /// Our side of a handshake; none: there is no handshake.
    pub dtls: Option<LocalDtls>,
    /// What our answers to connectivity checks are signed by; none: there are no answers.
    pub ice: Option<IceCredentials>,
}

impl LocalDescription {
    /// RTCP at the port above, session 1, version 1, both ways, in clear.
    pub fn new(rtp: SocketAddr) -> Self {
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1));
        let direction = Direction::SendReceive;
        Self { rtp, rtcp, session_id: 1, version: 1, direction, keys: None, dtls: None, ice: None }
    }
}

/// Our answer and what it means for the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub description: SessionDescription,
    /// Which of its media lines is the audio that we took, from 0.
    pub line: usize,
    /// What was agreed for it.
    pub stream: Stream,
}

/// An offer that we can't answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferError {
    /// RFC 3264 §6: no common format in any stream. We answer 488.
    #[error("no common audio codec; offered: {offered:?}")]
    NoCommonCodec {
        /// The audio encodings that were offered, such as `opus/48000/2`.
        offered: Vec<String>,
    },
    /// Audio is offered under protocols that we don't speak. We answer 488.
    #[error("no common audio protocol; offered: {offered:?}")]
    NoCommonProtocol {
        /// The protocol tokens.
        offered: Vec<String>,
    },
    /// It must be encrypted, and no audio line has a key that we can use. We answer 488.
    #[error("no common encryption; offered: {offered:?}")]
    NotEncrypted {
        /// The protocol tokens.
        offered: Vec<String>,
    },
    /// The audio line has no usable address. We answer 400.
    #[error("media line {line} has no address")]
    NoAddress {
        /// Which media line, from 0.
        line: usize,
    },
    /// The body does not parse. We answer 400, with the line.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

impl OfferError {
    /// The SIP status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoCommonCodec { .. } | Self::NoCommonProtocol { .. } | Self::NotEncrypted { .. } => 488,
            Self::NoAddress { .. } | Self::Malformed(_) => 400,
        }
    }
}

/// An answer that we can't go on with: the call is ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// RFC 3264 §6: the peer took no audio.
    #[error("the peer refused the audio")]
    Refused,
    /// The peer answered with codecs that we hadn't offered.
    #[error("the peer answered with other codecs: {answered:?}")]
    NoCommonCodec {
        /// What it answered.
        answered: Vec<String>,
    },
    /// RFC 4568 §5.1.3: what we offered encrypted was answered without a key, or with one of another suite.
    #[error("the peer answered without a key")]
    NotEncrypted,
    /// RFC 3264 §6: fewer or more lines than our offer had.
    #[error("{answered} media lines answer {offered}")]
    LineCount {
        /// How many we offered.
        offered: usize,
        /// How many came back.
        answered: usize,
    },
    /// The audio line has no usable address.
    #[error("media line {line} has no address")]
    NoAddress {
        /// Which media line, from 0.
        line: usize,
    },
    /// The body does not parse.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

/// RFC 3551: in clear.
const CLEAR: &str = "RTP/AVP";
/// RFC 3711: encrypted.
const SECURE: &str = "RTP/SAVP";
/// RFC 5764 §8.
const SECURE_BY_HANDSHAKE: &str = "UDP/TLS/RTP/SAVP";

/// Answers an offer: the first audio line with a codec of ours is taken, every other line is
/// refused in its place.
pub fn answer(
    offer: &SessionDescription,
    ours: &Capabilities,
    local: &LocalDescription,
) -> Result<Answered, OfferError> {
    let Choice { line, media: taken, format: send, keying } = choose(offer, ours, local)?;
    let (Some(remote), Some(remote_rtcp)) = (taken.rtp(), taken.rtcp()) else {
        return Err(OfferError::NoAddress { line });
    };
    let events = ours.events.and_then(|_| events_of(&taken, send.codec.clock_rate()));
    let noise = noise_of(&taken, send.codec).filter(|_| ours.comfort_noise == ComfortNoise::Taken);
    let types = [Some(send.payload_type), events, noise];
    let rtcp = rtcp_path(&[taken], types.into_iter().flatten());
    let checks = ice::choose(&taken, local.ice.as_ref());
    let stream = Stream {
        remote,
        remote_rtcp: if rtcp == RtcpPath::Muxed { remote } else { remote_rtcp },
        direction: common(taken.direction().reversed(), local.direction),
        send,
        ptime: packet_time(&taken, ours.ptime, send.codec),
        receive: vec![send],
        receive_events: events,
        send_events: events,
        comfort_noise: noise,
        opus: opus::wish(&taken, send),
        rtcp,
        srtp: keying.as_ref().and_then(Keying::keys),
        dtls: keying.as_ref().and_then(Keying::handshake),
        ice: checks.terms().cloned().map(Box::new),
    };
    let mut session = session(local);
    // RFC 3264 §6: the answer's times are the offer's.
    session.times.clone_from(&offer.0.times);
    session.medias = offer
        .media()
        .enumerate()
        .map(|(at, media)| if at == line { accepted(&taken, &stream, local) } else { refused(&media) })
        .collect();
    session.attributes.extend(checks.of_session());
    if let Some(media) = session.medias.get_mut(line) {
        let keys = keying.iter().flat_map(|keying| keying.attributes(local.dtls.as_ref()));
        media.attributes.extend(keys.chain(checks.of_media(local, stream.rtcp)));
    }
    Ok(Answered { description: SessionDescription(session), line, stream })
}

/// What we take of an offer.
struct Choice<'a> {
    line: usize,
    media: MediaDescription<'a>,
    format: Format,
    keying: Option<Keying>,
}

/// Where the keys of a line come from.
enum Keying {
    /// RFC 4568: from its description and our answer.
    Description(Taken),
    /// RFC 5763: from a handshake.
    Handshake(DtlsTerms),
}

impl Keying {
    /// What the line's protocol has: `RTP/SAVP`, `RTP/SAVPF`, and with the attributes on `RTP/AVP` too, as room systems
    /// offer both in one line. A line with `a=crypto` and `a=fingerprint` is taken by a handshake: nobody who only reads the
    /// signaling has its keys.
    fn of(media: &MediaDescription<'_>, local: &LocalDescription) -> Option<Self> {
        let profile = media.profile()?;
        let handshake = local.dtls.as_ref().and_then(|ours| dtls::choose(media, ours));
        match (handshake, profile.key_exchange) {
            (Some(agreed), _) => Some(Self::Handshake(agreed)),
            (None, KeyExchange::Dtls) => None,
            (None, KeyExchange::Description) => {
                let keys = local.keys.as_ref();
                keys.and_then(|keys| sdes::choose(media, keys)).map(Self::Description)
            }
        }
    }

    fn keys(&self) -> Option<Box<SrtpKeys>> {
        match self {
            Self::Description(taken) => Some(Box::new(taken.keys.clone())),
            Self::Handshake(_) => None,
        }
    }

    fn handshake(&self) -> Option<Box<DtlsTerms>> {
        match self {
            Self::Description(_) => None,
            Self::Handshake(agreed) => Some(Box::new(agreed.clone())),
        }
    }

    fn attributes(&self, ours: Option<&LocalDtls>) -> Vec<Attribute> {
        match (self, ours) {
            (Self::Description(taken), _) => vec![sdes::attribute(taken.tag, &taken.keys.send)],
            (Self::Handshake(agreed), Some(ours)) => dtls::attributes(ours, agreed).into(),
            (Self::Handshake(_), None) => Vec::new(),
        }
    }
}

/// The first audio line that we can take, an encrypted one before others, and the codec of it that we like best.
fn choose<'a>(
    offer: &'a SessionDescription,
    ours: &Capabilities,
    local: &LocalDescription,
) -> Result<Choice<'a>, OfferError> {
    let local = Some(local).filter(|_| ours.encryption != Encryption::Off);
    let is_open = |media: &MediaDescription<'_>| media.kind() == MediaKind::Audio && media.port() != 0;
    let audio = || offer.media().enumerate().filter(|(_, media)| is_open(media));
    let protocols = || audio().map(|(_, media)| media.protocol().to_owned()).collect();
    let spoken = || {
        audio().filter_map(|(line, media)| {
            let keying = local.and_then(|local| Keying::of(&media, local));
            (keying.is_some() || speaks(&media)).then_some((line, media, keying))
        })
    };
    let fitting = || {
        spoken().filter_map(|(line, media, keying)| {
            Some(Choice { line, media, format: best_format(&media, ours)?, keying })
        })
    };
    if let Some(encrypted) = fitting().find(|choice| choice.keying.is_some()) {
        return Ok(encrypted);
    }
    match (fitting().next(), ours.encryption) {
        (Some(_), Encryption::Required) => Err(OfferError::NotEncrypted { offered: protocols() }),
        (Some(clear), Encryption::Preferred | Encryption::Off) => Ok(clear),
        (None, _) if spoken().next().is_none() && audio().next().is_some() => {
            Err(OfferError::NoCommonProtocol { offered: protocols() })
        }
        (None, _) => Err(OfferError::NoCommonCodec {
            offered: spoken().flat_map(|(_, media, _)| encodings(&media)).collect(),
        }),
    }
}

/// What the audio line may be sent by. Feedback (RFC 4585) that isn't negotiated isn't sent.
fn speaks(media: &MediaDescription<'_>) -> bool {
    media.profile().is_some_and(|profile| profile.protection == Protection::Clear)
}

fn best_format(media: &MediaDescription<'_>, ours: &Capabilities) -> Option<Format> {
    ours.codecs.iter().find_map(|codec| {
        let payload_type =
            media.payload_types().find(|payload_type| codec_of(media, *payload_type) == Some(*codec))?;
        Some(Format { payload_type, codec: *codec })
    })
}

fn encodings(media: &MediaDescription<'_>) -> Vec<String> {
    let name = |format: &str| {
        let payload_type = format.parse().ok().map(PayloadType);
        payload_type.and_then(|payload_type| media.rtpmap(payload_type)).unwrap_or(format).to_owned()
    };
    media.formats().map(name).collect()
}

/// The peer's wish within its limit, in packet times that we have (MEDIA-3).
fn packet_time(media: &MediaDescription<'_>, ours: Ptime, codec: Codec) -> Ptime {
    let wanted = media.ptime().unwrap_or(ours.as_millis());
    let nearest = Ptime::nearest(wanted.min(media.maxptime().unwrap_or(u32::MAX)));
    match (codec, nearest.as_millis()) {
        // RFC 6716 §2.1.4: a frame of Opus is of 10, 20, 40 or 60 ms.
        (Codec::Opus, 30 | 50) => Ptime::nearest(nearest.as_millis() - 10),
        _ => nearest,
    }
}

/// Who sends where both sides, seen from us, want so (RFC 3264 §6.1).
const fn common(theirs: Direction, ours: Direction) -> Direction {
    match (theirs.sends() && ours.sends(), theirs.receives() && ours.receives()) {
        (true, true) => Direction::SendReceive,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::ReceiveOnly,
        (false, false) => Direction::Inactive,
    }
}

/// RFC 5761 §5.1.1: RTCP goes where RTP goes if each says so, and no payload type of the audio looks like it.
fn rtcp_path(sides: &[MediaDescription<'_>], mut types: impl Iterator<Item = PayloadType>) -> RtcpPath {
    let is_muxed = sides.iter().all(|side| side.rtcp_path() == RtcpPath::Muxed);
    if is_muxed && !types.any(dtls::looks_like_rtcp) { RtcpPath::Muxed } else { RtcpPath::Apart }
}

/// The lines above the first media line.
fn session(local: &LocalDescription) -> Session {
    let ip = local.rtp.ip();
    let mut session = Session::new(Origin::with_ip_addr(local.session_id, local.version, ip), "-");
    session.connection = Some(Connection::from_ip_addr(ip));
    session
}

/// RFC 3264 §6: a line that we don't take keeps its place, its protocol and its formats.
fn refused(media: &MediaDescription<'_>) -> Media {
    let media = media.media;
    Media {
        media: media.media.clone(),
        port: 0,
        num_ports: None,
        proto: media.proto.clone(),
        fmt: media.fmt.clone(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn accepted(taken: &MediaDescription<'_>, stream: &Stream, local: &LocalDescription) -> Media {
    let mut media = refused(taken);
    media.port = local.rtp.port();
    let clock = stream.send.codec.clock_rate();
    let encoded = |number| (number, taken.rtpmap(number).unwrap_or(events(clock)));
    let events: Vec<_> = stream.receive_events.map(encoded).into_iter().collect();
    describe(&mut media, &stream.receive, (stream.comfort_noise, &events));
    finish(&mut media, stream.ptime, stream.direction, local);
    if stream.rtcp == RtcpPath::Muxed {
        media.attributes.push(Attribute::new("rtcp-mux"));
    }
    media
}

/// The formats and their encodings.
fn describe(
    media: &mut Media,
    formats: &[Format],
    (noise, events): (Option<PayloadType>, &[(PayloadType, &str)]),
) {
    let numbers = formats.iter().map(|format| format.payload_type).chain(noise);
    let numbers = numbers.chain(events.iter().map(|(number, _)| *number));
    media.fmt = numbers.map(|payload_type| payload_type.0.to_string()).collect::<Vec<_>>().join(" ");
    for format in formats {
        let rtpmap = format!("{} {}", format.payload_type.0, encoding(format.codec));
        media.attributes.push(Attribute::with_value("rtpmap", rtpmap));
        if let Some(parameters) = parameters(format.codec) {
            let fmtp = format!("{} {parameters}", format.payload_type.0);
            media.attributes.push(Attribute::with_value("fmtp", fmtp));
        }
    }
    if let Some(payload_type) = noise {
        let rtpmap = format!("{} {NOISE}", payload_type.0);
        media.attributes.push(Attribute::with_value("rtpmap", rtpmap));
    }
    for (payload_type, encoding) in events {
        let rtpmap = format!("{} {encoding}", payload_type.0);
        media.attributes.push(Attribute::with_value("rtpmap", rtpmap));
        // RFC 4733 §2.4.1: the events that we take, the keys.
        media.attributes.push(Attribute::with_value("fmtp", format!("{} 0-15", payload_type.0)));
    }
}

fn finish(media: &mut Media, ptime: Ptime, direction: Direction, local: &LocalDescription) {
    media.attributes.push(Attribute::with_value("ptime", ptime.as_millis()));
    media.attributes.push(Attribute::new(direction_name(direction)));
    media.attributes.extend(rtcp_attribute(local));
}

/// RFC 3605 §2.1: said only where it isn't the port above, which everyone takes it for.
fn rtcp_attribute(local: &LocalDescription) -> Option<Attribute> {
    let (rtp, rtcp) = (local.rtp, local.rtcp);
    if rtcp.ip() == rtp.ip() && Some(rtcp.port()) == rtp.port().checked_add(1) {
        return None;
    }
    let family = if rtcp.is_ipv4() { "IP4" } else { "IP6" };
    Some(Attribute::with_value("rtcp", format!("{} IN {family} {}", rtcp.port(), rtcp.ip())))
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendReceive => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::ReceiveOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}

/// Our first offer: one audio line, encrypted where that is required: under keys in the description, where there are any, else by
/// a handshake.
pub fn offer(ours: &Capabilities, local: &LocalDescription) -> SessionDescription {
    let formats: Vec<Format> = ours
        .codecs
        .iter()
        .map(|codec| Format { payload_type: offered_payload_type(*codec), codec: *codec })
        .collect();
    let secret = Some(local).filter(|_| ours.encryption == Encryption::Required);
    let (keys, handshake) = secret.map_or((None, None), |local| (local.keys.as_ref(), local.dtls.as_ref()));
    let handshake = handshake.filter(|_| keys.is_none());
    let protocol = match (keys, handshake) {
        (Some(_), _) => SECURE,
        (None, Some(_)) => SECURE_BY_HANDSHAKE,
        (None, None) => CLEAR,
    };
    let mut media =
        Media::new(sdp_types::MediaType::Audio, local.rtp.port(), sdp_types::TransportProto::RtpAvp, "");
    protocol.clone_into(&mut media.proto);
    let is_narrow = ours.codecs.iter().any(|codec| codec.sample_rate() == SampleRate::Hz8000);
    let noise = (ours.comfort_noise == ComfortNoise::Taken && is_narrow).then_some(STATIC_NOISE);
    describe(&mut media, &formats, (noise, &event_formats(ours)));
    finish(&mut media, ours.ptime, local.direction, local);
    media.attributes.extend(keys.map(sdes::offered));
    media.attributes.extend(handshake.into_iter().flat_map(dtls::offered));
    let mut session = session(local);
    session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
    session.medias = vec![media];
    SessionDescription(session)
}

/// RFC 4733 §2.1: events on each clock that a codec of ours has.
fn event_formats(ours: &Capabilities) -> Vec<(PayloadType, &'static str)> {
    let clocks = [ClockRate::Hz8000, ClockRate::Hz16000, ClockRate::Hz48000];
    let clocks =
        clocks.into_iter().filter(|clock| ours.codecs.iter().any(|codec| codec.clock_rate() == *clock));
    clocks.filter_map(|clock| Some((offered_events(clock, ours.events?), events(clock)))).collect()
}

/// Our next offer in a session: what we last said, with `local`'s version, addresses and direction
/// (RFC 3264 §8: no line goes or changes its place).
pub fn reoffer(last: &SessionDescription, local: &LocalDescription) -> SessionDescription {
    let mut next = last.0.clone();
    let head = session(local);
    next.origin = head.origin;
    next.connection = head.connection;
    let open = next.medias.iter_mut().filter(|media| media.port != 0);
    for media in open {
        media.port = local.rtp.port();
        media.attributes.retain(|line| !is_replaced(&line.attribute));
        media.attributes.push(Attribute::new(direction_name(local.direction)));
        media.attributes.extend(rtcp_attribute(local));
        let shakes_hands = media.attributes.iter().any(|line| line.attribute == "fingerprint");
        media.attributes.extend(shakes_hands.then(dtls::offered_again));
    }
    SessionDescription(next)
}

fn is_replaced(attribute: &str) -> bool {
    ["sendrecv", "sendonly", "recvonly", "inactive", "rtcp", "setup"].contains(&attribute)
}

/// Takes the answer to our offer.
pub fn accept(answer: &SessionDescription, ours: &SessionDescription) -> Result<Stream, AnswerError> {
    let (offered, answered) = (ours.media().count(), answer.media().count());
    if offered != answered {
        return Err(AnswerError::LineCount { offered, answered });
    }
    let pairs = ours.media().zip(answer.media()).enumerate();
    let mut open = pairs.filter(|(_, (own, _))| own.kind() == MediaKind::Audio && own.port() != 0);
    let taken = open.find(|(_, (_, theirs))| theirs.port() != 0);
    let (line, (own, theirs)) = taken.ok_or(AnswerError::Refused)?;
    let (Some(remote), Some(remote_rtcp)) = (theirs.rtp(), theirs.rtcp()) else {
        return Err(AnswerError::NoAddress { line });
    };
    let send = first_offered(&own, &theirs)
        .ok_or_else(|| AnswerError::NoCommonCodec { answered: encodings(&theirs) })?;
    let clock = send.codec.clock_rate();
    let send_events = events_of(&theirs, clock);
    let (srtp, dtls) = keys_of(&own, &theirs)?;
    let rtcp = rtcp_path(&[own, theirs], [send.payload_type].into_iter().chain(send_events));
    Ok(Stream {
        remote,
        remote_rtcp: if rtcp == RtcpPath::Muxed { remote } else { remote_rtcp },
        direction: common(theirs.direction().reversed(), own.direction()),
        send,
        ptime: packet_time(&theirs, own.ptime().map_or(Ptime::MS_20, Ptime::nearest), send.codec),
        receive: alike(&own, send.codec).collect(),
        receive_events: send_events.and_then(|_| events_of(&own, clock)),
        send_events: events_of(&own, clock).and(send_events),
        comfort_noise: noise_of(&own, send.codec).and(noise_of(&theirs, send.codec)),
        opus: opus::wish(&theirs, send),
        rtcp,
        srtp: srtp.map(Box::new),
        dtls: dtls.map(Box::new),
        ice: ice::answered(&own, &theirs).map(Box::new),
    })
}

/// RFC 4568 §5.1.3, RFC 5763 §5: what went out encrypted comes back with a key or a fingerprint, or not at all.
fn keys_of(
    own: &MediaDescription<'_>,
    theirs: &MediaDescription<'_>,
) -> Result<(Option<SrtpKeys>, Option<DtlsTerms>), AnswerError> {
    let handshake = dtls::answered(own, theirs);
    let keys = if handshake.is_none() { sdes::answered(own, theirs) } else { None };
    let is_bound = theirs.crypto().next().is_some() || !theirs.fingerprints().is_empty() || !speaks(own);
    match (&keys, &handshake) {
        (None, None) if is_bound => Err(AnswerError::NotEncrypted),
        _ => Ok((keys, handshake)),
    }
}

/// RFC 3264 §7: the answer's first format that we offered, under the answer's payload type.
fn first_offered(own: &MediaDescription<'_>, theirs: &MediaDescription<'_>) -> Option<Format> {
    formats(theirs).find(|format| formats(own).any(|own| own.codec == format.codec))
}

/// The formats that a peer may go over to without a word: those of one rate and one clock with what it took.
fn alike<'a>(own: &MediaDescription<'a>, taken: Codec) -> impl Iterator<Item = Format> + use<'a> {
    let of = |codec: Codec| (codec.sample_rate(), codec.clock_rate());
    formats(own).filter(move |format| of(format.codec) == of(taken))
}

fn formats<'a>(media: &MediaDescription<'a>) -> impl Iterator<Item = Format> + use<'a> {
    let media = *media;
    media
        .payload_types()
        .filter_map(move |payload_type| Some(Format { payload_type, codec: codec_of(&media, payload_type)? }))
}

#[cfg(test)]
mod tests;
