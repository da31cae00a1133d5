//! Names that an operator gives.

use alloc::sync::Arc;
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as the operator wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
    )+};
}

names! {
    /// A customer of the service: owns meetings, accounts, numbers and limits.
    TenantId,
    /// An account of a room system: the user part of its address, as it logs in. Case counts.
    AccountName,
    /// What a device's maker calls it.
    SerialNumber,
    /// A number that callers dial to reach the IVR, in the form the configuration has it.
    AccessNumber,
    /// A carrier's trunk.
    TrunkName,
    /// A socket that SIP is spoken on: transport and address, such as `udp:192.0.2.10:5060`.
    ListenerName,
    /// A security zone: public, trunk, core, management, or one of the operator's own.
    ZoneName,
    /// A language of prompts: `zh`, `en`, or one whose recordings the operator adds.
    Language,
    /// One recording of the prompt table.
    PromptName,
}
