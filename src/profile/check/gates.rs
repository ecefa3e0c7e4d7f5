//! Feature gates: that the release has them, and lets them be set.

use std::ops::Range;

use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::shape::{brief, closest};
use super::arguments::{COMPONENTS, consequence};
use super::{arguments, below, of_kubelets, text};
use crate::diag::Report;
use crate::kubernetes::gates::{Fate, fate, of_components, of_kubeadm};
use crate::kubernetes::{Release, Version};
use crate::yaml::{Kind, Node};

const KUBELET: &str = "kubeletConfiguration";

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    of_the_tool(raw, version, release, report);
    for (document, program, then) in
        [(KUBELET, "kubelet", "nothing runs on the machine"), ("kubeProxyConfiguration", "kube-proxy", "no service is reached")]
    {
        let given = match document {
            KUBELET => of_kubelets(raw, "featureGates"),
            _ => below(raw, document, &["featureGates"]).into_iter().collect(),
        };
        for (gate, value, at) in given.into_iter().flat_map(|gates| entries(Some(gates))) {
            judge(Gate { gate, value, at, program, then }, version, release, report);
        }
    }
    for component in COMPONENTS {
        let (program, then) = (component.program(), consequence(component));
        for argument in arguments(raw, component).into_iter().filter(|argument| argument.name == "feature-gates") {
            for pair in argument.value.split(',').filter(|pair| !pair.trim().is_empty()) {
                let (gate, value) = pair.split_once('=').unwrap_or((pair, "true"));
                let at = argument.value_at.clone();
                // Since 1.31 a gate may say that it is Kubernetes' own (`pkg/compatibility` of `k8s.io/component-base`).
                let gate = gate.trim();
                let gate = gate.strip_prefix("kube:").unwrap_or(gate);
                judge(Gate { gate, value: value.trim(), at, program, then }, version, release, report);
            }
        }
    }
}

/// A feature gate where it is set, and what follows when its program refuses it.
struct Gate<'r> {
    gate: &'r str,
    value: &'r str,
    at: Range<usize>,
    program: &'static str,
    then: &'static str,
}

fn judge(set: Gate<'_>, version: &At<Version>, release: &Release, report: &mut Report) {
    let Gate { gate, value, at, program, then } = set;
    let unknown = |label: String| {
        codes::FEATURE_GATE_UNKNOWN
            .found(format!("{program} {} has no feature gate `{}`", release.minor, brief(gate)))
            .at(at.clone(), label)
            .point(version, "this release")
            .note(format!("{program} exits with \"unrecognized feature gate\"; {then}"))
    };
    match fate(gate, release) {
        Some(Fate::Unknown) => {
            let finding = unknown("no release has it".to_owned());
            report.push(match closest(gate, of_components(release)) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help("leave it out"),
            });
        }
        Some(Fate::Coming(first)) => report.push(
            unknown(format!("comes with Kubernetes {first}")).help(format!("leave it out, or use Kubernetes {first} or newer")),
        ),
        Some(Fate::Gone(since)) => {
            report.push(unknown(format!("gone since Kubernetes {since}")).help("leave it out: what it guarded is settled"))
        }
        Some(Fate::Locked(locked, since)) if value.eq_ignore_ascii_case(if locked { "false" } else { "true" }) => report.push(
            codes::FEATURE_GATE_LOCKED
                .found(format!("the feature gate `{gate}` cannot be {value} in Kubernetes {}", release.minor))
                .at(at, format!("{locked} for good since Kubernetes {since}"))
                .point(version, "this release")
                .note(format!("{program} exits with \"cannot set feature gate\"; {then}"))
                .help("leave it out"),
        ),
        Some(Fate::Locked(..)) | None => {}
    }
}

/// kubeadm's own gates, of which all are known.
fn of_the_tool(raw: &Raw<'_>, version: &At<Version>, release: &Release, report: &mut Report) {
    for (gate, _, at) in entries(below(raw, "clusterConfiguration", &["featureGates"])) {
        if of_kubeadm(release).any(|known| known == gate) {
            continue;
        }
        let known: Vec<_> = of_kubeadm(release).collect();
        let finding = codes::FEATURE_GATE_UNKNOWN
            .found(format!("kubeadm {} has no feature gate `{}`", release.minor, brief(gate)))
            .at(at, "kubeadm stops over it")
            .point(version, "this release")
            .note(match known.as_slice() {
                [] => "it takes no gates of its own in this release".to_owned(),
                known => format!("kubeadm's gates in this release: {}", known.join(", ")),
            });
        report.push(match closest(gate, known.into_iter()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding.help("leave it out; gates of other components go into their own settings"),
        });
    }
}

fn entries(node: Option<&Node>) -> Vec<(&str, &str, Range<usize>)> {
    match node.map(|node| &node.kind) {
        Some(Kind::Map(pairs)) => {
            pairs.iter().map(|pair| (pair.key.as_str(), text(&pair.value).unwrap_or_default(), pair.key_span.clone())).collect()
        }
        _ => Vec::new(),
    }
}
