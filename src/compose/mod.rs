//! One machine put together from its plan.
//!
//! In: a plan. Out: a `Machine`, in no format's terms. Absent on purpose: choices, which `plan` has made,
//! and cloud-init.

mod boot;
mod disk;
mod documents;
mod encryption;
mod kubelet;
mod node;
mod pki;
mod preflight;
mod seat;

pub use documents::{classic_join_command, join_command, upload_script};
pub use node::API_PORT;

use crate::balancer::{self, Contribution, Site};
use crate::host::{Directory, File, Machine, Unit};
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::profile::spec::{ExtraFile, LoadBalancer};
use crate::{first_boot, terse};

/// How the texts that we write are worded; what a user wrote is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// With what helps whoever reads them on the machine.
    Full,
    /// Scripts, units and settings without comments, blank lines and indentation.
    Terse,
}

/// Puts one machine together.
#[must_use]
pub fn machine(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Machine {
    worded(cluster, node, Wording::Full)
}

/// Puts one machine together, its texts worded as told.
#[must_use]
pub fn worded(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, wording: Wording) -> Machine {
    let mut files = node::files(cluster, node);
    let mut units = node::units(node);
    match node.act {
        Act::Balance => {
            let added = balance(cluster);
            files.extend(added.files);
            units.extend(added.units);
        }
        Act::RunEtcd => {
            files.extend(pki::files(cluster, node));
            let boot = boot::facts(cluster, node);
            files.extend(boot.files());
            units.extend(boot.units());
        }
        Act::Found | Act::JoinControlPlane | Act::JoinWorker => {
            files.extend(pki::files(cluster, node));
            files.extend(documents::files(cluster, node));
            files.extend(encryption::file(cluster, node));
            files.extend(seat::file(cluster, node));
            let boot = boot::facts(cluster, node);
            files.extend(boot.files());
            units.extend(disk::unit(cluster, node));
            units.extend(boot.units());
            units.extend(node.os.units(boot::DONE));
            if !kubelet::beside_swap(cluster, node) {
                files.extend(node.os.swap_files());
            }
        }
    }
    if wording == Wording::Terse {
        files.iter_mut().for_each(shorten);
        units.iter_mut().for_each(shorten_unit);
    }
    files.extend(user_files(cluster, node));
    Machine {
        instance_id: node.instance_id.clone(),
        hostname: node.spec.name.clone(),
        directories: directories(node),
        files,
        units,
        users: cluster.spec.users.clone(),
        network: node::network(node),
    }
}

/// Where every file of ours is one of lines, a comment being a whole one.
const OF_LINES: &[&str] =
    &["/etc/chrony/", "/etc/containerd/", "/etc/haproxy/", "/etc/modules-load.d/", "/etc/sysctl.d/", "/etc/systemd/"];

fn shorten(file: &mut File) {
    let Ok(text) = std::str::from_utf8(&file.content) else { return };
    let shorter = if text.starts_with("#!/bin/sh\n") || file.path == first_boot::NODE_ENV {
        terse::script(text)
    } else if OF_LINES.iter().any(|place| file.path.starts_with(place)) {
        terse::lines(text)
    } else {
        return;
    };
    file.content = shorter.into_bytes().into();
}

fn shorten_unit(unit: &mut Unit) {
    let drop_ins = unit.drop_ins.iter_mut().map(|(_, text)| text);
    unit.content.iter_mut().chain(drop_ins).for_each(|text| *text = terse::lines(text));
}

/// What must not be readable from the first byte on: made before any file lands.
fn directories(node: &NodePlan<'_>) -> Vec<Directory> {
    let paths: &[&str] = match node.act {
        Act::Balance => &[],
        Act::RunEtcd => &["/etc/kubespore", "/etc/kubespore/pki", "/etc/kubespore/pki/etcd", "/var/lib/kubespore"],
        Act::Found | Act::JoinControlPlane | Act::JoinWorker => &[
            "/etc/kubespore",
            "/etc/kubespore/kubeadm",
            "/etc/kubespore/manifests",
            "/etc/kubespore/pki",
            "/etc/kubespore/pki/etcd",
            "/var/lib/kubespore",
        ],
    };
    let encryption = node.holds.encryption_key.then_some(&encryption::DIRECTORY);
    paths.iter().chain(encryption).map(|path| Directory { path: (*path).to_owned(), mode: 0o700 }).collect()
}

fn balance(cluster: &ClusterPlan<'_>) -> Contribution {
    let host = cluster.spec.endpoint.host.to_string();
    let servers = cluster.control_planes().map(|plane| (plane.spec.name.as_str(), (plane.address, node::API_PORT).into()));
    let site = Site {
        port: cluster.spec.endpoint.port,
        host: &host,
        health_path: cluster.release.health_path,
        ca_certificate: &cluster.bundle.trusted(),
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
