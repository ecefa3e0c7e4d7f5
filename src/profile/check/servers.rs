//! Arguments of the control plane's components that would keep the cluster from forming, or open it.

use std::net::IpAddr;

use super::super::codes;
use super::super::raw::Raw;
use super::super::shape::{brief, closest};
use super::super::spec::{Credential, Discovery, Role};
use super::{Argument, arguments, endpoint};
use crate::diag::Report;
use crate::kubernetes::admission::{self, Fate};
use crate::kubernetes::removed::Component;
use crate::kubernetes::{Release, releases};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((_, release)) = super::release_of(raw) else { return };
    for argument in arguments(raw, Component::ApiServer) {
        match argument.name.as_str() {
            "advertise-address" => advertise(raw, &argument, report),
            "anonymous-auth" => anonymous(&argument, release, report),
            "authorization-mode" => authorization(&argument, report),
            "bind-address" | "secure-port" => reachable(&argument, report),
            "enable-admission-plugins" => plugins(&argument, release, report),
            "disable-admission-plugins" => disabled(&argument, release, report),
            "enable-bootstrap-token-auth" if argument.value == "false" && joins_by_token(raw) => report.push(
                codes::JOINING_DISABLED
                    .found("no machine could join: bootstrap tokens are switched off")
                    .at(argument.value_at.clone(), "the API server would refuse every token")
                    .help("leave it out: kubeadm switches them on"),
            ),
            _ => {}
        }
    }
    for argument in arguments(raw, Component::ControllerManager) {
        match argument.name.as_str() {
            "bind-address" => everywhere(Component::ControllerManager, &argument, report),
            "controllers" => controllers(raw, &argument, report),
            _ => {}
        }
    }
    for argument in arguments(raw, Component::Scheduler).iter().filter(|argument| argument.name == "bind-address") {
        everywhere(Component::Scheduler, argument, report);
    }
}

/// Whether any machine may have to show a token: unless the profile says otherwise, control planes do.
fn joins_by_token(raw: &Raw<'_>) -> bool {
    raw.credential.as_ref().is_none_or(|credential| credential.value == Credential::Token)
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn advertise(raw: &Raw<'_>, argument: &Argument<'_>, report: &mut Report) {
    let address: Option<IpAddr> = argument.value.parse().ok();
    let planes: Vec<_> = raw.nodes.iter().filter(|node| node.is(Role::ControlPlane)).collect();
    let all_have_it = !planes.is_empty() && planes.iter().all(|node| address.is_some_and(|address| node.has(address)));
    if !all_have_it {
        report.push(
            codes::PER_MACHINE
                .found(format!("every API server would advertise {}", brief(argument.value)))
                .at(argument.value_at.clone(), "one machine's address, for all of them")
                .note("what it advertises becomes the endpoint of the service `kubernetes`: pods would reach one machine alone, and none when it is down")
                .help("use `advertiseAddress` of a node"),
        );
    }
}

fn anonymous(argument: &Argument<'_>, release: &Release, report: &mut Report) {
    if argument.value != "false" {
        return;
    }
    let finding = codes::ANONYMOUS_AUTH
        .found("kube-apiserver would refuse its own probes")
        .at(argument.value_at.clone(), format!("{} answers 401 to whoever shows no credential", release.health_path))
        .note("the kubelet probes without a credential, takes the 401 for a failure, and restarts the API server for ever; joining machines and the load balancer ask without one too")
        .note("what anonymous requests may do is decided by RBAC: the health paths, the version, and the cluster-info that joining reads");
    report.push(match releases().iter().find(|release| release.anonymous_paths) {
        Some(first) => finding.help(format!(
            "leave it out; from Kubernetes {} on, `authentication-config` can limit anonymous requests to the health paths",
            first.minor
        )),
        None => finding.help("leave it out"),
    });
}

fn authorization(argument: &Argument<'_>, report: &mut Report) {
    let others = words(argument.value).filter(|word| !matches!(*word, "Node" | "RBAC" | "AlwaysAllow"));
    let right: Vec<_> = ["Node", "RBAC"].into_iter().chain(others).collect();
    let help = format!("write `{}`", right.join(","));
    let has = |mode: &str| words(argument.value).any(|word| word == mode);
    if has("AlwaysAllow") {
        report.push(
            codes::AUTHORIZATION_MODE
                .found("kube-apiserver would let everybody do everything")
                .at(argument.value_at.clone(), "anonymous requests included")
                .note("the modes are asked in turn until one says yes, and this one always does")
                .help(help),
        );
        return;
    }
    for (mode, why) in [
        ("Node", "kubelets get their rights from it: no node could read its pods or report its state"),
        ("RBAC", "every right that kubeadm hands out is an RBAC rule: no machine could join"),
    ] {
        if !has(mode) {
            report.push(
                codes::AUTHORIZATION_MODE
                    .found(format!("kube-apiserver would authorise without {mode}"))
                    .at(argument.value_at.clone(), format!("`{mode}` is missing"))
                    .note(why)
                    .help(help.clone()),
            );
        }
    }
}

/// Names that the API server does not know, whether to switch on or off.
fn plugin_names(argument: &Argument<'_>, release: &Release, report: &mut Report) {
    for plugin in words(argument.value) {
        let Some(fate) = admission::fate(plugin, release) else { continue };
        let code =
            if matches!(fate, Fate::Gone(..)) { &codes::ADMISSION_PLUGIN_REMOVED } else { &codes::ADMISSION_PLUGIN_UNKNOWN };
        let (label, help) = match fate {
            Fate::Gone(since, instead) => (format!("gone since Kubernetes {since}"), instead.to_owned()),
            Fate::Coming(first) => {
                (format!("comes with Kubernetes {first}"), format!("take `{plugin}` out, or use Kubernetes {first} or newer"))
            }
            Fate::Unknown => (
                "no release has it".to_owned(),
                match closest(plugin, admission::names()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("take `{}` out", brief(plugin)),
                },
            ),
        };
        report.push(
            code.found(format!("kube-apiserver {} has no admission plugin `{}`", release.minor, brief(plugin)))
                .at(argument.value_at.clone(), label)
                .note("kube-apiserver exits over an unknown plugin; kubeadm waits for it until it gives up")
                .help(help),
        );
    }
}

fn plugins(argument: &Argument<'_>, release: &Release, report: &mut Report) {
    plugin_names(argument, release, report);
    if !words(argument.value).any(|word| word == "NodeRestriction") {
        report.push(
            codes::NODE_RESTRICTION
                .found("nothing would hold a kubelet to its own node")
                .at(argument.value_at.clone(), "replaces kubeadm's own `NodeRestriction`")
                .note("without that plugin the credential of one machine can change every other node and every pod")
                .help(format!("write `NodeRestriction,{}`", argument.value)),
        );
    }
}

fn disabled(argument: &Argument<'_>, release: &Release, report: &mut Report) {
    plugin_names(argument, release, report);
    if words(argument.value).any(|word| word == "NodeRestriction") {
        report.push(
            codes::NODE_RESTRICTION
                .found("nothing would hold a kubelet to its own node")
                .at(argument.value_at.clone(), "switches `NodeRestriction` off")
                .note("without that plugin the credential of one machine can change every other node and every pod")
                .help("take `NodeRestriction` out"),
        );
    }
}

/// Whether the API server listens where the load balancer and its own probes look for it.
fn reachable(argument: &Argument<'_>, report: &mut Report) {
    let port = endpoint::API_PORT;
    let (reason, help) = match argument.name.as_str() {
        "secure-port" if argument.value != port.to_string() => (
            format!("machines, probes and load balancer look for it on port {port}"),
            "leave it out: the port that clients see is that of `controlPlaneEndpoint`",
        ),
        "bind-address" if argument.value.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) => {
            ("no other machine could reach it".to_owned(), "leave it out: it listens on every address")
        }
        _ => return,
    };
    report.push(
        codes::API_UNREACHABLE
            .found(format!("kube-apiserver would not be found with `{}: {}`", argument.name, brief(argument.value)))
            .at(argument.value_at.clone(), reason)
            .help(help),
    );
}

fn controllers(raw: &Raw<'_>, argument: &Argument<'_>, report: &mut Report) {
    let has = |name: &str| words(argument.value).any(|word| word == name);
    let by_token = raw.discovery.as_ref().is_some_and(|discovery| discovery.value == Discovery::Token);
    let lacks: &[(&str, bool, &str)] = &[
        ("bootstrapsigner", by_token, "machines that discover the cluster by token wait for a signature that never comes"),
        ("tokencleaner", true, "expired bootstrap tokens are never removed"),
    ];
    for (name, matters, why) in lacks {
        if *matters && !has(name) {
            report.push(
                codes::CONTROLLER_MISSING
                    .found(format!("the controller `{name}` would not run"))
                    .at(argument.value_at.clone(), format!("`*` does not include `{name}`"))
                    .note(*why)
                    .help("write `*,bootstrapsigner,tokencleaner`, as kubeadm does"),
            );
        }
    }
}

fn everywhere(component: Component, argument: &Argument<'_>, report: &mut Report) {
    if argument.value.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
        report.push(
            codes::LISTENS_EVERYWHERE
                .found(format!("{} would listen on every address of the machine", component.program()))
                .at(argument.value_at.clone(), "kubeadm binds it to 127.0.0.1")
                .note("its metrics and, unless they are off, its profiles are then a network's reach away; requests still need a credential")
                .help("leave it out, or acknowledge `listens-everywhere` when something outside of the machine collects its metrics"),
        );
    }
}
