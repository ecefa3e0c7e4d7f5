//! What the tests share: a scratch directory, the binary, and comparison with blessed text.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use walkdir::WalkDir;

/// A directory that goes away with its owner.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty directory of mode 0700.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kubespore-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a writable temporary directory");
        Self(path)
    }

    /// The path of `name` in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the scratch directory")).expect("a writable scratch directory");
        fs::write(&path, content).expect("a writable scratch directory");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A run of the binary in the repository's root.
pub fn kubespore<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(args: I) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_kubespore"))
        .args(args)
        .env_remove("NO_COLOR")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the binary runs");
    Ran(output)
}

/// How a run ended.
pub struct Ran(pub Output);

impl Ran {
    /// What it handed out.
    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("UTF-8")
    }

    /// What it said.
    pub fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("UTF-8")
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(expected), "stderr: {}", self.stderr());
        self
    }
}

/// Renders a profile with a bundle, minted where none is, into a directory; `more` are further arguments.
pub fn render(profile: &Path, bundle: &Path, out: &Path, more: &[&str]) -> Ran {
    let fixed =
        ["render".as_ref(), profile.as_os_str(), "--secrets".as_ref(), bundle.as_os_str(), "-o".as_ref(), out.as_os_str()];
    kubespore(fixed.into_iter().chain(more.iter().map(OsStr::new)))
}

/// The shipped profiles, in order; not the bundles that a render puts beside them.
pub fn profiles() -> Vec<PathBuf> {
    let entries = fs::read_dir("profiles").expect("the profiles").map(|entry| entry.expect("a readable directory").path());
    let mut found: Vec<_> = entries.collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "yaml") && !path.to_string_lossy().ends_with(".secrets.yaml"));
    found.sort();
    assert!(found.len() >= 4, "the examples are there");
    found
}

/// Whether goldens are to be rewritten.
pub fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// Compares a text with a file, or rewrites the file when blessing.
#[track_caller]
pub fn expect_file(path: &Path, actual: &str) {
    if blessing() {
        fs::create_dir_all(path.parent().expect("a golden has a directory")).expect("a writable tests directory");
        fs::write(path, actual).expect("a writable tests directory");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        let line = expected.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
        panic!(
            "{} differs from line {}:\n  expected: {:?}\n  actual:   {:?}\nrun `BLESS=1 cargo test` and read the diff",
            path.display(),
            line + 1,
            expected.lines().nth(line),
            actual.lines().nth(line),
        );
    }
}

/// Compares a directory with a golden one, binary files by size and digest.
///
/// A rendered `.gitignore` is kept without its dot: it would hide its own tree.
#[track_caller]
pub fn expect_tree(golden: &Path, actual: &Path) {
    let shown = texts(actual);
    if blessing() {
        let _ = fs::remove_dir_all(golden);
    } else {
        let expected: Vec<_> = texts(golden).into_keys().collect();
        assert_eq!(expected, shown.keys().cloned().collect::<Vec<_>>(), "the files of {}", golden.display());
    }
    for (name, text) in shown {
        expect_file(&golden.join(name), &text);
    }
}

fn texts(root: &Path) -> BTreeMap<String, String> {
    let files = WalkDir::new(root).into_iter().map(|entry| entry.expect("a readable tree")).filter(|e| e.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(root).expect("below the root").to_str().expect("UTF-8");
            let name = name.replace(".gitignore", "gitignore");
            let bytes = fs::read(entry.path()).expect("a readable file");
            match String::from_utf8(bytes) {
                Ok(text) => (name, text),
                Err(error) => {
                    let bytes = error.into_bytes();
                    let digest = kubespore::handover::digest(&bytes);
                    (format!("{name}.digest"), format!("{} bytes, sha256 {digest}\n", bytes.len()))
                }
            }
        })
        .collect()
}
