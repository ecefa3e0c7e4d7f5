//! How long everything of a cluster works.
//!
//! In: a plan. Out: the manifest's lifetimes, as things will behave and not as they are labelled: a token's
//! life begins with `kubeadm init`, a leaf's on the machine. What ends together stands in one row. Absent on purpose: the
//! present moment.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::handover::Lifetime;
use crate::kubeadm::duration;
use crate::plan::{ClusterPlan, NodePlan};
use crate::profile::spec::Distribution;
use crate::secrets::{Leaf, instant, late_token_since, late_token_until};

/// kubeadm's own choice (`cmd/kubeadm/app/constants/constants.go`, `CertificateValidityPeriod`).
const LEAF: &str = "8760h0m0s";

/// kubeadm's own choice for what it uploads (`cmd/kubeadm/app/constants/constants.go`, `DefaultCertTokenDuration`).
const UPLOAD: Duration = Duration::hours(2);

/// How something ends.
enum End {
    Never,
    At(OffsetDateTime),
    After { lasts: String, from: &'static str, latest: Option<OffsetDateTime> },
}

/// Lists what ends, the cluster's foundation first.
#[must_use]
pub fn of(plan: &ClusterPlan<'_>) -> Vec<Lifetime> {
    let mut all = foundation(plan);
    if !plan.spec.bootstrap.existing {
        let then = "these images join, but found no cluster: one that never came up stays down";
        all.push(row("permission to found the cluster", &[], End::At(plan.bundle.found_until), false, then));
    }
    all.extend(tokens(plan));
    all.extend(certificates(plan));
    all.extend(uploads(plan));
    all.push(components(plan));
    all
}

fn row(name: &str, nodes: &[&str], end: End, needed: bool, then: &str) -> Lifetime {
    let mut row = Lifetime {
        name: name.into(),
        nodes: nodes.iter().map(|name| (*name).to_owned()).collect(),
        until: None,
        lasts: None,
        from: None,
        latest: None,
        needed,
        then: then.into(),
    };
    match end {
        End::Never => {}
        End::At(until) => row.until = Some(instant(until)),
        End::After { lasts, from, latest } => {
            (row.lasts, row.from, row.latest) = (Some(lasts), Some(from.into()), latest.map(instant));
        }
    }
    row
}

/// What no machine's life changes: the authorities, the service-account key, the administrator.
fn foundation(plan: &ClusterPlan<'_>) -> Vec<Lifetime> {
    let bundle = plan.bundle;
    let authority = |name: &str, pair: &crate::secrets::CertifiedKey, then| row(name, &[], End::At(pair.until()), true, then);
    vec![
        authority("the cluster's authority", &bundle.ca, "nothing in the cluster trusts anything; replace it long before"),
        authority("the front-proxy authority", &bundle.front_proxy_ca, "extension API servers refuse what API servers pass on"),
        authority("etcd's authority", &bundle.etcd_ca, "etcd's members refuse each other and the API servers"),
        row("service-account key", &[], End::Never, false, ""),
        row(
            "administrator's certificate (`admin.kubeconfig`)",
            &[],
            End::At(bundle.admin_until()),
            true,
            "`kubespore secrets rotate admin` makes another",
        ),
    ]
}

/// The bootstrap tokens: those that the founder creates, and those that a cluster which stands already has to be told of.
fn tokens(plan: &ClusterPlan<'_>) -> Vec<Lifetime> {
    let (spec, bundle) = (plan.spec, plan.bundle);
    let waits = "a machine that has not joined, or was wiped, waits and says which command renews its token";
    let holders = || plan.nodes.iter().filter(|node| node.holds.own_token);
    let late = |node: &&NodePlan<'_>| late_token_since(spec, bundle, node.spec).is_some();
    let early: Vec<_> = holders().filter(|node| !late(node)).map(|node| node.spec.name.as_str()).collect();
    let mut all = Vec::new();
    if !early.is_empty() {
        let end = match spec.join.token_ttl {
            ttl if ttl.is_zero() => End::Never,
            ttl => {
                let latest = Some(bundle.found_until.saturating_add(ttl));
                End::After { lasts: duration(ttl), from: "`kubeadm init`", latest }
            }
        };
        all.push(row("bootstrap tokens", &early, end, false, waits));
    }
    let mut handed: BTreeMap<Option<OffsetDateTime>, Vec<&str>> = BTreeMap::new();
    for node in holders().filter(late) {
        handed.entry(late_token_until(spec, bundle, node.spec)).or_default().push(node.spec.name.as_str());
    }
    all.extend(handed.into_iter().map(|(until, nodes)| {
        let end = until.map_or(End::Never, End::At);
        row("bootstrap tokens in `nodes/NODE/bootstrap-token.yaml`", &nodes, end, spec.bootstrap.existing, waits)
    }));
    all
}

/// The certificates that were issued beforehand.
fn certificates(plan: &ClusterPlan<'_>) -> Vec<Lifetime> {
    let mut held: BTreeMap<(Leaf, OffsetDateTime), Vec<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        for leaf in &node.holds.leaves {
            held.entry((*leaf, plan.leaf(node, *leaf).until())).or_default().push(node.spec.name.as_str());
        }
    }
    let of = |((leaf, until), nodes): ((Leaf, OffsetDateTime), Vec<&str>)| {
        let (name, joins) = match leaf {
            Leaf::Identity => ("identity certificates".to_owned(), true),
            Leaf::Bootstrap => ("bootstrap certificates".to_owned(), true),
            other => (format!("{} certificates", other.as_str()), false),
        };
        let then = if joins {
            "a machine that has not joined, or was wiped, waits for a new seed: `kubespore secrets rotate node PROFILE NODE`, then render"
        } else {
            "it is refused where it shows them; `kubespore secrets rotate node PROFILE NODE`, then render, makes others"
        };
        row(&name, &nodes, End::At(until), !joins || plan.spec.bootstrap.existing, then)
    };
    held.into_iter().map(of).collect()
}

/// What control planes fetch with the certificate key, where they do.
fn uploads(plan: &ClusterPlan<'_>) -> Option<Lifetime> {
    let holders: Vec<_> =
        plan.nodes.iter().filter(|node| node.holds.certificate_key).map(|node| node.spec.name.as_str()).collect();
    let again = "what `kubespore secrets upload-certs PROFILE` prints uploads them anew";
    let then = if plan.spec.bootstrap.existing {
        format!("a control plane that joins waits; {again}")
    } else {
        format!(
            "the founder uploads them anew until every control plane has joined, at the latest until {}; one that is wiped later waits, and {again}",
            instant(plan.bundle.found_until)
        )
    };
    let end = End::After { lasts: duration(UPLOAD), from: "each upload", latest: None };
    (plan.spec.pki.distribution == Distribution::CertificateKey)
        .then(|| row("certificate key, for the uploaded certificates", &holders, end, false, &then))
}

/// What kubeadm issues on the machines.
fn components(plan: &ClusterPlan<'_>) -> Lifetime {
    let given = plan.spec.documents.cluster.get("certificateValidityPeriod").and_then(Value::as_str);
    let end =
        End::After { lasts: given.unwrap_or(LEAF).to_owned(), from: "the machine's own `kubeadm init` or `join`", latest: None };
    let then = format!("renewed by every `kubeadm upgrade`; else by `{} renew all` on each control plane", plan.release.certs());
    row("the components' certificates", &[], end, false, &then)
}
