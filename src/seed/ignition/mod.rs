//! Ignition: one JSON document that is read once, in the initial RAM disk.
//!
//! In: a machine. Out: a config of spec 3.0 to 3.6 that needs no network, and back from it. Absent on purpose: commands,
//! which Ignition does not know: units are enabled and everything is in place when systemd first starts; the instance-id,
//! which it has no use for; disks; other owners than root; configs merged from elsewhere.

mod model;
mod network;
mod source;

use crate::gzip::Effort;
use crate::host::{Directory, File, Machine, Unit, User};
pub use crate::os::{NetworkDaemon, SpecVersion};
use source::{Hash, Packing};

/// The longest name that the kernel takes for a machine (`HOST_NAME_MAX` of Linux).
const LONGEST_HOSTNAME: usize = 64;

const INSTALL: &str = "[Install]";

/// What a spec version knows, as far as it concerns us; everything else we write is the same in all.
struct Knowledge {
    version: SpecVersion,
    /// Its best hash function (config/v3_N/types/verification.go).
    hash: Hash,
    /// Whether data URLs, of files and of whole configs, may be compressed: the first Ignition to read the version decides
    /// (release notes of 2.3.0).
    compressed_data: bool,
}

const OLDEST: Knowledge = Knowledge { version: SpecVersion::V3_0, hash: Hash::Sha512, compressed_data: false };
const SINCE_3_1: Knowledge = Knowledge { version: SpecVersion::V3_1, hash: Hash::Sha256, compressed_data: true };

/// One row for each version in which something changed for us.
const KNOWLEDGE: &[Knowledge] = &[OLDEST, SINCE_3_1];

fn knowledge(version: SpecVersion) -> &'static Knowledge {
    KNOWLEDGE.iter().rfind(|row| row.version <= version).unwrap_or(&OLDEST)
}

/// Encodes a machine as a config of one spec version, for a system with one network daemon.
///
/// Paths are unique, as Ignition insists: of two files with one path the later wins, as when they are written one after
/// the other. A unit that is started is enabled, because nothing else starts it.
#[must_use]
pub fn encode(machine: &Machine, version: SpecVersion, daemon: NetworkDaemon) -> String {
    let packing = if knowledge(version).compressed_data { Packing::Compressed(Effort::Usual) } else { Packing::Spelled };
    to_text(&config(machine, version, daemon, packing))
}

/// Encodes a machine as `encode` does, with nothing in it compressed: the shortest for a platform that takes a whole config compressed.
#[must_use]
pub fn encode_spelled(machine: &Machine, version: SpecVersion, daemon: NetworkDaemon) -> String {
    to_text(&config(machine, version, daemon, Packing::Outside))
}

/// Encodes a machine as `encode` does, as a small config that is replaced by the real one, compressed as a whole.
///
/// No platform's provider need decompress for it, so it goes wherever `encode`'s does, in about three quarters of the bytes; people
/// cannot read it. `None` for a version whose first reader cannot.
#[must_use]
pub fn encode_packed(machine: &Machine, version: SpecVersion, daemon: NetworkDaemon, effort: Effort) -> Option<String> {
    let knows = knowledge(version);
    knows.compressed_data.then(|| {
        let inner = encode_spelled(machine, version, daemon);
        let replace = source::write(inner.as_bytes(), knows.hash, Packing::Compressed(effort));
        let elsewhere = model::Elsewhere { merge: Vec::new(), replace };
        let ignition = model::Ignition { version: version.as_str().to_owned(), config: Some(elsewhere) };
        to_text(&model::Config { ignition, ..model::Config::default() })
    })
}

fn to_text(config: &model::Config) -> String {
    serde_json::to_string(config).expect("strings and numbers always serialise") + "\n"
}

fn config(machine: &Machine, version: SpecVersion, daemon: NetworkDaemon, packing: Packing) -> model::Config {
    let hash = knowledge(version).hash;
    model::Config {
        ignition: model::Ignition { version: version.as_str().to_owned(), config: None },
        passwd: model::Passwd { users: machine.users.iter().map(user).collect() },
        storage: model::Storage {
            directories: machine.directories.iter().map(directory).collect(),
            files: files(machine, daemon).iter().map(|file| write_file(file, hash, packing)).collect(),
        },
        systemd: model::Systemd { units: units(machine).into_iter().map(write_unit).collect() },
    }
}

/// All files that `storage` writes: the machine's own, and those that say what Ignition has no word for.
#[must_use]
pub fn files(machine: &Machine, daemon: NetworkDaemon) -> Vec<File> {
    let mut files = vec![File::new("/etc/hostname", 0o644, format!("{}\n", hostname(machine)))];
    files.extend(machine.network.as_ref().map(|network| network::file(network, daemon)));
    files.extend(sudoers(&machine.users));
    files.extend(machine.files.iter().cloned());
    let mut unique: Vec<File> = Vec::with_capacity(files.len());
    for file in files {
        match unique.iter_mut().find(|earlier| earlier.path == file.path) {
            Some(earlier) => *earlier = file,
            None => unique.push(file),
        }
    }
    unique
}

/// All units, each once, with what Ignition must be told: a started one is enabled, and can be.
#[must_use]
pub fn units(machine: &Machine) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::with_capacity(machine.units.len());
    for unit in &machine.units {
        match units.iter_mut().find(|earlier| earlier.name == unit.name) {
            Some(earlier) => {
                earlier.content = unit.content.clone().or(earlier.content.take());
                earlier.drop_ins.retain(|(name, _)| unit.drop_ins.iter().all(|(later, _)| later != name));
                earlier.drop_ins.extend(unit.drop_ins.iter().cloned());
                earlier.enabled |= unit.enabled;
                earlier.started |= unit.started;
            }
            None => units.push(unit.clone()),
        }
    }
    for unit in &mut units {
        unit.enabled |= unit.started;
        if let Some(text) = unit.content.as_mut().filter(|text| unit.started && !text.lines().any(|line| line.trim() == INSTALL))
        {
            text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
        }
    }
    units
}

/// A machine's whole name while the kernel takes it, else its first label.
fn hostname(machine: &Machine) -> &str {
    let name = machine.hostname.as_str();
    if name.len() <= LONGEST_HOSTNAME { name } else { machine.hostname.first_label() }
}

/// Ignition knows nothing of sudo. A dot in the file's name would make sudo skip it (sudoers(5)).
fn sudoers(users: &[User]) -> Option<File> {
    let rules: String =
        users.iter().filter(|user| user.sudo).map(|user| format!("{} ALL=(ALL) NOPASSWD:ALL\n", user.name)).collect();
    (!rules.is_empty()).then(|| File::new("/etc/sudoers.d/90-kubespore", 0o440, rules))
}

fn user(user: &User) -> model::PasswdUser {
    model::PasswdUser {
        name: user.name.clone(),
        groups: user.groups.clone(),
        shell: Some("/bin/bash".to_owned()),
        ssh_authorized_keys: user.ssh_authorized_keys.clone(),
    }
}

fn directory(directory: &Directory) -> model::Directory {
    model::Directory { path: directory.path.clone(), mode: Some(directory.mode) }
}

/// Whatever the image has at the path gives way: Ignition otherwise fails, and with it the boot.
fn write_file(file: &File, hash: Hash, packing: Packing) -> model::File {
    model::File {
        path: file.path.clone(),
        overwrite: true,
        mode: Some(file.mode),
        contents: source::write(&file.content, hash, packing),
    }
}

/// `enabled` is absent rather than false, which would disable what the image enables.
fn write_unit(unit: Unit) -> model::Unit {
    let drop_in = |(name, text)| model::DropIn { name, contents: Some(text) };
    model::Unit {
        name: unit.name,
        enabled: unit.enabled.then_some(true),
        contents: unit.content,
        dropins: unit.drop_ins.into_iter().map(drop_in).collect(),
    }
}

/// What a config does.
#[derive(Debug)]
pub struct Decoded {
    /// The spec version, as the config has it.
    pub version: String,
    /// The host name it sets; empty when it sets none.
    pub hostname: String,
    /// The directories it makes.
    pub directories: Vec<Directory>,
    /// The files it writes, those of units excepted.
    pub files: Vec<File>,
    /// The units it writes, extends or enables; none is started otherwise.
    pub units: Vec<Unit>,
    /// The users it makes; what sudo allows them stands in a file.
    pub users: Vec<User>,
}

/// Reads a config back; ours, or another's whose files are in it.
///
/// # Errors
/// Says what in the document is not understood, which spec it follows if not 3, or which file does not match its hash.
pub fn decode(text: &str) -> Result<Decoded, String> {
    decode_at(text, false)
}

fn decode_at(text: &str, inner_most: bool) -> Result<Decoded, String> {
    let config: model::Config = serde_json::from_str(text).map_err(|fault| format!("it is not an Ignition config: {fault}"))?;
    let version = config.ignition.version;
    if !version.starts_with("3.") {
        return Err(format!("its spec version is `{version}`; versions 3 are read here"));
    }
    if let Some(elsewhere) = config.ignition.config {
        if !elsewhere.merge.is_empty() {
            return Err("it merges other configs, which is not read here".into());
        }
        if elsewhere.replace.source.is_some() {
            let inner = source::read(&elsewhere.replace).map_err(|fault| format!("of the config that replaces it: {fault}"))?;
            let inner = String::from_utf8(inner).map_err(|_| "the config that replaces it is no text")?;
            return if inner_most { Err("it is replaced more than once".into()) } else { decode_at(&inner, true) };
        }
    }
    let files = config.storage.files.iter().map(read_file).collect::<Result<Vec<_>, _>>()?;
    let hostname = files.iter().rfind(|file| file.path == "/etc/hostname");
    Ok(Decoded {
        version,
        hostname: hostname.map(|file| String::from_utf8_lossy(&file.content).trim().to_owned()).unwrap_or_default(),
        directories: config.storage.directories.into_iter().map(read_directory).collect(),
        files,
        units: config.systemd.units.into_iter().map(read_unit).collect(),
        users: config.passwd.users.into_iter().map(read_user).collect(),
    })
}

/// Tells whether a text is meant as an Ignition config, whatever its version.
#[must_use]
pub fn is_config(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.pointer("/ignition/version").is_some())
}

fn read_file(file: &model::File) -> Result<File, String> {
    let content = source::read(&file.contents).map_err(|fault| format!("of {}: {fault}", file.path))?;
    Ok(File::new(file.path.as_str(), file.mode.unwrap_or(0o644), content))
}

fn read_directory(directory: model::Directory) -> Directory {
    Directory { path: directory.path, mode: directory.mode.unwrap_or(0o755) }
}

fn read_unit(unit: model::Unit) -> Unit {
    Unit {
        name: unit.name,
        content: unit.contents,
        drop_ins: unit.dropins.into_iter().map(|drop_in| (drop_in.name, drop_in.contents.unwrap_or_default())).collect(),
        enabled: unit.enabled.unwrap_or_default(),
        started: false,
    }
}

fn read_user(user: model::PasswdUser) -> User {
    User { name: user.name, groups: user.groups, ssh_authorized_keys: user.ssh_authorized_keys, sudo: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{InterfaceMatch, Network};

    fn unit(name: &str, content: Option<&str>, enabled: bool, started: bool) -> Unit {
        Unit { name: name.into(), content: content.map(str::to_owned), drop_ins: vec![], enabled, started }
    }

    fn machine() -> Machine {
        let mut kubelet = unit("kubelet.service", None, false, false);
        kubelet.drop_ins.push(("20-kubespore.conf".into(), "[Unit]\nAfter=x.service\n".into()));
        Machine {
            instance_id: "lab-716064e0-g1".into(),
            hostname: "716064e0.lab".parse().expect("a name"),
            directories: vec![Directory { path: "/etc/x".into(), mode: 0o700 }],
            files: vec![
                File::new("/etc/x/first", 0o600, "replaced"),
                File::new("/etc/x/binary", 0o755, [0u8, 255]),
                File::new("/etc/x/empty", 0o644, ""),
                File::new("/etc/x/first", 0o640, "a: {{ x }}\n"),
                File::new("/etc/x/long", 0o600, "the same line\n".repeat(50)),
            ],
            units: vec![
                kubelet,
                unit("own.service", Some("[Service]\nExecStart=/bin/true\n"), false, true),
                unit(
                    "gate.service",
                    Some("[Service]\nExecStart=/bin/true\n\n[Install]\nRequiredBy=kubelet.service\n"),
                    true,
                    false,
                ),
                unit("kept.service", Some("[Service]\nExecStart=/bin/true\n"), false, false),
                unit("kubelet.service", None, true, false),
            ],
            users: vec![User {
                name: "ops".into(),
                groups: vec!["wheel".into()],
                ssh_authorized_keys: vec!["ssh-ed25519 AAAA ops".into()],
                sudo: true,
            }],
            network: Some(Network {
                matching: InterfaceMatch::Name("eth0".into()),
                addresses: vec!["10.0.0.11/24".parse().expect("an address")],
                gateways: vec![],
                routes: vec![],
                nameservers: vec![],
                search: vec![],
                mtu: None,
            }),
        }
    }

    #[test]
    fn a_machine_becomes_one_document() {
        let mut machine = machine();
        machine.files.truncate(4);
        machine.files.remove(0);
        machine.network = None;
        assert_eq!(
            encode(&machine, SpecVersion::V3_3, NetworkDaemon::Networkd),
            [
                r#"{"ignition":{"version":"3.3.0"},"#,
                r#""passwd":{"users":[{"name":"ops","groups":["wheel"],"shell":"/bin/bash","#,
                r#""sshAuthorizedKeys":["ssh-ed25519 AAAA ops"]}]},"#,
                r#""storage":{"directories":[{"path":"/etc/x","mode":448}],"files":["#,
                r#"{"path":"/etc/hostname","overwrite":true,"mode":420,"contents":{"source":"data:,716064e0.lab%0A","#,
                r#""verification":{"hash":"sha256-f00b572d12aed2ef7ce0f90254279c66b88ede80098a170233ded51c4870db9d"}}},"#,
                r#"{"path":"/etc/sudoers.d/90-kubespore","overwrite":true,"mode":288,"contents":{"source":"data:,ops%20ALL=(ALL)%20NOPASSWD:ALL%0A","#,
                r#""verification":{"hash":"sha256-a287d8f1374ac53b94b955282e08e52d51a7719b0d29ad2195e9dd2d7e98356c"}}},"#,
                r#"{"path":"/etc/x/binary","overwrite":true,"mode":493,"contents":{"source":"data:,%00%FF","#,
                r#""verification":{"hash":"sha256-06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"}}},"#,
                r#"{"path":"/etc/x/empty","overwrite":true,"mode":420,"contents":{"source":"data:,","#,
                r#""verification":{"hash":"sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}},"#,
                r#"{"path":"/etc/x/first","overwrite":true,"mode":416,"contents":{"source":"data:;base64,YToge3sgeCB9fQo=","#,
                r#""verification":{"hash":"sha256-cc7cc39547ba6ba2bba72022f9d3dc79c193682a4dd2c506eece95b937a952ed"}}}"#,
                r#"]},"systemd":{"units":["#,
                r#"{"name":"kubelet.service","enabled":true,"#,
                r#""dropins":[{"name":"20-kubespore.conf","contents":"[Unit]\nAfter=x.service\n"}]},"#,
                r#"{"name":"own.service","enabled":true,"#,
                r#""contents":"[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n"},"#,
                r#"{"name":"gate.service","enabled":true,"#,
                r#""contents":"[Service]\nExecStart=/bin/true\n\n[Install]\nRequiredBy=kubelet.service\n"},"#,
                r#"{"name":"kept.service","contents":"[Service]\nExecStart=/bin/true\n"}]}}"#,
                "\n",
            ]
            .concat()
        );
    }

    #[test]
    fn what_is_written_reads_back_in_every_version() {
        let machine = machine();
        for version in SpecVersion::ALL {
            for daemon in [NetworkDaemon::Networkd, NetworkDaemon::NetworkManager] {
                let decoded = decode(&encode(&machine, version, daemon)).expect("our own document");
                assert_eq!(decoded.version, version.as_str());
                assert_eq!(decoded.hostname, "716064e0.lab");
                assert_eq!(decoded.directories, machine.directories);
                assert_eq!(decoded.files, files(&machine, daemon));
                let started = |unit: &Unit| Unit { started: false, ..unit.clone() };
                assert_eq!(decoded.units, units(&machine).iter().map(started).collect::<Vec<_>>());
                assert_eq!(decoded.users[0].ssh_authorized_keys, machine.users[0].ssh_authorized_keys);
            }
        }
    }

    #[test]
    fn a_packed_config_is_the_same_machine_in_fewer_bytes() {
        let mut machine = machine();
        machine.files.extend((0..20).map(|n| File::new(format!("/etc/x/{n}"), 0o600, "the same on every machine\n".repeat(9))));
        assert_eq!(encode_packed(&machine, SpecVersion::V3_0, NetworkDaemon::Networkd, Effort::Usual), None);
        for version in &SpecVersion::ALL[1..] {
            let packed = encode_packed(&machine, *version, NetworkDaemon::Networkd, Effort::Utmost).expect("it can be read");
            let plain = encode(&machine, *version, NetworkDaemon::Networkd);
            assert!(packed.len() * 3 < plain.len() * 2, "{} of {}", packed.len(), plain.len());
            let (packed, plain) = (decode(&packed).expect("our own"), decode(&plain).expect("our own"));
            assert_eq!((packed.files, packed.units, packed.directories), (plain.files, plain.units, plain.directories));
            assert_eq!(packed.hostname, plain.hostname);
        }
    }

    #[test]
    fn the_oldest_version_gets_what_it_knows() {
        let machine = machine();
        let oldest = encode(&machine, SpecVersion::V3_0, NetworkDaemon::Networkd);
        assert!(oldest.contains("sha512-") && !oldest.contains("sha256-") && !oldest.contains("compression"));
        let next = encode(&machine, SpecVersion::V3_1, NetworkDaemon::Networkd);
        assert!(!next.contains("sha512-") && next.contains("sha256-") && next.contains("compression"));
    }

    #[test]
    fn paths_are_unique_and_the_later_file_wins() {
        let mut machine = machine();
        machine.files.push(File::new("/etc/hostname", 0o600, "other\n"));
        let files = files(&machine, NetworkDaemon::Networkd);
        let paths: std::collections::BTreeSet<_> = files.iter().map(|file| &file.path).collect();
        assert_eq!(paths.len(), files.len());
        assert_eq!(files[0], File::new("/etc/hostname", 0o600, "other\n"));
        assert!(files.contains(&File::new("/etc/x/first", 0o640, "a: {{ x }}\n")));
    }

    #[test]
    fn a_name_the_kernel_refuses_is_shortened() {
        let mut machine = machine();
        machine.hostname = format!("node.{}", "a".repeat(60)).parse().expect("a name");
        assert_eq!(files(&machine, NetworkDaemon::Networkd)[0].content.as_slice(), b"node\n");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, fault) in [
            ("x", "not an Ignition config"),
            (r#"{"ignition":{"version":"2.3.0"}}"#, "2.3.0"),
            (r#"{"ignition":{"version":"3.3.0","config":{"merge":[{"source":"https://x"}]}}}"#, "merges"),
            (r#"{"ignition":{"version":"3.3.0","config":{"replace":{"source":"https://x"}}}}"#, "replaces it: it is fetched"),
            (
                r#"{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/x","contents":{"source":"https://x"}}]}}"#,
                "of /x: it is fetched",
            ),
        ] {
            assert!(decode(text).is_err_and(|said| said.contains(fault)), "{text}");
        }
        assert!(is_config(r#"{"ignition":{"version":"2.3.0"}}"#) && !is_config("{}") && !is_config("#cloud-config\n"));
    }
}
