//! Deliveries: every image of every system holds the seed where that system's first boot looks for it, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubespore::delivery;
use kubespore::host::{InterfaceMatch, Machine, Network};
use kubespore::image;
use kubespore::os::{self, Os};
use kubespore::platform::Format;
use kubespore::seed::cloud_init;
use kubespore::tree::{RelPath, Tree};
use kubespore::yaml;
use serde_json::Value;

use crate::support::{Scratch, kubespore};

const CONFIG: &str = "{\"ignition\":{\"version\":\"3.3.0\"}}\n";

fn machine() -> Machine {
    Machine {
        instance_id: "lab-716064e0-g1".into(),
        hostname: "w.lab".parse().expect("a name"),
        directories: vec![],
        files: vec![],
        units: vec![],
        users: vec![],
        network: Some(Network {
            matching: InterfaceMatch::Mac("52:54:00:00:00:01".parse().expect("an address")),
            addresses: vec!["10.0.0.11/24".parse().expect("an address")],
            gateways: vec![],
            routes: vec![],
            nameservers: vec!["10.0.0.1".parse().expect("an address")],
            search: vec!["lab.example".into(), "example".into()],
            mtu: None,
        }),
    }
}

fn documents(os: &Os, machine: &Machine) -> Tree {
    match Format::of(os.first_boot) {
        Format::CloudInit => cloud_init::encode(machine),
        Format::Ignition => {
            let mut tree = Tree::new();
            tree.add(RelPath::new("config.ign"), CONFIG);
            tree
        }
    }
}

/// What an image of a system holds: its label and its files.
fn made(os: &str, delivery: &str) -> (String, BTreeMap<String, String>) {
    let (os, machine) = (os::find(os).expect("a row"), machine());
    let delivery = delivery::find(delivery).expect("a row");
    assert!(delivery.is_for(os), "{} on {}", delivery.name, os.name);
    let image = delivery.make(os, &machine, &documents(os, &machine)).expect("it fits");
    let image = image::read(&image).expect("a sound image");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("documents are text");
    (image.label, image.files.into_iter().map(|(path, bytes)| (path, text(bytes))).collect())
}

/// System, image, its label, its files in order, and which of them is the config.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a [&'a str]);

#[test]
fn every_system_finds_its_config() {
    let cloud = ["meta-data", "network-config", "user-data", "vendor-data"];
    let drive = ["openstack/latest/meta_data.json", "openstack/latest/user_data", "openstack/latest/vendor_data.json"];
    let rows: &[Row<'_>] = &[
        (
            "flatcar",
            "initrd",
            "",
            &["oem/config.ign", "usr/share/oem/config.ign"],
            &["oem/config.ign", "usr/share/oem/config.ign"],
        ),
        ("fedora-coreos", "initrd", "", &["config.ign"], &["config.ign"]),
        ("rhcos", "initrd", "", &["config.ign"], &["config.ign"]),
        ("microos", "ignition-iso", "ignition", &["ignition/config.ign"], &["ignition/config.ign"]),
        ("microos", "ignition-fat", "ignition", &["ignition/config.ign"], &["ignition/config.ign"]),
        ("flatcar", "nocloud-iso", "cidata", &cloud, &["user-data"]),
        ("microos", "nocloud-fat", "cidata", &cloud, &["user-data"]),
        ("fedora-coreos", "config-drive", "config-2", &drive, &["openstack/latest/user_data"]),
    ];
    for (os, delivery, label, paths, configs) in rows {
        let (found, files) = made(os, delivery);
        assert_eq!(found, *label, "{delivery} of {os}");
        assert_eq!(files.keys().collect::<Vec<_>>(), *paths, "{delivery} of {os}");
        for config in *configs {
            assert_eq!(files[*config], CONFIG, "{delivery} of {os}");
        }
    }
}

/// Afterburn stops a Flatcar machine that is told `proxmoxve` at anything else beside the config.
#[test]
fn what_stands_beside_a_config_is_what_afterburn_reads() {
    let (_, files) = made("flatcar", "nocloud-iso");
    assert_eq!(files["meta-data"], "instance-id: \"lab-716064e0-g1\"\n");
    assert_eq!(files["vendor-data"], "{}\n");
    assert_eq!(files["network-config"], "version: 1\nconfig: []\n");
}

/// OpenStack's words know no search domains; cloud-init's own are among them.
#[test]
fn a_config_drive_keeps_the_search_domains() {
    let (_, files) = made("debian", "config-drive");
    let network: Value = serde_json::from_str(&files["openstack/latest/network_data.json"]).expect("JSON");
    assert_eq!(network["networks"][0]["dns_search"], serde_json::json!(["lab.example", "example"]));
    assert_eq!(network["services"][0]["address"], "10.0.0.1");
}

/// A rendering of ha-stacked with some machines' systems and platforms changed, and what was said of it.
fn rendered(scratch: &Scratch, changes: &[(&str, &str)], more: &str) -> (Tree, String) {
    let mut text = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile") + more;
    for (node, keys) in changes {
        let name = format!("name: {node}, ");
        assert!(text.contains(&name), "{node}");
        text = text.replace(&name, &format!("{name}{keys}, "));
    }
    let (profile, out) = (scratch.write("lab.yaml", text), scratch.path("out"));
    let said = kubespore(["render".as_ref(), profile.as_os_str(), "-o".as_ref(), out.as_os_str()]).code(0).stderr();
    (kubespore::out::read(Path::new(&out)).expect("a tree"), said)
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.get(path).unwrap_or_else(|| panic!("{path} is there")).to_vec()).expect("text")
}

/// A document of YAML, or the base64 of one.
fn parsed(text: &str) -> Value {
    let plain = STANDARD.decode(text).map_or_else(|_| text.to_owned(), |bytes| String::from_utf8(bytes).expect("text"));
    yaml::to_json(&yaml::parse(&plain).expect("YAML"))
}

#[test]
fn a_platform_is_given_what_it_wants_beside_the_user_data() {
    let scratch = Scratch::new();
    let changes = [
        ("cp-1", "platform: vmware"),
        ("cp-2", "platform: kubevirt"),
        ("worker-1", "platform: vmware, os: flatcar"),
        ("worker-2", "platform: kubevirt, os: flatcar"),
    ];
    let (tree, _) = rendered(&scratch, &changes, "");

    let metadata = parsed(&text(&tree, "nodes/cp-1/platform/guestinfo.metadata"));
    assert_eq!(metadata["instance-id"], "ha-stacked-cp-1-g1");
    assert_eq!(metadata["network"], parsed(&text(&tree, "nodes/cp-1/network-config")));
    assert!(tree.get("nodes/worker-1/platform/guestinfo.metadata").is_none(), "a config has its own network");

    let undone = |value: &Value| STANDARD.decode(value.as_str().expect("a string")).expect("base64");
    let secret = parsed(&text(&tree, "nodes/cp-2/platform/secret.yaml"));
    assert_eq!((&secret["kind"], &secret["metadata"]["name"]), (&"Secret".into(), &"cp-2-seed".into()));
    assert_eq!(Some(&undone(&secret["data"]["userdata"])[..]), tree.get("nodes/cp-2/platform/userdata"));
    assert_eq!(Some(&undone(&secret["data"]["networkdata"])[..]), tree.get("nodes/cp-2/network-config"));
    let secret = parsed(&text(&tree, "nodes/worker-2/platform/secret.yaml"));
    assert_eq!(Some(&undone(&secret["data"]["userdata"])[..]), tree.get("nodes/worker-2/config.ign"));
    assert_eq!(secret["data"].get("networkdata"), None);
}

#[test]
fn the_page_says_what_each_machine_has_and_who_holds_the_keys() {
    let scratch = Scratch::new();
    let changes = [
        ("cp-1", "platform: cloudstack"),
        ("cp-2", "platform: gce"),
        ("worker-1", "platform: ec2"),
        ("worker-2", "os: fedora-coreos, deliver: [initrd]"),
    ];
    let (tree, said) = rendered(&scratch, &changes, "");
    let page = text(&tree, "README.md");
    for line in [
        "The keys of the whole cluster lie in the seeds of `cp-1`, `cp-2`, `cp-3`.\n",
        "- `seed.iso` of `cp-1`, `cp-2`, `cp-3`, `lb-1`, `worker-1`: a CD-ROM",
        "- `ignition.img` of `worker-2`: a second `initrd`",
        "`ignition.firstboot ignition.platform.id=metal`",
        "every boot is a first boot",
        "--user-data fileb://FILE",
        "- `config.ign` of `worker-2`: the config itself; QEMU takes it as `-fw_cfg name=opt/com.coreos/config,file=FILE`",
        "`gcloud compute instances create --metadata-from-file user-data=FILE`.",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("can be\nfetched"), "nobody fetches keys: {page}");
    let index = text(&tree, "index.html");
    assert!(index.contains("<code>nodes/worker-2/ignition.img</code>") && !index.contains("nodes/worker-2/seed.iso"), "{index}");
    // Of what ec2 is given, compressed, it counts the bytes before base64.
    let manifest: Value = serde_json::from_str(&text(&tree, "manifest.json")).expect("JSON");
    let size = &manifest["nodes"]["worker-1"]["size"];
    assert_eq!((&size["given"]["form"], &size["given"]["countedAs"]), (&"gzip".into(), &"gzip".into()));
    assert_eq!(size["given"]["counted"], size["gzip"]);
    assert_eq!(size["base64"].as_u64(), size["plain"].as_u64().map(|plain| plain.div_ceil(3) * 4));
    assert!(page.contains(&format!("| **{}** |", size["gzip"])), "{page}");
    // Of a founder's, compressed too, cloudstack counts the base64.
    let size = &manifest["nodes"]["cp-1"]["size"];
    assert_eq!((&size["given"]["countedAs"], &size["given"]["counted"]), (&"gzip+base64".into(), &size["gzipBase64"]));
    let bytes = size["gzipBase64"].as_u64().expect("a size");
    let share = bytes * 100 / 32768;
    let line = format!("cp-1 takes {share} % of what cloudstack allows: {bytes} of 32768 bytes as gzip, counted as gzip+base64");
    assert!(said.contains(&line) && !said.contains("what ec2 allows") && !said.contains("what gce allows"), "{said}");
}

#[test]
fn who_only_fetches_the_keys_does_not_hold_them() {
    let scratch = Scratch::new();
    let text_of = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile");
    let profile = scratch.write("lab.yaml", text_of.replace("distribution: embedded", "distribution: certificate-key"));
    let out = scratch.path("out");
    kubespore(["render".as_ref(), profile.as_os_str(), "-o".as_ref(), out.as_os_str()]).code(0);
    let page = fs::read_to_string(out.join("README.md")).expect("a page");
    assert!(
        page.contains(
            "The keys of the whole cluster lie in the seed of `cp-1`. With any of the seeds of `cp-2`, `cp-3` they can be"
        ),
        "{page}"
    );
}
