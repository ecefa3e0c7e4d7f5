//! One integration binary for the whole crate; it runs in the repository's root.

mod cli;
mod delivery;
mod diagnostics;
mod documents;
mod encryption;
mod fit;
mod golden;
mod house;
mod ignition;
mod image;
mod leak;
mod rehearsal;
mod releases;
mod rotation;
mod sealed;
mod secrets;
mod support;
mod verbs;
