//! The disk under etcd's data.
//!
//! In: a plan. Out: the unit that mounts it, on control planes of a profile that declares one. Absent on purpose: making
//! a file system, which nothing here ever does, and waiting for the mount, which is the supervisor's (`first_boot`).

use crate::host::Unit;
use crate::plan::{Act, ClusterPlan, NodePlan};

/// Makes the mount unit. The directory above etcd's data is the mount point, so that the data can be renamed in place.
pub fn unit(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<Unit> {
    let device = cluster.spec.etcd_disk.as_deref()?;
    if !matches!(node.act, Act::Found | Act::JoinControlPlane) {
        return None;
    }
    let mount_point = cluster.spec.etcd_data().rsplit_once('/')?.0;
    // The device brings the mount along whenever it appears: the mount of a late disk would have failed at boot.
    let content = format!(
        "[Unit]\nDescription=The disk of etcd's data\n\n\
         [Mount]\nWhat={device}\nWhere={mount_point}\n\n\
         [Install]\nWantedBy=local-fs.target {}.device\n",
        escaped(device)
    );
    Some(Unit {
        name: format!("{}.mount", escaped(mount_point)),
        content: Some(content),
        drop_ins: Vec::new(),
        enabled: true,
        started: true,
    })
}

/// Turns a path into the name of its unit, as `systemd-escape --path` does (systemd.unit(5)).
fn escaped(path: &str) -> String {
    let mut name = String::new();
    for (position, byte) in path.trim_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if position == 0 => name.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => name.push(char::from(byte)),
            _ => name.push_str(&format!("\\x{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::escaped;

    /// What `systemd-escape --path` of systemd 252 prints.
    #[test]
    fn unit_names_are_systemds() {
        for (path, name) in [
            ("/var/lib/etcd", "var-lib-etcd"),
            ("/dev/disk/by-label/etcd", r"dev-disk-by\x2dlabel-etcd"),
            ("/dev/mapper/vg0-etcd", r"dev-mapper-vg0\x2detcd"),
            ("/.data/etcd.d", r"\x2edata-etcd.d"),
        ] {
            assert_eq!(escaped(path), name);
        }
    }
}
