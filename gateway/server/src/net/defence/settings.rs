//! How much is heard of whom.

use std::time::Duration;

use ipnet::IpNet;

/// What scanners call themselves, in lower case.
const SCANNERS: [&str; 12] = [
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "iwar",
    "vaxsipuseragent",
    "pplsip",
    "sipsak",
    "smap",
    "gulp",
];

/// Messages, as they are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// A second, in the long run.
    pub per_second: u32,
    /// And at once.
    pub burst: u32,
}

/// How much is heard, and who is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Of one address, or of one /64 of IPv6, all its ports together.
    pub strangers: Budget,
    /// Of one address and port that has logged in.
    pub known: Budget,
    /// Connections of one address at once, besides those of who has logged in.
    pub connections: u32,
    /// Wrong passwords, and connections that said too much, of one address within `window` that bring a ban.
    pub failures: u32,
    /// Within which they count.
    pub window: Duration,
    /// The first ban; each further one is twice as long.
    pub ban: Duration,
    /// None is longer.
    pub longest_ban: Duration,
    /// What scanners call themselves, in lower case; a part of it is enough.
    pub scanners: Vec<String>,
    /// Who is heard whatever it does, trunks included.
    pub allowed: Vec<IpNet>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strangers: Budget { per_second: 200, burst: 1_000 },
            known: Budget { per_second: 2_000, burst: 10_000 },
            connections: 256,
            failures: 50,
            window: Duration::from_secs(300),
            ban: Duration::from_secs(60),
            longest_ban: Duration::from_secs(3_600),
            scanners: SCANNERS.map(str::to_owned).to_vec(),
            allowed: Vec::new(),
        }
    }
}
