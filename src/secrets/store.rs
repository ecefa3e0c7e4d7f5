//! The bundle's file.
//!
//! In: a path. Out: a checked bundle, or a file that nobody else could ever read. Absent on purpose:
//! quoting a line of it in a message, since any line may be a secret.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use zeroize::Zeroizing;

use super::bundle::Bundle;
use super::{check, form};
use crate::error::{Doing, Error};
use crate::redact::redact;

const LARGEST: u64 = 16 << 20;
const RESTORE: &str = "restore the bundle from its backup; a newly minted one makes another cluster";

/// Tells whether a file says of itself that it is a bundle, without reading more than its beginning.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    let mut start = Zeroizing::new(Vec::with_capacity(1024));
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).and_then(|_| File::open(path).ok());
    let read = file.is_some_and(|file| file.take(1024).read_to_end(&mut start).is_ok());
    read && form::names_itself(&start)
}

/// Reads a bundle; `None` when there is no such file.
///
/// # Errors
/// When the file is not a plain file of its owner alone, is no bundle, or is not of one piece.
pub fn load(path: &Path) -> Result<Option<Bundle>, Error> {
    let shown = path.display();
    let opened = OpenOptions::new().read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(Error::new(format!("reading {shown}: it is a symbolic link")).help("name the file itself"));
        }
        opened => opened.doing(|| format!("reading {shown}"))?,
    };
    let found = file.metadata().doing(|| format!("reading {shown}"))?;
    if !found.is_file() {
        return Err(Error::new(format!("reading {shown}: it is not a plain file")));
    }
    if found.mode() & 0o077 != 0 {
        let what = format!("reading {shown}: others than its owner can read it (mode {:04o})", found.mode() & 0o7777);
        return Err(Error::new(what).help(format!("chmod 600 {shown}; if anybody may have read it, mint a new cluster")));
    }
    if found.len() > LARGEST {
        return Err(Error::new(format!("reading {shown}: {} bytes are more than any bundle has", found.len())));
    }
    // Room for all of it at once, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(found.len()).unwrap_or_default() + 1));
    file.read_to_string(&mut text).doing(|| format!("reading {shown}"))?;
    let bundle = form::decode(&text).map_err(|fault| Error::new(format!("reading {shown}: {}", redact(&fault))).help(RESTORE))?;
    match check::faults(&bundle).as_slice() {
        [] => Ok(Some(bundle)),
        faults => Err(Error::new(format!("reading {shown}: {}", redact(&faults.join("; ")))).help(RESTORE)),
    }
}

/// Writes a bundle where there is none.
///
/// # Errors
/// When the disk does not take it, or a file of that name has appeared meanwhile; it is never overwritten.
pub fn save_new(path: &Path, bundle: &Bundle) -> Result<(), Error> {
    let place = Place::lock(path)?;
    place.write(bundle, RenameFlags::NOREPLACE)
}

/// Writes a bundle over the one that was loaded from there.
///
/// # Errors
/// When the file no longer says what was loaded, or the disk does not take it; the old file then stands.
pub fn save(path: &Path, loaded: &Bundle, bundle: &Bundle) -> Result<(), Error> {
    let place = Place::lock(path)?;
    if load(path)?.as_ref() != Some(loaded) {
        let what = format!("writing {}: it has changed since it was read, so another run must have added to it", path.display());
        return Err(Error::new(what).help("run the same command again"));
    }
    place.write(bundle, RenameFlags::empty())
}

/// The directory entry of a bundle, held so that no two runs write there at once.
struct Place<'p> {
    path: &'p Path,
    parent: &'p Path,
    staging: PathBuf,
    lock: File,
}

impl<'p> Place<'p> {
    fn lock(path: &'p Path) -> Result<Self, Error> {
        let shown = path.display();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or_else(|| Error::new(format!("writing {shown}: that is no file name")))?;
        let lock = File::open(parent).doing(|| format!("opening {}", parent.display()))?;
        flock(&lock, FlockOperation::LockExclusive).doing(|| format!("locking {}", parent.display()))?;
        // The bundle's own name comes last, so that what keeps git from `*.secrets.yaml` keeps it from this too.
        let mut staged = std::ffi::OsString::from(".new.");
        staged.push(name);
        Ok(Self { path, parent, staging: parent.join(staged), lock })
    }

    fn write(&self, bundle: &Bundle, how: RenameFlags) -> Result<(), Error> {
        let doing = || format!("writing {}", self.path.display());
        // Under the lock, one that is there was left by a run that was killed.
        let _ = std::fs::remove_file(&self.staging);
        let text = form::encode(bundle);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(flags(OFlags::NOFOLLOW))
            .open(&self.staging)
            .doing(doing)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing(doing)?;
        renameat_with(CWD, &self.staging, CWD, self.path, how).doing(|| format!("putting {} in place", self.path.display()))?;
        self.lock.sync_all().doing(|| format!("flushing {}", self.parent.display()))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Gone already when it has been put in place.
        let _ = std::fs::remove_file(&self.staging);
    }
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).expect("the kernel's open flags fit an int")
}
