//! The settings of a member of an etcd that has machines of its own.
//!
//! In: facts. Out: `etcd.env`, one `ETCD_FLAG='value'` a flag, which `kubespore-etcd.service` reads. Absent on purpose: the
//! flags that say how a member begins; the supervisor decides those and writes them beside its marks. etcd heeds either a
//! configuration file or its environment, never both, and only the environment can be of two files.
//!
//! Source: etcd `Documentation/op-guide/configuration.md`; the choices are those of kubeadm's own etcd
//! (`cmd/kubeadm/app/phases/etcd/local.go`, `getEtcdCommand`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::FirstBoot;

/// Port of etcd's clients.
pub const CLIENTS: u16 = 2379;

/// Port at which members of etcd reach each other.
pub const PEERS: u16 = 2380;

/// Port of metrics and health in plain HTTP, on the loopback interface alone.
const METRICS: u16 = 2381;

/// Where the image puts the certificates, and where they stay.
const CERTIFICATES: &str = "/etc/kubespore/pki/etcd";

/// Writes the whole file.
pub(super) fn settings(boot: &FirstBoot<'_>) -> String {
    let mut text = String::from("# Made by kubespore; edit the profile, not this file.\n");
    for (name, value) in values(boot) {
        // systemd reads quotes as a shell does; no value has one in it, nor a backslash.
        writeln!(text, "ETCD_{name}='{value}'").expect("a String takes everything");
    }
    text
}

fn values(boot: &FirstBoot<'_>) -> Vec<(&'static str, String)> {
    let own = *boot.addresses.first().expect("a machine has an address");
    let loopback: IpAddr = if own.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let url = |scheme: &str, address: IpAddr, port: u16| format!("{scheme}://{}", SocketAddr::new(address, port));
    let certificate = |name: &str| format!("{CERTIFICATES}/{name}");
    let on = || "true".to_owned();
    vec![
        ("NAME", boot.node.to_owned()),
        ("DATA_DIR", boot.etcd_data.to_owned()),
        ("LISTEN_PEER_URLS", url("https", own, PEERS)),
        ("INITIAL_ADVERTISE_PEER_URLS", url("https", own, PEERS)),
        ("LISTEN_CLIENT_URLS", format!("{},{}", url("https", loopback, CLIENTS), url("https", own, CLIENTS))),
        ("ADVERTISE_CLIENT_URLS", url("https", own, CLIENTS)),
        ("LISTEN_METRICS_URLS", url("http", loopback, METRICS)),
        ("CERT_FILE", certificate("server.crt")),
        ("KEY_FILE", certificate("server.key")),
        ("CLIENT_CERT_AUTH", on()),
        ("TRUSTED_CA_FILE", certificate("ca.crt")),
        ("PEER_CERT_FILE", certificate("peer.crt")),
        ("PEER_KEY_FILE", certificate("peer.key")),
        ("PEER_CLIENT_CERT_AUTH", on()),
        ("PEER_TRUSTED_CA_FILE", certificate("ca.crt")),
        ("STRICT_RECONFIG_CHECK", on()),
        ("SNAPSHOT_COUNT", "10000".to_owned()),
    ]
}
