//! Keeping the bundle out of version control.
//!
//! In: where a bundle is to be minted. Out: a refusal where git would take it. Absent on purpose: writing
//! a .gitignore; what a repository ignores is its owner's word.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// Refuses a path inside a git work tree that does not ignore it; `doing` is what would be done to it, in a gerund.
///
/// # Errors
/// Names the line to add to .gitignore; also where git itself cannot be asked, rather than hoping.
pub fn refuse_where_git_would_take_it(path: &Path, doing: &str) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(absolute) = directory.canonicalize() else { return Ok(()) };
    let Some(root) = absolute.ancestors().find(|dir| dir.join(".git").exists()) else { return Ok(()) };
    let name = path.file_name().unwrap_or_default();
    // To git a tracked file is not ignored, whatever .gitignore says.
    let ignored = asks(&absolute, name, &[]).unwrap_or_else(|| is_listed(root, &absolute, name));
    if ignored {
        return Ok(());
    }
    let what =
        format!("{doing} {}: git would take it, and everybody with the repository would hold the cluster's keys", path.display());
    let help = match asks(&absolute, name, &["--no-index"]) {
        Some(true) => {
            format!("git tracks a file of that name: `git rm --cached {}`, or name another with `--secrets`", path.display())
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::sample::Scratch;

    fn git(scratch: &Scratch, words: &[&str]) {
        let status = Command::new("git").arg("-C").arg(scratch.path("")).args(words).stdout(Stdio::null()).status();
        assert!(status.expect("git is installed").success(), "git {words:?}");
    }

    #[test]
    fn outside_a_work_tree_anything_goes() {
        let scratch = Scratch::new();
        refuse_where_git_would_take_it(&scratch.path("lab.secrets.yaml"), "minting").expect("no work tree");
        refuse_where_git_would_take_it(Path::new("/nowhere/at/all/lab.secrets.yaml"), "minting")
            .expect("no directory, no work tree");
    }

    #[test]
    fn a_work_tree_that_does_not_ignore_the_file_stops_with_the_line() {
        let scratch = Scratch::new();
        git(&scratch, &["init", "--quiet"]);
        scratch.write("deep/down/README", "");
        for (name, line) in [("lab.secrets.yaml", "*.secrets.yaml"), ("deep/down/keys.yaml", "/deep/down/keys.yaml")] {
            let path = scratch.path(name);
            let error = refuse_where_git_would_take_it(&path, "minting").expect_err("git would take it");
            let gitignore = scratch.path("").canonicalize().expect("it is there").join(".gitignore");
            assert_eq!(error.help, format!("add the line `{line}` to {}", gitignore.display()));
            assert!(error.what.starts_with(&format!("minting {}: ", path.display())), "{error}");
            scratch.write(".gitignore", format!("{line}\n"));
            refuse_where_git_would_take_it(&path, "minting").expect("the line helps");
        }
    }

    #[test]
    fn a_file_that_git_tracks_is_not_saved_by_gitignore() {
        let scratch = Scratch::new();
        git(&scratch, &["init", "--quiet"]);
        let path = scratch.write("lab.secrets.yaml", "once committed");
        git(&scratch, &["add", "lab.secrets.yaml"]);
        scratch.write(".gitignore", "*.secrets.yaml\n");
        let error = refuse_where_git_would_take_it(&path, "minting").expect_err("git has it already");
        assert!(error.help.contains("git rm --cached"), "{error}");
    }

    #[test]
    fn where_git_cannot_be_asked_the_line_itself_is_looked_for() {
        let scratch = Scratch::new();
        // Enough for us to see a work tree, and nothing that git itself would take for one.
        scratch.write(".git", "not a repository");
        let path = scratch.write("sub/lab.secrets.yaml", "");
        assert_eq!(asks(&scratch.path("sub"), OsStr::new("lab.secrets.yaml"), &[]), None);
        refuse_where_git_would_take_it(&path, "minting").expect_err("no line");
        scratch.write(".gitignore", "# *.secrets.yaml\n");
        refuse_where_git_would_take_it(&path, "minting").expect_err("a comment is no line");
        scratch.write(".gitignore", "target\n*.secrets.yaml\n");
        refuse_where_git_would_take_it(&path, "minting").expect("the line is there");
    }
}
