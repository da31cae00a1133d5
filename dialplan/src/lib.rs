//! Text in, route out.
