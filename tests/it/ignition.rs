//! Ignition configs of whole machines: every example profile, every node, every system that reads Ignition, every spec
//! version, read back by this crate and by CoreOS's own.
//!
//! The last test hands the same configs, and what their machines are meant to become, to
//! `tests/conformance/steps/ignition`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kubespore::diag::Source;
use kubespore::handover::digest;
use kubespore::host::{File, Machine, Unit};
use kubespore::os::{self, FirstBootProgram, NetworkDaemon, Os, SpecVersion};
use kubespore::plan::plan;
use kubespore::seed::ignition;
use kubespore::{compose, profile, secrets};
use serde_json::{Value, json};

use crate::support::{Scratch, kubespore};

/// The mark that the supervisor leaves last.
const DONE: &str = "/var/lib/kubespore/done";

/// A machine of an example, on a system that reads Ignition.
struct Case {
    profile: String,
    node: String,
    os: &'static Os,
    daemon: NetworkDaemon,
    usual: SpecVersion,
    newest: SpecVersion,
    machine: Machine,
}

fn profiles() -> Vec<PathBuf> {
    let read = |dir: &str| fs::read_dir(dir).expect("the profiles").map(|entry| entry.expect("a readable directory").path());
    let mut found: Vec<_> = read("profiles").chain(read("tests/conformance/profiles")).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "yaml") && !path.to_string_lossy().ends_with(".secrets.yaml"));
    found.sort();
    assert!(found.len() >= 5, "the examples are there");
    found
}

fn cases() -> Vec<Case> {
    profiles().iter().flat_map(|path| of_profile(path)).collect()
}

fn of_profile(path: &Path) -> Vec<Case> {
    let scratch = Scratch::new();
    let (bundle, out) = (scratch.path("bundle.yaml"), scratch.path("out"));
    let words = ["render".as_ref(), path.as_os_str(), "--secrets".as_ref(), bundle.as_os_str(), "-o".as_ref(), out.as_os_str()];
    kubespore(words).code(0);
    let source = Source { name: path.display().to_string(), text: fs::read_to_string(path).expect("a readable profile") };
    let base = path.parent().expect("a profile lies in a directory");
    let (spec, _) = profile::load(&source, &|name| profile::file::beside(base, name));
    let spec = spec.expect("an example is sound");
    let bundle = secrets::load(&bundle).expect("a sound bundle").expect("render has minted it");
    let plan = plan(&spec, &bundle);
    let systems = os::ALL.iter().filter_map(|os| match os.first_boot {
        FirstBootProgram::Ignition { usual, newest, network } => Some((os, usual, newest, network)),
        FirstBootProgram::CloudInit => None,
    });
    let systems: Vec<_> = systems.collect();
    let nodes = plan.nodes.iter().flat_map(|node| systems.iter().map(move |system| (node, *system)));
    nodes
        .map(|(node, (os, usual, newest, daemon))| {
            let mut machine = compose::machine(&plan, node);
            machine.units.extend(os.units(DONE));
            machine.files.extend(os.swap_files());
            let profile = path.file_stem().expect("a file name").to_string_lossy().into_owned();
            Case { profile, node: node.spec.name.to_string(), os, daemon, usual, newest, machine }
        })
        .collect()
}

/// What must be on the machine afterwards, told from the machine alone: path → mode and digest, the later file winning.
fn meant(machine: &Machine) -> BTreeMap<&str, (u32, String)> {
    machine.files.iter().map(|File { path, mode, content }| (path.as_str(), (*mode, digest(content)))).collect()
}

#[test]
fn every_example_reads_back() {
    for case in cases() {
        for version in SpecVersion::ALL {
            let text = ignition::encode(&case.machine, version, case.daemon);
            assert_eq!(text, ignition::encode(&case.machine, version, case.daemon));
            let subject = format!("{} {} {} {version}", case.profile, case.node, case.os.name);
            let decoded = ignition::decode(&text).expect(&subject);
            assert_eq!(decoded.hostname, case.machine.hostname.as_str(), "{subject}");
            assert_eq!(decoded.directories, case.machine.directories, "{subject}");
            let read: BTreeMap<_, _> = decoded.files.iter().map(|f| (f.path.as_str(), (f.mode, digest(&f.content)))).collect();
            assert_eq!(read.len(), decoded.files.len(), "{subject}: every path once");
            for (path, entry) in meant(&case.machine) {
                assert_eq!(read.get(path), Some(&entry), "{subject} {path}");
            }
            let enabled = |unit: &Unit| unit.enabled || unit.started;
            for unit in &case.machine.units {
                let found = decoded.units.iter().find(|found| found.name == unit.name).expect(&subject);
                assert!(!enabled(unit) || found.enabled, "{subject} {}", unit.name);
                assert!(unit.drop_ins.iter().all(|drop_in| found.drop_ins.contains(drop_in)), "{subject} {}", unit.name);
            }
        }
    }
}

#[test]
fn coreos_reads_every_config_without_an_unknown_key() {
    for case in cases() {
        for version in SpecVersion::ALL {
            let text = ignition::encode(&case.machine, version, case.daemon);
            let (config, warnings) = ignition_config::Config::parse_str(&text).expect("a config of a known version");
            assert!(warnings.is_empty(), "{warnings:?}");
            // What their types keep of it is all that is in it, but for the defaults they add.
            let (ours, theirs): (Value, Value) =
                (serde_json::from_str(&text).expect("JSON"), serde_json::to_value(config).expect("serde's own"));
            contained(&ours, &theirs, version.as_str());
        }
    }
}

#[track_caller]
fn contained(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                contained(value, theirs.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"));
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{place}");
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                contained(ours, theirs, &format!("{place}[{index}]"));
            }
        }
        _ => assert!(ours == theirs, "{place} is lost or changed"),
    }
}

#[test]
#[ignore = "writes into $KUBESPORE_IGNITION_CASES for tests/conformance/steps/ignition"]
fn cases_for_conformance() {
    let root = PathBuf::from(std::env::var_os("KUBESPORE_IGNITION_CASES").expect("KUBESPORE_IGNITION_CASES names a directory"));
    for case in cases() {
        let dir = root.join(&case.profile).join(&case.node).join(case.os.name);
        fs::create_dir_all(&dir).expect("a writable directory");
        for version in SpecVersion::ALL {
            let text = ignition::encode(&case.machine, version, case.daemon);
            fs::write(dir.join(format!("{version}.ign")), text).expect("a writable directory");
        }
        let units = case.machine.units.iter().map(|unit| {
            json!({
                "name": unit.name,
                "sha256": unit.content.as_ref().map(|text| digest(text.as_bytes())),
                "drop_ins": unit.drop_ins.iter().map(|(name, text)| (name.clone(), digest(text.as_bytes()))).collect::<BTreeMap<_, _>>(),
                "enabled": unit.enabled || unit.started,
            })
        });
        let files =
            meant(&case.machine).into_iter().map(|(path, (mode, sha256))| (path, json!({"mode": mode, "sha256": sha256})));
        let machine = json!({
            "hostname": case.machine.hostname.as_str(),
            "usual": case.usual.as_str(),
            "newest": case.newest.as_str(),
            "network": case.machine.network.as_ref().map(|network| json!({
                "daemon": match case.daemon { NetworkDaemon::Networkd => "networkd", NetworkDaemon::NetworkManager => "networkmanager" },
                "addresses": network.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "gateways": network.gateways.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "nameservers": network.nameservers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })),
            "users": case.machine.users.iter().map(|user| json!({
                "name": user.name, "groups": user.groups, "keys": user.ssh_authorized_keys, "sudo": user.sudo,
            })).collect::<Vec<_>>(),
            "directories": case.machine.directories.iter().map(|d| (d.path.clone(), d.mode)).collect::<BTreeMap<_, _>>(),
            "files": files.collect::<BTreeMap<_, _>>(),
            "units": units.collect::<Vec<_>>(),
        });
        fs::write(dir.join("machine.json"), machine.to_string()).expect("a writable directory");
    }
}
