//! Words that documents may hold in a field, where the release decides which.

use std::ops::Range;

use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::shape::{brief, closest};
use super::{below, text};
use crate::diag::Report;
use crate::kubernetes::schema::DocumentKind;
use crate::kubernetes::{Release, Version, first_release, last_release};
use crate::yaml::{Kind, Node};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    let mut words = Words { version, release, report };
    let algorithms =
        ["RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256"].into_iter().chain(release.ecdsa_p384.then_some("ECDSA-P384"));
    words.one_of(raw, "clusterConfiguration", &["encryptionAlgorithm"], &algorithms.collect::<Vec<_>>());
    // Two releases have the newest mode behind its gate.
    let gated = below(raw, "kubeProxyConfiguration", &["featureGates", "NFTablesProxyMode"]).and_then(text) == Some("true");
    let modes: Vec<_> = release.proxy_modes.iter().copied().chain(gated.then_some("nftables")).collect();
    words.one_of(raw, "kubeProxyConfiguration", &["mode"], &modes);
    if let Some(node) = below(raw, "kubeProxyConfiguration", &["mode"]) {
        words.deprecated_mode(node);
    }
    if let Some(node) = below(raw, "clusterConfiguration", &["etcd", "local", "imageTag"]) {
        words.etcd(node);
    }
    for document in ["initConfiguration", "joinConfiguration"] {
        words.one_of(raw, document, &["nodeRegistration", "imagePullPolicy"], &["Always", "IfNotPresent", "Never"]);
        if let Some(Kind::Seq(items)) = below(raw, document, &["nodeRegistration", "taints"]).map(|node| &node.kind) {
            for effect in items.iter().filter_map(|item| item.get("effect")) {
                words.judge(effect, "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
            }
        }
        if let Some(Kind::Seq(items)) =
            below(raw, document, &["nodeRegistration", "ignorePreflightErrors"]).map(|node| &node.kind)
        {
            let all = items.iter().find(|item| text(item).is_some_and(|word| word.eq_ignore_ascii_case("all")));
            all.filter(|_| !release.ignore_all_in_document).into_iter().for_each(|item| words.all(item.span.clone()));
        }
    }
    let dns_type = ["dns", "type"];
    // Where the field itself is gone, that is said instead.
    if DocumentKind::Cluster.field(&dns_type).is_some_and(|field| field.known_to(release))
        && let Some(node) = below(raw, "clusterConfiguration", &dns_type)
    {
        words.dns(node);
    }
}

struct Words<'a> {
    version: &'a At<Version>,
    release: &'static Release,
    report: &'a mut Report,
}

impl Words<'_> {
    fn one_of(&mut self, raw: &Raw<'_>, document: &str, path: &[&str], known: &[&str]) {
        if let (Some(node), Some(name)) = (below(raw, document, path), path.last()) {
            self.judge(node, name, known);
        }
    }

    /// An empty text is none to Kubernetes, which then takes its own default.
    fn judge(&mut self, node: &Node, name: &str, known: &[&str]) {
        let Some(written) = text(node).filter(|written| !written.is_empty() && !known.contains(written)) else { return };
        let finding = codes::UNKNOWN_VALUE
            .found(format!("`{name}` cannot be `{}` in Kubernetes {}", brief(written), self.release.minor))
            .at(node.span.clone(), format!("expected one of: {}", known.join(", ")))
            .point(self.version, "this release");
        self.report.push(match closest(written, known.iter().copied()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding.help("leave it out for the release's own default"),
        });
    }

    fn all(&mut self, at: Range<usize>) {
        let first = first_release(|release| release.ignore_all_in_document);
        self.report.push(
            codes::UNKNOWN_VALUE
                .found(format!("`ignorePreflightErrors` cannot hold `all` in Kubernetes {}", self.release.minor))
                .at(at, first.map_or_else(String::new, |first| format!("possible since Kubernetes {first}")))
                .point(self.version, "this release")
                .help("name the checks that may fail, such as `Mem` or `NumCPU`"),
        );
    }

    fn deprecated_mode(&mut self, node: &Node) {
        let Some(mode) = text(node).filter(|mode| self.release.deprecated_proxy_modes.contains(mode)) else { return };
        let first = first_release(|release| release.deprecated_proxy_modes.contains(&mode));
        self.report.push(
            codes::PROXY_MODE_DEPRECATED
                .found(format!("kube-proxy's mode `{mode}` is deprecated in Kubernetes {}", self.release.minor))
                .at(node.span.clone(), first.map_or_else(String::new, |first| format!("since Kubernetes {first}")))
                .point(self.version, "this release")
                .help("write `nftables`, or leave it out for `iptables`"),
        );
    }

    fn etcd(&mut self, node: &Node) {
        let (Some(tag), Some(least)) = (text(node), self.release.own_etcd_minimum) else { return };
        let plain = tag.trim_start_matches('v').split('-').next().unwrap_or_default();
        let mut parts = plain.split('.').map(str::parse::<u16>);
        let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) = (parts.next(), parts.next(), parts.next()) else { return };
        if (major, minor, patch) < least {
            let (major, minor, patch) = least;
            self.report.push(
                codes::ETCD_TOO_OLD
                    .found(format!("kubeadm {} does not run etcd `{}`", self.release.minor, brief(tag)))
                    .at(node.span.clone(), format!("older than {major}.{minor}.{patch}"))
                    .point(self.version, "this release")
                    .note("it is started with arguments and probes that it does not know, and restarts for ever")
                    .help("leave it out: kubeadm knows the etcd of its release"),
            );
        }
    }

    fn dns(&mut self, node: &Node) {
        if text(node) == Some("kube-dns") && !self.release.kube_dns {
            let last = last_release(|release| release.kube_dns);
            self.report.push(
                codes::UNKNOWN_VALUE
                    .found(format!("Kubernetes {} has no kube-dns", self.release.minor))
                    .at(node.span.clone(), last.map_or_else(String::new, |last| format!("possible until Kubernetes {last}")))
                    .point(self.version, "this release")
                    .help("leave it out: CoreDNS serves names"),
            );
        } else {
            self.judge(node, "type", &["CoreDNS", "kube-dns"]);
        }
    }
}
