//! Arguments that are this tool's or kubeadm's own, which every machine would get in place of what was made for it.

use super::super::codes;
use super::super::raw::Raw;
use super::{Argument, arguments, below, shared_kubelet_arguments, written};
use crate::diag::Report;
use crate::kubernetes::removed::Component;
use crate::runtime::{CRI_SOCKET, SOCKET};

/// An argument that is not a profile's to give.
struct Owned {
    program: &'static str,
    flag: &'static str,
    /// Values that say what is so anyway.
    anyway: &'static [&'static str],
    why: &'static str,
    help: &'static str,
}

const fn owned(program: &'static str, flag: &'static str, why: &'static str, help: &'static str) -> Owned {
    Owned { program, flag, anyway: &[], why, help }
}

const KUBELET: &str = "kubelet";
const API_SERVER: &str = "kube-apiserver";
const MANAGER: &str = "kube-controller-manager";
const ETCD: &str = "etcd";

const LEAVE_OUT: &str = "leave it out";
const ETCD_NODES: &str = "leave it out: where etcd runs follows from the nodes and their roles";
const SERVICES: &str = "use `networking.serviceSubnet`";
const CONTAINERD: &str = "containerd runs the containers, and first boot starts and checks it there";
const EVERY_MEMBER: &str = "every member would have one machine's";
const CERTIFICATES: &str = "kubeadm names the certificate whose authority is in the secrets bundle";

const OWNED: &[Owned] = &[
    owned(
        KUBELET,
        "config",
        "kubeadm writes the kubelet's configuration to /var/lib/kubelet/config.yaml",
        "use `kubeletConfiguration`",
    ),
    owned(KUBELET, "kubeconfig", "kubeadm writes the kubelet's credential to /etc/kubernetes/kubelet.conf", LEAVE_OUT),
    owned(KUBELET, "bootstrap-kubeconfig", "kubeadm writes what the kubelet joins with", LEAVE_OUT),
    owned(
        KUBELET,
        "hostname-override",
        "certificates and the join credential are made for the node's name",
        "change the node's `name`",
    ),
    owned(
        KUBELET,
        "node-ip",
        "certificates, routes and load balancers are made for the node's address",
        "change the node's `address`",
    ),
    owned(
        KUBELET,
        "volume-plugin-dir",
        "it is where the operating system can be written to, and the controller manager looks there too",
        LEAVE_OUT,
    ),
    Owned {
        anyway: &["true"],
        ..owned(KUBELET, "register-node", "no Node would appear, and first boot waits for it", LEAVE_OUT)
    },
    Owned { anyway: &["remote"], ..owned(KUBELET, "container-runtime", CONTAINERD, LEAVE_OUT) },
    Owned { anyway: &[CRI_SOCKET, SOCKET], ..owned(KUBELET, "container-runtime-endpoint", CONTAINERD, LEAVE_OUT) },
    owned(API_SERVER, "etcd-servers", "the API server would ask another etcd than the cluster's", ETCD_NODES),
    owned(API_SERVER, "service-cluster-ip-range", "certificates and the DNS address are made for the profile's range", SERVICES),
    Owned {
        anyway: &["true"],
        ..owned(API_SERVER, "allow-privileged", "kube-proxy is privileged, and no pod network works without", LEAVE_OUT)
    },
    owned(MANAGER, "service-cluster-ip-range", "the API server hands out addresses of the profile's range", SERVICES),
    owned(
        MANAGER,
        "cluster-cidr",
        "kube-proxy and the built-in network are told the profile's range",
        "use `networking.podSubnet`",
    ),
    Owned {
        anyway: &["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/cluster-signing.crt"],
        ..owned(MANAGER, "cluster-signing-cert-file", CERTIFICATES, LEAVE_OUT)
    },
    Owned { anyway: &["/etc/kubernetes/pki/ca.key"], ..owned(MANAGER, "cluster-signing-key-file", CERTIFICATES, LEAVE_OUT) },
    owned(ETCD, "name", EVERY_MEMBER, LEAVE_OUT),
    owned(ETCD, "listen-client-urls", EVERY_MEMBER, LEAVE_OUT),
    owned(ETCD, "listen-peer-urls", EVERY_MEMBER, LEAVE_OUT),
    owned(ETCD, "advertise-client-urls", EVERY_MEMBER, LEAVE_OUT),
    owned(ETCD, "initial-advertise-peer-urls", EVERY_MEMBER, LEAVE_OUT),
    owned(ETCD, "initial-cluster", "members join one after another, and each is told who is there", LEAVE_OUT),
    owned(
        ETCD,
        "initial-cluster-state",
        "members join one after another, and each is told whether there is a cluster",
        LEAVE_OUT,
    ),
];

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let etcd = written(below(raw, "clusterConfiguration", &["etcd", "local", "extraArgs"]));
    // What a document gives every kubelet of these has a finding of its own.
    let shared: Vec<_> = shared_kubelet_arguments(raw).into_iter().map(|argument| argument.at).collect();
    let per_machine = |argument: &Argument<'_>| {
        matches!(argument.name.as_str(), "node-ip" | "hostname-override") && shared.contains(&argument.at)
    };
    let of = |component: Component| arguments(raw, component).into_iter().map(move |argument| (component.program(), argument));
    let given = [Component::ApiServer, Component::ControllerManager, Component::Kubelet].into_iter().flat_map(of);
    for (program, argument) in given.chain(etcd.into_iter().map(|argument| (ETCD, argument))) {
        let row = OWNED.iter().find(|row| row.program == program && row.flag == argument.name);
        let Some(row) = row.filter(|row| !row.anyway.contains(&argument.value) && !per_machine(&argument)) else { continue };
        report.push(
            codes::OWNED_ARGUMENT
                .found(format!("`{}` of {program} is not the profile's to say", row.flag))
                .at(argument.at, row.why)
                .help(row.help),
        );
    }
}
