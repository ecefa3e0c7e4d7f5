//! cloud-init: user-data, meta-data, vendor-data and network-config.
//!
//! In: a machine. Out: four documents that cloud-init 22.2 to 26 read alike, and back from them. Absent on purpose: jinja
//! (it would eat `{{ }}` in files), multipart (a second part's `write_files` would replace the first's),
//! other owners than root (cloud-init writes files before it makes users).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::gzip::{self, Effort};
use crate::host::{File, InterfaceMatch, Machine, Network, Unit, User};
use crate::tree::{RelPath, Tree};
use crate::yaml::{self, Yaml, is_literal, to_string};

/// No file of a first boot comes near this; a document that unpacks to more is an attack.
const LARGEST: usize = 64 << 20;

/// Encodes a machine as a NoCloud seed's four documents.
#[must_use]
pub fn encode(machine: &Machine) -> Tree {
    let mut tree = Tree::new();
    tree.add(RelPath::new("user-data"), user_data(machine));
    tree.add(RelPath::new("meta-data"), meta_data(machine));
    tree.add(RelPath::new("vendor-data"), "#cloud-config\n{}\n");
    tree.add(RelPath::new("network-config"), network_config(machine.network.as_ref()));
    tree
}

/// Encodes a machine as `encode`'s user-data, each file compressed where that is shorter: for a platform that takes text alone.
#[must_use]
pub fn user_data_packed(machine: &Machine, effort: Effort) -> String {
    document(machine, |file| write_packed(file, effort))
}

/// All files a machine receives, those of its units included.
pub fn files(machine: &Machine) -> Vec<File> {
    let units = machine.units.iter().flat_map(super::unit_files);
    machine.files.iter().cloned().chain(units).collect()
}

/// Encodes what a machine is given as one `#cloud-config` document.
#[must_use]
pub fn user_data(machine: &Machine) -> String {
    document(machine, write_file)
}

fn document(machine: &Machine, write_file: impl Fn(&File) -> Yaml) -> String {
    let mut pairs = vec![];
    let mut put = |key: &str, value: Yaml| pairs.push((key.to_owned(), value));
    put("hostname", Yaml::str(machine.hostname.first_label()));
    if machine.hostname.as_str().contains('.') {
        put("fqdn", Yaml::str(machine.hostname.as_str()));
    }
    put("preserve_hostname", Yaml::Bool(false));
    // /etc/hosts is among our files; an image's template must not undo it.
    put("manage_etc_hosts", Yaml::Bool(false));
    // bootcmd runs before write_files, which would make missing directories readable by all.
    let made = machine.directories.chunk_by(|one, next| one.mode == next.mode).map(|alike| {
        let mode = format!("{:04o}", alike[0].mode);
        let words = ["install", "-d", "-m", &mode].into_iter().chain(alike.iter().map(|d| d.path.as_str()));
        command(&words.collect::<Vec<_>>())
    });
    put("bootcmd", Yaml::Seq(std::iter::once(begin_again()).chain(made).collect()));
    if !machine.users.is_empty() {
        let users = std::iter::once(Yaml::str("default")).chain(machine.users.iter().map(user));
        put("users", Yaml::Seq(users.collect()));
    }
    put("write_files", Yaml::Seq(files(machine).iter().map(&write_file).collect()));
    put("runcmd", Yaml::Seq(start(&machine.units)));
    format!("#cloud-config\n{}", to_string(&Yaml::Map(pairs)))
}

fn user(user: &User) -> Yaml {
    let mut pairs = vec![
        ("name".to_owned(), Yaml::str(user.name.as_str())),
        ("shell".to_owned(), Yaml::str("/bin/bash")),
        ("lock_passwd".to_owned(), Yaml::Bool(true)),
        ("ssh_authorized_keys".to_owned(), strings(&user.ssh_authorized_keys)),
    ];
    if !user.groups.is_empty() {
        pairs.push(("groups".to_owned(), strings(&user.groups)));
    }
    if user.sudo {
        pairs.push(("sudo".to_owned(), Yaml::str("ALL=(ALL) NOPASSWD:ALL")));
    }
    Yaml::Map(pairs)
}

fn write_file(file: &File) -> Yaml {
    match std::str::from_utf8(&file.content) {
        Ok(text) if is_literal(text) || text.is_empty() => entry(file, None, Yaml::Literal(text.to_owned())),
        _ => entry(file, Some("b64"), Yaml::Str(STANDARD.encode(&file.content))),
    }
}

/// `gz+b64` is among the encodings of every cloud-init (`cloudinit/config/cc_write_files.py`).
fn write_packed(file: &File, effort: Effort) -> Yaml {
    let usual = write_file(file);
    let packed = STANDARD.encode(gzip::compress_with(effort, &file.content));
    let packed = entry(file, Some("gz+b64"), Yaml::Str(packed));
    let length = |entry: &Yaml| to_string(&Yaml::Seq(vec![entry.clone()])).len();
    if length(&packed) < length(&usual) { packed } else { usual }
}

fn entry(file: &File, encoding: Option<&str>, content: Yaml) -> Yaml {
    let mut pairs = vec![
        ("path".to_owned(), Yaml::str(file.path.as_str())),
        ("owner".to_owned(), Yaml::str("root:root")),
        ("permissions".to_owned(), Yaml::Str(format!("{:04o}", file.mode))),
    ];
    pairs.extend(encoding.map(|encoding| ("encoding".to_owned(), Yaml::str(encoding))));
    pairs.push(("content".to_owned(), content));
    Yaml::Map(pairs)
}

/// What says that all of the seed has reached the disk: beside cloud-init's own notes of what it has done for this instance
/// (`cloudinit/helpers.py`, `FileSemaphores`), so that it goes with them.
const WRITTEN: &str = "/var/lib/cloud/instance/sem/kubespore";

/// Has cloud-init do everything once more that it notes to have done, where a power cut may have left the files empty:
/// neither it nor what it calls waits for the disk, and a unit of no bytes is a masked one.
fn begin_again() -> Yaml {
    let notes = WRITTEN.replace("kubespore", "config_*");
    command(&["sh", "-c", &format!("[ -e {WRITTEN} ] || rm -f {notes}")])
}

/// What `runcmd` does: it hands over to systemd once everything is on the disk, and no more, because it runs once and
/// forgets failures. systemd reads all its units anew once, not for `enable` another time: every machine of the cluster
/// waits for that.
///
/// A unit of the image may be running with the image's configuration, so it is restarted; one of ours is
/// started, so that a second run of cloud-init does not interrupt it.
fn start(units: &[Unit]) -> Vec<Yaml> {
    let act = |words: &[&'static str], wanted: &dyn Fn(&Unit) -> bool| {
        let names: Vec<&str> = units.iter().filter(|u| wanted(u)).map(|u| u.name.as_str()).collect();
        (!names.is_empty()).then(|| command(&[words, names.as_slice()].concat()))
    };
    [
        act(&["systemctl", "--no-reload", "enable"], &|u| u.enabled),
        Some(command(&["sync"])),
        Some(command(&["touch", WRITTEN])),
        Some(command(&["systemctl", "daemon-reload"])),
        act(&["systemctl", "restart", "--no-block"], &|u| u.started && u.content.is_none()),
        act(&["systemctl", "start", "--no-block"], &|u| u.started && u.content.is_some()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn command(words: &[&str]) -> Yaml {
    Yaml::Seq(words.iter().map(|word| Yaml::str(*word)).collect())
}

fn strings<T: ToString>(items: &[T]) -> Yaml {
    Yaml::Seq(items.iter().map(|item| Yaml::Str(item.to_string())).collect())
}

fn meta_data(machine: &Machine) -> String {
    to_string(&Yaml::map([
        ("instance-id", Yaml::str(machine.instance_id.as_str())),
        ("local-hostname", Yaml::str(machine.hostname.as_str())),
    ]))
}

/// Encodes a machine's identity and network as one document, as a hypervisor's guest variables carry it.
#[must_use]
pub fn guest_metadata(machine: &Machine) -> String {
    let mut pairs = vec![
        ("instance-id".to_owned(), Yaml::str(machine.instance_id.as_str())),
        ("local-hostname".to_owned(), Yaml::str(machine.hostname.as_str())),
    ];
    pairs.extend(machine.network.as_ref().map(|network| ("network".to_owned(), network_document(network))));
    to_string(&Yaml::Map(pairs))
}

/// Version 2, with the default routes spelled as networks: `to: default` is unknown to older renderers.
fn network_config(network: Option<&Network>) -> String {
    // cloud-init 24.3 and later retries for a missing file; an empty one means "as the image does".
    network.map(|network| to_string(&network_document(network))).unwrap_or_default()
}

fn network_document(network: &Network) -> Yaml {
    let mut pairs = vec![];
    let (key, matching) = match &network.matching {
        InterfaceMatch::Mac(mac) => (InterfaceMatch::RENAMED, Some(Yaml::map([("macaddress", Yaml::Str(mac.to_string()))]))),
        InterfaceMatch::Name(name) if name.contains(['*', '?', '[']) => {
            (InterfaceMatch::RENAMED, Some(Yaml::map([("name", Yaml::str(name.as_str()))])))
        }
        InterfaceMatch::Name(name) => (name.as_str(), None),
    };
    if let Some(matching) = matching {
        pairs.push(("match".to_owned(), matching));
    }
    if matches!(network.matching, InterfaceMatch::Mac(_)) {
        // The renderers for systemd-networkd, ifupdown and sysconfig look for an interface of the entry's name.
        pairs.push(("set-name".to_owned(), Yaml::str(key)));
    }
    pairs.push(("dhcp4".to_owned(), Yaml::Bool(false)));
    pairs.push(("dhcp6".to_owned(), Yaml::Bool(false)));
    pairs.push(("addresses".to_owned(), strings(&network.addresses)));
    let default = |gateway: &std::net::IpAddr| (if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" }).to_owned();
    let routes: Vec<_> = network
        .gateways
        .iter()
        .map(|gateway| (default(gateway), gateway.to_string()))
        .chain(network.routes.iter().map(|(to, via)| (to.to_string(), via.to_string())))
        .map(|(to, via)| Yaml::map([("to", Yaml::Str(to)), ("via", Yaml::Str(via))]))
        .collect();
    if !routes.is_empty() {
        pairs.push(("routes".to_owned(), Yaml::Seq(routes)));
    }
    if !network.nameservers.is_empty() || !network.search.is_empty() {
        let resolvers = [("addresses", strings(&network.nameservers)), ("search", strings(&network.search))];
        pairs.push(("nameservers".to_owned(), Yaml::map(resolvers)));
    }
    if let Some(mtu) = network.mtu {
        pairs.push(("mtu".to_owned(), Yaml::Int(mtu.into())));
    }
    Yaml::Map(vec![
        ("version".to_owned(), Yaml::Int(2)),
        ("ethernets".to_owned(), Yaml::Map(vec![(key.to_owned(), Yaml::Map(pairs))])),
    ])
}

/// What a user-data document does, as far as it concerns files and commands.
pub struct Decoded {
    /// The host name it sets; empty when it sets none.
    pub hostname: String,
    /// The files it writes.
    pub files: Vec<File>,
    /// `bootcmd`, then `runcmd`, each a list of words; a shell line is one word.
    pub commands: Vec<Vec<String>>,
}

/// Reads a cloud-config document back; ours, or another's that keeps to plain files.
///
/// # Errors
/// Says what in the document is not understood.
pub fn decode(text: &str) -> Result<Decoded, String> {
    let node = yaml::parse(text).map_err(|(message, _)| message)?;
    let value = yaml::to_json(&node);
    let list = |key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let files = list("write_files").iter().map(decode_file).collect::<Result<_, _>>()?;
    let commands = list("bootcmd").iter().chain(&list("runcmd")).map(decode_command).collect();
    let hostname = ["fqdn", "hostname"].iter().find_map(|key| value.get(*key).and_then(Value::as_str));
    Ok(Decoded { hostname: hostname.unwrap_or_default().to_owned(), files, commands })
}

fn decode_file(entry: &Value) -> Result<File, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let path = text("path").ok_or("an entry of write_files has no path")?;
    let mode = text("permissions").unwrap_or("0644");
    let mode = u32::from_str_radix(mode, 8).map_err(|_| format!("the permissions of {path} are not octal"))?;
    let content = text("content").unwrap_or_default();
    let decoded = || STANDARD.decode(content).map_err(|_| format!("the content of {path} is not base64"));
    let content = match text("encoding").unwrap_or("text/plain") {
        "text/plain" => content.as_bytes().to_vec(),
        "b64" | "base64" => decoded()?,
        "gz+b64" | "gzip+b64" | "gz+base64" | "gzip+base64" => {
            gzip::decompress(&decoded()?, LARGEST).map_err(|fault| format!("the content of {path} cannot be read: {fault}"))?
        }
        other => return Err(format!("the content of {path} is encoded as `{other}`, which is not read here")),
    };
    Ok(File::new(path, mode, content))
}

fn decode_command(entry: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match entry {
        Value::Array(words) => words.iter().map(word).collect(),
        line => vec![word(line)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Directory;

    fn machine() -> Machine {
        let unit = |name: &str, content: Option<&str>| Unit {
            name: name.into(),
            content: content.map(str::to_owned),
            drop_ins: vec![],
            enabled: true,
            started: true,
        };
        Machine {
            instance_id: "lab-716064e0-g1".into(),
            hostname: "716064e0".parse().expect("a name"),
            directories: vec![Directory { path: "/etc/x".into(), mode: 0o700 }],
            files: vec![
                File::new("/etc/x/text", 0o600, "a: {{ x }}\n\t'q' \"q\" yes\n"),
                File::new("/etc/x/binary", 0o644, [0u8, 255]),
                File::new("/etc/x/crlf", 0o644, "a\r\n"),
                File::new("/etc/x/empty", 0o644, ""),
            ],
            units: vec![unit("own.service", Some("[Service]\nExecStart=/bin/true\n")), unit("image.service", None)],
            users: vec![],
            network: Some(Network {
                matching: InterfaceMatch::Mac("52:54:00:12:34:56".parse().expect("a MAC")),
                addresses: vec!["10.0.0.11/24".parse().expect("an address")],
                gateways: vec!["10.0.0.1".parse().expect("an address")],
                routes: vec![],
                nameservers: vec!["10.0.0.2".parse().expect("an address")],
                search: vec![],
                mtu: Some(1400),
            }),
        }
    }

    #[test]
    fn a_machine_becomes_four_documents() {
        let tree = encode(&machine());
        let text = |name: &str| String::from_utf8_lossy(tree.get(name).expect("a document")).into_owned();
        assert_eq!(
            text("user-data"),
            r##"#cloud-config
hostname: "716064e0"
preserve_hostname: false
manage_etc_hosts: false
bootcmd:
  - - "sh"
    - "-c"
    - "[ -e /var/lib/cloud/instance/sem/kubespore ] || rm -f /var/lib/cloud/instance/sem/config_*"
  - - "install"
    - "-d"
    - "-m"
    - "0700"
    - "/etc/x"
write_files:
  - path: "/etc/x/text"
    owner: "root:root"
    permissions: "0600"
    content: |
      a: {{ x }}
      	'q' "q" yes
  - path: "/etc/x/binary"
    owner: "root:root"
    permissions: "0644"
    encoding: "b64"
    content: "AP8="
  - path: "/etc/x/crlf"
    owner: "root:root"
    permissions: "0644"
    encoding: "b64"
    content: "YQ0K"
  - path: "/etc/x/empty"
    owner: "root:root"
    permissions: "0644"
    content: ""
  - path: "/etc/systemd/system/own.service"
    owner: "root:root"
    permissions: "0644"
    content: |
      [Service]
      ExecStart=/bin/true
runcmd:
  - - "systemctl"
    - "--no-reload"
    - "enable"
    - "own.service"
    - "image.service"
  - - "sync"
  - - "touch"
    - "/var/lib/cloud/instance/sem/kubespore"
  - - "systemctl"
    - "daemon-reload"
  - - "systemctl"
    - "restart"
    - "--no-block"
    - "image.service"
  - - "systemctl"
    - "start"
    - "--no-block"
    - "own.service"
"##
        );
        assert_eq!(text("meta-data"), "instance-id: \"lab-716064e0-g1\"\nlocal-hostname: \"716064e0\"\n");
        assert_eq!(
            text("network-config"),
            "version: 2\nethernets:\n  primary:\n    match:\n      macaddress: \"52:54:00:12:34:56\"\n    set-name: \"primary\"\n    dhcp4: false\n    dhcp6: false\n    addresses:\n      - \"10.0.0.11/24\"\n    routes:\n      - to: \"0.0.0.0/0\"\n        via: \"10.0.0.1\"\n    nameservers:\n      addresses:\n        - \"10.0.0.2\"\n      search: []\n    mtu: 1400\n"
        );
    }

    #[test]
    fn a_packed_document_is_the_same_machine_in_fewer_bytes() {
        let mut machine = machine();
        machine.files.push(File::new("/etc/x/long", 0o600, "the same line\n".repeat(50)));
        for effort in [Effort::Usual, Effort::Utmost] {
            let (packed, plain) = (user_data_packed(&machine, effort), user_data(&machine));
            assert!(packed.len() + 500 < plain.len(), "{} of {}", packed.len(), plain.len());
            assert_eq!(packed.matches(r#"encoding: "gz+b64""#).count(), 1, "short files stay readable");
            let (packed, plain) = (decode(&packed).expect("our own"), decode(&plain).expect("our own"));
            assert_eq!((packed.files, packed.commands), (plain.files, plain.commands));
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let machine = machine();
        let decoded = decode(&user_data(&machine)).expect("our own document");
        assert_eq!(decoded.files, files(&machine));
        assert_eq!(decoded.hostname, "716064e0");
        assert_eq!(decoded.commands[1], ["install", "-d", "-m", "0700", "/etc/x"]);
    }
}
