//! One integration binary for the whole crate; it runs in the repository's root.

mod house;
