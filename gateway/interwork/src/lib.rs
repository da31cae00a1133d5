//! Between the protocols and the call: SIP legs, causes, capabilities.
