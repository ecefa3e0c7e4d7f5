//! What first-boot programs must never be given: each is a fault that other generators have shipped, and that the program
//! takes in silence. The profile has names and texts that YAML 1.1, shells and templates like to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubespore::image;
use kubespore::seed::cloud_init;
use kubespore::tree::Tree;

use crate::support::{Scratch, render};

const PROFILE: &str = "tests/conformance/profiles/nasty.yaml";

static RENDERED: LazyLock<Tree> = LazyLock::new(|| {
    let scratch = Scratch::new();
    let (bundle, out) = (scratch.path("bundle.yaml"), scratch.path("out"));
    render(PROFILE.as_ref(), &bundle, &out, &[]).code(0);
    kubespore::out::read(&out).expect("a tree")
});

/// Every rendered document of that name, by node.
fn all(name: &str) -> BTreeMap<String, String> {
    let found = RENDERED.iter().filter_map(|(path, bytes)| {
        let node = path.as_str().strip_prefix("nodes/")?.strip_suffix(&format!("/{name}"))?;
        Some((node.to_owned(), String::from_utf8(bytes.to_vec()).expect("a document is text")))
    });
    let found: BTreeMap<_, _> = found.collect();
    assert_eq!(found.len(), 5, "{name} of every node");
    found
}

#[test]
fn the_first_line_is_the_format() {
    for text in all("user-data").values().chain(all("vendor-data").values()) {
        // A byte order mark, a blank line, a jinja header or MIME before it, and cloud-init ignores the rest or changes it.
        assert!(text.starts_with("#cloud-config\n"));
        assert!(!text.lines().take(3).any(|line| line.starts_with("## template")));
        assert!(
            !text.contains('\r') && !text.contains('\u{feff}'),
            "neither line ends nor marks of other systems, even in files"
        );
    }
}

#[test]
fn braces_arrive_as_they_are() {
    for text in all("user-data").values() {
        let files = cloud_init::decode(text).expect("our own document").files;
        let jinja = files.iter().find(|file| file.path == "/opt/nasty/jinja").expect("the profile's file");
        assert_eq!(jinja.content.as_slice(), b"## template: jinja\n{{ x }} {% raw %} {# no #} {{ ds.meta_data }}\n");
    }
}

#[test]
fn nothing_is_said_twice() {
    for (node, text) in all("user-data") {
        // A second part or a merge rule would replace `write_files`; a second key or file of one name, the first.
        let keys: Vec<_> = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).collect();
        assert!(!keys.iter().any(|line| line.starts_with("merge_")), "{node}: {keys:?}");
        let unique: BTreeSet<_> = keys.iter().map(|line| line.split(':').next()).collect();
        assert!(keys.len() >= 5 && unique.len() == keys.len(), "{node}: {keys:?}");
        let files = cloud_init::decode(&text).expect("our own document").files;
        let paths: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
        assert_eq!(paths.len(), files.len(), "{node}");
    }
    for text in all("vendor-data").values() {
        assert_eq!(text, "#cloud-config\n{}\n", "vendor-data is merged with user-data");
    }
}

#[test]
fn names_that_look_like_numbers_stay_names() {
    let (user, meta) = (all("user-data"), all("meta-data"));
    assert_eq!(user.keys().collect::<Vec<_>>(), ["0640", "1-2", "716064e0", "null", "yes"]);
    for (node, text) in &user {
        assert!(text.contains(&format!("\nhostname: \"{node}\"\n")), "{node}");
    }
    for (node, text) in &meta {
        assert!(text.ends_with(&format!("\nlocal-hostname: \"{node}\"\n")), "{node}: {text}");
    }
    let network = &all("network-config")["yes"];
    assert!(network.contains("macaddress: \"10:20:30:40:50:59\""), "{network}");
}

#[test]
fn every_scalar_is_quoted_where_yaml_has_two_minds() {
    for (node, text) in all("user-data").into_iter().chain(all("meta-data")).chain(all("network-config")) {
        let mut block = None;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let indent = line.len() - line.trim_start().len();
            if block.is_some_and(|block| indent > block) {
                continue;
            }
            let bare = line.trim_start_matches([' ', '-']);
            let value = match bare.split_once(": ") {
                _ if bare.starts_with('"') => bare,
                Some((_, value)) => value,
                None => bare.strip_suffix(':').map_or(bare, |_| ""),
            };
            let sound = value.is_empty()
                || value.starts_with(['"', '|'])
                || matches!(value, "true" | "false" | "[]" | "{}")
                || ["version: 2", "mtu: 1400"].contains(&bare);
            assert!(sound, "{node}: {line}");
            block = value.starts_with('|').then_some(line.len() - bare.len());
        }
    }
}

#[test]
fn base64_is_one_layer() {
    let profile = std::fs::read_to_string("profiles/mixed.yaml").expect("the profile");
    let scratch = Scratch::new();
    let platforms = [("azure", "custom-data"), ("oci", "user-data"), ("vmware", "guestinfo.userdata"), ("maas", "user-data")];
    for (platform, file) in platforms {
        let profile = scratch.write("lab.yaml", profile.replace("platform: proxmox", &format!("platform: {platform}")));
        let (bundle, out) = (scratch.path("bundle.yaml"), scratch.path("out"));
        render(&profile, &bundle, &out, &[]).code(0);
        let tree = kubespore::out::read(&out).expect("a tree");
        let given = tree.get(&format!("nodes/lb-1/platform/{file}")).expect("what the platform is given");
        let once = STANDARD.decode(given).unwrap_or_else(|_| panic!("{platform}: base64 without a line end"));
        assert_eq!(Some(once.as_slice()), tree.get("nodes/lb-1/user-data"), "{platform}");
    }
    let tree = kubespore::out::read(&scratch.path("out")).expect("a tree");
    let ovf = image::read(tree.get("nodes/cp-3/ovf-env.iso").expect("an image")).expect("our own image");
    let xml = String::from_utf8_lossy(&ovf.files[0].1).into_owned();
    let property = xml.split(r#"oe:key="user-data" oe:value=""#).nth(1).and_then(|rest| rest.split('"').next());
    let once = STANDARD.decode(property.expect("the property")).expect("base64");
    assert_eq!(Some(once.as_slice()), tree.get("nodes/cp-3/user-data"));
}
