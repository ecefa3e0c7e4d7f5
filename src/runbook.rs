//! What an operator does in later life, in the release's own commands and for a machine of this cluster.
//!
//! In: a plan. Out: lines to paste, for the cluster's page. Absent on purpose: the sentences around them, which are the
//! template's; and anything that first boot does by itself.

use std::net::SocketAddr;

use crate::first_boot::{ETCD_CLIENTS, ETCD_PEERS};
use crate::handover::{EtcdCommands, Runbook};
use crate::plan::{ClusterPlan, NodePlan};

/// Revisions nobody has seen: what watches the cluster would otherwise wait for those that the snapshot does not know
/// (etcd `CHANGELOG-3.6.md`, `etcdutl snapshot restore`).
const BEYOND: &str = " --bump-revision 1000000000 --mark-compacted";

/// Writes the commands; those of etcd for the first of the machines that run it.
#[must_use]
pub fn of(plan: &ClusterPlan<'_>) -> Runbook {
    let external = plan.etcd_members().next();
    let etcd = match external {
        Some(member) => Some(commands(plan, member, true)),
        None => plan.control_planes().next().map(|member| commands(plan, member, false)),
    };
    let replaces_authority = plan.release.two_authorities && !plan.bundle.ca.is_below_another();
    Runbook { certs: plan.release.certs(), replaces_authority, etcd }
}

fn commands(plan: &ClusterPlan<'_>, member: &NodePlan<'_>, external: bool) -> EtcdCommands {
    let data = plan.spec.etcd_data();
    let name = member.spec.name.as_str();
    let url = |port: u16| format!("https://{}", SocketAddr::new(member.address, port));
    let version = if external {
        plan.release.external_etcd_least(plan.spec.version.patch)
    } else {
        plan.release.etcd_tag(plan.spec.version.patch).to_owned()
    };
    let since = |minor: u32| minor_of(&version) >= minor;
    let (within, pki, place) = if external {
        ("", "/etc/kubespore/pki/etcd", "/root")
    } else {
        ("crictl exec $(crictl ps -q --name etcd) ", "/etc/kubernetes/pki/etcd", data)
    };
    // Before 3.4 etcdctl speaks the second API unless told; from 3.5 on another program restores (etcd's change logs).
    let etcdctl = if since(4) { "etcdctl" } else { "env ETCDCTL_API=3 etcdctl" };
    let restorer = if since(5) { "etcdutl" } else { etcdctl };
    let snapshot = format!("{place}/snapshot.db");
    let peer = url(ETCD_PEERS);
    EtcdCommands {
        external,
        machine: name.to_owned(),
        data: data.to_owned(),
        snapshot: snapshot.clone(),
        save: format!(
            "{within}{etcdctl} --endpoints {} --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt --key {pki}/healthcheck-client.key snapshot save {snapshot}",
            url(ETCD_CLIENTS)
        ),
        restore: format!(
            "{within}{restorer} snapshot restore {snapshot} --name {name} --initial-cluster {name}={peer} --initial-advertise-peer-urls {peer} --data-dir {data}/restored{}",
            if since(6) { BEYOND } else { "" }
        ),
    }
}

/// The second number of an etcd version such as `3.5.24`.
fn minor_of(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("the table's versions are numbers; a test walks them")
}

#[cfg(test)]
mod tests {
    use super::minor_of;
    use crate::kubernetes::releases;

    #[test]
    fn every_version_of_the_table_is_numbers() {
        for release in releases() {
            assert!(minor_of(release.etcd_tag(0)) >= 2, "{}", release.minor);
            assert!(minor_of(&release.external_etcd_least(0)) >= 4, "{}", release.minor);
        }
    }
}
