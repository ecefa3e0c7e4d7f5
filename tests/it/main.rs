//! One integration binary for the whole crate.
