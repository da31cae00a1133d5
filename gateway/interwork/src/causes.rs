//! One table between SIP statuses and Q.850 causes.

use sip::{endpoint::Ending, wire::StatusCode};
use terms::Cause;

/// RFC 3398 §8.2.6.1, with RFC 3261's own words where the RFC leaves a cause to the gateway.
///
/// Deviation: cause 21 is 603 and not 403: the meeting service refuses a locked meeting with
/// "603 Decline" (MEET-3), and so do trunks that know the cause.
const STATUS_OF_CAUSE: [(Cause, u16); 18] = [
    (Cause::UNALLOCATED_NUMBER, 404),
    (Cause::NO_ROUTE_TO_DESTINATION, 404),
    (Cause::NORMAL_CLEARING, 480),
    (Cause::USER_BUSY, 486),
    (Cause::NO_USER_RESPONDING, 408),
    (Cause::NO_ANSWER, 480),
    (Cause::CALL_REJECTED, 603),
    (Cause::DESTINATION_OUT_OF_ORDER, 502),
    (Cause::INVALID_NUMBER_FORMAT, 484),
    (Cause::NORMAL_UNSPECIFIED, 480),
    (Cause::NO_CIRCUIT, 503),
    (Cause::NETWORK_OUT_OF_ORDER, 503),
    (Cause::TEMPORARY_FAILURE, 503),
    (Cause::CONGESTION, 503),
    (Cause::RESOURCE_UNAVAILABLE, 503),
    (Cause::NOT_AUTHORIZED, 403),
    (Cause::BEARER_NOT_IMPLEMENTED, 488),
    (Cause::INCOMPATIBLE_DESTINATION, 488),
];

/// The status that refuses a call for `cause`; 500 for one that the table lacks (RFC 3398 §8.2.6.1).
pub fn status_of(cause: Cause) -> StatusCode {
    let known = STATUS_OF_CAUSE.iter().find(|(other, _)| *other == cause);
    known.and_then(|(_, status)| StatusCode::new(*status)).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

/// Why a dialog ended, in the call's terms: what the peer said in Reason (RFC 3326), else what it did.
pub fn cause_of(ending: &Ending) -> Cause {
    if let Some(cause) = ending.reason().and_then(sip::wire::Reason::cause) {
        return cause;
    }
    match ending {
        Ending::Bye(_) | Ending::Cancelled(_) | Ending::Local => Cause::NORMAL_CLEARING,
        Ending::NoAck | Ending::Timeout => Cause::TIMER_EXPIRY,
        Ending::DialogGone(_) => Cause::TEMPORARY_FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3398_8_2_6_1_each_cause_has_one_status() {
        for (cause, status) in STATUS_OF_CAUSE {
            assert_eq!(status_of(cause).code(), status, "{cause:?}");
        }
        assert_eq!(status_of(Cause(99)).code(), 500);
    }

    #[test]
    fn rfc3326_a_reason_tells_more_than_the_method() {
        let with_reason = Ending::Bye(Some(sip::wire::Reason::q850(Cause::USER_BUSY)));
        assert_eq!(cause_of(&with_reason), Cause::USER_BUSY);
        assert_eq!(cause_of(&Ending::Bye(None)), Cause::NORMAL_CLEARING);
        assert_eq!(cause_of(&Ending::NoAck), Cause::TIMER_EXPIRY);
    }
}
