//! What is wrong with the world: a file that cannot be read, a directory that cannot be written.
//!
//! In: what was being done and why it failed. Out: one sentence and the next step. Absent on purpose:
//! faults of a profile (`diag`) and faults of this program (panics).

use std::fmt;

/// A failed act: "reading x: no such file", and what to do about it.
#[derive(Debug)]
pub struct Error {
    /// What failed, beginning with a gerund and the thing's name.
    pub what: String,
    /// What to do; empty when the sentence says it all.
    pub help: String,
}

impl Error {
    /// Makes an error without advice.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: String::new() }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  = help: {}", self.help) }
    }
}

impl std::error::Error for Error {}

/// Gives a failure its context.
pub trait Doing<T> {
    /// Says what was being done, in a gerund: `.doing(|| format!("reading {path}"))`.
    ///
    /// # Errors
    /// The failure itself, with the context before it.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|cause| Error::new(format!("{}: {cause}", what())))
    }
}
