//! The commands that answer what stops a machine or makes it wait: each works when it is pasted.
//!
//! In: the golden seeds. Out: every call in their scripts that names a command, evaluated by a real shell with this machine's
//! values, once more with IPv6 addresses. Absent on purpose: running what comes out, but for kubespore's own words.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use kubespore::seed::cloud_init;

const SEEDS: &[&str] = &[
    "ha-stacked/nodes/cp-1",
    "ha-stacked/nodes/cp-2",
    "kubeadm-1.14/nodes/master-1",
    "kubeadm-1.14/nodes/worker-1",
    "external-etcd/nodes/cp-1",
    "external-etcd/nodes/cp-2",
    "external-etcd/nodes/etcd-1",
    "external-etcd/nodes/etcd-2",
];

/// What stands in for the calls, and for what a script has found out before it calls.
const STAGE: &str = r#"
fingerprint_at() { printf AB; }
fingerprint_of() { printf CD; }
json_at() { printf none; }
hold() { printf '%s\n' "${3:-}"; }
stop() { printf '%s\n' "$3"; }
status() { printf '%s\n' "$4"; }
SEEN=UNKNOWN CODE=000 RC=7 WHY='' MISMATCH='' MINE='' VOTERS=1 LIVE='' FOREIGN='' CLOCKS='' UNKNOWN='' EMPTIES=0 CREDENTIAL_UNTIL=0
foreign_host=$ADVERTISE foreign_port=6443 unseen=$ADVERTISE address=$ADVERTISE mine=$ADVERTISE interface=eth0 lower=cp-1 n=1
TWIN_HELP="arping -D -c 2 -w 3 -I $interface $mine" missing=' r.example/a:1' found='' manifest=/etc/kubespore/manifests/00-a.yaml
failed='' line='mark-control-plane' majority=2 attached=0 TEXT='' at=0 started=0 answer=${RENEW_COMMAND:-}
"#;

/// The calls of a script that name a command, each with what must be evaluated to see it.
fn calls(script: &str) -> Vec<String> {
    let mut calls = Vec::new();
    for line in script.replace("\\\n", "").lines().map(str::trim) {
        let tail = line.trim_end_matches(" ;;").trim_end_matches("; }");
        if line.starts_with("REASON=") || line.starts_with("ANSWER=") {
            calls.push(format!("ANSWER=''; {tail}; printf '%s\\n' \"$ANSWER\""));
            continue;
        }
        for verb in ["hold ", "stop ", "status running "] {
            let at = tail
                .match_indices(verb)
                .map(|(at, _)| at)
                .find(|at| tail[..*at].is_empty() || tail[..*at].ends_with([' ', '\t']));
            // `systemctl stop` and what passes on another's words are no such calls.
            let Some(call) = at.map(|at| &tail[at..]).filter(|call| call.contains("\" \"") || call.contains("' \"")) else {
                continue;
            };
            if !tail.contains("systemctl stop") && !call.contains("\"$REASON\"") && !call.contains("\"$1\"") {
                calls.push(call.to_owned());
            }
        }
    }
    calls
}

/// Puts IPv6 addresses in the place of others.
fn in_ipv6(environment: &str) -> String {
    let quads = |word: &str| word.split('.').count() == 4 && word.split('.').all(|part| part.parse::<u8>().is_ok());
    let words = environment.split_inclusive([' ', '\'', '\n']);
    let changed = words.map(|word| {
        let bare = word.trim_end_matches([' ', '\'', '\n']);
        let last = bare.rsplit('.').next().unwrap_or_default();
        if quads(bare) { word.replace(bare, &format!("fd00::{last}")) } else { word.to_owned() }
    });
    changed.collect()
}

/// Every command that a machine's script can name.
fn commands(seed: &str, ipv6: bool) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new("tests/golden").join(seed).join("user-data")).expect("a golden seed");
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("answers-{}-{ipv6}", seed.replace('/', "-")));
    let _ = fs::remove_dir_all(&root);
    let put = |path: &str, text: &str| {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    put("proc/uptime", "1.00 1.00\n");
    put("proc/sys/kernel/random/boot_id", "boot\n");
    put("run/kubespore/answer", "{}\n");
    let mut script = String::new();
    for file in cloud_init::decode(&text).expect("our own document").files {
        let text = String::from_utf8_lossy(&file.content).into_owned();
        match file.path.as_str() {
            "/etc/kubespore/node.env" if ipv6 => put(&file.path, &in_ipv6(&text)),
            "/etc/kubespore/node.env" => put(&file.path, &text),
            "/etc/kubespore/first-boot" => script = text,
            _ => {}
        }
    }
    let acts = ["run_control_plane", "run_member", "evidence"];
    let functions: Vec<&str> = script.lines().take_while(|line| !acts.contains(line)).collect();
    let calls = calls(&script);
    assert!(calls.len() > 15, "{seed}: {calls:#?}");
    let program = format!("{}\nset +u{STAGE}{}\n", functions.join("\n"), calls.join("\n"));
    let ran = Command::new("/bin/sh").args(["-c", &program]).env("KUBESPORE_ROOT", &root).output().expect("a shell");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && errors.is_empty(), "{seed}: {errors}");
    let said = String::from_utf8_lossy(&ran.stdout).replace(&root.display().to_string(), "");
    said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What is wrong with a command, when something is.
fn fault(command: &str) -> Option<&'static str> {
    let parses = Command::new("/bin/sh").args(["-n", "-c", command]).output().expect("a shell").status.success();
    let shouted = |word: &str| word.len() > 2 && word.chars().all(|letter| letter.is_ascii_uppercase());
    let placeholder = command.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(shouted);
    let bare = command.match_indices("fd00::").any(|(at, _)| {
        let rest = command[at + 6..].trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        rest.starts_with(':') || command[..at].ends_with('/')
    });
    match (parses, placeholder, bare) {
        (false, ..) => Some("no shell takes it"),
        (_, true, _) => Some("something in it is to be filled in"),
        (.., true) => Some("an address wants brackets"),
        _ if !command.split("&&").flat_map(|part| part.split('|')).all(kubespore_takes) => Some("kubespore has no such words"),
        _ => None,
    }
}

/// Whether kubespore understands a command of its own: where it does not, it says so with status 2.
fn kubespore_takes(part: &str) -> bool {
    let mut words = part.split_whitespace();
    if words.next() != Some("kubespore") {
        return true;
    }
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers-nowhere");
    fs::create_dir_all(&nowhere).expect("a directory");
    let ran = Command::new(env!("CARGO_BIN_EXE_kubespore")).args(words).current_dir(nowhere).output().expect("kubespore");
    ran.status.code() != Some(2)
}

#[test]
fn every_command_that_a_machine_names_can_be_pasted() {
    let mut faults = BTreeSet::new();
    for seed in SEEDS {
        for ipv6 in [false, true] {
            let found = commands(seed, ipv6).into_iter();
            faults.extend(found.filter_map(|command| fault(&command).map(|why| format!("{seed}: {why}: {command}"))));
        }
    }
    assert!(faults.is_empty(), "{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The judge is one: what cannot be pasted does not pass.
#[test]
fn a_command_that_cannot_be_pasted_is_found_out() {
    for (command, wanted) in [
        ("curl http://ADDRESS:6442/", "something in it is to be filled in"),
        ("openssl s_client -connect fd00::11:6443", "an address wants brackets"),
        ("curl https://fd00::11/", "an address wants brackets"),
        ("echo 'a", "no shell takes it"),
        ("kubespore secrets revive lab.yaml", "kubespore has no such words"),
    ] {
        assert_eq!(fault(command), Some(wanted), "{command}");
    }
}
