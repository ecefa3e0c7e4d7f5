//! The `kubespore` binary.
fn main() {}
