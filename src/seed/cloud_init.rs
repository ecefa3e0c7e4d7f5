//! cloud-init: user-data, meta-data, vendor-data and network-config.
//!
//! In: a machine. Out: four documents that cloud-init 22.2 to 26 read alike. Absent on purpose: jinja
//! (it would eat `{{ }}` in files), multipart (a second part's `write_files` would replace the first's),
//! other owners than root (cloud-init writes files before it makes users).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::host::{File, InterfaceMatch, Machine, Network, Unit, User};
use crate::tree::{RelPath, Tree};
use crate::yaml::{Yaml, is_literal, to_string};

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

/// All files a machine receives, those of its units included.
pub fn files(machine: &Machine) -> Vec<File> {
    let units = machine.units.iter().flat_map(unit_files);
    machine.files.iter().cloned().chain(units).collect()
}

fn unit_files(unit: &Unit) -> Vec<File> {
    let own = unit.content.iter().map(|text| File::new(format!("/etc/systemd/system/{}", unit.name), 0o644, text.as_str()));
    let drop_ins = unit.drop_ins.iter().map(|(name, text)| {
        let path = format!("/etc/systemd/system/{}.d/{name}", unit.name);
        File::new(path, 0o644, text.as_str())
    });
    own.chain(drop_ins).collect()
}

fn user_data(machine: &Machine) -> String {
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
    let made = machine.directories.iter();
    put("bootcmd", Yaml::Seq(made.map(|d| command(&["install", "-d", "-m", &format!("{:04o}", d.mode), &d.path])).collect()));
    if !machine.users.is_empty() {
        let users = std::iter::once(Yaml::str("default")).chain(machine.users.iter().map(user));
        put("users", Yaml::Seq(users.collect()));
    }
    put("write_files", Yaml::Seq(files(machine).iter().map(write_file).collect()));
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
        pairs.push(("sudo".to_owned(), Yaml::Seq(vec![Yaml::str("ALL=(ALL) NOPASSWD:ALL")])));
    }
    Yaml::Map(pairs)
}

fn write_file(file: &File) -> Yaml {
    let mut pairs = vec![
        ("path".to_owned(), Yaml::str(file.path.as_str())),
        ("owner".to_owned(), Yaml::str("root:root")),
        ("permissions".to_owned(), Yaml::Str(format!("{:04o}", file.mode))),
    ];
    match std::str::from_utf8(&file.content) {
        Ok(text) if is_literal(text) || text.is_empty() => pairs.push(("content".to_owned(), Yaml::Literal(text.to_owned()))),
        _ => {
            pairs.push(("encoding".to_owned(), Yaml::str("b64")));
            pairs.push(("content".to_owned(), Yaml::Str(STANDARD.encode(&file.content))));
        }
    }
    Yaml::Map(pairs)
}

/// What `runcmd` does: it only hands over to systemd, because it runs once and forgets failures.
///
/// A unit of the image may be running with the image's configuration, so it is restarted; one of ours is
/// started, so that a second run of cloud-init does not interrupt it.
fn start(units: &[Unit]) -> Vec<Yaml> {
    let pick = |wanted: &dyn Fn(&Unit) -> bool| units.iter().filter(|u| wanted(u)).map(|u| u.name.as_str()).collect::<Vec<_>>();
    let acts = [
        (vec!["systemctl", "enable"], pick(&|u| u.enabled)),
        (vec!["systemctl", "restart", "--no-block"], pick(&|u| u.started && u.content.is_none())),
        (vec!["systemctl", "start", "--no-block"], pick(&|u| u.started && u.content.is_some())),
    ];
    let acts = acts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(act, names)| [act, names].concat());
    std::iter::once(vec!["systemctl", "daemon-reload"]).chain(acts).map(|words| command(&words)).collect()
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

/// Version 2, with the default routes spelled as networks: `to: default` is unknown to older renderers.
fn network_config(network: Option<&Network>) -> String {
    let Some(network) = network else {
        // cloud-init 24.3 and later retries for a missing file; an empty one means "as the image does".
        return String::new();
    };
    let mut pairs = vec![];
    let (key, matching) = match &network.matching {
        InterfaceMatch::Mac(mac) => ("primary", Some(Yaml::map([("macaddress", Yaml::Str(mac.to_string()))]))),
        InterfaceMatch::Name(name) if name.contains(['*', '?', '[']) => {
            ("primary", Some(Yaml::map([("name", Yaml::str(name.as_str()))])))
        }
        InterfaceMatch::Name(name) => (name.as_str(), None),
    };
    if let Some(matching) = matching {
        pairs.push(("match".to_owned(), matching));
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
    to_string(&Yaml::Map(vec![
        ("version".to_owned(), Yaml::Int(2)),
        ("ethernets".to_owned(), Yaml::Map(vec![(key.to_owned(), Yaml::Map(pairs))])),
    ]))
}
