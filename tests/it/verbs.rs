//! The verbs around a render: a profile to start from, its schema, and what a render would change.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, Scratch, expect_file, kubespore};

#[test]
fn a_starting_profile_is_sound_as_it_is() {
    expect_file(Path::new("tests/golden/starter.yaml"), &kubespore(["init", "-"]).code(0).stdout());
    let scratch = Scratch::new();
    let cases: [&[&str]; 6] = [
        &["--control-planes", "1", "--workers", "0"],
        &["--control-planes", "5", "--workers", "40", "--network", "192.168.80.0/24"],
        &["--network", "10.244.7.0/24", "--name", "inside-the-usual-pods"],
        &["--network", "10.100.0.0/16", "--name", "inside-the-usual-services"],
        &["--network", "fd12:3456:789a::/64", "--load-balancer", "external"],
        &["--os", "flatcar", "--kubernetes-version", "v1.30.4", "--endpoint", "k8s.example.org:8443"],
    ];
    for (place, words) in cases.into_iter().enumerate() {
        let path = scratch.path(&format!("{place}.yaml"));
        let said = kubespore(["init"].into_iter().chain(words.iter().copied()).chain([path.to_str().expect("UTF-8")])).code(0);
        assert!(said.stderr().starts_with("wrote "), "{words:?}: {}", said.stderr());
        let checked = kubespore(["validate".as_ref(), "--strict".as_ref(), path.as_os_str()]).code(0);
        assert!(checked.stderr().contains("sound"), "{words:?}: {}", checked.stderr());
    }
}

#[test]
fn a_starting_profile_never_replaces_a_file_and_is_never_unsound() {
    let scratch = Scratch::new();
    let taken = scratch.write("lab.yaml", "mine\n");
    let said = kubespore(["init".as_ref(), taken.as_os_str()]).code(1).stderr();
    assert!(said.contains("there is such a file already"), "{said}");
    assert_eq!(fs::read_to_string(&taken).expect("the file"), "mine\n");
    let path = scratch.path("new.yaml");
    let small = ["init".as_ref(), "--network".as_ref(), "10.0.0.0/29".as_ref(), path.as_os_str()];
    assert!(kubespore(small).code(1).stderr().contains("no room"));
    let unsound = ["init".as_ref(), "--control-planes".as_ref(), "0".as_ref(), path.as_os_str()];
    assert!(kubespore(unsound).code(1).stderr().contains("error["));
    assert!(!path.exists(), "something was written");
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let text = kubespore(["schema"]).code(0).stdout();
    expect_file(Path::new("tests/golden/schema.json"), &text);
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let keys = |value: &Value| value["properties"].as_object().map_or(0, serde_json::Map::len);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(keys(&schema), kubespore::profile::keys::PROFILE.keys.len());
    assert_eq!(keys(&schema["properties"]["nodes"]["items"]), kubespore::profile::keys::NODE.keys.len());
}

/// A rendered cluster of two machines, whose profile can be changed.
struct Rendered(Scratch);

impl Rendered {
    fn new() -> Self {
        let scratch = Scratch::new();
        let profile = scratch.path("lab.yaml");
        kubespore([
            "init".as_ref(),
            "--control-planes".as_ref(),
            "1".as_ref(),
            "--workers".as_ref(),
            "1".as_ref(),
            profile.as_os_str(),
        ])
        .code(0);
        let rendered = Self(scratch);
        rendered.run("render", &[]).code(0);
        rendered
    }

    fn run(&self, verb: &str, more: &[&str]) -> Ran {
        let (profile, out) = (self.0.path("lab.yaml"), self.0.path("out"));
        let fixed = [verb.as_ref(), profile.as_os_str(), "-o".as_ref(), out.as_os_str()];
        kubespore(fixed.into_iter().chain(more.iter().map(std::ffi::OsStr::new)))
    }

    fn change(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.0.path("lab.yaml")).expect("the profile");
        assert!(text.contains(old), "{old}");
        self.0.write("lab.yaml", text.replace(old, new));
    }
}

#[test]
fn nothing_changes_until_the_profile_does() {
    let lab = Rendered::new();
    assert_eq!(lab.run("diff", &[]).code(0).stdout(), "");
    lab.change("cni: bridge", "cni: bridge\nkubeletConfiguration: {maxPods: 60}");
    let brief = lab.run("diff", &["--brief"]).code(1).stdout();
    expect_file(Path::new("tests/golden/diff-brief.txt"), &brief);
    // The founder hands the kubelets' configuration to everybody else.
    assert_eq!(lab.run("diff", &["--node", "worker-1"]).code(0).stdout(), "");
    let founder = lab.run("diff", &["--node", "cp-1"]).code(1).stdout();
    assert!(founder.contains("+ maxPods: 60\n"), "{founder}");
    assert_eq!(lab.run("diff", &[]).code(1).stdout(), lab.run("diff", &[]).code(1).stdout());
    lab.run("render", &[]).code(0);
    assert_eq!(lab.run("diff", &[]).code(0).stdout(), "");
}

#[test]
fn a_difference_shows_no_secret_and_writes_nothing() {
    let lab = Rendered::new();
    let bundle = lab.0.path("lab.secrets.yaml");
    let before = fs::read(&bundle).expect("the bundle");
    let another = "  - {name: worker-2, role: worker, address: \"10.0.0.77/24\"}\n";
    lab.change("  - {name: worker-1", &format!("{another}  - {{name: worker-1"));
    let said = lab.run("diff", &[]).code(1);
    assert!(said.stderr().contains("a render would add to") && said.stdout().contains("worker-2\n"), "{}", said.stderr());
    assert!(fs::read(&bundle).expect("the bundle") == before, "the bundle was changed");
    assert!(!lab.0.path("out/nodes/worker-2").exists(), "something was rendered");

    lab.change(another, "");
    assert_eq!(lab.run("diff", &[]).code(0).stdout(), "");
    kubespore(["secrets".as_ref(), "rotate".as_ref(), "token".as_ref(), lab.0.path("lab.yaml").as_os_str()]).code(0);
    let said = lab.run("diff", &[]).code(1).stdout();
    // a token is told by its first half, which is no secret
    assert!(said.contains(".…\""), "{said}");
    let text = fs::read_to_string(&bundle).expect("the bundle");
    let secrets = text.split(['"', '\'', ' ', '\n']).filter(|word| word.len() == 23 && word.as_bytes().get(6) == Some(&b'.'));
    let mut tokens = 0;
    for token in secrets {
        tokens += 1;
        assert!(!said.contains(token), "a token is shown");
    }
    assert!(tokens > 0, "the bundle shows no token to look for");
    assert!(!said.contains("PRIVATE KEY-----\nM"), "a key is shown");
}
