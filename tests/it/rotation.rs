//! `kubespore secrets rotate ca` from outside: three rounds, what each puts beside the seeds, and what is refused.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Ran, Scratch, kubespore};

/// A cluster of one load balancer, three control planes and two workers, rendered.
struct Lab {
    scratch: Scratch,
    profile: PathBuf,
}

impl Lab {
    fn new() -> Self {
        Self::of("1.36.2")
    }

    fn of(version: &str) -> Self {
        let scratch = Scratch::new();
        let text = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile");
        let profile =
            scratch.write("lab.yaml", text.replace("kubernetesVersion: 1.36.2", &format!("kubernetesVersion: {version}")));
        let lab = Self { scratch, profile };
        lab.render();
        lab
    }

    fn render(&self) -> Ran {
        kubespore(["render".as_ref(), self.profile.as_os_str(), "-o".as_ref(), self.scratch.path("out").as_os_str()]).code(0)
    }

    fn rotate(&self, more: &[&str]) -> Ran {
        let words = ["secrets", "rotate", "ca"].map(std::ffi::OsStr::new);
        let output = self.scratch.path("out");
        let rest = ["-o".as_ref(), output.as_os_str()];
        kubespore(words.into_iter().chain([self.profile.as_os_str()]).chain(rest).chain(more.iter().map(std::ffi::OsStr::new)))
    }

    fn rendered(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.scratch.path("out").join(path)).ok()
    }

    fn script(&self, node: &str) -> String {
        self.rendered(&format!("nodes/{node}/rotate-ca.sh")).expect("a script of its own")
    }

    fn bundle(&self) -> String {
        fs::read_to_string(self.scratch.path("lab.secrets.yaml")).expect("the bundle")
    }
}

/// The certificates or keys in a text, in their order.
fn blocks(text: &str, label: &str) -> Vec<String> {
    let end = format!("-----END {label}-----");
    let begin = format!("-----BEGIN {label}-----");
    let bare: String = text.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    bare.split(&begin).skip(1).map(|rest| rest.split(&end).next().expect("an end").to_owned()).collect()
}

const NODES: [&str; 6] = ["lb-1", "cp-1", "cp-2", "cp-3", "worker-1", "worker-2"];

#[test]
fn an_authority_is_changed_in_three_rounds() {
    let lab = Lab::new();
    let old = blocks(&lab.bundle(), "CERTIFICATE")[0].clone();
    assert_eq!(lab.rendered("nodes/cp-1/rotate-ca.sh"), None);
    let page = |text: &str| assert!(lab.rendered("README.md").expect("a page").contains(text), "{text}");
    page("is replaced, while machines go on");

    let first = lab.rotate(&[]).code(0);
    assert!(first.stderr().contains("round 1 of 3: machines learn to trust the new authority"), "{}", first.stderr());
    let new = blocks(&lab.bundle(), "CERTIFICATE").into_iter().rev().find(|block| *block != old).expect("another one");
    assert_eq!(lab.rotate(&[]).code(0).stdout(), first.stdout(), "asking where it stands changes nothing");
    let mut order: Vec<_> = first.stdout().lines().filter(|line| line.starts_with("ssh ")).map(str::to_owned).collect();
    for (node, line) in NODES.iter().zip(order.drain(..)) {
        assert!(line.contains(&format!("nodes/{node}/rotate-ca.sh")), "{node}: {line}");
    }

    let shown = kubespore(["secrets".as_ref(), "show".as_ref(), lab.profile.as_os_str()]).code(0).stdout();
    assert!(shown.contains("authority's change        round 1 of 3"), "{shown}");

    let mut keys = Vec::new();
    for (round, trusted, signing) in [(1, vec![0, 1], Some(0)), (2, vec![1, 0], Some(1)), (3, vec![1], None)] {
        lab.render();
        page(&format!("round {round} of 3"));
        let both = [old.clone(), blocks(&lab.script("lb-1"), "CERTIFICATE").into_iter().find(|one| *one != old).expect("new")];
        let these: Vec<_> = trusted.iter().map(|which| both[*which].clone()).collect();
        for node in NODES {
            let script = lab.script(node);
            let mut wanted = these.clone();
            // what checks and what signs a kubelet's certificate is beside what is trusted
            wanted.extend(signing.filter(|_| node != "lb-1").map(|which| both[which].clone()));
            assert_eq!(blocks(&script, "CERTIFICATE"), wanted, "{node} in round {round}");
            let held = blocks(&script, "PRIVATE KEY");
            assert_eq!(held.len(), usize::from(round == 2 && node.starts_with("cp-")), "{node} in round {round}");
            keys.extend(held);
            parses(&script);
        }
        let out = lab.scratch.path("out");
        let bundle = lab.scratch.path("lab.secrets.yaml");
        kubespore(["verify".as_ref(), out.as_os_str(), "--secrets".as_ref(), bundle.as_os_str()]).code(0);
        kubespore(["inspect".as_ref(), out.as_os_str(), "--secrets".as_ref(), bundle.as_os_str()]).code(0);
        lab.rotate(&["--next"]).code(0);
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "the new authority's, on control planes, in the second round");
    assert!(!new.is_empty());
    lab.render();
    assert_eq!(lab.rendered("nodes/cp-1/rotate-ca.sh"), None);
    assert!(!lab.bundle().contains("ca-rotation"));
    assert!(lab.rotate(&["--next"]).code(1).stderr().contains("none has begun"));
}

/// A shell reads the script and finds no fault in its shape.
fn parses(script: &str) {
    let mut shell = Command::new("/bin/sh").arg("-n").stdin(Stdio::piped()).spawn().expect("a shell");
    std::io::Write::write_all(&mut shell.stdin.take().expect("a pipe"), script.as_bytes()).expect("the shell reads");
    assert!(shell.wait().expect("it ends").success(), "{script}");
}

#[test]
fn a_key_that_waits_for_its_round_may_lie_nowhere() {
    let lab = Lab::new();
    lab.rotate(&[]).code(0);
    let bundle = lab.bundle();
    let key = bundle.split("ca-rotation:").nth(1).expect("a change").split("key: |\n").nth(1).expect("the next key");
    let pem: String =
        key.lines().take_while(|line| line.starts_with("      ")).map(|line| format!("{}\n", line.trim_start())).collect();
    let planted = format!("files:\n  - {{path: /root/next.key, content: {pem:?}, roles: [control-plane]}}\n");
    let text = fs::read_to_string(&lab.profile).expect("the profile");
    fs::write(&lab.profile, text + &planted).expect("own file");
    let said = kubespore(["render".as_ref(), lab.profile.as_os_str()]).code(1).stderr();
    assert!(said.contains("next CA key"), "{said}");
}

#[test]
fn releases_before_two_authorities_are_refused() {
    let lab = Lab::of("1.23.17");
    let before = lab.bundle();
    let said = lab.rotate(&[]).code(1).stderr();
    assert!(said.contains("kubeadm 1.23 is not made for a ca.crt with two authorities; kubeadm 1.24 is"), "{said}");
    assert_eq!(lab.bundle(), before);
}

/// The block works where it is pasted, on the bundle that was named, and mints nothing.
#[test]
fn the_commands_name_what_was_named() {
    let lab = Lab::new();
    let bundle = lab.scratch.path("kept elsewhere.yaml");
    fs::rename(lab.scratch.path("lab.secrets.yaml"), &bundle).expect("own file");
    let said = lab.rotate(&["--secrets", bundle.to_str().expect("an ASCII path")]).code(0).stdout();
    let lines: Vec<_> = said.lines().collect();
    let (out, named) = (lab.scratch.path("out"), format!(" --secrets '{}'", bundle.display()));
    let render = format!("kubespore render {} --locked -o {}{named}", lab.profile.display(), out.display());
    assert_eq!(lines[..2], ["(set -e", &render]);
    let next = format!("kubespore secrets rotate ca {} --next -o {}{named}", lab.profile.display(), out.display());
    assert!(lines[lines.len() - 1].starts_with("# ") && lines[lines.len() - 1].ends_with(&next), "{said}");
    assert_eq!(lines[lines.len() - 2], ")");

    // A machine that is off ends the block, and the block may be pasted again.
    let shell = format!(
        "kubespore() {{ :; }}; ssh() {{ echo \"$1\"; [ \"$1\" != root@10.0.0.12 ]; }}; mkdir -p {0}/nodes\n{said}",
        out.display()
    );
    let scripts = ["lb-1", "cp-1", "cp-2"].map(|node| out.join(format!("nodes/{node}/rotate-ca.sh")));
    scripts.iter().for_each(|script| fs::write(script, "").expect("own directory"));
    let done = Command::new("/bin/sh").arg("-c").arg(shell).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "root@10.0.0.10\nroot@10.0.0.11\nroot@10.0.0.12\n");
    assert!(!done.status.success());
}

#[test]
fn keys_that_are_fetched_cannot_be_brought_by_a_script() {
    let lab = Lab::new();
    let text =
        fs::read_to_string(&lab.profile).expect("the profile").replace("distribution: embedded", "distribution: certificate-key");
    fs::write(&lab.profile, text).expect("own file");
    let (before, said) = (lab.bundle(), lab.rotate(&[]).code(1).stderr());
    assert!(said.contains("no script may bring a control plane the new key"), "{said}");
    assert_eq!(lab.bundle(), before);
}
