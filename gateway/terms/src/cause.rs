//! Why a call ended.

use serde::{Deserialize, Serialize};

/// A Q.850 cause value (Q.850 table 1), 1 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause(pub u8);

impl Cause {
    /// Unallocated (unassigned) number.
    pub const UNALLOCATED_NUMBER: Self = Self(1);
    /// No route to destination.
    pub const NO_ROUTE_TO_DESTINATION: Self = Self(3);
    /// Normal call clearing.
    pub const NORMAL_CLEARING: Self = Self(16);
    /// User busy.
    pub const USER_BUSY: Self = Self(17);
    /// No user responding.
    pub const NO_USER_RESPONDING: Self = Self(18);
    /// No answer from user (user alerted).
    pub const NO_ANSWER: Self = Self(19);
    /// Call rejected.
    pub const CALL_REJECTED: Self = Self(21);
    /// Exchange routing error: the call goes round in circles.
    pub const EXCHANGE_ROUTING_ERROR: Self = Self(25);
    /// Destination out of order.
    pub const DESTINATION_OUT_OF_ORDER: Self = Self(27);
    /// Invalid number format (address incomplete).
    pub const INVALID_NUMBER_FORMAT: Self = Self(28);
    /// Normal, unspecified.
    pub const NORMAL_UNSPECIFIED: Self = Self(31);
    /// No circuit/channel available.
    pub const NO_CIRCUIT: Self = Self(34);
    /// Network out of order.
    pub const NETWORK_OUT_OF_ORDER: Self = Self(38);
    /// Temporary failure.
    pub const TEMPORARY_FAILURE: Self = Self(41);
    /// Switching equipment congestion.
    pub const CONGESTION: Self = Self(42);
    /// Resource unavailable, unspecified.
    pub const RESOURCE_UNAVAILABLE: Self = Self(47);
    /// Bearer capability not authorized.
    pub const NOT_AUTHORIZED: Self = Self(57);
    /// Bearer capability not implemented.
    pub const BEARER_NOT_IMPLEMENTED: Self = Self(65);
    /// Incompatible destination.
    pub const INCOMPATIBLE_DESTINATION: Self = Self(88);
    /// Recovery on timer expiry.
    pub const TIMER_EXPIRY: Self = Self(102);
    /// Interworking, unspecified.
    pub const INTERWORKING: Self = Self(127);
}
