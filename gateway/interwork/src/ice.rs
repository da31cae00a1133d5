//! The credentials of a leg's connectivity checks (RFC 8445).

use serde::{Deserialize, Serialize};
use terms::media::{Ice, IceCredentials, Stream};

use crate::key_source::KeySource;

/// Ours, if checks are answered, and the peer's as it told them last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Checks {
    ours: Option<IceCredentials>,
    theirs: Option<IceCredentials>,
}

impl Checks {
    pub(crate) fn of(ice: Ice, keys: &mut KeySource) -> Self {
        Self { ours: (ice == Ice::Lite).then(|| keys.draw_ice()), theirs: None }
    }

    pub(crate) fn ours(&self) -> Option<IceCredentials> {
        self.ours.clone()
    }

    /// Notes the peer's. RFC 8445 §9: a restart finds us under others too; whether it is one.
    pub(crate) fn renew(&mut self, stream: &Stream, fresh: IceCredentials) -> bool {
        let Some(terms) = &stream.ice else { return false };
        let before = self.theirs.replace(terms.theirs.clone());
        let is_restart = before.is_some_and(|before| before != terms.theirs);
        if is_restart {
            self.ours = Some(fresh);
        }
        is_restart
    }
}
