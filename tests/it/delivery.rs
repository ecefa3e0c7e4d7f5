//! Deliveries: every image of every system holds the seed where that system's first boot looks for it, and nothing else.

use std::collections::BTreeMap;

use kubespore::delivery;
use kubespore::host::{InterfaceMatch, Machine, Network};
use kubespore::image;
use kubespore::os::{self, Os};
use kubespore::platform::Format;
use kubespore::seed::cloud_init;
use kubespore::tree::{RelPath, Tree};

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
#[test]
fn every_system_finds_its_config() {
    let cloud = ["meta-data", "network-config", "user-data", "vendor-data"];
    let drive = ["openstack/latest/meta_data.json", "openstack/latest/user_data", "openstack/latest/vendor_data.json"];
    let rows: &[(&str, &str, &str, &[&str], &[&str])] = &[
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
