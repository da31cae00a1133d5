//! The embedded core's meetings over HTTP.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use call::core::{Control, Entry, Lock, Meeting, Passwords, RecordingNotice, Refusal, Tones, is_keyable};
use serde::{Deserialize, Serialize};
use terms::{Entropy, MeetingId, Secret, TenantId};

use super::{Admin, Refused, ask};
use crate::{
    driver::{Existed, Request},
    feed::MeetingView,
    program,
    store::Write,
};

/// Participants that a meeting may have.
const MAX_CAPACITY: u32 = 100_000;
/// Of a PIN that we make.
const PIN_DIGITS: usize = 6;

/// A meeting as `POST /v1/meetings` takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMeeting {
    id: MeetingId,
    tenant: TenantId,
    #[serde(default)]
    host_password: Secret,
    #[serde(default)]
    guest_password: Secret,
    #[serde(default)]
    host_pin: Secret,
    #[serde(default)]
    guest_pin: Secret,
    #[serde(default = "NewMeeting::default_capacity")]
    capacity: u32,
    #[serde(default)]
    lock: Lock,
    #[serde(default)]
    entry: Entry,
    #[serde(default)]
    tones: Tones,
    #[serde(default)]
    recording_notice: RecordingNotice,
}

/// A meeting that was made, and the PINs that were made for it: nothing tells them again.
#[derive(Debug, Serialize)]
pub(super) struct NewView {
    #[serde(flatten)]
    view: MeetingView,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_pin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest_pin: Option<String>,
}

impl NewMeeting {
    const fn default_capacity() -> u32 {
        1_000
    }

    pub(crate) fn meeting(self) -> Meeting {
        let Self { host_password, guest_password, host_pin, guest_pin, .. } = self;
        Meeting {
            id: self.id,
            tenant: self.tenant,
            passwords: Passwords { host_password, guest_password, host_pin, guest_pin },
            capacity: self.capacity,
            lock: self.lock,
            entry: self.entry,
            tones: self.tones,
            recording_notice: self.recording_notice,
        }
    }
}

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<MeetingView>>, Refused> {
    ask(&admin, Request::List).await.map(Json)
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<MeetingId>,
) -> Result<Json<MeetingView>, Refused> {
    let view = ask(&admin, |answer| Request::Get(id, answer)).await?;
    view.map(Json).ok_or(Refused::NoSuchMeeting)
}

/// Answers once the meeting is on disk (REL-4).
pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Json(new): Json<NewMeeting>,
) -> Result<(StatusCode, Json<NewView>), Refused> {
    let mut meeting = Box::new(new.meeting());
    let mut entropy = program::entropy().map_err(|_| Refused::Unavailable)?;
    let (host_pin, guest_pin) = make_pins(&mut meeting.passwords, &mut entropy);
    meeting.passwords.check().map_err(Refused::BadPasswords)?;
    if meeting.entry == Entry::WithHost && meeting.passwords.host_password.reveal().is_empty() {
        return Err(Refused::NobodyHosts);
    }
    if !admin.tenants.borrow().contains(&meeting.tenant) {
        return Err(Refused::NoSuchTenant);
    }
    if !(1..=MAX_CAPACITY).contains(&meeting.capacity) {
        return Err(Refused::BadCapacity);
    }
    // A request that is given up meanwhile leaves no meeting half made.
    let made = tokio::spawn(async move { make(&admin, meeting).await });
    let view = made.await.map_err(|_| Refused::Unavailable)??;
    Ok((StatusCode::CREATED, Json(NewView { view, host_pin, guest_pin })))
}

async fn make(admin: &Admin, meeting: Box<Meeting>) -> Result<MeetingView, Refused> {
    let id = meeting.id;
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    if ask(admin, |answer| Request::Get(id, answer)).await?.is_some() {
        return Err(Refused::MeetingExists);
    }
    admin.store.write(Write::PutMeeting(meeting.clone())).await.map_err(|_| Refused::NotStored)?;
    ask(admin, |answer| Request::Put(meeting, answer)).await?;
    ask(admin, |answer| Request::Get(id, answer)).await?.ok_or(Refused::NoSuchMeeting)
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<MeetingId>,
) -> Result<StatusCode, Refused> {
    let _making = admin.making.acquire().await.map_err(|_| Refused::Unavailable)?;
    admin.store.write(Write::DeleteMeeting(id)).await.map_err(|_| Refused::NotStored)?;
    match ask(&admin, |answer| Request::Delete(id, answer)).await? {
        Existed::Yes => Ok(StatusCode::NO_CONTENT),
        Existed::No => Err(Refused::NoSuchMeeting),
    }
}

pub(super) async fn control(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<MeetingId>,
    Json(control): Json<Control>,
) -> Result<StatusCode, Refused> {
    let refusal = ask(&admin, |answer| Request::Control(id, control, answer)).await?;
    refusal.map(|()| StatusCode::NO_CONTENT).map_err(|refusal| match refusal {
        Refusal::NoMeeting => Refused::NoSuchMeeting,
        Refusal::NoLeg => Refused::NoSuchLeg,
        Refusal::NoAccount => Refused::NoAccount,
        Refusal::WrongPassword => Refused::WrongHostPassword,
        Refusal::HostThere => Refused::HostThere,
    })
}

/// DIAL-3: a password that no phone can key gets a PIN.
fn make_pins(passwords: &mut Passwords, entropy: &mut Entropy) -> (Option<String>, Option<String>) {
    let host = needs_pin(&passwords.host_password, &passwords.host_pin).then(|| draw_pin(entropy, None));
    if let Some(pin) = &host {
        passwords.host_pin = Secret::new(pin.clone());
    }
    let taken = passwords.keyed(call::question::Role::Host).cloned();
    let guest =
        needs_pin(&passwords.guest_password, &passwords.guest_pin).then(|| draw_pin(entropy, taken.as_ref()));
    if let Some(pin) = &guest {
        passwords.guest_pin = Secret::new(pin.clone());
    }
    (host, guest)
}

fn needs_pin(password: &Secret, pin: &Secret) -> bool {
    !password.reveal().is_empty() && !is_keyable(password) && pin.reveal().is_empty()
}

fn draw_pin(entropy: &mut Entropy, taken: Option<&Secret>) -> String {
    loop {
        let pin: String = (0..PIN_DIGITS).map(|_| char::from(b'0' + entropy.below(10) as u8)).collect();
        if taken.is_none_or(|taken| !taken.matches(&pin)) {
            return pin;
        }
    }
}
