//! Arguments of components: that the release's program takes the flag and its value.

use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::shape::brief;
use super::documents::is_duration;
use super::{Argument, arguments};
use crate::diag::Report;
use crate::kubernetes::removed::{self, Component};
use crate::kubernetes::{Release, Version};

/// Every component whose arguments are looked at.
pub const COMPONENTS: [Component; 4] =
    [Component::ApiServer, Component::ControllerManager, Component::Scheduler, Component::Kubelet];

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    for component in COMPONENTS {
        for argument in arguments(raw, component) {
            if !taken(component, &argument, version, release, report) {
                continue;
            }
            plain_port(component, &argument, report);
            cloud(component, &argument, report);
            duration(component, &argument, report);
        }
    }
}

/// Tells whether the program takes flag and value; reports when it does not.
fn taken(component: Component, argument: &Argument<'_>, version: &At<Version>, release: &Release, report: &mut Report) -> bool {
    let (program, name) = (component.program(), argument.name.as_str());
    if let Some(gone) = removed::flag(component, name, release) {
        report.push(
            codes::FLAG_REMOVED
                .found(format!("{program} {} has no flag `{}`", release.minor, brief(name)))
                .at(argument.at.clone(), format!("gone since Kubernetes {}", gone.since))
                .point(version, "this release")
                .note(format!("{program} exits with \"unknown flag: --{}\"; {}", brief(name), consequence(component)))
                .help(gone.instead),
        );
        return false;
    }
    let Some((values, why)) = removed::only_values(component, name, release) else { return true };
    if values.contains(&argument.value) {
        return true;
    }
    let shown = |value: &&str| if value.is_empty() { "no value".to_owned() } else { format!("`{value}`") };
    let expected: Vec<_> = values.iter().map(shown).collect();
    report.push(
        codes::FLAG_VALUE
            .found(format!("{program} {} does not take `{}` for `{name}`", release.minor, brief(argument.value)))
            .at(argument.value_at.clone(), format!("expected {}", expected.join(" or ")))
            .point(version, "this release")
            .note(why)
            .help("leave it out"),
    );
    false
}

/// What is seen of a component that does not start.
pub fn consequence(component: Component) -> &'static str {
    match component {
        Component::Kubelet => "nothing runs on the machine",
        Component::ApiServer => "kubeadm waits for it until it gives up",
        Component::ControllerManager | Component::Scheduler => "its pod restarts for ever, and no other pod is started",
    }
}

/// What is served without TLS, in the releases that still can.
fn plain_port(component: Component, argument: &Argument<'_>, report: &mut Report) {
    let opens = match argument.name.as_str() {
        "port" | "insecure-port" => component != Component::Kubelet && argument.value != "0",
        "insecure-bind-address" => component == Component::ApiServer,
        "address" => component != Component::Kubelet,
        _ => false,
    };
    if opens {
        let finding = codes::PLAIN_PORT
            .found(format!("`{}` is about the port of {} that has no TLS", argument.name, component.program()))
            .at(argument.at.clone(), "whoever reaches that port is let in unasked");
        report.push(match argument.name.as_str() {
            "address" => finding.help("use `bind-address`, which is about the port with TLS"),
            _ => finding.help("leave it out: kubeadm closes that port"),
        });
    }
}

fn cloud(component: Component, argument: &Argument<'_>, report: &mut Report) {
    if argument.name == "cloud-provider" && !matches!(argument.value, "" | "external") {
        report.push(
            codes::IN_TREE_CLOUD
                .found(format!("{} would talk to the cloud `{}` itself", component.program(), brief(argument.value)))
                .at(argument.value_at.clone(), "an in-tree cloud provider")
                .note("they are off since Kubernetes 1.29 and gone since 1.31; such a cluster cannot be upgraded past 1.28 as it is")
                .help("write `external` and run the cloud's own controller manager"),
        );
    }
}

/// Flags whose names end like durations' and which count seconds instead.
const SECONDS: &[&str] = &["min-request-timeout", "eviction-max-pod-grace-period"];

fn duration(component: Component, argument: &Argument<'_>, report: &mut Report) {
    const ENDINGS: [&str; 5] = ["-period", "-timeout", "-interval", "-duration", "-delay"];
    let name = argument.name.as_str();
    let is = ENDINGS.iter().any(|ending| name.ends_with(ending)) && !SECONDS.contains(&name);
    if is && !is_duration(argument.value) {
        let finding = codes::FLAG_VALUE
            .found(format!("{} does not read `{}` for `{name}`", component.program(), brief(argument.value)))
            .at(argument.value_at.clone(), "not a duration")
            .note(format!("Go's durations have a unit; {} exits, and {}", component.program(), consequence(component)));
        report.push(match argument.value.parse::<u32>() {
            Ok(seconds) => finding.help(format!("write `{seconds}s` for seconds")),
            Err(_) => finding.help("write it with units, such as `1h30m` or `45s`"),
        });
    }
}
