//! How long everything of a cluster works.
//!
//! In: a plan. Out: the manifest's lifetimes, as things will behave and not as they are labelled: a token's
//! life begins with `kubeadm init`, a leaf's on the machine. Absent on purpose: the present moment.

use serde_json::Value;

use crate::handover::Lifetime;
use crate::kubeadm::duration;
use crate::plan::ClusterPlan;
use crate::profile::spec::Distribution;
use crate::secrets::{instant, late_token_until};

/// kubeadm's own choice (`cmd/kubeadm/app/constants/constants.go`, `CertificateValidityPeriod`).
const LEAF: &str = "8760h0m0s";

/// Lists what ends, the cluster's foundation first.
#[must_use]
pub fn of(plan: &ClusterPlan<'_>) -> Vec<Lifetime> {
    let (spec, bundle) = (plan.spec, plan.bundle);
    let until = |name: &str, instant: String, needed, then: &str| Lifetime {
        name: name.into(),
        until: Some(instant),
        lasts: None,
        from: None,
        needed,
        then: then.into(),
    };
    let counted = |name: &str, lasts: Option<String>, from: &str, then: &str| Lifetime {
        name: name.into(),
        until: None,
        from: lasts.is_some().then(|| from.into()),
        lasts,
        needed: false,
        then: then.into(),
    };
    let leaf = spec.documents.cluster.get("certificateValidityPeriod").and_then(Value::as_str).unwrap_or(LEAF);
    let mut all = vec![
        until(
            "certificate authorities",
            instant(bundle.authorities_until()),
            true,
            "nothing in the cluster trusts anything; rotate them long before",
        ),
        counted("service-account key", None, "", ""),
        until(
            "administrator's certificate (`admin.kubeconfig`)",
            instant(bundle.admin_until()),
            true,
            "`kubespore secrets rotate admin` makes another",
        ),
    ];
    let waits = "a machine that has not joined, or was wiped, waits and says which command renews its token";
    if spec.bootstrap.existing {
        let holders = plan.nodes.iter().filter(|node| node.holds.own_token);
        let first = holders.filter_map(|node| late_token_until(spec, bundle, node.spec)).min();
        all.extend(
            first.map(|first| until("bootstrap tokens (`nodes/NODE/bootstrap-token.yaml`)", instant(first), false, waits)),
        );
    } else {
        all.push(until(
            "permission to found the cluster",
            instant(bundle.found_until),
            false,
            "these images join, but found no cluster: one that never came up stays down",
        ));
        let life = (spec.join.token_ttl != 0).then(|| duration(spec.join.token_ttl));
        all.push(counted("bootstrap tokens", life, "`kubeadm init`", waits));
    }
    if spec.pki.distribution == Distribution::CertificateKey {
        let then = if spec.bootstrap.existing {
            "on a living control plane `kubeadm init phase upload-certs --upload-certs` uploads them anew, with the certificate key".into()
        } else {
            format!(
                "the founder uploads them anew until every control plane has joined, at the latest until {}",
                instant(bundle.found_until)
            )
        };
        all.push(counted("uploaded certificates", Some(duration(2 * 3600)), "their upload", &then));
    }
    all.push(counted(
        "the components' certificates",
        Some(leaf.to_owned()),
        "the machine's own `kubeadm init` or `join`",
        "renewed by every `kubeadm upgrade`; else by `kubeadm certs renew all` on each control plane",
    ));
    all
}
