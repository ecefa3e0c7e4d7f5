//! What has a joining kubelet ask for its certificate again: a few lines in a unit, run by a real shell.
//!
//! In: the unit of a golden seed, and curl, sleep and systemctl that are none. Out: what it asked and did. Absent on purpose:
//! systemd, which reads the unit in the conformance tests, and the kubelet, which obeys it in the end-to-end tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kubespore::seed::cloud_init;

use crate::support::Scratch;

/// Runs the unit's command below a root, where the API server answers the `answers`-th request and the certificate is there
/// when that many have gone unanswered; returns what it called.
fn run(answers: usize, certificate_after: usize, in_ipv6: bool) -> String {
    let document = fs::read_to_string("tests/golden/ha-stacked/nodes/cp-2/user-data").expect("a golden seed");
    let files = cloud_init::decode(&document).expect("our own document").files;
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is in the seed"));
        String::from_utf8(file.content.to_vec()).expect("text")
    };
    let unit = text("/etc/systemd/system/kubespore-hurry.service").replace("\\\n", " ");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh -c '")).expect("a command in quotes");
    let root = Scratch::new();
    let below = |path: &str| root.path(path).display().to_string();
    let command = command
        .strip_suffix('\'')
        .expect("its other quote")
        .replace("$$", "$")
        .replace("/etc/kubespore/node.env", &below("node.env"))
        .replace("/var/lib/kubelet", &below("kubelet"));
    let environment = text("/etc/kubespore/node.env");
    root.write(
        "node.env",
        if in_ipv6 { environment.replace("ADVERTISE='10.0.0.12'", "ADVERTISE='fd00::12'") } else { environment },
    );
    let program = |name: &str, lines: &str| {
        let path = root.write(&format!("bin/{name}"), format!("#!/bin/sh\necho {name} \"$@\" >>{}\n{lines}\n", below("calls")));
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("an executable");
    };
    let asked = format!("[ $(grep -c ^curl {}) -ge", below("calls"));
    let certified = format!("mkdir -p {0} && : >{0}/kubelet-client-current.pem", below("kubelet/pki"));
    program("curl", &format!("{asked} {certificate_after} ] && {certified}\n{asked} {answers} ]"));
    program("sleep", "");
    program("systemctl", "");
    let ran = Command::new("/bin/sh")
        .args(["-c", &command])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", below("bin")))
        .status()
        .expect("a shell");
    assert!(ran.success(), "{ran}");
    fs::read_to_string(root.path("calls")).expect("it called something")
}

const ASKED: &str =
    "curl -fs -o /dev/null --noproxy * --max-time 5 --cacert /etc/kubespore/ca.crt https://10.0.0.12:6443/readyz\n";

#[test]
fn the_kubelet_begins_anew_once_when_its_api_server_is_up() {
    assert_eq!(run(3, 9, false), format!("{ASKED}sleep 4\n{ASKED}sleep 4\n{ASKED}systemctl try-restart kubelet.service\n"));
    assert_eq!(run(1, 9, true), ASKED.replace("10.0.0.12", "[fd00::12]") + "systemctl try-restart kubelet.service\n");
}

#[test]
fn a_kubelet_that_has_its_certificate_is_left_alone() {
    assert_eq!(run(9, 2, false), format!("{ASKED}sleep 4\n{ASKED}sleep 4\n"));
}
