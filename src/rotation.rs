//! The change of the cluster's authority on machines that live: what each runs in a round, and in which order.
//!
//! In: a plan whose bundle is in such a change. Out: a script a machine, and lines to paste. Absent on purpose: the
//! authorities themselves (`secrets`), and any connection: an operator carries the scripts to the machines.

use serde::Serialize;

use crate::balancer::haproxy;
use crate::compose::API_PORT;
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::secrets::CaRotation;
use crate::templates::fill;

/// The script's name beside a machine's seed.
pub const SCRIPT: &str = "rotate-ca.sh";

/// Writes what a machine runs in the round that the change is in; `None` when there is no change, or the machine has no part in it.
#[must_use]
pub fn script(plan: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<String> {
    #[derive(Serialize)]
    struct Values<'a> {
        node: &'a str,
        role: &'a str,
        round: u8,
        trusted: String,
        signing: Option<&'a str>,
        key: Option<&'a str>,
        certs: String,
        api: String,
        balancer_ca: &'a str,
    }
    let rotation = plan.bundle.ca_rotation.as_ref()?;
    let plane = matches!(node.act, Act::Found | Act::JoinControlPlane);
    if node.act == Act::RunEtcd {
        return None;
    }
    let ca = &plan.bundle.ca;
    let signs = plane && matches!(rotation, CaRotation::Sign(_));
    Some(fill(
        "rotation/rotate-ca.sh.j2",
        Values {
            node: node.spec.name.as_str(),
            role: node.spec.role.as_str(),
            round: rotation.round(),
            trusted: plan.bundle.trusted(),
            signing: plan.bundle.signing_certificate(),
            key: signs.then(|| ca.key.expose()),
            certs: plan.release.certs(),
            api: format!("https://{}", std::net::SocketAddr::new(node.address, API_PORT)),
            balancer_ca: haproxy::CA_FILE,
        },
    ))
}

/// How the commands of a round name what they work on.
#[derive(Debug)]
pub struct Words<'a> {
    /// The profile.
    pub profile: &'a str,
    /// Where it is rendered.
    pub rendered: &'a str,
    /// The arguments by which the bundle is found and opened, as they were given.
    pub bundle: &'a [String],
}

/// Lists what an operator does in this round, a block to paste whole where the profile is: it ends where a machine fails, and may be pasted
/// again. The last line is a comment, the command for when all of it is done. Empty when there is no change.
#[must_use]
pub fn steps(plan: &ClusterPlan<'_>, words: &Words<'_>) -> Vec<String> {
    let Some(rotation) = &plan.bundle.ca_rotation else { return Vec::new() };
    let (profile, rendered) = (quoted(words.profile), quoted(words.rendered));
    let bundle: String = words.bundle.iter().map(|word| format!(" {}", quoted(word))).collect();
    let mut lines = vec!["(set -e".to_owned(), format!("kubespore render {profile} --locked -o {rendered}{bundle}")];
    let order = |node: &&NodePlan<'_>| match node.act {
        Act::Balance => 0,
        Act::Found | Act::JoinControlPlane => 1,
        _ => 2,
    };
    let mut machines: Vec<_> = plan.nodes.iter().filter(|node| node.act != Act::RunEtcd).collect();
    machines.sort_by_key(order);
    lines.extend(machines.iter().map(|node| {
        let (name, address) = (&node.spec.name, node.spec.address.addr());
        format!("ssh root@{address} sh -s <{rendered}/nodes/{name}/{SCRIPT}")
    }));
    if matches!(rotation, CaRotation::Trust(_)) {
        lines.push(format!("export KUBECONFIG={rendered}/admin.kubeconfig"));
        lines.push(
            "for namespace in $(kubectl get namespaces -o name); do \
             kubectl -n \"${namespace#*/}\" rollout restart deployment,daemonset,statefulset; done"
                .to_owned(),
        );
    }
    lines.push(")".to_owned());
    lines.push(format!(
        "# once every machine has said that its round is done: kubespore secrets rotate ca {profile} --next -o {rendered}{bundle}"
    ));
    lines
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
