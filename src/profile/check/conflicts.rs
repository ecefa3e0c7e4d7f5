//! The profile against the documents in it: that they do not say two things about one matter, nor give to all machines
//! what is one machine's.

use std::ops::Range;

use super::super::codes;
use super::super::raw::{At, Point, Ranges, Raw};
use super::super::shape::{anchor, brief};
use super::{below, of_kubelets, shared_kubelet_arguments, text};
use crate::diag::{Diagnostic, Report};
use crate::kubernetes::Version;
use crate::net::Endpoint;
use crate::runtime::{CRI_SOCKET, SOCKET};
use crate::yaml::{Kind, Node};

/// Where the shared keys and certificates lie on machines.
const CERTIFICATES: &str = "/etc/kubernetes/pki";

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    version(raw, report);
    same(
        raw,
        &["controlPlaneEndpoint"],
        raw.endpoint.as_ref(),
        |text, own: &Endpoint| text.parse().is_ok_and(|written: Endpoint| written == *own),
        report,
    );
    let ranges = |text: &str, own: &Ranges| text.parse().is_ok_and(|written: Ranges| written == *own);
    same(raw, &["networking", "podSubnet"], raw.pod_subnets.as_ref(), ranges, report);
    same(raw, &["networking", "serviceSubnet"], raw.service_subnets.as_ref(), ranges, report);
    same(raw, &["networking", "dnsDomain"], raw.dns_domain.as_ref(), |text, own| text == own.as_str(), report);
    generated(raw, report);
    per_machine(raw, report);
    runtime(raw, report);
    published_token(raw, report);
    malformed_tokens(raw, report);
}

fn version(raw: &Raw<'_>, report: &mut Report) {
    let Some(node) = below(raw, "clusterConfiguration", &["kubernetesVersion"]) else { return };
    let Some(written) = text(node) else { return };
    match written.parse::<Version>() {
        Err(reason) => {
            let channel = written.starts_with(|c: char| c.is_ascii_alphabetic() && c != 'v');
            let code = if channel { &codes::VERSION_CHANNEL } else { &codes::INVALID_VERSION };
            report.push(
                code.found(format!("`{}` is not a version of Kubernetes", brief(written)))
                    .at(node.span.clone(), reason)
                    .help("leave it out: `kubernetesVersion` of the profile is written there"),
            );
        }
        Ok(version) => {
            if let Some(own) = &raw.version
                && own.value != version
            {
                report.push(contradiction("kubernetesVersion", written, node.span.clone(), own));
            }
        }
    }
}

/// Compares a field of the ClusterConfiguration with the profile's own key for it.
fn same<T: std::fmt::Display>(
    raw: &Raw<'_>,
    path: &[&str],
    own: Option<&At<T>>,
    agrees: impl Fn(&str, &T) -> bool,
    report: &mut Report,
) {
    let (Some(own), Some(node)) = (own, below(raw, "clusterConfiguration", path)) else { return };
    let Some(written) = text(node) else { return };
    if !agrees(written, &own.value) {
        report.push(contradiction(&path.join("."), written, node.span.clone(), own));
    }
}

fn contradiction<T: std::fmt::Display>(field: &str, written: &str, at: Range<usize>, own: &At<T>) -> Diagnostic {
    codes::DOCUMENT_CONFLICT
        .found(format!("`clusterConfiguration.{field}` is {}, the profile says {}", brief(written), own.value))
        .at(at, "what kubeadm would take")
        .point(own, "what everything else is made for")
        .help(format!("leave `clusterConfiguration.{field}` out: the profile's is written there"))
}

/// A field that follows from the profile and the bundle alone.
struct Generated {
    document: &'static str,
    path: &'static [&'static str],
    why: &'static str,
    help: &'static str,
    /// Whether what was written may be a secret, whose line a finding does not show.
    secret: bool,
}

const REHEARSAL: &str = "the machine would only rehearse";
const OWN_TOKEN: &str = "every machine has a token of its own in the secrets bundle";

const GENERATED: [Generated; 7] = [
    Generated {
        document: "clusterConfiguration",
        path: &["etcd", "external"],
        why: "where etcd runs follows from the nodes: on those of role etcd, or else on the control planes",
        help: "leave it out, and declare the etcd machines as nodes with `role: etcd`",
        secret: false,
    },
    Generated {
        document: "initConfiguration",
        path: &["certificateKey"],
        why: "the secrets bundle has the certificate key",
        help: "leave it out, and use `pki.distribution`",
        secret: true,
    },
    Generated { document: "initConfiguration", path: &["dryRun"], why: REHEARSAL, help: "leave it out", secret: false },
    Generated { document: "joinConfiguration", path: &["dryRun"], why: REHEARSAL, help: "leave it out", secret: false },
    Generated {
        document: "joinConfiguration",
        path: &["discovery", "bootstrapToken"],
        why: OWN_TOKEN,
        help: "use `join.discovery`",
        secret: true,
    },
    Generated {
        document: "joinConfiguration",
        path: &["discovery", "file"],
        why: "the file is made for the machine",
        help: "use `join.discovery`",
        secret: false,
    },
    Generated {
        document: "joinConfiguration",
        path: &["discovery", "tlsBootstrapToken"],
        why: OWN_TOKEN,
        help: "leave it out",
        secret: true,
    },
];

fn generated(raw: &Raw<'_>, report: &mut Report) {
    for field in &GENERATED {
        let Some(node) = below(raw, field.document, field.path) else { continue };
        if text(node) == Some("false") {
            continue;
        }
        let finding = codes::DOCUMENT_CONFLICT
            .found(format!("`{}.{}` is not the profile's to say", field.document, field.path.join(".")))
            .help(field.help);
        report.push(if field.secret {
            finding.note(field.why).note("its line is not shown: it may hold a secret")
        } else {
            finding.at(key_or_value(raw, field.document, field.path, node), field.why)
        });
    }
    if let Some(node) = below(raw, "clusterConfiguration", &["certificatesDir"])
        && let Some(written) = text(node)
        && written != CERTIFICATES
    {
        report.push(
            codes::DOCUMENT_CONFLICT
                .found(format!("kubeadm would look for certificates in `{}`", brief(written)))
                .at(node.span.clone(), format!("they are put into {CERTIFICATES}"))
                .note("finding none, it would make a certificate authority of its own on each control plane")
                .help("leave it out"),
        );
    }
}

/// Fields that differ from machine to machine, in documents that are for all.
fn per_machine(raw: &Raw<'_>, report: &mut Report) {
    const FIELDS: [(&str, &[&str], &str, &str); 5] = [
        (
            "initConfiguration",
            &["nodeRegistration", "name"],
            "a node's name",
            "leave it out: each machine has the name of its node",
        ),
        (
            "joinConfiguration",
            &["nodeRegistration", "name"],
            "one name for every machine that joins",
            "leave it out: each machine has the name of its node",
        ),
        (
            "initConfiguration",
            &["localAPIEndpoint", "advertiseAddress"],
            "one machine's address",
            "use `advertiseAddress` of a node",
        ),
        (
            "joinConfiguration",
            &["controlPlane", "localAPIEndpoint", "advertiseAddress"],
            "one machine's address",
            "use `advertiseAddress` of a node",
        ),
        (
            "joinConfiguration",
            &["controlPlane"],
            "every worker would join as a control plane",
            "leave it out: it is written for the nodes of that role",
        ),
    ];
    let given = FIELDS.iter().filter_map(|field| Some((field, below(raw, field.0, field.1)?)));
    for ((document, path, label, help), node) in given {
        // The whole of `controlPlane` is refused once, by its address where it has one.
        if path.len() == 1 && node.get("localAPIEndpoint").is_some_and(|inner| inner.get("advertiseAddress").is_some()) {
            continue;
        }
        report.push(
            codes::PER_MACHINE
                .found(format!("`{document}.{}` cannot be the same everywhere", path.join(".")))
                .at(key_or_value(raw, document, path, node), *label)
                .help(*help),
        );
    }
    for argument in shared_kubelet_arguments(raw) {
        let help = match argument.name.as_str() {
            "node-ip" => "leave it out: each machine has its node's `address`",
            "hostname-override" => "leave it out: each machine has the name of its node",
            _ => continue,
        };
        report.push(
            codes::PER_MACHINE
                .found(format!("the kubelet's `{}` cannot be the same everywhere", argument.name))
                .at(argument.value_at, "for every machine that reads this document")
                .help(help),
        );
    }
}

/// The token of kubeadm's own examples, which `kubeadm config print init-defaults` prints and everybody knows.
fn published_token(raw: &Raw<'_>, report: &mut Report) {
    const EXAMPLE: &str = "abcdef.0123456789abcdef";
    let tokens = below(raw, "initConfiguration", &["bootstrapTokens"]);
    let Some(Kind::Seq(items)) = tokens.map(|node| &node.kind) else { return };
    for token in items.iter().filter_map(|item| item.get("token")).filter(|token| text(token) == Some(EXAMPLE)) {
        report.push(
            codes::PUBLISHED_TOKEN
                .found("anybody could join a machine to the cluster: this token is in kubeadm's documentation")
                .at(token.span.clone(), "what `kubeadm config print init-defaults` prints")
                .help("leave `bootstrapTokens` out: every machine has a token of its own in the secrets bundle"),
        );
    }
}

/// Tokens that kubeadm would refuse; what is shown of one is never the token.
fn malformed_tokens(raw: &Raw<'_>, report: &mut Report) {
    let tokens = below(raw, "initConfiguration", &["bootstrapTokens"]);
    let Some(Kind::Seq(items)) = tokens.map(|node| &node.kind) else { return };
    for item in items {
        let plain =
            |part: &str, long: usize| part.len() == long && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let is_token = |token: &str| token.split_once('.').is_some_and(|(id, secret)| plain(id, 6) && plain(secret, 16));
        if item.get("token").and_then(text).is_some_and(|token| !is_token(token)) {
            report.push(
                codes::MALFORMED_TOKEN
                    .found("kubeadm would not read a token of `initConfiguration.bootstrapTokens`")
                    .note("its line is not shown: it may hold a secret")
                    .help("leave `bootstrapTokens` out: every machine has a token of its own in the secrets bundle"),
            );
        }
        if let (Some(_), Some(expires)) = (item.get("ttl"), item.get("expires")) {
            report.push(
                codes::MALFORMED_TOKEN
                    .found("a bootstrap token has both `ttl` and `expires`")
                    .at(expires.span.clone(), "kubeadm takes one of the two")
                    .help("keep `ttl`, which counts from the founding of the cluster"),
            );
        }
        let entries = |key: &str| match item.get(key).map(|node| &node.kind) {
            Some(Kind::Seq(items)) => items.iter().filter_map(|item| Some((text(item)?, item.span.clone()))).collect(),
            _ => Vec::new(),
        };
        for (usage, at) in entries("usages").into_iter().filter(|(usage, _)| !["signing", "authentication"].contains(usage)) {
            report.push(
                codes::MALFORMED_TOKEN
                    .found(format!("a bootstrap token cannot be used for `{}`", brief(usage)))
                    .at(at, "expected `signing` or `authentication`")
                    .help("leave `usages` out for both"),
            );
        }
        for (group, at) in entries("groups").into_iter().filter(|(group, _)| !group.starts_with("system:bootstrappers:")) {
            report.push(
                codes::MALFORMED_TOKEN
                    .found(format!("a bootstrap token cannot give the group `{}`", brief(group)))
                    .at(at, "expected `system:bootstrappers:` and a name")
                    .help("leave `groups` out: kubeadm's own is what its rights are bound to"),
            );
        }
    }
}

/// The runtime: containerd, at the place where it is configured to listen.
fn runtime(raw: &Raw<'_>, report: &mut Report) {
    let sockets = [
        below(raw, "initConfiguration", &["nodeRegistration", "criSocket"]),
        below(raw, "joinConfiguration", &["nodeRegistration", "criSocket"]),
    ];
    for node in sockets.into_iter().flatten().chain(of_kubelets(raw, "containerRuntimeEndpoint")) {
        let Some(written) = text(node) else { continue };
        let path = written.strip_prefix("unix://").unwrap_or(written);
        if path == SOCKET || path.strip_prefix("/var") == Some(SOCKET) {
            continue;
        }
        report.push(
            codes::OTHER_RUNTIME
                .found(format!("the kubelet would look for another runtime at `{}`", brief(written)))
                .at(node.span.clone(), "machines run containerd")
                .note(if path.contains("dockershim") {
                    "dockershim was part of the kubelet until Kubernetes 1.23; containerd works in every release, and Docker's images run on it unchanged"
                } else {
                    "containerd is what is configured, started and checked at first boot"
                })
                .help(format!("leave it out: it is {CRI_SOCKET}")),
        );
    }
}

/// Returns where to point for a field: its value when it stands on one line, else its key.
pub(super) fn key_or_value(raw: &Raw<'_>, document: &str, path: &[&str], node: &Node) -> Range<usize> {
    if !node.span.is_empty() && matches!(node.kind, Kind::Scalar(_)) {
        return node.span.clone();
    }
    let (last, parents) = path.split_last().expect("a path has a name in it");
    match below(raw, document, parents).map(|parent| &parent.kind) {
        Some(Kind::Map(pairs)) => {
            pairs.iter().rev().find(|pair| pair.key == *last).map_or_else(|| anchor(node), |pair| pair.key_span.clone())
        }
        _ => anchor(node),
    }
}
