//! The house rules, held as tests: who may import whom, where versions are compared, where secrets leave
//! custody, and that nothing is left behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

const VOCABULARY: &[&str] = &["diag", "error", "gzip", "host", "net", "redact", "secret", "terse", "tree", "yaml"];
const FACTS: &[&str] = &["kubernetes", "os", "platform", "runtime", "balancer", "templates"];

/// Every room and what it may use of ours; a room that is not here is not on the plan.
fn plan() -> BTreeMap<&'static str, Vec<&'static str>> {
    let facts = || [VOCABULARY, FACTS].concat();
    let with = |base: Vec<&'static str>, more: &[&'static str]| [base.as_slice(), more].concat();
    let mut rooms: BTreeMap<_, Vec<_>> = VOCABULARY.iter().map(|room| (*room, vec!["net", "diag", "error", "secret"])).collect();
    rooms.insert("templates", vec![]);
    rooms.insert("kubernetes", VOCABULARY.to_vec());
    rooms.insert("os", VOCABULARY.to_vec());
    rooms.insert("platform", with(VOCABULARY.to_vec(), &["os"]));
    rooms.insert("runtime", with(VOCABULARY.to_vec(), &["templates"]));
    rooms.insert("balancer", with(VOCABULARY.to_vec(), &["templates"]));
    rooms.insert("kubeadm", with(VOCABULARY.to_vec(), &["kubernetes"]));
    rooms.insert("first_boot", with(VOCABULARY.to_vec(), &["templates"]));
    rooms.insert("profile", with(facts(), &["kubeadm", "delivery"]));
    rooms.insert("delivery", with(VOCABULARY.to_vec(), &["image", "os", "platform"]));
    rooms.insert(
        "artefacts",
        with(facts(), &["compose", "delivery", "fit", "handover", "plan", "profile", "rotation", "secrets", "seed"]),
    );
    rooms.insert("fit", with(facts(), &["compose", "plan", "seed"]));
    rooms.insert("leak", with(VOCABULARY.to_vec(), &["image"]));
    rooms.insert("secrets", with(VOCABULARY.to_vec(), &["profile", "leak"]));
    rooms.insert("lifetimes", with(VOCABULARY.to_vec(), &["handover", "kubeadm", "plan", "profile", "secrets"]));
    rooms.insert("runbook", with(VOCABULARY.to_vec(), &["first_boot", "handover", "kubernetes", "plan", "profile"]));
    rooms.insert("rotation", with(facts(), &["compose", "plan", "secrets"]));
    rooms.insert("exposure", with(VOCABULARY.to_vec(), &["leak", "secrets"]));
    rooms.insert("plan", with(facts(), &["kubeadm", "profile", "secrets"]));
    rooms.insert("compose", with(facts(), &["kubeadm", "first_boot", "profile", "plan", "secrets"]));
    rooms.insert("seed", with(VOCABULARY.to_vec(), &["os"]));
    rooms.insert("image", VOCABULARY.to_vec());
    rooms.insert("handover", with(VOCABULARY.to_vec(), &["templates", "out"]));
    rooms.insert("out", VOCABULARY.to_vec());
    rooms
}

fn sources(dir: &str) -> impl Iterator<Item = (String, String)> {
    WalkDir::new(dir).sort_by_file_name().into_iter().map(|entry| entry.expect("a readable tree")).filter_map(|entry| {
        let name = entry.path().to_str().expect("a UTF-8 name").to_owned();
        let text = entry.file_type().is_file() && name.ends_with(".rs");
        text.then(|| (fs::read_to_string(&name).expect("readable source"), name)).map(|(text, name)| (name, text))
    })
}

fn room_of(path: &str) -> &str {
    let below = path.trim_start_matches("src/");
    below.split('/').next().map_or(below, |first| first.trim_end_matches(".rs"))
}

/// The part of a source file that is not its unit tests.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn water_runs_down() {
    let rooms = plan();
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        let room = room_of(&path);
        if matches!(room, "lib" | "main" | "cli") {
            continue;
        }
        let Some(allowed) = rooms.get(room) else {
            faults.push(format!("{path}: room `{room}` is not on the plan: add it to `plan`"));
            continue;
        };
        for (number, line) in shipped(&text).lines().enumerate() {
            for used in line.match_indices("crate::").map(|(at, word)| &line[at + word.len()..]) {
                let used = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                if used != room && !used.is_empty() && !allowed.contains(&used) {
                    faults.push(format!("{path}:{}: `{room}` may not use `{used}`", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn versions_are_compared_in_one_room() {
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        if room_of(&path) == "kubernetes" {
            continue;
        }
        for (number, line) in shipped(&text).lines().enumerate() {
            let compares = ["<", ">", "=="].iter().any(|sign| line.contains(&format!("minor {sign}")));
            if line.contains("Minor(") || compares {
                faults.push(format!("{path}:{}: a version is compared outside `kubernetes`", number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn secrets_leave_custody_in_few_places() {
    const MAY: &[&str] = &["secret", "secrets", "leak", "plan", "compose", "rotation", "cli"];
    let faults: Vec<_> = sources("src")
        .filter(|(path, text)| !MAY.contains(&room_of(path)) && shipped(text).contains(".expose()"))
        .map(|(path, _)| path)
        .collect();
    assert!(faults.is_empty(), "secrets are exposed in {faults:?}");
}

#[test]
fn every_template_is_embedded() {
    let listed: Vec<_> = kubespore::templates::TEMPLATES.iter().map(|(name, _)| format!("templates/{name}")).collect();
    for entry in WalkDir::new("templates").into_iter().map(|entry| entry.expect("a readable tree")) {
        let name = entry.path().to_str().expect("a UTF-8 name").to_owned();
        if name.ends_with(".j2") {
            assert!(listed.contains(&name), "{name} is not in the list of src/templates.rs");
        }
    }
}

#[test]
fn every_room_says_what_it_is() {
    for (path, text) in sources("src").chain(sources("tests/it")) {
        assert!(text.starts_with("//! "), "{path} has no head");
    }
}

#[test]
fn nothing_is_left_to_do() {
    let words = [
        "TO".to_owned() + "DO",
        "FIX".to_owned() + "ME",
        "X".to_owned() + "XX",
        "dbg".to_owned() + "!(",
        "unimpl".to_owned() + "emented!",
    ];
    for (path, text) in sources("src").chain(sources("tests/it")) {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{path} says {word}");
        }
    }
    assert!(Path::new("out/.gitignore").is_file());
}
