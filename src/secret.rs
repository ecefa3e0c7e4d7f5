//! Text that must not be shown: wiped when dropped, silent when printed.
//!
//! In: a secret string. Out: the same, to those who ask for it by name. Absent on purpose:
//! `Display`, `Serialize` and everything else that would let it slip out unasked.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text; `Debug` prints `…`, the memory is zeroised on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Hands out the text; every caller is a place where a secret leaves custody.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_silent() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "…");
    }
}
