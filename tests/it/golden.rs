//! Whole outputs: every example profile, rendered with a fixed bundle, against a blessed tree.
//!
//! The bundles in tests/fixtures were minted once by the binary for clusters that never existed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Scratch, blessing, expect_tree, profiles, render};

/// A copy of the fixture with the mode that the program insists on; git does not keep it.
fn bundle(scratch: &Scratch, profile: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let stem = profile.file_stem().expect("a file name").to_str().expect("UTF-8");
    let fixture = PathBuf::from(format!("tests/fixtures/bundles/{stem}.yaml"));
    let path = scratch.path("secrets.yaml");
    if fixture.exists() {
        fs::copy(&fixture, &path).expect("a readable fixture");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    } else {
        assert!(blessing(), "{} is missing: run `BLESS=1 cargo test`", fixture.display());
        // A cluster that lives already was founded once, from a profile that is its own but for one line.
        let text = fs::read_to_string(profile).expect("a profile");
        let founding = text.replace("\nbootstrap: existing\n", "\n");
        let first = scratch.path("first");
        if founding == text {
            render(profile, &path, &first, &[]).code(0);
        } else {
            render(&scratch.write(&format!("{stem}.yaml"), founding), &path, &first, &[]).code(0);
        }
        fs::create_dir_all("tests/fixtures/bundles").expect("a writable tests directory");
        fs::copy(&path, &fixture).expect("a writable tests directory");
    }
    path
}

#[test]
fn every_example_renders_as_blessed() {
    // not among the examples: nobody renders it without the bundle of a cluster that lives
    let existing = PathBuf::from("tests/fixtures/profiles/existing.yaml");
    for profile in profiles().into_iter().chain([existing]) {
        let scratch = Scratch::new();
        let bundle = bundle(&scratch, &profile);
        let before = fs::read(&bundle).expect("the bundle");
        render(&profile, &bundle, &scratch.path("out"), &[]).code(0);
        let after = fs::read(&bundle).expect("the bundle");
        if blessing() {
            let stem = profile.file_stem().expect("a file name").to_str().expect("UTF-8");
            fs::write(format!("tests/fixtures/bundles/{stem}.yaml"), &after).expect("a writable tests directory");
        } else {
            assert!(before == after, "rendering changed the bundle of {}: run `BLESS=1 cargo test`", profile.display());
        }
        let golden = Path::new("tests/golden").join(profile.file_stem().expect("a file name"));
        expect_tree(&golden, &scratch.path("out"));
    }
}

#[test]
fn two_renders_are_the_same_bytes() {
    let scratch = Scratch::new();
    let bundle = bundle(&scratch, Path::new("profiles/ha-stacked.yaml"));
    for out in ["a", "b"] {
        render(Path::new("profiles/ha-stacked.yaml"), &bundle, &scratch.path(out), &[]).code(0);
    }
    let tree = |name: &str| kubespore::out::read(&scratch.path(name)).expect("a readable tree");
    assert!(tree("a") == tree("b"));
    assert!(tree("a").get("nodes/cp-1/seed.iso").is_some());
}

#[test]
fn a_disk_for_etcd_is_mounted_above_its_data_on_control_planes_alone() {
    let scratch = Scratch::new();
    let profile = scratch.path("disk.yaml");
    let text = fs::read_to_string("profiles/ha-stacked.yaml").expect("an example");
    fs::write(&profile, format!("{text}\netcdDisk: /dev/disk/by-label/etcd\n")).expect("a writable folder");
    render(&profile, &scratch.path("secrets.yaml"), &scratch.path("out"), &[]).code(0);
    let unit = "[Unit]\nDescription=The disk of etcd's data\n\n[Mount]\nWhat=/dev/disk/by-label/etcd\nWhere=/var/lib/etcd\n\n\
                [Install]\nWantedBy=local-fs.target dev-disk-by\\x2dlabel-etcd.device\n";
    let tree = kubespore::out::read(&scratch.path("out")).expect("a readable tree");
    for (node, mounts) in [("lb-1", false), ("cp-1", true), ("cp-2", true), ("cp-3", true), ("worker-1", false)] {
        let bytes = tree.get(&format!("nodes/{node}/user-data")).expect("user-data");
        let user_data = String::from_utf8_lossy(bytes).lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
        assert_eq!(user_data.contains(unit), mounts, "{node}");
        assert_eq!(user_data.contains("ETCD_DATA='/var/lib/etcd/data'"), node != "lb-1", "{node}");
        assert_eq!(user_data.contains("dataDir: \"/var/lib/etcd/data\""), node == "cp-1", "{node}");
    }
}
