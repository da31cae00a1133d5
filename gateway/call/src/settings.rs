//! What the operator set, typed and complete.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{ivr::Flow, keys::Keys, lease::SecondJoin, leg::KeyMethod, words::Words};
use dialplan::{NumberPlan, Table};
use serde::{Deserialize, Serialize};
use terms::{Language, TenantId, TrunkName, ZoneName, media::Sources};

/// The settings of all calls; a reload swaps the whole. A call in the IVR keeps the flow and the bounds that it began with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where called numbers lead.
    pub dialplan: Table,
    /// How numbers are written here; a trunk's own plan goes before.
    pub number_plan: NumberPlan,
    /// The plans of trunks that write numbers in a way of their own.
    pub trunk_plans: BTreeMap<TrunkName, NumberPlan>,
    /// The trunks that calls may go out by.
    pub trunks: BTreeMap<TrunkName, WayOut>,
    /// How long who is called may take to answer.
    pub no_answer: Duration,
    /// The numbers that lead to the IVR, in E.164, and whose callers they serve.
    pub access_numbers: BTreeMap<String, Access>,
    /// What room systems are asked that dial a meeting's ID alone; its tenant is no matter.
    pub rooms: Access,
    /// What is done about a device that wants in while it is in another meeting (ISO-1).
    pub second_join: SecondJoin,
    /// How long the host may take to confirm that.
    pub confirmation: Duration,
    /// Bounds of the IVR.
    pub ivr: IvrSettings,
    /// Bounds of guessing.
    pub guard: GuardSettings,
    /// What callers are told.
    pub words: Words,
    /// The keys of a meeting.
    pub keys: Keys,
    /// What is done about a stream that stopped.
    pub no_stream: NoStreamSettings,
    /// What is good enough of a stream.
    pub quality: QualitySettings,
    /// How long a caller may wait for the host, or for being let in.
    pub waiting: Duration,
    /// How long core and lease service may take to answer.
    pub question_timeout: Duration,
    /// How many media workers there are to spread ports over.
    pub workers: u8,
    /// Calls at once; more are refused as congestion.
    pub max_calls: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialplan: Table::default(),
            number_plan: NumberPlan {
                country: "86".into(),
                area: "21".into(),
                trunk_prefix: "0".into(),
                international_prefix: "00".into(),
            },
            trunk_plans: BTreeMap::new(),
            trunks: BTreeMap::new(),
            no_answer: Duration::from_secs(60),
            access_numbers: BTreeMap::new(),
            rooms: Access {
                tenant: None,
                languages: vec![Language::from("zh"), Language::from("en")],
                flow: Arc::default(),
            },
            second_join: SecondJoin::default(),
            confirmation: Duration::from_secs(30),
            ivr: IvrSettings::default(),
            guard: GuardSettings::default(),
            words: Words::default(),
            keys: Keys::default(),
            no_stream: NoStreamSettings::default(),
            quality: QualitySettings::default(),
            waiting: Duration::from_secs(900),
            question_timeout: Duration::from_secs(3),
            workers: 1,
            max_calls: 20_000,
        }
    }
}

/// A trunk that calls may go out by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOut {
    /// Whose addresses the media takes.
    pub zone: ZoneName,
    /// From where the media is taken.
    pub sources: Sources,
    /// How keys are told to it.
    pub keys: KeyMethod,
}

/// An access number's scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Only this tenant's meetings; `None` is all.
    pub tenant: Option<TenantId>,
    /// In what order the IVR speaks; two or more are offered as a choice (DIAL-2).
    pub languages: Vec<Language>,
    /// What its callers are asked.
    pub flow: Arc<Flow>,
}

/// Bounds of the IVR (DIAL-3, DIAL-4, DIAL-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IvrSettings {
    /// Silence before the first word: carriers clip the start.
    pub lead_in: Duration,
    /// From a question's end to the first key.
    pub first_digit: Duration,
    /// From one key to the next.
    pub between_digits: Duration,
    /// How often a pair may be tried.
    pub tries: u8,
    /// The whole stage.
    pub bound: Duration,
}

impl Default for IvrSettings {
    fn default() -> Self {
        Self {
            lead_in: Duration::from_millis(200),
            first_digit: Duration::from_secs(10),
            between_digits: Duration::from_secs(5),
            tries: 3,
            bound: Duration::from_secs(120),
        }
    }
}

/// Bounds of guessing (DIAL-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// A caller's failures that lock it out.
    pub failures: usize,
    /// Older failures of a caller are forgotten.
    pub window: Duration,
    /// How long a caller is locked out.
    pub lock: Duration,
    /// More failures than these against one meeting ID slow its answers.
    pub meeting_failures: usize,
    /// Older failures against a meeting ID are forgotten.
    pub meeting_window: Duration,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            window: Duration::from_secs(5 * 60),
            lock: Duration::from_secs(10 * 60),
            meeting_failures: 20,
            meeting_window: Duration::from_secs(10 * 60),
        }
    }
}

/// What is done about a stream that stopped, each so long after it did (MEDIA-4); in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoStreamSettings {
    /// It is told.
    pub warn: Duration,
    /// The peer is asked whether it is there.
    pub probe: Duration,
    /// The call ends.
    pub end: Duration,
    /// The call of a peer that is there, or that may be quiet, ends.
    pub end_answered: Duration,
}

impl Default for NoStreamSettings {
    fn default() -> Self {
        Self {
            warn: Duration::from_secs(20),
            probe: Duration::from_secs(30),
            end: Duration::from_secs(40),
            end_answered: Duration::from_secs(120),
        }
    }
}

/// What is good enough of a stream (MEDIA-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualitySettings {
    /// From here on the signal is red.
    pub red_delay: Duration,
    /// From here on the signal is red.
    pub red_jitter: Duration,
    /// From here on the signal is red, for sound.
    pub red_loss_percent: u8,
    /// Above this an endpoint's icon is yellow.
    pub icon_yellow_percent: u8,
    /// From here on it is red; above it the loss is severe.
    pub icon_red_percent: u8,
    /// Loss that is severe for so long on end is told.
    pub severe_after: Duration,
}

impl Default for QualitySettings {
    fn default() -> Self {
        Self {
            red_delay: Duration::from_millis(250),
            red_jitter: Duration::from_millis(50),
            red_loss_percent: 10,
            icon_yellow_percent: 1,
            icon_red_percent: 5,
            severe_after: Duration::from_secs(5),
        }
    }
}
