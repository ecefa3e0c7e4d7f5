//! Encryption at rest: control planes get the configuration under every distribution, nobody else gets the key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ran, Scratch, kubespore};

const CONFIG: &str = "/etc/kubernetes/encryption/config.yaml";

fn profile(scratch: &Scratch, version: &str, distribution: &str, more: &str) -> PathBuf {
    let nodes = "  - {name: lb-1, role: load-balancer, address: 10.0.0.10/24}\n  - {name: cp-1, role: control-plane, address: 10.0.0.11/24}\n  \
                 - {name: cp-2, role: control-plane, address: 10.0.0.12/24}\n  - {name: cp-3, role: control-plane, address: 10.0.0.13/24}\n  \
                 - {name: worker-1, role: worker, address: 10.0.0.21/24}\n";
    let text = format!(
        "apiVersion: kubespore/v1\ncluster: lab\nkubernetesVersion: {version}\ncontrolPlaneEndpoint: api.lab.internal:6443\ncni: bridge\n\
         loadBalancer: {{kind: haproxy}}\npki: {{distribution: {distribution}}}\n{more}nodes:\n{nodes}"
    );
    scratch.write("lab.yaml", text)
}

fn run(words: &[&str], path: &Path, scratch: &Scratch) -> Ran {
    let secrets = scratch.path("lab.secrets.yaml");
    let words = words.iter().map(AsRef::as_ref);
    kubespore(words.chain([path.as_os_str(), "--secrets".as_ref(), secrets.as_os_str()]))
}

fn render(profile: &Path, scratch: &Scratch) -> Ran {
    let out = scratch.path("out");
    run(&["render", "-o", out.to_str().expect("UTF-8")], profile, scratch)
}

fn document(node: &str, path: &str, scratch: &Scratch) -> Option<String> {
    let text = fs::read_to_string(scratch.path("out/nodes").join(node).join("user-data")).expect("rendered");
    let files = kubespore::seed::cloud_init::decode(&text).expect("own document").files;
    let file = files.into_iter().find(|file| file.path == path)?;
    assert_eq!(file.mode, 0o600, "{path} of {node}");
    Some(String::from_utf8(file.content.to_vec()).expect("UTF-8"))
}

#[test]
fn the_key_reaches_every_control_plane_and_nothing_else() {
    for (version, distribution, provider) in [
        ("1.13.12", "embedded", "aescbc"),
        ("1.14.10", "certificate-key", "secretbox"),
        ("1.36.2", "embedded", "secretbox"),
        ("1.36.2", "certificate-key", "aescbc"),
        ("1.36.2", "reduced", "secretbox"),
    ] {
        let scratch = Scratch::new();
        let wanted = format!("encryption: {{provider: {provider}, resources: [secrets, configmaps]}}\n");
        let path = profile(&scratch, version, distribution, &wanted);
        render(&path, &scratch).code(0);
        let bundle = fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle");
        let bundle: Value = serde_saphyr::from_str(&bundle).expect("YAML");
        let key = &bundle["encryption-key"];
        let manifest: Value =
            serde_json::from_slice(&fs::read(scratch.path("out/manifest.json")).expect("rendered")).expect("JSON");
        for node in ["lb-1", "cp-1", "cp-2", "cp-3", "worker-1"] {
            let classes = manifest["nodes"][node]["secrets"].as_array().expect("a list");
            let plane = node.starts_with("cp-");
            assert_eq!(classes.iter().any(|class| class == "encryption-key"), plane, "{node}: {classes:?}");
            let config = document(node, CONFIG, &scratch);
            assert_eq!(config.is_some(), plane, "{node}");
            let Some(config) = config else { continue };
            let config: Value = serde_saphyr::from_str(&config).expect("YAML");
            assert_eq!(config["resources"][0]["providers"][0][provider]["keys"][0], *key);
            assert_eq!(config["resources"][0]["resources"], serde_json::json!(["secrets", "configmaps"]));
        }
        let init = document("cp-1", "/etc/kubespore/kubeadm/init.yaml", &scratch).expect("the founder's");
        assert!(
            init.contains("encryption-provider-config") && init.contains("hostPath: \"/etc/kubernetes/encryption\""),
            "{init}"
        );
        let said = run(&["verify"], &scratch.path("out"), &scratch).code(0).stdout();
        assert!(!said.contains("may not"), "{said}");

        let seed = scratch.path("out/nodes/cp-2/user-data");
        let shown = kubespore(["inspect".as_ref(), "--show".as_ref(), CONFIG.as_ref(), seed.as_os_str()]).code(0).stdout();
        assert!(shown.contains(provider) && !shown.contains(key["secret"].as_str().expect("text")), "{shown}");
    }
}

#[test]
fn a_bundle_without_a_key_gets_one_unless_the_cluster_has_its_own() {
    let scratch = Scratch::new();
    render(&profile(&scratch, "1.36.2", "embedded", ""), &scratch).code(0);
    let wanted = "encryption: {provider: secretbox}\n";
    let existing = profile(&scratch, "1.36.2", "embedded", &format!("bootstrap: existing\n{wanted}"));
    let said = render(&existing, &scratch).code(1).stderr();
    assert!(said.contains("no `encryption-key`") && said.contains("EncryptionConfiguration"), "{said}");

    let said = render(&profile(&scratch, "1.36.2", "embedded", wanted), &scratch).code(0).stderr();
    assert!(said.contains("added to") && said.contains("the encryption key") && said.contains("runs already"), "{said}");
    let first = fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle");
    render(&profile(&scratch, "1.36.2", "embedded", &format!("bootstrap: existing\n{wanted}")), &scratch).code(0);
    assert_eq!(first, fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle"), "a key stays");
    let shown = kubespore(["secrets".as_ref(), "show".as_ref(), scratch.path("lab.secrets.yaml").as_os_str()]).code(0).stdout();
    let key = shown.lines().find_map(|line| line.strip_prefix("encryption key"));
    assert_eq!(key.map(str::trim), Some("key1"), "{shown}");
}

/// What an operator wrote after changing the key of a living cluster is what machines get.
#[test]
fn a_key_written_into_the_bundle_is_used_under_its_name() {
    let scratch = Scratch::new();
    let path = profile(&scratch, "1.36.2", "embedded", "encryption: {provider: secretbox}\n");
    render(&path, &scratch).code(0);
    let place = scratch.path("lab.secrets.yaml");
    let bundle = fs::read_to_string(&place).expect("the bundle").replace("name: \"key1\"", "name: \"key2\"");
    fs::write(&place, bundle).expect("own file");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).expect("own file");
    render(&path, &scratch).code(0);
    assert!(document("cp-3", CONFIG, &scratch).expect("a control plane's").contains("name: \"key2\""));
}
