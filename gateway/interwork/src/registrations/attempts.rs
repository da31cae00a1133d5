//! What became of attempts to register, for the registration doctor (OPS-4).

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    ops::Bound,
    time::Duration,
};

use call::accounts::Denial;
use serde::{Deserialize, Serialize};
use sip::registrar::Refused;
use terms::{AccountName, Instant, Now, TenantId, WallTime};

/// Attempts of an account that are remembered; the same from the same source counts as one.
const KEPT: usize = 8;
/// Attempts by names that nobody has, all together.
const KEPT_OF_STRANGERS: usize = 64;
/// Changes of address within `FLAPPING_WITHIN` from which on an account flaps.
const FLAPPING: usize = 5;
const FLAPPING_WITHIN: Duration = Duration::from_secs(600);

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A device is registered.
    Registered,
    /// It goes on.
    Refreshed,
    /// It goes on from another address.
    Moved,
    /// A device has left.
    Left,
    /// A binding was not refreshed.
    Expired,
    /// The password is wrong.
    WrongPassword,
    /// Nobody has such an account.
    NoAccount,
    /// Too many wrong passwords; for so many seconds nobody is heard.
    Locked {
        /// How long.
        seconds: u64,
    },
    /// The request can't be read, or its parameters contradict each other.
    WrongParameters,
    /// It wants to register for another account's address.
    OtherAddress,
    /// For less time than is granted.
    TooBrief,
    /// A request overtook a later one.
    OutOfOrder,
    /// A proxy on the way can't keep flows apart (RFC 5626).
    NoOutboundProxy,
    /// The account has as many bindings as it may.
    TooManyContacts,
    /// The gateway has as many bindings as it may, or too much to do.
    Full,
    /// It comes too often; it was told to wait.
    TooFrequent,
    /// The account's trial is over.
    Frozen,
    /// The tenant has no licence left.
    NoLicence {
        /// How many it has.
        licences: u32,
    },
    /// The device is of another tenant.
    SerialElsewhere {
        /// Whose.
        tenant: TenantId,
    },
    /// The store, or the core, did not answer.
    Unavailable,
}

impl Outcome {
    /// What the operator is told of it, where the service has words in its own (OPS-4).
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Registered | Self::Refreshed | Self::Moved => "成功注册",
            Self::WrongPassword | Self::NoAccount | Self::Locked { .. } | Self::OtherAddress => {
                "注册密码认证失败"
            }
            Self::Frozen => "会议服务已失效",
            Self::Expired => "网络故障",
            Self::Full | Self::TooFrequent | Self::Unavailable | Self::OutOfOrder => {
                "对不起，暂时无法提供服务"
            }
            Self::NoLicence { .. } => "许可数量不足",
            Self::SerialElsewhere { .. } => "设备序列号已被其他企业绑定",
            Self::Left => "已注销",
            Self::WrongParameters | Self::TooBrief | Self::NoOutboundProxy | Self::TooManyContacts => {
                "注册参数错误"
            }
        }
    }

    /// The same in plain English, with what to do.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Refreshed => "registered, and refreshed since",
            Self::Moved => "registered, from another address than before",
            Self::Left => "the device has left by itself",
            Self::Expired => {
                "the device was not heard of again: it is off, or a network or firewall drops what it sends"
            }
            Self::WrongPassword => "the password is wrong: set it on the device as it is here; case counts",
            Self::NoAccount => "there is no account of that name: case counts",
            Self::Locked { .. } => "locked after too many wrong passwords: mend the password, then wait",
            Self::WrongParameters => {
                "what the device sends can't be read: look at its proxy and account settings"
            }
            Self::OtherAddress => "it logs in by another account than its address: both are one here",
            Self::TooBrief => "it registers for less time than is granted: raise its registration time",
            Self::OutOfOrder => "an older request came after a newer one; it heals by itself",
            Self::NoOutboundProxy => "a proxy on the way lacks RFC 5626: switch outbound off on the device",
            Self::TooManyContacts => "too many devices use this account: give each its own",
            Self::Full => "the gateway has as many registrations as it may",
            Self::TooFrequent => {
                "it registers too often: it is slowed, not banned; raise its registration time"
            }
            Self::Frozen => "the trial of this account is over: it is frozen",
            Self::NoLicence { .. } => "no licence of this type is left for the tenant",
            Self::SerialElsewhere { .. } => "the device's serial number is bound by another tenant",
            Self::Unavailable => "the store or the core did not answer; the device will try again",
        }
    }

    /// A word for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Refreshed => "refreshed",
            Self::Moved => "moved",
            Self::Left => "left",
            Self::Expired => "expired",
            Self::WrongPassword => "wrong_password",
            Self::NoAccount => "no_account",
            Self::Locked { .. } => "locked",
            Self::WrongParameters => "wrong_parameters",
            Self::OtherAddress => "other_address",
            Self::TooBrief => "too_brief",
            Self::OutOfOrder => "out_of_order",
            Self::NoOutboundProxy => "no_outbound_proxy",
            Self::TooManyContacts => "too_many_contacts",
            Self::Full => "full",
            Self::TooFrequent => "too_frequent",
            Self::Frozen => "frozen",
            Self::NoLicence { .. } => "no_licence",
            Self::SerialElsewhere { .. } => "serial_elsewhere",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<Refused> for Outcome {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(_) | Refused::Star => Self::WrongParameters,
            Refused::OutOfOrder => Self::OutOfOrder,
            Refused::TooBrief(_) => Self::TooBrief,
            Refused::FirstHopLacksOutbound => Self::NoOutboundProxy,
            Refused::TooManyContacts => Self::TooManyContacts,
            Refused::Full => Self::Full,
        }
    }
}

impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::NoAccount => Self::NoAccount,
            Denial::Frozen => Self::Frozen,
            Denial::NoLicence { licences } => Self::NoLicence { licences },
            Denial::SerialElsewhere(tenant) => Self::SerialElsewhere { tenant },
        }
    }
}

/// An attempt, or several alike in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was, the last of them.
    pub at: WallTime,
    /// From where.
    pub source: SocketAddr,
    /// What became of it.
    pub outcome: Outcome,
    /// How many.
    pub times: u64,
}

impl Attempt {
    pub(super) const fn new(at: WallTime, source: SocketAddr, outcome: Outcome) -> Self {
        Self { at, source, outcome, times: 1 }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.source == other.source && self.outcome.name() == other.outcome.name()
    }
}

/// What became of each account's attempts.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_account: BTreeMap<AccountName, History>,
    strangers: VecDeque<Attempt>,
}

#[derive(Debug, Default)]
struct History {
    attempts: VecDeque<Attempt>,
    moves: VecDeque<Instant>,
}

impl Attempts {
    /// Accounts that there are have a history; of all others there is one together, so that nobody makes it grow.
    pub(super) fn add(&mut self, now: Now, account: Option<&AccountName>, attempt: Attempt) {
        let Some(account) = account else { return push(&mut self.strangers, KEPT_OF_STRANGERS, attempt) };
        let history = self.by_account.entry(account.clone()).or_default();
        if attempt.outcome == Outcome::Moved {
            history.moves.push_back(now.mono);
            history.moves.retain(|at| now.mono.since(*at) < FLAPPING_WITHIN);
            history.moves.truncate(KEPT * KEPT);
        }
        push(&mut history.attempts, KEPT, attempt);
    }

    pub(super) fn knows(&self, account: &AccountName) -> bool {
        self.by_account.contains_key(account)
    }

    pub(super) fn forget(&mut self, account: &AccountName) {
        self.by_account.remove(account);
    }

    /// Accounts behind `after` that have tried, by name.
    pub(super) fn accounts_behind(&self, after: Option<&AccountName>) -> impl Iterator<Item = &AccountName> {
        self.by_account
            .range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
            .map(|(name, _)| name)
    }

    /// An account's attempts, the last at the end.
    pub(super) fn of(&self, account: &AccountName) -> impl Iterator<Item = &Attempt> {
        self.by_account.get(account).into_iter().flat_map(|history| &history.attempts)
    }

    pub(super) fn strangers(&self) -> impl Iterator<Item = &Attempt> {
        self.strangers.iter()
    }

    /// How often an account's devices changed their address of late.
    pub(super) fn moves(&self, now: Instant, account: &AccountName) -> usize {
        self.by_account.get(account).map_or(0, |history| history.recent_moves(now))
    }

    pub(super) fn flapping(&self, now: Instant) -> usize {
        self.by_account.values().filter(|history| history.recent_moves(now) >= FLAPPING).count()
    }
}

impl History {
    fn recent_moves(&self, now: Instant) -> usize {
        self.moves.iter().filter(|at| now.since(**at) < FLAPPING_WITHIN).count()
    }
}

fn push(attempts: &mut VecDeque<Attempt>, kept: usize, attempt: Attempt) {
    match attempts.back_mut().filter(|last| last.is_like(&attempt)) {
        Some(last) => *last = Attempt { times: last.times + 1, ..attempt },
        None => {
            // Nearly all accounts have one that counts for many: no room for others ahead of them.
            attempts.reserve_exact(1);
            attempts.push_back(attempt);
        }
    }
    while attempts.len() > kept {
        attempts.pop_front();
    }
}
