//! From the YAML a person writes to a spec that can be trusted.
//!
//! In: a source text. Out: a checked spec, or findings with their places. Absent on purpose: secrets,
//! and every decision that follows from the spec (`plan`).

pub mod spec;
