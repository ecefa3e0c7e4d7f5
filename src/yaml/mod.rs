//! YAML at both ends: reading with positions, writing so that every reader agrees.
//!
//! In: text that a person wrote, or plain values. Out: nodes that know where they stand, or text in
//! which no scalar can be taken for another type. Absent on purpose: what any key means.

mod read;
mod stream;
mod write;

pub use read::{Kind, Node, Pair, Scalar, parse, to_json};
pub use stream::documents;
pub use write::{Yaml, is_literal, quote, to_string};
