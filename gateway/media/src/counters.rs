//! What a worker counts.

use std::sync::atomic::{AtomicU64, Ordering};

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
        }

        impl Counters {
            pub(crate) fn publish(&self, counted: &Counted) {
                $(self.$name.store(counted.$name, Ordering::Relaxed);)+
            }

            /// The figures as last published.
            pub fn read(&self) -> Counted {
                Counted { $($name: self.$name.load(Ordering::Relaxed),)+ }
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
}
