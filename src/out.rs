//! The output directory: written beside, then put in place in one step.
//!
//! In: a tree. Out: a directory with exactly that tree, mode 0700 and 0600. A run that is killed leaves
//! the old directory or the new one, never a mixture. Absent on purpose: what the files are.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use walkdir::WalkDir;

use crate::error::{Doing, Error};
use crate::tree::{RelPath, Tree};

/// The file by which we know a directory as our own output.
pub const MANIFEST: &str = "manifest.json";

/// An output directory that has been found fit to be written, and is held until it is.
#[derive(Debug)]
pub struct Destination {
    target: PathBuf,
    staging: PathBuf,
    /// Holds the lock that tells a live run's staging directory from a dead one's.
    lock: File,
    exists: bool,
}

impl Destination {
    /// Examines `target` and makes a staging directory beside it, touching nothing else.
    ///
    /// # Errors
    /// When `target` is not a directory of ours (no manifest, not empty, a link, another user's), or its
    /// parent cannot be written.
    pub fn prepare(target: &Path) -> Result<Self, Error> {
        let shown = target.display();
        let name = target.file_name().ok_or_else(|| Error::new(format!("writing to {shown}: that is no directory name")))?;
        let exists = match fs::symlink_metadata(target) {
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error).doing(|| format!("examining {shown}")),
            Ok(found) => {
                examine(target, &found)?;
                true
            }
        };
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).doing(|| format!("making {}", parent.display()))?;
        let prefix = format!(".{}.new-", name.to_string_lossy());
        sweep(parent, &prefix);
        let staging = parent.join(format!("{prefix}{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&staging).doing(|| format!("making {}", staging.display()))?;
        let lock = File::open(&staging).doing(|| format!("opening {}", staging.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).doing(|| format!("locking {}", staging.display()))?;
        Ok(Self { target: target.to_owned(), staging, lock, exists })
    }

    /// Reads back the files that stand in the directory now; none when there is no directory yet.
    ///
    /// # Errors
    /// When one cannot be read, or is neither file nor directory.
    pub fn current(&self) -> Result<Tree, Error> {
        if self.exists { read(&self.target) } else { Ok(Tree::new()) }
    }

    /// Writes the tree and puts it in place of what was there.
    ///
    /// # Errors
    /// When the disk does not take it; the old directory then stands as it was.
    pub fn commit(self, tree: &Tree) -> Result<(), Error> {
        for (path, bytes) in tree.iter() {
            write_file(&self.staging, path, bytes)?;
        }
        // One flush of the file system instead of one for each file.
        rustix::fs::syncfs(&self.lock).doing(|| format!("flushing {}", self.staging.display()))?;
        let flags = if self.exists { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        renameat_with(CWD, &self.staging, CWD, &self.target, flags)
            .doing(|| format!("putting {} in place", self.target.display()))?;
        // After an exchange the staging name holds the old tree, which `drop` removes.
        let parent = self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|dir| dir.sync_all()).doing(|| format!("flushing {}", parent.display()))
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        // Left over only if the disk refuses; the next run sweeps it.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

fn examine(target: &Path, found: &fs::Metadata) -> Result<(), Error> {
    let shown = target.display();
    let refuse = |why: &str| {
        let help = "name another directory with `--output`, or move this one away";
        Err(Error::new(format!("refusing to replace {shown}: {why}")).help(help))
    };
    if found.is_symlink() {
        return refuse("it is a symbolic link");
    }
    if !found.is_dir() {
        return refuse("it is not a directory");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if target.join(MANIFEST).is_file() {
        return Ok(());
    }
    match fs::read_dir(target).doing(|| format!("reading {shown}"))?.next() {
        None => Ok(()),
        Some(_) => refuse("it holds files and no manifest.json, so kubespore did not make it"),
    }
}

/// Removes staging directories whose run is dead: nobody holds their lock.
fn sweep(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(prefix) && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !ours {
            continue;
        }
        let dead = File::open(entry.path()).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok());
        if dead {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn write_file(root: &Path, path: &RelPath, bytes: &[u8]) -> Result<(), Error> {
    let full = root.join(path.as_str());
    let parent = full.parent().expect("a file below the root has a parent");
    DirBuilder::new().mode(0o700).recursive(true).create(parent).doing(|| format!("making {}", parent.display()))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&full)
        .and_then(|mut file| file.write_all(bytes))
        .doing(|| format!("writing {}", full.display()))
}

/// Names what in a directory, itself included, others than its owner can read; `commit` writes nothing of that kind.
///
/// # Errors
/// When something in it cannot be examined.
pub fn open_to_others(root: &Path) -> Result<Vec<String>, Error> {
    let mut open = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry.doing(|| format!("reading {}", root.display()))?;
        let found = entry.metadata().doing(|| format!("examining {}", entry.path().display()))?;
        if found.mode() & 0o077 != 0 {
            let name = entry.path().strip_prefix(root).ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(root);
            let mode = found.mode() & 0o7777;
            open.push(format!("{}: others than its owner can get at it (mode {mode:04o}); chmod go= it", name.display()));
        }
    }
    Ok(open)
}

/// Reads a directory as a tree.
///
/// # Errors
/// When a file cannot be read, or something in it is neither file nor directory.
pub fn read(root: &Path) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let entry = entry.doing(|| format!("reading {}", root.display()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let shown = entry.path().display();
        let name = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        let name = name.ok_or_else(|| Error::new(format!("reading {shown}: its name is not UTF-8")))?;
        if name.contains('\\') {
            return Err(Error::new(format!("reading {shown}: kubespore makes no file of such a name")));
        }
        if !entry.file_type().is_file() {
            return Err(Error::new(format!("reading {shown}: it is neither a file nor a directory")));
        }
        let bytes = fs::read(entry.path()).doing(|| format!("reading {shown}"))?;
        tree.add(RelPath::new(name), bytes);
    }
    Ok(tree)
}
