//! The kubelet: what would keep it from starting, or from running pods as everything else expects.

use std::ops::Range;

use super::super::codes;
use super::super::raw::{Point, Raw};
use super::super::shape::{anchor, brief};
use super::{arguments, below, files::Files, of_kubelets, text};
use crate::diag::Report;
use crate::kubernetes::removed::Component;
use crate::kubernetes::{KUBELET_DROP_INS, KubeadmApi, KubeletDropIns, Release, first_release, labels};
use crate::yaml::Kind;

/// Where kubeadm writes the control plane's pods (`cmd/kubeadm/app/constants/constants.go`).
const STATIC_PODS: &str = "/etc/kubernetes/manifests";

pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    let Some((_, release)) = super::release_of(raw) else { return };
    settings(raw, release, report);
    drop_ins(raw, release, report);
    refused_labels(raw, release, report);
    renamed_taints(raw, release, report);
    tolerations(raw, files, release, report);
}

/// A setting wherever it may stand: a field of the document, or a flag.
fn given<'r>(raw: &'r Raw<'_>, field: &str, flag: &str) -> Vec<(&'r str, Range<usize>)> {
    let of_documents = of_kubelets(raw, field).into_iter().filter_map(|node| Some((text(node)?, node.span.clone())));
    let of_flags = arguments(raw, Component::Kubelet).into_iter().filter(|argument| argument.name == flag);
    of_documents.chain(of_flags.map(|argument| (argument.value, argument.value_at))).collect()
}

fn settings(raw: &Raw<'_>, release: &Release, report: &mut Report) {
    for (driver, at) in given(raw, "cgroupDriver", "cgroup-driver").into_iter().filter(|(driver, _)| *driver != "systemd") {
        report.push(
            codes::CGROUP_DRIVER
                .found(format!("the kubelet would manage cgroups by `{}`, containerd by systemd", brief(driver)))
                .at(at, "containerd is configured with `SystemdCgroup = true`")
                .note("with two managers pods do not start, or are killed when memory runs short")
                .help("leave it out, or write `systemd`"),
        );
    }
    for (_, at) in given(raw, "failSwapOn", "fail-swap-on").into_iter().filter(|(value, _)| *value == "false") {
        let mut finding = codes::SWAP_ALLOWED
            .found("the kubelet would run beside swap")
            .at(at, "first boot leaves the image's swap on then")
            .note("pods exceed their memory on disk without anybody noticing, unless `memorySwap` limits them");
        if release.swap_refused && release.kubeadm_api == KubeadmApi::V1Beta1 {
            finding = finding
                .note(format!("where swap is on, kubeadm {} stops all the same: no document tells it not to", release.minor));
        }
        report.push(finding.help("leave it out"));
    }
    for (directory, at) in given(raw, "staticPodPath", "pod-manifest-path").into_iter().filter(|(path, _)| *path != STATIC_PODS) {
        report.push(
            codes::STATIC_POD_PATH
                .found(format!("the kubelet would look for the control plane's pods in `{}`", brief(directory)))
                .at(at, format!("kubeadm writes them to {STATIC_PODS}"))
                .help("leave it out"),
        );
    }
    if release.cgroup_v2_required
        && let Some((_, at)) = given(raw, "failCgroupV1", "fail-cgroupv1").into_iter().find(|(value, _)| *value == "false")
    {
        report.push(
            codes::CGROUP_VERSION
                .found(format!("Kubernetes {} would run on cgroup v1", release.minor))
                .at(at, "lets the kubelet start where it would refuse")
                .note("kubeadm's preflight refuses cgroup v1 too, and support ends with one of the next releases")
                .help("boot the machines with cgroup v2, the default of every current distribution"),
        );
    }
}

/// What one machine's kubelet reads beside the configuration of all.
fn drop_ins(raw: &Raw<'_>, release: &Release, report: &mut Report) {
    let Some((version, _)) = super::release_of(raw) else { return };
    let own = raw.nodes.iter().filter_map(|node| node.kubelet_configuration.as_ref());
    let own: Vec<_> = own.map(|document| anchor(document.node)).collect();
    if release.kubelet_drop_ins == KubeletDropIns::No {
        let first = first_release(|release| release.kubelet_drop_ins != KubeletDropIns::No);
        for at in own {
            let finding = codes::FIELD_NOT_IN_RELEASE
                .found(format!("one machine's `kubeletConfiguration` cannot be said to Kubernetes {}", release.minor))
                .at(at, "read from a drop-in of the kubelet's own")
                .point(version, "a kubelet of this release reads none");
            report.push(finding.help(match first {
                Some(first) => format!("use the node's `kubeletExtraArgs`, or Kubernetes {first} or newer"),
                None => "use the node's `kubeletExtraArgs`".to_owned(),
            }));
        }
        return;
    }
    let Some(first) = own.first() else { return };
    for flag in arguments(raw, Component::Kubelet).into_iter().filter(|argument| argument.name == "config-dir") {
        report.push(
            codes::DOCUMENT_CONFLICT
                .found(format!("the kubelet would read drop-ins from `{}`", brief(flag.value)))
                .at(flag.value_at, "one directory is read")
                .at(first.clone(), format!("its drop-in lies in {KUBELET_DROP_INS}"))
                .help("leave the argument out, and put your own drop-ins there with `files`"),
        );
    }
}

fn refused_labels(raw: &Raw<'_>, release: &Release, report: &mut Report) {
    let of_nodes =
        raw.nodes.iter().flat_map(|node| &node.labels).map(|(key, _)| (key.as_str(), key.span.clone().unwrap_or_default()));
    let flags: Vec<_> =
        arguments(raw, Component::Kubelet).into_iter().filter(|argument| argument.name == "node-labels").collect();
    let of_flags = flags.iter().flat_map(|argument| {
        argument.value.split(',').map(|pair| (pair.split('=').next().unwrap_or(pair).trim(), argument.value_at.clone()))
    });
    for (key, at) in of_nodes.chain(of_flags).filter(|(key, _)| labels::refused(key, release)) {
        let role = key.starts_with("node-role.kubernetes.io/");
        let finding = codes::LABEL_REFUSED
            .found(format!("the kubelet may not give itself the label `{}`", brief(key)))
            .at(at, "in Kubernetes' own name space")
            .note("the kubelet exits over it since Kubernetes 1.16: a machine must not choose its own role");
        report.push(if role {
            finding.help(format!(
                "use a label such as `node.kubernetes.io/role`, or set this one once the node is there: `kubectl label node NODE {}=`",
                brief(key)
            ))
        } else {
            finding.help("choose a key below a domain of your own, or below `node.kubernetes.io`")
        });
    }
}

fn renamed_taints(raw: &Raw<'_>, release: &Release, report: &mut Report) {
    let of_nodes = raw.nodes.iter().flat_map(|node| node.taints.iter().flatten()).filter_map(|taint| {
        let key = taint.key.as_ref()?;
        Some((key.as_str(), key.span.clone()?))
    });
    let of_documents = ["initConfiguration", "joinConfiguration"].into_iter().flat_map(|document| {
        match below(raw, document, &["nodeRegistration", "taints"]).map(|node| &node.kind) {
            Some(Kind::Seq(items)) => items.iter().filter_map(|item| item.get("key")).collect(),
            _ => Vec::new(),
        }
    });
    let of_documents = of_documents.filter_map(|node| Some((text(node)?, node.span.clone())));
    for (key, at) in of_nodes.chain(of_documents) {
        let Some(renamed) = labels::renamed_taint(key, release) else { continue };
        report.push(
            codes::TAINT_RENAMED
                .found(format!("control planes of Kubernetes {} have the taint `{renamed}`", release.minor))
                .at(at, "the other releases' name for it")
                .note("the name changed from `master` to `control-plane` in 1.24 and 1.25; what tolerates one does not tolerate the other")
                .help(format!("write `{renamed}`")),
        );
    }
}

/// Manifests that run on control planes by tolerating a taint which the release does not have.
fn tolerations(raw: &Raw<'_>, files: &Files<'_>, release: &Release, report: &mut Report) {
    let (old, new) = (labels::OLD_CONTROL_PLANE_TAINT, labels::CONTROL_PLANE_TAINT);
    if labels::renamed_taint(old, release).is_none() {
        return;
    }
    for path in &raw.manifests {
        let Ok(bytes) = files.get(path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if text.contains(old) && !text.contains(new) {
            report.push(
                codes::TAINT_RENAMED
                    .found(format!("`{}` tolerates a taint that Kubernetes {} does not have", brief(path), release.minor))
                    .point(path, format!("knows `{old}` alone"))
                    .note(format!("its pods would stay off the control planes, which have `{new}`"))
                    .help(format!("tolerate `{new}` too, or take a newer release of what the manifest installs")),
            );
        }
    }
}
