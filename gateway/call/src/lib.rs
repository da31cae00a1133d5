//! Calls that speak no protocol: legs, IVR, meetings' control, leases.
