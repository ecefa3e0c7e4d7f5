//! Profiles and the files beside them, read from disk: the one place of this room that touches it.
//!
//! In: a path, or `-` for standard input. Out: text or bytes, within a limit. Absent on purpose: what
//! they mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diag::Source;
use crate::error::Error;

/// The most bytes a profile may have: a thousand machines take a quarter of it.
pub const MOST: u64 = 1 << 20;

/// The most bytes a file that a profile refers to may have.
pub const MOST_BESIDE: u64 = 8 << 20;

/// Reads a profile; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is not a regular file, is too large or empty, or is not UTF-8 text; the error names the file.
pub fn open(path: &str) -> Result<Source, Error> {
    let name = if path == "-" { "<stdin>" } else { path };
    let reading = |reason: String| Error::new(format!("reading {name}: {reason}"));
    let bytes =
        if path == "-" { take(io::stdin().lock(), MOST) } else { regular(Path::new(path)).and_then(|file| take(file, MOST)) };
    let bytes =
        bytes.map_err(|reason| reading(reason).help("a profile is one YAML file; `kubespore init` writes one to start from"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        reading(format!("line {line} is not UTF-8 text")).help("save the profile as UTF-8")
    })?;
    // A byte order mark is no part of the text; positions count from behind it.
    let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
    Ok(Source { name: name.into(), text })
}

/// Returns the directory from which a profile's relative paths count.
#[must_use]
pub fn base(path: &str) -> PathBuf {
    if path == "-" { PathBuf::new() } else { Path::new(path).parent().map(Path::to_owned).unwrap_or_default() }
}

/// Returns a reader for the files that the profile at `path` refers to.
pub fn beside(path: &str) -> impl Fn(&str) -> Result<Vec<u8>, String> + use<> {
    let base = base(path);
    move |relative| regular(&base.join(relative)).and_then(|file| take(file, MOST_BESIDE))
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
