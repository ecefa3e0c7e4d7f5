//! What a machine needs before anything of Kubernetes runs: kernel, names, time, runtime, network.
//!
//! In: a plan. Out: files, the image's own units to switch on, the network. Absent on purpose: kubeadm.

use std::net::IpAddr;

use serde::Serialize;

use crate::host::{File, InterfaceMatch, Network, Unit};
use crate::net::IpNet;
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::runtime::{self, Containerd};
use crate::templates::fill;

/// The port every API server listens on.
pub const API_PORT: u16 = 6443;

/// Overlay file systems for containerd, bridged packets for iptables (kubernetes.io, "Container Runtimes").
const MODULES: &str = "# Made by kubespore; edit the profile, not this file.\noverlay\nbr_netfilter\n";

/// What kubeadm's preflight of some release or other reads as 1, in either IP family.
const SYSCTLS: &str = "# Made by kubespore; edit the profile, not this file.\n\
net.ipv4.ip_forward = 1\n\
net.ipv6.conf.all.forwarding = 1\n\
net.ipv6.conf.default.forwarding = 1\n\
net.bridge.bridge-nf-call-iptables = 1\n\
net.bridge.bridge-nf-call-ip6tables = 1\n";

/// The kubelet waits for the gate and the runtime, and for kubeadm: packages start it at once, and without its
/// configuration it would end and begin every ten seconds for as long as the machine waits. One that began before this was
/// read, the supervisor stops. The packaged `10-kubeadm.conf` stays as it is.
const KUBELET_DROP_IN: &str = "[Unit]\nConditionPathExists=/var/lib/kubelet/config.yaml\n\
After=kubespore-gate.service containerd.service\nWants=containerd.service\n";

/// Files of the machine itself.
pub fn files(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<File> {
    let mut files = vec![File::new("/etc/hosts", 0o644, hosts(cluster))];
    if node.has_seed_medium() {
        files.extend(network(node).and_then(|network| interface_name(&network)));
    }
    if !cluster.spec.ntp_servers.is_empty() {
        files.extend(time(&cluster.spec.ntp_servers));
    }
    if node.act.is_node() {
        files.push(File::new("/etc/modules-load.d/kubespore.conf", 0o644, MODULES));
        files.push(File::new("/etc/sysctl.d/90-kubespore.conf", 0o644, SYSCTLS));
        let mirrors: Vec<_> = cluster.spec.registry_mirrors.iter().map(|m| (m.registry.clone(), m.mirrors.clone())).collect();
        files.extend(runtime::files(&Containerd {
            sandbox_image: &cluster.pause_image,
            cni_bin_dir: node.os.cni_bin_dir,
            mirrors: &mirrors,
        }));
    }
    files
}

/// What has udev give the interface its name (systemd.link(5)).
///
/// cloud-init renames it at every boot as long as it runs, which on a machine with a seed of its own is the first; netplan
/// would tell udev, but not every image has netplan. An image's own file about the interface comes first.
fn interface_name(network: &Network) -> Option<File> {
    let InterfaceMatch::Mac(mac) = &network.matching else { return None };
    let name = InterfaceMatch::RENAMED;
    let text = format!("[Match]\nMACAddress={mac}\nType=!vlan bond bridge\n\n[Link]\nName={name}\n");
    Some(File::new("/etc/systemd/network/80-kubespore.link", 0o644, text))
}

/// Units of the image that read what we wrote.
pub fn units(node: &NodePlan<'_>) -> Vec<Unit> {
    match node.act {
        Act::Balance | Act::RunEtcd => Vec::new(),
        Act::Found | Act::JoinControlPlane | Act::JoinWorker => vec![Unit {
            name: "kubelet.service".into(),
            content: None,
            drop_ins: vec![("20-kubespore.conf".into(), KUBELET_DROP_IN.into())],
            enabled: false,
            started: false,
        }],
    }
}

fn hosts(cluster: &ClusterPlan<'_>) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        address: String,
        names: &'a [String],
    }
    #[derive(Serialize)]
    struct Hosts<'a> {
        lines: Vec<Line<'a>>,
    }
    let lines = cluster.hosts.iter().map(|(address, names)| Line { address: address.to_string(), names }).collect();
    fill("node/hosts.j2", Hosts { lines })
}

/// The same servers for either client; whichever the image has reads its own file.
fn time(servers: &[String]) -> [File; 2] {
    let chrony: String = servers.iter().map(|server| format!("server {server} iburst\n")).collect();
    let timesyncd = format!("[Time]\nNTP={}\n", servers.join(" "));
    [
        File::new("/etc/chrony/sources.d/kubespore.sources", 0o644, chrony),
        File::new("/etc/systemd/timesyncd.conf.d/50-kubespore.conf", 0o644, timesyncd),
    ]
}

/// The static network; a machine that configures itself has none.
pub fn network(node: &NodePlan<'_>) -> Option<Network> {
    let spec = node.spec;
    if spec.dhcp {
        return None;
    }
    let matching = match (spec.mac, &spec.interface) {
        (Some(mac), _) => InterfaceMatch::Mac(mac),
        (None, Some(name)) => InterfaceMatch::Name(name.clone()),
        (None, None) => InterfaceMatch::Name("e*".into()),
    };
    let addresses: Vec<IpNet> = std::iter::once(spec.address).chain(spec.second_address).collect();
    let gateways: Vec<IpAddr> = spec.gateway.into_iter().collect();
    Some(Network {
        matching,
        addresses,
        gateways,
        routes: Vec::new(),
        nameservers: spec.nameservers.clone(),
        search: spec.search.clone(),
        mtu: spec.mtu,
    })
}
