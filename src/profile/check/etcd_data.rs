//! Where etcd keeps its data: that first boot and kubeadm mean the same directory, and a disk that stays what it is.
//!
//! In: the profile as written. Out: findings. Absent on purpose: whether the disk is there, which the machine sees.

use super::super::codes;
use super::super::raw::{Point, Raw, RawNode};
use super::super::shape::brief;
use super::super::spec::Role;
use super::conflicts::key_or_value;
use super::{below, text, written};
use crate::diag::Report;

/// Directories that hold what a machine needs to boot: a disk mounted there would hide it.
const NEEDED: &[&str] = &["", "/etc", "/home", "/opt", "/root", "/run", "/tmp", "/usr", "/var", "/var/lib", "/var/log"];

/// How kernels number disks in the order in which they find them.
const NUMBERED: &[&str] = &["/dev/sd", "/dev/vd", "/dev/xvd", "/dev/hd", "/dev/nvme", "/dev/dm-", "/dev/md"];

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    if let Some(machine) = raw.nodes.iter().find(|node| node.is(Role::Etcd)) {
        elsewhere(raw, machine, report);
    }
    directory(raw, report);
    argument(raw, report);
    disk(raw, report);
}

/// Settings of an etcd on the control planes, where there is none.
fn elsewhere(raw: &Raw<'_>, machine: &RawNode<'_>, report: &mut Report) {
    const PATH: &[&str] = &["etcd", "local"];
    let Some(node) = below(raw, "clusterConfiguration", PATH) else { return };
    report.push(
        codes::DOCUMENT_CONFLICT
            .found("`clusterConfiguration.etcd.local` is about an etcd that is not there")
            .at(key_or_value(raw, "clusterConfiguration", PATH, node), "etcd on the control planes")
            .at(machine.place.clone(), "etcd has machines of its own")
            .help("leave it out; a drop-in for kubespore-etcd.service in `files` sets what etcd takes, as `Environment=ETCD_…`"),
    );
}

/// The directory of `etcd.local`: absolute, and with a directory above it that a disk can be mounted on.
fn directory(raw: &Raw<'_>, report: &mut Report) {
    let Some(node) = below(raw, "clusterConfiguration", &["etcd", "local", "dataDir"]) else { return };
    let Some(path) = text(node) else { return };
    let plain = path.starts_with('/') && !path[1..].split('/').any(|part| matches!(part, "" | "." | ".."));
    if !plain {
        let finding = codes::ETCD_DATA.found(format!("`{}` is not a directory for etcd's data", brief(path)));
        report.push(finding.at(node.span.clone(), "an absolute path without `.`, `..` or a `/` at its end"));
        return;
    }
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    if let Some(disk) = &raw.etcd_disk
        && NEEDED.contains(&above)
    {
        let mount_point = if above.is_empty() { "/" } else { above };
        report.push(
            codes::ETCD_DATA
                .found(format!("the disk of etcd would be mounted on {mount_point}"))
                .at(node.span.clone(), "the disk is mounted on the directory above this one")
                .point(disk, "the disk")
                .help("leave `dataDir` out, or write a directory below one that is etcd's alone: `/data/etcd/member`"),
        );
    }
}

/// The argument behind kubeadm's back.
fn argument(raw: &Raw<'_>, report: &mut Report) {
    let given = written(below(raw, "clusterConfiguration", &["etcd", "local", "extraArgs"]));
    for argument in given.into_iter().filter(|argument| argument.name == "data-dir") {
        report.push(
            codes::ETCD_DATA
                .found("etcd is told to keep its data where its pod has nothing mounted")
                .at(argument.at, "the data would go with the container")
                .help("write it as `clusterConfiguration.etcd.local.dataDir`"),
        );
    }
}

fn disk(raw: &Raw<'_>, report: &mut Report) {
    let Some(disk) = &raw.etcd_disk else { return };
    let path = disk.value.as_str();
    let name = path.strip_prefix("/dev/");
    if name.is_none_or(|name| !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._:+-".contains(&byte))) {
        let finding = codes::ETCD_DISK.found(format!("`{}` is not a disk", brief(path)));
        report.push(
            finding
                .point(disk, "a path below /dev of letters, digits and `/._:+-`")
                .help("for example `/dev/disk/by-label/etcd`"),
        );
    } else if NUMBERED.iter().any(|prefix| path.starts_with(prefix)) {
        report.push(
            codes::DISK_NUMBERED
                .found(format!("{path} may be another disk after the next boot"))
                .point(disk, "numbered in the order in which the kernel finds disks")
                .help("give the file system a label and write `/dev/disk/by-label/etcd`"),
        );
    }
}
