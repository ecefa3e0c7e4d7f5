//! Delivery: whether each machine's system, network, images and platform go together.

use super::super::codes;
use super::super::raw::{Point, Raw, RawNode};
use crate::diag::Report;
use crate::os::{FirstBootProgram, Os};
use crate::platform::Format;
use crate::{delivery, os, platform};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    for node in &raw.nodes {
        let Some(os) = node.os.as_ref().or(raw.os.as_ref()).and_then(|os| os::find(os)) else { continue };
        interface(node, os, report);
        images(node, os, report);
        user_data(node, os, report);
        version(node, os, report);
    }
}

fn format(os: &Os) -> Format {
    match os.first_boot {
        FirstBootProgram::CloudInit => Format::CloudInit,
        FirstBootProgram::Ignition { .. } => Format::Ignition,
    }
}

fn reads(os: &Os) -> String {
    let program = match format(os) {
        Format::CloudInit => "cloud-init",
        Format::Ignition => "Ignition",
    };
    format!("{} has {program} and reads another form", os.name)
}

fn images(node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let dhcp = node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value);
    for word in node.deliver.iter().flatten() {
        let Some(delivery) = delivery::find(word) else { continue };
        let name = node.name.as_ref().map_or_else(String::new, |name| name.value.to_string());
        if delivery.format != format(os) {
            report.push(
                codes::DELIVERY_FORMAT
                    .found(format!("{name} cannot read the image `{}`", delivery.name))
                    .point(word, reads(os))
                    .help("name an image that its system reads, or leave `deliver` out"),
            );
        } else if delivery.needs_mac && node.mac.is_none() && !dhcp {
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
                .help("boot the machine from an image (`deliver`), or use another system there"),
        );
    }
}

fn version(node: &RawNode<'_>, os: &Os, report: &mut Report) {
    let Some(wanted) = &node.ignition_version else { return };
    let FirstBootProgram::Ignition { newest, .. } = os.first_boot else { return };
    if wanted.value > newest {
        report.push(
            codes::IGNITION_VERSION
                .found(format!("{} does not read version {} of Ignition's spec", os.name, wanted.value))
                .point(wanted, format!("newer than {newest}"))
                .help(format!("write `{newest}` or older, or leave it out")),
        );
    }
}
