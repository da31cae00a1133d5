//! What a worker counts.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a worker has counted since its start.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counted {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The same, readable from other threads; a worker publishes once a wake-up.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($name: AtomicU64,)+
            strain: Strain,
        }

        impl Counters {
            pub(crate) fn publish(&self, counted: &Counted) {
                $(self.$name.store(counted.$name, Ordering::Relaxed);)+
            }

            /// The figures as last published.
            pub fn read(&self) -> Counted {
                Counted { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }

            /// How near the worker is to what it can do.
            pub const fn strain(&self) -> &Strain {
                &self.strain
            }
        }
    };
}

counters! {
    /// Datagrams that came in.
    packets_received,
    /// Datagrams that went out.
    packets_sent,
    /// Datagrams that are no RTP or RTCP, or of a payload type that was not negotiated.
    packets_malformed,
    /// From a source that is not the peer: normal on the Internet (ISO-2).
    packets_foreign,
    /// Encrypted ones whose tag is wrong, or that came before (RFC 3711 §3.3).
    packets_undecipherable,
    /// Connectivity checks of peers that have our credentials (RFC 8445).
    checks_answered,
    /// Checks of others, and such as we can't do.
    checks_refused,
    /// To a port that nobody uses: late ones of a peer that left, mostly.
    packets_late,
    /// Something of one meeting was handed to another and refused (ISO-2). Must be 0.
    isolation_violations,
    /// Ticks that were given up because the worker was held up.
    ticks_missed,
    /// Datagrams that the kernel did not take.
    sends_failed,
    /// Reports that found no room in the queue.
    reports_dropped,
    /// Ports in use.
    ports_open,
    /// Meetings that have a port here.
    rooms_open,
    /// Sockets that serve a whole range.
    sockets_shared,
}

/// How near a worker is to what it can do (REL-1). It writes, one other reads.
#[derive(Debug, Default)]
pub struct Strain {
    lag_nanos: AtomicU64,
    ports_taken_percent: AtomicU64,
    wakeups: AtomicU64,
}

impl Strain {
    pub(crate) fn on_wakeup(&self, ports_taken_percent: u8) {
        self.ports_taken_percent.store(ports_taken_percent.into(), Ordering::Relaxed);
        // The worker alone adds.
        self.wakeups.store(self.wakeups.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn on_tick(&self, late: Duration) {
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        if nanos > self.lag_nanos.load(Ordering::Relaxed) {
            self.lag_nanos.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// How late the latest tick was since this was asked last.
    pub fn take_lag(&self) -> Duration {
        Duration::from_nanos(self.lag_nanos.swap(0, Ordering::Relaxed))
    }

    /// Of the range that has least to give, how many pairs of a hundred are in use or rest.
    pub fn ports_taken_percent(&self) -> u8 {
        u8::try_from(self.ports_taken_percent.load(Ordering::Relaxed)).unwrap_or(u8::MAX)
    }

    /// How often it woke since the start, twice a second at the least: one that does not is stuck.
    pub fn wakeups(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed)
    }
}
