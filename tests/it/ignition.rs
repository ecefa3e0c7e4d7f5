//! Ignition configs of whole machines: every example profile, every node, every system that reads Ignition; read back by
//! this crate and by CoreOS's own.
//!
//! The last test hands the same configs, and what their machines are meant to become, to
//! `tests/conformance/steps/ignition`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kubespore::compose::Wording;
use kubespore::diag::Source;
use kubespore::gzip::Effort;
use kubespore::handover::digest;
use kubespore::host::{Directory, File, InterfaceMatch, Machine, Network, Unit, User};
use kubespore::os::{self, FirstBootProgram, NetworkDaemon, Os, SpecVersion};
use kubespore::plan::plan;
use kubespore::seed::ignition;
use kubespore::{compose, profile, secrets};
use serde_json::{Value, json};

use crate::support::{Scratch, profiles, render};

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

fn cases() -> Vec<Case> {
    profiles().iter().flat_map(|path| of_profile(path)).chain(on_every_system("by-hand", "n.example", &nasty())).collect()
}

/// A machine with what no example has: bytes and names that JSON, URLs and shells like to change, users, two families.
fn nasty() -> Machine {
    let bytes: Vec<u8> = (0..=255).collect();
    let contents: &[&[u8]] = &[
        b"",
        b"\n",
        b"0640",
        b"a\r\nb\r\n",
        b"%41 %% + \"q\" 'q' \\ \\n ?#&;,$HOME `id` {{ x }} <&>\n",
        b"data:;base64,AAAA",
        "\u{17c}\u{2603}\u{1d518}\u{a0}\u{2028}\u{feff}\u{85}\n".as_bytes(),
        &bytes,
        &bytes.repeat(40),
    ];
    let files = contents.iter().enumerate().map(|(place, bytes)| File::new(format!("/opt/nasty/{place}"), 0o640, *bytes));
    let named = File::new("/opt/nasty/a name: {with} 'quotes' \"and\" #blanks%41", 0o755, "x");
    let replaced = File::new("/etc/replaced", 0o600, "later");
    let user = |name: &str, sudo: bool| User {
        name: name.into(),
        groups: vec!["wheel".into()],
        ssh_authorized_keys: vec![format!("ssh-ed25519 AAAA {name}"), "ssh-ed25519 BBBB second".into()],
        sudo,
    };
    let unit = |name: &str, content: Option<&str>, enabled, started| Unit {
        name: name.into(),
        content: content.map(str::to_owned),
        drop_ins: vec![("10-x.conf".into(), "[Unit]\nDocumentation=https://example.com/\"%%41\"\n".into())],
        enabled,
        started,
    };
    Machine {
        instance_id: "nasty-n-g1".into(),
        hostname: "n.example".parse().expect("a name"),
        directories: vec![
            Directory { path: "/opt/nasty".into(), mode: 0o700 },
            Directory { path: "/opt/nasty/deep/er".into(), mode: 0o777 },
            Directory { path: "/etc".into(), mode: 0o755 },
        ],
        files: std::iter::once(File::new("/etc/replaced", 0o644, "earlier")).chain(files).chain([named, replaced]).collect(),
        units: vec![
            unit("own.service", Some("[Service]\nExecStart=/bin/true\n"), false, true),
            unit("own.socket", Some("[Socket]\nListenStream=1\n\n[Install]\nWantedBy=sockets.target\n"), true, false),
            unit("own@.service", Some("[Service]\nExecStart=/bin/true\n"), false, false),
            unit("image.service", None, true, true),
            unit("untouched.service", None, false, false),
        ],
        users: vec![user("ops", true), user("plain", false)],
        network: Some(Network {
            matching: InterfaceMatch::Name("en*".into()),
            addresses: vec!["10.0.0.11/24".parse().expect("an address"), "fd00::11/64".parse().expect("an address")],
            gateways: vec!["10.0.0.1".parse().expect("an address"), "fd00::1".parse().expect("an address")],
            routes: vec![("10.9.0.0/16".parse().expect("a range"), "10.0.0.9".parse().expect("an address"))],
            nameservers: vec!["10.0.0.2".parse().expect("an address"), "fd00::2".parse().expect("an address")],
            search: vec!["lab".into()],
            mtu: Some(1400),
        }),
    }
}

/// The machine on every system that reads Ignition, with what that system needs.
fn on_every_system(profile: &str, node: &str, machine: &Machine) -> Vec<Case> {
    let systems = os::ALL.iter().filter_map(|os| match os.first_boot {
        FirstBootProgram::Ignition { usual, newest, network } => Some((os, usual, newest, network)),
        FirstBootProgram::CloudInit => None,
    });
    let cases = systems.map(|(os, usual, newest, daemon)| {
        let mut machine = machine.clone();
        machine.units.extend(os.units(DONE));
        machine.files.extend(os.swap_files());
        Case { profile: profile.to_owned(), node: node.to_owned(), os, daemon, usual, newest, machine }
    });
    cases.collect()
}

fn of_profile(path: &Path) -> Vec<Case> {
    let scratch = Scratch::new();
    let (bundle, out) = (scratch.path("bundle.yaml"), scratch.path("out"));
    render(path, &bundle, &out, &[]).code(0);
    let source = Source { name: path.display().to_string(), text: fs::read_to_string(path).expect("a readable profile") };
    let base = path.parent().expect("a profile lies in a directory");
    let (spec, _) = profile::load(&source, &|name| profile::file::beside(base, name));
    let spec = spec.expect("an example is sound");
    let bundle = secrets::load(&bundle).expect("a sound bundle").expect("render has minted it");
    let plan = plan(&spec, &bundle);
    let stem = path.file_stem().expect("a file name").to_string_lossy();
    let nodes = plan.nodes.iter();
    let full = nodes.clone().flat_map(|node| on_every_system(&stem, node.spec.name.as_str(), &compose::machine(&plan, node)));
    // What `--fit` shortens is the same on all machines: each example's first stands for them.
    let terse = nodes.take(1).flat_map(|node| {
        let machine = compose::worded(&plan, node, Wording::Terse);
        on_every_system(&format!("{stem}-terse"), node.spec.name.as_str(), &machine)
    });
    full.chain(terse).collect()
}

/// The versions that are worth a test's time: all for the machine by hand; for an example what its system reads, and the
/// oldest, which is written differently.
fn versions(case: &Case) -> Vec<SpecVersion> {
    let chosen =
        |version: &SpecVersion| [SpecVersion::V3_0, case.usual, case.newest].contains(version) || case.profile == "by-hand";
    SpecVersion::ALL.into_iter().filter(chosen).collect()
}

/// What must be on the machine afterwards, told from the machine alone: path → mode and digest, the later file winning.
fn meant(machine: &Machine) -> BTreeMap<&str, (u32, String)> {
    machine.files.iter().map(|File { path, mode, content }| (path.as_str(), (*mode, digest(content)))).collect()
}

#[test]
fn every_example_reads_back() {
    for case in cases() {
        for version in versions(&case) {
            let text = ignition::encode(&case.machine, version, case.daemon);
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
fn the_same_machine_is_the_same_bytes() {
    for case in on_every_system("by-hand", "n.example", &nasty()) {
        let encode = || ignition::encode(&case.machine, case.newest, case.daemon);
        assert_eq!(encode(), encode());
    }
}

#[test]
fn coreos_reads_every_config_without_an_unknown_key() {
    for case in cases() {
        for version in versions(&case) {
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
        // The utmost takes a second a config: some machines stand for all.
        let effort = if case.profile == "by-hand" { Effort::Utmost } else { Effort::Usual };
        for version in SpecVersion::ALL {
            let text = ignition::encode(&case.machine, version, case.daemon);
            fs::write(dir.join(format!("{version}.ign")), text).expect("a writable directory");
            let spelled = ignition::encode_spelled(&case.machine, version, case.daemon);
            fs::write(dir.join(format!("{version}-spelled.ign")), spelled).expect("a writable directory");
            if let Some(packed) = ignition::encode_packed(&case.machine, version, case.daemon, effort) {
                fs::write(dir.join(format!("{version}-packed.ign")), packed).expect("a writable directory");
            }
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
