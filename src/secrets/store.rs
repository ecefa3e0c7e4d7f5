//! The bundle's file.
//!
//! In: a path, and what opens it where it is encrypted. Out: a checked bundle, or a file that nobody else could ever read.
//! Absent on purpose: quoting a line of it in a message, since any line may be a secret; and plain text of an encrypted
//! bundle on the disk, even for a moment.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::bundle::Bundle;
use super::check;
use super::form::{self, Document, Text};
use super::seal::{self, Keys, Seal};
use crate::error::{Doing, Error};
use crate::redact::redact;

const LARGEST: u64 = 16 << 20;
const RESTORE: &str = "restore the bundle from its backup; a newly minted one makes another cluster";

/// What a file held when it was read, and how it was closed.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// What it says.
    pub contents: T,
    /// How it is closed; what is saved in its place is closed the same way.
    pub seal: Seal,
    /// SHA-256 of the file as it lay there.
    digest: [u8; 32],
}

/// Tells whether a file says of itself that it is a bundle, or is encrypted as one, without reading more than its beginning.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    let mut start = Zeroizing::new(Vec::with_capacity(1024));
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).and_then(|_| File::open(path).ok());
    let read = file.is_some_and(|file| file.take(1024).read_to_end(&mut start).is_ok());
    read && (seal::is_sealed(&start) || form::names_itself(&start))
}

/// Reads a bundle that is plain text; `None` when there is no such file.
///
/// # Errors
/// As `open`, and when it is encrypted.
pub fn load(path: &Path) -> Result<Option<Bundle>, Error> {
    let nobody = |path: &Path| {
        Err(Error::new(format!("reading {}: it is encrypted with a passphrase", path.display()))
            .help("`kubespore secrets decrypt` opens it"))
    };
    let keys = Keys { identity: None, passphrase: &nobody };
    Ok(open(path, &keys)?.map(|stored| stored.contents))
}

/// Reads a bundle; `None` when there is no such file.
///
/// # Errors
/// As `read`, and when the bundle still awaits its authorities' certificates.
pub fn open(path: &Path, keys: &Keys<'_>) -> Result<Option<Stored<Bundle>>, Error> {
    let Some(Stored { contents, seal, digest }) = read(path, keys)? else { return Ok(None) };
    match contents {
        Document::Whole(bundle) => Ok(Some(Stored { contents: *bundle, seal, digest })),
        Document::Awaiting(_) => {
            let what = format!("reading {}: it awaits the certificates of its authorities", path.display());
            Err(Error::new(what).help("`kubespore secrets import DIR PROFILE` takes them, signed"))
        }
    }
}

/// Reads a bundle in whatever state it is; `None` when there is no such file.
///
/// # Errors
/// When the file is not a plain file of its owner alone, cannot be opened with the keys, is no bundle, or is not of one piece.
pub fn read(path: &Path, keys: &Keys<'_>) -> Result<Option<Stored<Document>>, Error> {
    let Some(bytes) = bytes(path)? else { return Ok(None) };
    let digest = Sha256::digest(bytes.as_slice()).into();
    let refused = |fault: &str| Error::new(format!("reading {}: {}", path.display(), redact(fault))).help(RESTORE);
    let (opened, passphrase);
    let sealed = seal::is_sealed(&bytes);
    let text = if sealed {
        (opened, passphrase) = seal::open(path, &bytes, keys)?;
        opened.as_str()
    } else {
        passphrase = None;
        std::str::from_utf8(&bytes).map_err(|_| refused("it is not UTF-8"))?
    };
    let (contents, recipients) = form::decode(text).map_err(|fault| refused(&fault))?;
    if let Document::Whole(bundle) = &contents {
        match check::faults(bundle).as_slice() {
            [] => {}
            faults => return Err(refused(&faults.join("; "))),
        }
    }
    let seal = match passphrase {
        _ if !sealed => Seal::None,
        Some(passphrase) => Seal::Passphrase(passphrase),
        None => Seal::Recipients(recipients),
    };
    Ok(Some(Stored { contents, seal, digest }))
}

/// Reads a file that is its owner's alone; `None` when there is none.
fn bytes(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let shown = path.display();
    let opened = OpenOptions::new().read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path);
    let file = match opened {
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
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default() + 1));
    file.take(found.len()).read_to_end(&mut bytes).doing(|| format!("reading {shown}"))?;
    Ok(Some(bytes))
}

/// Writes a bundle where there is none.
///
/// # Errors
/// When the disk does not take it, or a file of that name has appeared meanwhile; it is never overwritten.
pub fn save_new(path: &Path, contents: &impl Text, seal: &Seal) -> Result<(), Error> {
    let closed = closed(contents, seal)?;
    Place::lock(path)?.write(&closed, RenameFlags::NOREPLACE)
}

/// Writes a bundle over the one that was read from there.
///
/// # Errors
/// When the file is no longer what was read, or the disk does not take it; the old file then stands.
pub fn save<T>(path: &Path, stored: &Stored<T>, contents: &impl Text, seal: &Seal) -> Result<(), Error> {
    let closed = closed(contents, seal)?;
    let place = Place::lock(path)?;
    let now = bytes(path)?.map(|bytes| Sha256::digest(bytes.as_slice()).into());
    if now != Some(stored.digest) {
        let what = format!("writing {}: it has changed since it was read, so another run must have added to it", path.display());
        return Err(Error::new(what).help("run the same command again"));
    }
    place.write(&closed, RenameFlags::empty())
}

/// The bytes of the file to be.
fn closed(contents: &impl Text, seal: &Seal) -> Result<Zeroizing<Vec<u8>>, Error> {
    let recipients = if let Seal::Recipients(recipients) = seal { recipients.as_slice() } else { &[] };
    seal::close(&contents.text(recipients), seal)
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

    fn write(&self, bytes: &[u8], how: RenameFlags) -> Result<(), Error> {
        let doing = || format!("writing {}", self.path.display());
        // Under the lock, one that is there was left by a run that was killed.
        let _ = std::fs::remove_file(&self.staging);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(flags(OFlags::NOFOLLOW))
            .open(&self.staging)
            .doing(doing)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).doing(doing)?;
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::secrets::add_nodes;
    use crate::secrets::sample::{NOW, Scratch, bundle, fresh, plain};

    const NAME: &str = "lab.secrets.yaml";

    fn stored(path: &Path) -> Stored<Bundle> {
        let nobody = |_: &Path| Err(Error::new("nobody is asked for a plain file"));
        let keys = Keys { identity: None, passphrase: &nobody };
        open(path, &keys).expect("sound at every moment").expect("there")
    }

    fn refused(path: &Path) -> Error {
        load(path).map(|_| ()).expect_err("it is not to be trusted")
    }

    #[test]
    fn a_bundle_comes_back_as_it_was_and_is_its_owners_alone() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        assert_eq!(load(&path).expect("nothing is wrong"), None);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert_eq!(load(&path).expect("sound"), Some(bundle()));
        assert_eq!(scratch.names(), [NAME], "nothing else is left");
    }

    #[test]
    fn saving_what_was_loaded_changes_no_byte_and_more_nodes_only_add_lines() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        let first = fs::read_to_string(&path).expect("there");
        save(&path, &stored(&path), &bundle(), &Seal::None).expect("unchanged since");
        assert_eq!(fs::read_to_string(&path).expect("there"), first);

        let mut more = bundle();
        add_nodes(&mut more, &plain(&["new-1"]), NOW).expect("entropy");
        save(&path, &stored(&path), &more, &Seal::None).expect("unchanged since");
        let second = fs::read_to_string(&path).expect("there");
        let kept: Vec<_> = second.lines().filter(|line| !line.contains("new-1") && !is_token_of(line, &more)).collect();
        assert_eq!(kept, first.lines().collect::<Vec<_>>(), "three lines came, none went");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
    }

    fn is_token_of(line: &str, bundle: &Bundle) -> bool {
        line.contains(bundle.nodes["new-1"].token.secret.expose()) || line.contains("token-since")
    }

    #[test]
    fn a_file_that_is_there_is_never_minted_over() {
        let scratch = Scratch::new();
        let path = scratch.write(NAME, "somebody's");
        assert!(save_new(&path, &bundle(), &Seal::None).expect_err("taken").what.contains("exists"));
        assert_eq!(fs::read_to_string(&path).expect("there"), "somebody's");
        fs::remove_file(&path).expect("own file");
        symlink(scratch.path("elsewhere"), &path).expect("a link");
        assert!(save_new(&path, &bundle(), &Seal::None).expect_err("taken").what.contains("exists"));
        assert_eq!(scratch.names(), [NAME], "nothing is written through the link, and nothing else is left");
    }

    #[test]
    fn what_changed_since_it_was_loaded_is_not_saved_over() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        let (mut mine, mut theirs) = (bundle(), bundle());
        add_nodes(&mut mine, &plain(&["mine"]), NOW).expect("entropy");
        add_nodes(&mut theirs, &plain(&["theirs"]), NOW).expect("entropy");
        let read = stored(&path);
        save(&path, &read, &theirs, &Seal::None).expect("unchanged since");
        let error = save(&path, &read, &mine, &Seal::None).expect_err("another run was first");
        assert!(error.what.contains("has changed") && error.help.contains("again"), "{error}");
        assert_eq!(load(&path).expect("sound"), Some(theirs));
    }

    #[test]
    fn many_at_once_mint_one_and_lose_no_entry() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        let candidates: Vec<Bundle> = (0..4).map(|_| fresh()).collect();
        let minted = std::thread::scope(|scope| {
            let runs: Vec<_> = candidates.iter().map(|own| scope.spawn(|| save_new(&path, own, &Seal::None).is_ok())).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).filter(|done| *done).count()
        });
        assert_eq!(minted, 1);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let path = &path;
                scope.spawn(move || {
                    loop {
                        let read = stored(path);
                        let mut more = read.contents.clone();
                        add_nodes(&mut more, &plain(&[name]), NOW).expect("entropy");
                        if save(path, &read, &more, &Seal::None).is_ok() {
                            return;
                        }
                    }
                });
            }
        });
        let nodes: Vec<_> = load(&path).expect("sound").expect("there").nodes.into_keys().collect();
        assert_eq!(nodes, ["a", "b", "c", "cp-1", "d", "worker-1"]);
        assert_eq!(scratch.names(), [NAME]);
    }

    #[test]
    fn the_file_is_closed_to_others_from_its_first_byte() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        let done = AtomicBool::new(false);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        let seen = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut modes = std::collections::BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    for entry in fs::read_dir(scratch.path("")).expect("a directory").flatten() {
                        modes.extend(entry.metadata().ok().map(|found| found.mode() & 0o7777));
                    }
                }
                modes
            });
            for _ in 0..50 {
                save(&path, &stored(&path), &bundle(), &Seal::None).expect("unchanged since");
            }
            done.store(true, Ordering::Relaxed);
            watcher.join().expect("no panic")
        });
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0o600]);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_git_would_ignore_it() {
        let scratch = Scratch::new();
        let left = scratch.write(".new.lab.secrets.yaml", "half a bundle");
        assert!(left.to_string_lossy().ends_with(".secrets.yaml"));
        let path = scratch.path(NAME);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        assert_eq!(scratch.names(), [NAME]);
    }

    #[test]
    fn a_failed_save_leaves_the_old_file() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        let before = fs::read(&path).expect("there");
        // A directory in the place of the temporary file cannot be removed as a file.
        fs::create_dir(scratch.path(".new.lab.secrets.yaml")).expect("a directory");
        let error = save(&path, &stored(&path), &bundle(), &Seal::None).expect_err("the temporary file cannot be made");
        assert!(error.what.starts_with("writing "), "{error}");
        assert_eq!(fs::read(&path).expect("there"), before);
    }

    #[test]
    fn files_that_others_can_read_are_refused() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        save_new(&path, &bundle(), &Seal::None).expect("a writable directory");
        for mode in [0o640, 0o604, 0o620, 0o601, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own file");
            let error = refused(&path);
            assert!(error.what.contains(&format!("{mode:04o}")) && error.help.starts_with("chmod 600 "), "{error}");
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own file");
            assert!(load(&path).expect("sound").is_some());
        }
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        let scratch = Scratch::new();
        let real = scratch.path("real.secrets.yaml");
        save_new(&real, &bundle(), &Seal::None).expect("a writable directory");
        let path = scratch.path(NAME);
        symlink(&real, &path).expect("a link");
        assert!(refused(&path).what.contains("symbolic link"));
        fs::remove_file(&path).expect("own link");
        fs::create_dir(&path).expect("a directory");
        assert!(refused(&path).what.ends_with("it is not a plain file"));
        fs::remove_dir(&path).expect("own directory");
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o600), 0).expect("a FIFO");
        assert!(refused(&path).what.ends_with("it is not a plain file"));
        assert!(!is_bundle(&path) && is_bundle(&real) && !is_bundle(&scratch.path("nothing")));
    }

    #[test]
    fn what_is_no_bundle_is_refused_with_the_way_out() {
        let scratch = Scratch::new();
        let path = scratch.path(NAME);
        let put = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("own file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
        };
        let text = bundle().text(&[]);
        for bytes in [&b""[..], b"apiVersion: kubespore/v1\n", b"\xff\xfe", &text.as_bytes()[..text.len() / 2]] {
            put(bytes);
            let error = refused(&path);
            assert!(error.what.starts_with("reading ") && error.what.contains(NAME), "{error}");
        }
        put(text.replacen("certificate-key: \"", "certificate-key: \"x", 1).as_bytes());
        let error = refused(&path);
        assert!(
            error.what.ends_with("`certificate-key`: it is not 64 lower-case hex digits") && error.help.contains("backup"),
            "{error}"
        );
        File::options().write(true).open(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("a sparse file");
        assert!(refused(&path).what.contains("more than any bundle has"));
    }
}
