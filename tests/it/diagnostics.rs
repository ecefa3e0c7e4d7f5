//! Bad profiles: for each `tests/bad/<code>[-n].yaml`, what is said of it equals the `.stderr` beside it.
//!
//! `BLESS=1 cargo test` rewrites what is said; read the difference before it is committed. A code without a
//! case, or a case without a code, fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kubespore::diag::{Report, Severity, Source};
use kubespore::profile::codes::Weight;
use kubespore::profile::spec::ClusterSpec;
use kubespore::profile::{codes, file, load};

use crate::support::profiles;

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

/// What can be kept knowingly can: with its codes acknowledged, an objection or a warning is not said, and there is a spec.
#[test]
fn objections_and_warnings_can_be_acknowledged() {
    let mut kept = 0;
    for case in files("tests/bad", "yaml") {
        let path = case.to_str().expect("an ASCII name");
        let (source, _, report) = read(path);
        let weight = |name: &str| codes::find(name).expect("a finding has a known code").weight;
        if source.text.contains("acknowledge:") || report.iter().any(|finding| weight(finding.code) == Weight::Fatal) {
            continue;
        }
        let names: BTreeSet<_> = report.iter().map(|finding| finding.code).collect();
        let list = names.iter().copied().collect::<Vec<_>>().join(", ");
        let source = Source { name: path.to_owned(), text: format!("{}acknowledge: [{list}]\n", source.text) };
        let base = case.parent().expect("a directory of the repository");
        let (spec, report) = load(&source, &|name| file::beside(base, name));
        assert_eq!(report.render(&source, false), "", "{path} with {list}");
        assert!(spec.is_some(), "{path}");
        kept += names.len();
    }
    let keepable = codes::ALL.iter().filter(|code| code.weight != Weight::Fatal).count();
    assert!(kept >= keepable / 2, "only {kept} acknowledged");
}

/// Loads every profile at hand with each of its lines left out, and cut short in it: there is a spec exactly when there is no error, and
/// nothing panics.
#[test]
fn no_mutilated_profile_panics() {
    let mut loaded = 0;
    for case in files("tests/bad", "yaml").into_iter().chain(profiles()) {
        // Bombs take their time on purpose.
        if code_of(&case) == codes::NOT_YAML.name {
            continue;
        }
        let text = fs::read_to_string(&case).expect("a readable profile");
        let base = case.parent().expect("a directory of the repository");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (i, line) in lines.iter().enumerate() {
            let without = [&lines[..i], &lines[i + 1..]].concat().concat();
            let half = line.char_indices().nth(line.chars().count() / 2).map_or(0, |(at, _)| at);
            let cut = lines[..i].concat() + &line[..half];
            for text in [without, cut] {
                let source = Source { name: "mutilated".into(), text };
                let (spec, report) = load(&source, &|name| file::beside(base, name));
                assert_eq!(spec.is_none(), report.count(Severity::Error) > 0, "{}", source.text);
                let said = report.render(&source, false);
                assert_eq!(said.is_empty(), report.iter().count() == 0, "{}", source.text);
                loaded += 1;
            }
        }
    }
    assert!(loaded > 1000, "only {loaded} profiles");
}

#[test]
fn every_shipped_profile_is_sound() {
    for profile in profiles() {
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
