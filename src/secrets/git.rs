//! Keeping the bundle out of version control.
//!
//! In: where a bundle is to be minted. Out: a refusal where git would take it. Absent on purpose: writing
//! a .gitignore; what a repository ignores is its owner's word.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// Refuses a path inside a git work tree that does not ignore it.
///
/// # Errors
/// Names the line to add to .gitignore; also where git itself cannot be asked, rather than hoping.
pub fn refuse_where_git_would_take_it(path: &Path) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(absolute) = directory.canonicalize() else { return Ok(()) };
    let Some(root) = absolute.ancestors().find(|dir| dir.join(".git").exists()) else { return Ok(()) };
    let name = path.file_name().unwrap_or_default();
    // To git a tracked file is not ignored, whatever .gitignore says.
    let ignored = asks(&absolute, name, &[]).unwrap_or_else(|| is_listed(root, &absolute, name));
    if ignored {
        return Ok(());
    }
    let what = format!("minting {}: git would take it, and everybody with the repository would hold the cluster's keys", path.display());
    let help = match asks(&absolute, name, &["--no-index"]) {
        Some(true) => format!("git tracks a file of that name: `git rm --cached {}`, or name another with `--secrets`", path.display()),
        _ => format!("add the line `{}` to {}", line(root, &absolute, name), root.join(".gitignore").display()),
    };
    Err(Error::new(what).help(help))
}

/// What git says on whether it ignores a file; `None` when it says nothing.
fn asks(directory: &Path, name: &OsStr, more: &[&str]) -> Option<bool> {
    let status = Command::new("git")
        .arg("-C")
        .arg(directory)
        // A repository can name a program here, and it is not ours to run.
        .args(["-c", "core.fsmonitor=false", "check-ignore", "--quiet"])
        .args(more)
        .arg("--")
        // Without the directory a name that begins with `:` would be a pattern.
        .arg(Path::new(".").join(name))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status.ok()?.code() {
        Some(0) => Some(true),
        Some(1) => Some(false),
        _ => None,
    }
}

/// The line of a .gitignore in `root` that keeps git from the file.
fn line(root: &Path, directory: &Path, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if name.ends_with(SUFFIX) {
        return PATTERN.to_owned();
    }
    let below = directory.strip_prefix(root).unwrap_or(Path::new(""));
    format!("/{}", below.join(&*name).display())
}

const SUFFIX: &str = ".secrets.yaml";
const PATTERN: &str = "*.secrets.yaml";

/// Whether a .gitignore on the way holds the very line that we ask for, where git is not there to ask.
fn is_listed(root: &Path, directory: &Path, name: &OsStr) -> bool {
    let wanted = line(root, directory, name);
    directory.ancestors().take_while(|dir| dir.starts_with(root)).any(|dir| {
        let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap_or_default();
        text.lines().map(str::trim).any(|line| line == PATTERN && wanted == PATTERN || line == wanted && dir == root)
    })
}
