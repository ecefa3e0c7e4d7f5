//! Files that the control plane's components are told to read or write: that their containers see them.

use super::super::codes;
use super::super::raw::Raw;
use super::super::shape::brief;
use super::super::spec::Role;
use super::arguments::consequence;
use super::{Argument, arguments, below, text};
use crate::diag::Report;
use crate::kubernetes::removed::{
    self,
    Component::{self, ApiServer, ControllerManager, Scheduler},
};
use crate::yaml::Kind;

/// What kubeadm mounts itself, at the same path (`cmd/kubeadm/app/phases/controlplane/volumes.go`).
const OWN: &[(&[Component], &str)] = &[
    (&[ApiServer, ControllerManager], "/etc/kubernetes/pki"),
    (&[ApiServer, ControllerManager], "/etc/ssl/certs"),
    (&[ApiServer, ControllerManager], "/etc/ca-certificates"),
    (&[ApiServer, ControllerManager], "/usr/share/ca-certificates"),
    (&[ApiServer, ControllerManager], "/usr/local/share/ca-certificates"),
    (&[ControllerManager], "/etc/kubernetes/controller-manager.conf"),
    (&[Scheduler], "/etc/kubernetes/scheduler.conf"),
];

/// Flags that name a file to read, beside all that end in `-file`.
const READ: &[&str] = &[
    "config",
    "kubeconfig",
    "authentication-config",
    "authentication-kubeconfig",
    "authorization-config",
    "authorization-kubeconfig",
    "encryption-provider-config",
];

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((_, release)) = super::release_of(raw) else { return };
    for (component, field) in [(ApiServer, "apiServer"), (ControllerManager, "controllerManager"), (Scheduler, "scheduler")] {
        let volumes = volumes(raw, field);
        let all: Vec<_> = arguments(raw, component)
            .into_iter()
            .filter(|argument| removed::flag(component, &argument.name, release).is_none())
            .collect();
        for argument in &all {
            let name = argument.name.as_str();
            if (READ.contains(&name) || name.ends_with("-file")) && !argument.value.is_empty() {
                read(raw, component, field, argument, &volumes, report);
            }
        }
        if component == ApiServer {
            audit(&all, &volumes, report);
        }
    }
}

/// A volume of a component: where it is on the machine and in the container.
struct Volume<'r> {
    host: &'r str,
    mount: &'r str,
}

fn volumes<'r>(raw: &'r Raw<'_>, field: &str) -> Vec<Volume<'r>> {
    match below(raw, "clusterConfiguration", &[field, "extraVolumes"]).map(|node| &node.kind) {
        Some(Kind::Seq(items)) => items
            .iter()
            .filter_map(|item| Some(Volume { host: text(item.get("hostPath")?)?, mount: text(item.get("mountPath")?)? }))
            .collect(),
        _ => Vec::new(),
    }
}

/// The path below `dir`, empty when it is `dir` itself.
fn inside<'p>(path: &'p str, dir: &str) -> Option<&'p str> {
    path.strip_prefix(dir.trim_end_matches('/')).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a path of the container is on the machine, when it is in a volume of the profile.
fn on_machine(path: &str, volumes: &[Volume<'_>]) -> Option<String> {
    let found = volumes.iter().filter_map(|volume| Some((volume, inside(path, volume.mount)?)));
    let (volume, rest) = found.min_by_key(|(_, rest)| rest.len())?;
    Some(format!("{}{rest}", volume.host.trim_end_matches('/')))
}

fn read(raw: &Raw<'_>, component: Component, field: &str, argument: &Argument<'_>, volumes: &[Volume<'_>], report: &mut Report) {
    let (program, path) = (component.program(), argument.value);
    if OWN.iter().any(|(components, dir)| components.contains(&component) && inside(path, dir).is_some()) {
        return;
    }
    let Some(host) = on_machine(path, volumes) else {
        report.push(
            codes::FILE_NOT_MOUNTED
                .found(format!("{program} would not find `{}`", brief(path)))
                .at(argument.value_at.clone(), "not in its container")
                .note(format!("`{}` is read inside a container, which sees of the machine what kubeadm mounts and no more; {program} exits, and {}", argument.name, consequence(component)))
                .help(format!("deliver the file with `files`, and mount it with `clusterConfiguration.{field}.extraVolumes`")),
        );
        return;
    };
    // What kubeadm and we write ourselves needs no delivery.
    let made = ["/etc/kubernetes", "/etc/ssl"].iter().any(|dir| {
        inside(&host, dir).is_some_and(|rest| rest.ends_with(".conf") || rest.starts_with("/pki") || rest.starts_with("/certs"))
    });
    let on_planes = |role: Option<Role>| role.is_none_or(|role| role == Role::ControlPlane);
    let everywhere =
        raw.files.iter().filter(|file| file.roles.is_empty() || file.roles.iter().any(|role| on_planes(Some(role.value)))).chain(
            raw.nodes.iter().filter(|node| on_planes(node.role.as_ref().map(|role| role.value))).flat_map(|node| &node.files),
        );
    let delivered = everywhere.filter_map(|file| file.path.as_ref()).any(|path| path.value == host);
    if !made && !delivered {
        report.push(
            codes::FILE_NOT_DELIVERED
                .found(format!("nothing in the profile brings `{}`, which {program} reads", brief(&host)))
                .at(argument.value_at.clone(), format!("mounted from `{}`", brief(&host)))
                .note(format!("when the image does not have it either, {program} does not start"))
                .help("deliver it with `files`, or acknowledge `file-not-delivered`"),
        );
    }
}

fn audit(all: &[Argument<'_>], volumes: &[Volume<'_>], report: &mut Report) {
    let Some(log) = all.iter().find(|argument| argument.name == "audit-log-path") else { return };
    if log.value != "-" && on_machine(log.value, volumes).is_none() {
        report.push(
            codes::AUDIT_LOG_LOST
                .found("the audit log would be lost with every restart of kube-apiserver")
                .at(log.value_at.clone(), "a path in its container, not on the machine")
                .help("mount a directory of the machine there with `clusterConfiguration.apiServer.extraVolumes`, `pathType: DirectoryOrCreate`"),
        );
    }
    if !all.iter().any(|argument| matches!(argument.name.as_str(), "audit-policy-file" | "audit-dynamic-configuration")) {
        report.push(
            codes::AUDIT_POLICY_MISSING
                .found("the audit log would stay empty")
                .at(log.at.clone(), "no policy says what is logged")
                .help("give `audit-policy-file`, and deliver and mount the policy"),
        );
    }
}
