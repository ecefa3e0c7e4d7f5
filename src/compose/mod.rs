//! One machine put together from its plan.
//!
//! In: a plan. Out: a `Machine`, in no format's terms. Absent on purpose: choices, which `plan` has made,
//! and cloud-init.

mod boot;
mod disk;
mod documents;
mod node;
mod pki;
mod seat;

pub use documents::{classic_join_command, join_command};

use crate::balancer::{self, Contribution, Site};
use crate::host::{Directory, File, Machine, Unit};
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::profile::spec::{ExtraFile, LoadBalancer};

/// Puts one machine together.
#[must_use]
pub fn machine(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Machine {
    let mut files = node::files(cluster, node);
    let mut units = node::units(node);
    match node.act {
        Act::Balance => {
            let added = balance(cluster);
            files.extend(added.files);
            units.extend(added.units);
        }
        Act::Found | Act::JoinControlPlane | Act::JoinWorker => {
            files.extend(pki::files(cluster, node));
            files.extend(documents::files(cluster, node));
            files.extend(seat::file(cluster, node));
            let boot = boot::facts(cluster, node);
            files.extend(boot.files());
            units.extend(disk::unit(cluster, node));
            units.extend(boot.units());
            units.extend(node.os.units(boot::DONE));
            if boot.swap_off() {
                files.extend(node.os.swap_files());
            }
        }
    }
    files.extend(user_files(cluster, node));
    Machine {
        instance_id: node.instance_id.clone(),
        hostname: node.spec.name.clone(),
        directories: directories(node.act),
        files,
        units,
        users: cluster.spec.users.clone(),
        network: node::network(node),
    }
}

/// What must not be readable from the first byte on: made before any file lands.
fn directories(act: Act) -> Vec<Directory> {
    let paths: &[&str] = match act {
        Act::Balance => &[],
        Act::Found | Act::JoinControlPlane | Act::JoinWorker => &[
            "/etc/kubespore",
            "/etc/kubespore/kubeadm",
            "/etc/kubespore/manifests",
            "/etc/kubespore/pki",
            "/etc/kubespore/pki/etcd",
            "/var/lib/kubespore",
        ],
    };
    paths.iter().map(|path| Directory { path: (*path).to_owned(), mode: 0o700 }).collect()
}

fn balance(cluster: &ClusterPlan<'_>) -> Contribution {
    let host = cluster.spec.endpoint.host.to_string();
    let servers = cluster.control_planes().map(|plane| (plane.spec.name.as_str(), (plane.address, node::API_PORT).into()));
    let site = Site {
        port: cluster.spec.endpoint.port,
        host: &host,
        health_path: cluster.release.health_path,
        ca_certificate: &cluster.bundle.ca.certificate,
        servers: servers.collect(),
    };
    match cluster.spec.load_balancer {
        LoadBalancer::Haproxy => balancer::haproxy::contribute(&site),
        LoadBalancer::External { .. } | LoadBalancer::None => Contribution { files: Vec::new(), units: Vec::<Unit>::new() },
    }
}

fn user_files(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<File> {
    let meant = |file: &&ExtraFile| file.roles.is_empty() || file.roles.contains(&node.spec.role);
    let chosen = cluster.spec.files.iter().filter(meant).chain(&node.spec.files);
    chosen.map(|file| File::new(file.path.as_str(), file.mode, file.content.as_slice())).collect()
}
