//! Keeping the bundle out of version control.
//!
//! In: where a bundle is to be minted. Out: a refusal where git would take it. Absent on purpose: writing
//! a .gitignore; what a repository ignores is its owner's word.

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
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A tracked file counts as not ignored, whatever .gitignore says.
    let asked = Command::new("git")
        .arg("-C")
        .arg(&absolute)
        .args(["check-ignore", "--quiet", "--"])
        .arg(&name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let ignored = match asked {
        Ok(status) if matches!(status.code(), Some(0 | 1)) => status.success(),
        _ => is_listed(root, &absolute, &name),
    };
    if ignored {
        return Ok(());
    }
    let what =
        format!("minting {}: git would take it, and everybody with the repository would hold the cluster's keys", path.display());
    Err(Error::new(what).help(format!("add the line `*.secrets.yaml` to {}", root.join(".gitignore").display())))
}

/// Whether a .gitignore on the way holds the plain line that we ask for, where git is not there to ask.
fn is_listed(root: &Path, directory: &Path, name: &str) -> bool {
    directory.ancestors().take_while(|dir| dir.starts_with(root)).any(|dir| {
        let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap_or_default();
        text.lines().map(str::trim).any(|line| line == name || (line == "*.secrets.yaml" && name.ends_with(".secrets.yaml")))
    })
}
