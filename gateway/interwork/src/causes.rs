//! One table between SIP statuses and Q.850 causes.

use sip::{
    endpoint::{Ending, Failure},
    wire::{Reason, StatusCode},
};
use terms::Cause;

/// RFC 3398 §8.2.6.1, with RFC 3261's own words where the RFC leaves a cause to the gateway.
///
/// Deviation: cause 21 is 603 and not 403: the meeting service refuses a locked meeting with
/// "603 Decline" (MEET-3), and so do trunks that know the cause.
const STATUS_OF_CAUSE: [(Cause, u16); 20] = [
    (Cause::UNALLOCATED_NUMBER, 404),
    (Cause::NO_ROUTE_TO_DESTINATION, 404),
    (Cause::NORMAL_CLEARING, 480),
    (Cause::USER_BUSY, 486),
    (Cause::NO_USER_RESPONDING, 408),
    (Cause::NO_ANSWER, 480),
    (Cause::CALL_REJECTED, 603),
    (Cause::EXCHANGE_ROUTING_ERROR, 483),
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
    (Cause::TIMER_EXPIRY, 504),
];

/// RFC 3398 §7.2.4.1, with Q.850's own words where the RFC only says "interworking".
const CAUSE_OF_STATUS: [(u16, Cause); 26] = [
    (400, Cause::TEMPORARY_FAILURE),
    (401, Cause::CALL_REJECTED),
    (402, Cause::CALL_REJECTED),
    (403, Cause::CALL_REJECTED),
    (404, Cause::UNALLOCATED_NUMBER),
    (407, Cause::CALL_REJECTED),
    (408, Cause::TIMER_EXPIRY),
    (410, Cause::UNALLOCATED_NUMBER),
    (480, Cause::NO_USER_RESPONDING),
    (481, Cause::TEMPORARY_FAILURE),
    (482, Cause::EXCHANGE_ROUTING_ERROR),
    (483, Cause::EXCHANGE_ROUTING_ERROR),
    (484, Cause::INVALID_NUMBER_FORMAT),
    (486, Cause::USER_BUSY),
    (487, Cause::NORMAL_CLEARING),
    (488, Cause::INCOMPATIBLE_DESTINATION),
    (500, Cause::TEMPORARY_FAILURE),
    (502, Cause::NETWORK_OUT_OF_ORDER),
    (503, Cause::TEMPORARY_FAILURE),
    (504, Cause::TIMER_EXPIRY),
    (580, Cause::RESOURCE_UNAVAILABLE),
    (600, Cause::USER_BUSY),
    (603, Cause::CALL_REJECTED),
    (604, Cause::UNALLOCATED_NUMBER),
    (606, Cause::INCOMPATIBLE_DESTINATION),
    (607, Cause::CALL_REJECTED),
];

/// Why a call of ours failed: what the peer said in Reason (RFC 6432), else its status.
pub fn cause_of_failure(failure: &Failure) -> Cause {
    if let Failure::Refused(response) = failure {
        let said = response.headers.all::<Reason>().filter_map(Result::ok).find_map(|reason| reason.cause());
        if let Some(cause) = said {
            return cause;
        }
    }
    let status = failure.status().code();
    let known = CAUSE_OF_STATUS.iter().find(|(other, _)| *other == status);
    known.map_or(Cause::INTERWORKING, |(_, cause)| *cause)
}

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
    fn rfc3398_7_2_4_1_a_failure_without_a_reason_has_the_cause_of_its_status() {
        assert_eq!(cause_of_failure(&Failure::Timeout), Cause::TIMER_EXPIRY);
        let not_sent = Failure::NotSent(sip::endpoint::NotSent::Unreachable);
        assert_eq!(cause_of_failure(&not_sent), Cause::TEMPORARY_FAILURE);
        for (status, _) in CAUSE_OF_STATUS {
            assert!(StatusCode::new(status).is_some_and(|status| status.code() >= 400));
        }
    }

    #[test]
    fn rfc3326_a_reason_tells_more_than_the_method() {
        let with_reason = Ending::Bye(Some(sip::wire::Reason::q850(Cause::USER_BUSY)));
        assert_eq!(cause_of(&with_reason), Cause::USER_BUSY);
        assert_eq!(cause_of(&Ending::Bye(None)), Cause::NORMAL_CLEARING);
        assert_eq!(cause_of(&Ending::NoAck), Cause::TIMER_EXPIRY);
    }
}
