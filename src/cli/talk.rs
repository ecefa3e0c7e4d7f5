//! Speaking to people and to pipes.
//!
//! In: finished text. Out: stdout for data, stderr for talk. Absent on purpose: wording.

use std::io::{ErrorKind, IsTerminal, Write};

use super::{ColorChoice, Failure};
use crate::error::Doing;

/// Where a run speaks.
pub struct Talk {
    /// Whether diagnostics are coloured.
    pub color: bool,
}

impl Talk {
    /// Decides on colour once.
    pub fn new(choice: ColorChoice) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal()
            }
        };
        Self { color }
    }

    /// Says something to the person at the terminal.
    pub fn say(&self, text: &str) {
        // Nobody is left to be told when stderr is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Says something and a blank line, if there is something to say.
    pub fn say_if(&self, text: &str) {
        if !text.is_empty() {
            self.say(text);
            self.say("");
        }
    }

    /// Hands out data.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // A reader that has seen enough, as `head` does, is no failure.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result.doing(|| "writing to standard output".to_owned())?),
        }
    }
}
