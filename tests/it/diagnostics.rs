//! Bad profiles: for each `tests/bad/<code>[-n].yaml`, what is said of it equals the `.stderr` beside it.
//!
//! `BLESS=1 cargo test` rewrites what is said; read the difference before it is committed. A code without a
//! case, or a case without a code, fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kubespore::diag::{Report, Severity, Source};
use kubespore::profile::spec::ClusterSpec;
use kubespore::profile::{codes, file, load};

/// Loads a profile from the repository as the command line does.
fn read(path: &str) -> (Source, Option<ClusterSpec>, Report) {
    let path = Path::new(path);
    let source = file::open(path).expect("a readable profile");
    let base = path.parent().expect("a directory of the repository");
    let (spec, report) = load(&source, &|name| file::beside(base, name));
    (source, spec, report)
}

fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).expect("a directory of the repository").map(|entry| entry.expect("its entry").path());
    let mut found: Vec<_> = all.filter(|path| path.extension().is_some_and(|own| own == ending)).collect();
    found.sort();
    found
}

/// The code that a case is about: its file's name without a number at the end.
fn code_of(case: &Path) -> String {
    let stem = case.file_stem().expect("a file name").to_string_lossy().into_owned();
    match stem.rsplit_once('-') {
        Some((code, number)) if number.bytes().all(|b| b.is_ascii_digit()) => code.to_owned(),
        _ => stem,
    }
}

#[test]
fn every_bad_profile_is_told_what_is_wrong() {
    let bless = std::env::var_os("BLESS").is_some();
    let cases = files("tests/bad", "yaml");
    assert!(cases.len() >= codes::ALL.len(), "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let path = case.to_str().expect("an ASCII name");
        let (source, spec, report) = read(path);
        let said = report.render(&source, false);
        let code = code_of(case);
        assert!(report.iter().any(|finding| finding.code == code), "{path} does not give `{code}`:\n{said}");
        assert_eq!(spec.is_none(), report.count(Severity::Error) > 0, "{path}: a spec exactly when there is no error");
        let expected = case.with_extension("stderr");
        if bless {
            fs::write(&expected, &said).expect("writing what is said");
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("{path} says\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nrun with BLESS=1 to accept", wrong.join("\n"));
}

#[test]
fn every_code_has_a_case_and_every_case_a_code() {
    let cases: BTreeSet<String> = files("tests/bad", "yaml").iter().map(|case| code_of(case)).collect();
    let known: BTreeSet<String> = codes::ALL.iter().map(|code| code.name.to_owned()).collect();
    assert_eq!(cases, known);
    for said in files("tests/bad", "stderr") {
        assert!(said.with_extension("yaml").exists(), "{} belongs to no case", said.display());
    }
}

#[test]
fn every_shipped_profile_is_sound() {
    let profiles = files("profiles", "yaml");
    assert!(profiles.len() >= 4, "the shipped profiles");
    for profile in profiles {
        let path = profile.to_str().expect("an ASCII name");
        let (source, spec, report) = read(path);
        assert_eq!(report.render(&source, false), "", "{path}");
        let spec = spec.expect("no error, so a spec");
        let stem = profile.file_stem().expect("a file name").to_string_lossy().replace('.', "-");
        assert_eq!(spec.name.as_str(), stem, "a profile is named after its cluster");
    }
    let lines = fs::read_to_string("profiles/single-node.yaml").expect("the smallest profile").lines().count();
    assert!(lines <= 15, "single-node.yaml has {lines} lines");
}
