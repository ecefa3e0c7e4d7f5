//! A profile about a cluster that lives already: what only a founder would have done.
//!
//! In: the profile as written. Out: findings. Absent on purpose: whether such a cluster lives; no verb asks the network.

use std::ops::Range;

use super::super::codes;
use super::super::raw::Raw;
use super::super::shape::anchor;
use crate::diag::Report;

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some(existing) = &raw.existing else { return };
    let manifests = raw.manifests.first().and_then(|first| first.span.clone());
    let init = raw.documents.iter().find(|document| document.key == "initConfiguration").map(|document| anchor(document.node));
    let strict = raw.strict_csr.as_ref().filter(|strict| strict.value).and_then(|strict| strict.span.clone());
    unused(
        "strictCsr",
        strict,
        "run `kubectl delete clusterrolebinding kubeadm:node-autoapprove-bootstrap` yourself",
        existing,
        report,
    );
    unused("manifests", manifests, "apply them to the cluster with `kubectl apply`", existing, report);
    unused("initConfiguration", init, "leave it out: no machine runs `kubeadm init`", existing, report);
}

fn unused(key: &str, place: Option<Range<usize>>, help: &str, existing: &Range<usize>, report: &mut Report) {
    let Some(place) = place else { return };
    report.push(
        codes::SETTING_UNUSED
            .found(format!("`{key}` has no effect"))
            .at(place, "the founder's alone")
            .at(existing.clone(), "no machine founds")
            .help(help),
    );
}
