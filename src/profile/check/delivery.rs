//! Delivery: whether each machine's system, network, images and platform go together.

use std::collections::HashSet;

use super::super::codes;
use super::super::raw::{At, Point, Raw, RawNode};
use crate::diag::Report;
use crate::os::{FirstBootProgram, Os, SpecVersion};
use crate::platform::Format;
use crate::{delivery, os, platform};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    for node in &raw.nodes {
        let Some(os) = os_of(raw, node) else { continue };
        interface(node, os, report);
        images(node, os, report);
        user_data(node, os, report);
        version(raw, node, os, report);
    }
    repeated(raw, report);
}

fn os_of(raw: &Raw<'_>, node: &RawNode<'_>) -> Option<&'static Os> {
    node.os.as_ref().or(raw.os.as_ref()).and_then(|os| os::find(os))
}

fn format(os: &Os) -> Format {
    Format::of(os.first_boot)
}

fn reads(os: &Os) -> String {
    let program = match format(os) {
        Format::CloudInit => "cloud-init",
        Format::Ignition => "Ignition",
    };
    format!("{} has {program} and reads another form", os.name)
}

/// An image that is named twice, wherever one list stands for several nodes once.
fn repeated(raw: &Raw<'_>, report: &mut Report) {
    let mut told = HashSet::new();
    for words in raw.nodes.iter().filter_map(|node| node.deliver.as_ref()) {
        for (place, word) in words.iter().enumerate() {
            let Some(earlier) = words[..place].iter().find(|earlier| earlier.value == word.value) else { continue };
            if told.insert(word.span.clone()) {
                report.push(
                    codes::DUPLICATE_DELIVERY
                        .found(format!("the image `{}` is named twice", word.value))
                        .point(word, "named again")
                        .point(earlier, "named here")
                        .help("name it once"),
                );
            }
        }
    }
}

fn images(node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let dhcp = node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value);
    for word in node.deliver.iter().flatten() {
        let Some(delivery) = delivery::find(word) else { continue };
        let name = node.name.as_ref().map_or_else(String::new, |name| name.value.to_string());
        if !delivery.is_for(os) {
            let why = if delivery.formats.contains(&format(os)) {
                format!("Ignition of {} looks elsewhere", os.name)
            } else {
                reads(os)
            };
            let others: Vec<_> = delivery::ALL.iter().filter(|other| other.is_for(os)).map(|other| other.name).collect();
            report.push(
                codes::DELIVERY_FORMAT
                    .found(format!("{name} cannot read the image `{}`", delivery.name))
                    .point(word, why)
                    .help(format!("name an image that its system reads ({}), or leave `deliver` out", others.join(", "))),
            );
        } else if delivery.needs_mac && format(os) == Format::CloudInit && node.mac.is_none() && !dhcp {
            report.push(
                codes::DELIVERY_NEEDS_MAC
                    .found(format!("{name} has a static network and no hardware address"))
                    .point(word, "names interfaces by their hardware address alone")
                    .help("add `mac`, or say `dhcp: true`"),
            );
        }
    }
}

/// Whether a static address reaches an interface: a pattern, said or meant, is not understood everywhere.
fn interface(node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let dhcp = node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value);
    let literal = node.interface.as_ref().is_some_and(|name| !name.contains(['*', '?', '[']));
    if os.interface_patterns || dhcp || node.mac.is_some() || literal {
        return;
    }
    let Some(address) = &node.address else { return };
    let finding = codes::INTERFACE_PATTERN
        .found(format!("{} may come up without network: nothing says which interface has its address", node.called()))
        .note(format!("cloud-init on {} takes an interface's name literally; patterns are netplan's", os.name))
        .help("add the `mac` of the interface, or its exact name as `interface`");
    report.push(match &node.interface {
        Some(pattern) => finding.point(pattern, "a pattern"),
        None => finding.point(address, "no `mac`, no `interface`"),
    });
}

fn user_data(node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let Some(word) = &node.platform else { return };
    if platform::find(word).is_some_and(|platform| platform.forms(format(os)).is_empty()) {
        report.push(
            codes::PLATFORM_FORMAT
                .found(format!("{} cannot hand a seed to {}", word.value, os.name))
                .point(word, reads(os))
                .help("leave `platform` out and boot the machine from an image (`deliver`), or use another system there"),
        );
    }
}

/// The version must be one that the system reads; on a system without Ignition it would be no one's, unless it stands for the
/// whole profile and another machine has Ignition.
fn version(raw: &Raw<'_>, node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let Some(wanted) = &node.ignition_version else { return };
    let FirstBootProgram::Ignition { newest, .. } = os.first_boot else {
        if !serves_another(raw, wanted) {
            report.push(
                codes::IGNITION_VERSION
                    .found(format!("{} reads no version of Ignition's spec", node.called()))
                    .point(wanted, format!("{} has cloud-init", os.name))
                    .help("leave it out, or give the machine a system with Ignition (`os`)"),
            );
        }
        return;
    };
    if wanted.value > newest {
        report.push(
            codes::IGNITION_VERSION
                .found(format!("{} does not read version {} of Ignition's spec", os.name, wanted.value))
                .point(wanted, format!("newer than {newest}"))
                .help(format!("write `{newest}` or older, or leave it out")),
        );
    }
}

/// Whether the same line says the version of a machine that has Ignition.
fn serves_another(raw: &Raw<'_>, wanted: &At<SpecVersion>) -> bool {
    let same = |node: &&RawNode<'_>| node.ignition_version.as_ref().is_some_and(|version| version.span == wanted.span);
    let mut machines = raw.nodes.iter().filter(same).filter_map(|node| os_of(raw, node));
    machines.any(|os| format(os) == Format::Ignition)
}
