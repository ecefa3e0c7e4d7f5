//! Profiles and the files beside them, read from disk: the one place of this room that touches it.
//!
//! In: a path, or `-` for standard input. Out: text or bytes, within a limit. Absent on purpose: what
//! they mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::diag::Source;
use crate::error::Error;

/// The most bytes a profile may have: a thousand machines take a quarter of it.
pub const MOST: u64 = 1 << 20;

/// The most bytes a file that a profile refers to may have.
pub const MOST_BESIDE: u64 = 8 << 20;

/// Reads a profile; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is not a regular file, is too large, or is not UTF-8 text; the error names the file.
pub fn open(path: &Path) -> Result<Source, Error> {
    let stdin = path.as_os_str() == "-";
    let name = if stdin { "<stdin>".to_owned() } else { path.display().to_string() };
    let reading = |reason: String| Error::new(format!("reading {name}: {reason}"));
    let bytes = if stdin { take(io::stdin().lock(), MOST) } else { regular(path).and_then(|file| take(file, MOST)) };
    let bytes = bytes.map_err(|reason| reading(reason).help("a profile is one YAML file; profiles/ has examples"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        reading(format!("line {line} is not UTF-8 text")).help("save the profile as UTF-8")
    })?;
    // A byte order mark is no part of the text; positions count from behind it.
    let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
    Ok(Source { name, text })
}

/// Reads a file that a profile in the directory `base` refers to as `name`.
///
/// # Errors
/// Why it cannot be had, without its name: the finding points at it.
pub fn beside(base: &Path, name: &str) -> Result<Vec<u8>, String> {
    regular(&base.join(name)).and_then(|file| take(file, MOST_BESIDE))
}

/// Opens a file that is one: opening a FIFO would wait for ever, and a device may have no end.
fn regular(path: &Path) -> Result<File, String> {
    let kind = std::fs::metadata(path).map_err(|error| reason(&error))?.file_type();
    if kind.is_dir() {
        return Err("it is a directory".into());
    }
    if !kind.is_file() {
        return Err("it is not a regular file".into());
    }
    File::open(path).map_err(|error| reason(&error))
}

fn take(from: impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > most { Err(format!("it is larger than {} MiB", most >> 20)) } else { Ok(bytes) }
}

/// Says what went wrong without the number that the standard library adds.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
