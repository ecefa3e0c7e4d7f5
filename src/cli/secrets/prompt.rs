//! Asking a person at the terminal for a passphrase.
//!
//! In: what is typed at the controlling terminal, whatever stdin is. Out: the passphrase. Absent on purpose: echo, and
//! any other way to hand one over; arguments and the environment are seen by others.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{Doing, Error};
use crate::secret::Secret;

const LONGEST: usize = 1024;
const INTERRUPT: u8 = 3;

/// Asks for the passphrase of an encrypted file.
///
/// # Errors
/// When there is no terminal, or nothing is typed.
pub fn passphrase(path: &Path) -> Result<Secret, Error> {
    let shown = path.display();
    let doing = format!("asking for the passphrase of {shown}");
    Terminal::open(&doing)?.ask(&format!("Passphrase of {shown}: "), &doing)
}

/// Asks twice for the passphrase of a file that is to be encrypted.
///
/// # Errors
/// As `passphrase`, and when the two differ.
pub fn new_passphrase(path: &Path) -> Result<Secret, Error> {
    let shown = path.display();
    let doing = format!("asking for a passphrase for {shown}");
    let mut terminal = Terminal::open(&doing)?;
    let first = terminal.ask(&format!("New passphrase for {shown}: "), &doing)?;
    let second = terminal.ask("The same again: ", &doing)?;
    if first == second { Ok(first) } else { Err(Error::new(format!("{doing}: the two are not the same"))) }
}

/// The controlling terminal, silent; it speaks again when this is dropped.
struct Terminal {
    file: File,
    before: Termios,
}

impl Terminal {
    fn open(doing: &str) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| {
            Error::new(format!("{doing}: there is no terminal to ask at"))
                .help("where nobody sits, encrypt the bundle to a recipient, and name its identity with `--identity FILE`")
        })?;
        let before = tcgetattr(&file).doing(|| doing.to_owned())?;
        let mut silent = before.clone();
        // Without signals an interrupt comes as a byte and ends the line, so that no way out leaves the terminal silent.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
        silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&file, OptionalActions::Now, &silent).doing(|| doing.to_owned())?;
        Ok(Self { file, before })
    }

    fn ask(&mut self, prompt: &str, doing: &str) -> Result<Secret, Error> {
        let failed = |what: &str| Error::new(format!("{doing}: {what}"));
        self.file.write_all(prompt.as_bytes()).doing(|| doing.to_owned())?;
        let mut typed = Zeroizing::new([0; LONGEST]);
        // A terminal hands out one line a read.
        let length = self.file.read(typed.as_mut_slice()).doing(|| doing.to_owned())?;
        let line = match typed[..length].split_last() {
            Some((b'\n', line)) => line,
            Some((&INTERRUPT, _)) => return Err(failed("interrupted")),
            Some(_) if length == LONGEST => return Err(failed("it is longer than any passphrase")),
            _ => return Err(failed("the line was not ended")),
        };
        let text = std::str::from_utf8(line).map_err(|_| failed("it is not UTF-8"))?;
        if text.is_empty() { Err(failed("nothing was typed")) } else { Ok(Secret::new(text)) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}
