//! SIP as values: messages, transactions, dialogs, endpoint.
