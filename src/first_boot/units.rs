//! The units of the first boot, and the configuration of the plain pod network.
//!
//! In: facts. Out: units in the order in which they are to be enabled. Absent on purpose: the kubelet's own
//! unit, which the image or its package brings.

use serde_json::{Value, json};

use super::{Bridge, FirstBoot, ends_approval, notices, renews};
use crate::host::Unit;

const FIRST_BOOT: &str = include_str!("../../templates/first-boot/kubespore-first-boot.service");
const GATE: &str = include_str!("../../templates/first-boot/kubespore-gate.service");
const ETCD: &str = include_str!("../../templates/first-boot/kubespore-etcd.service");
const SYNC: &str = include_str!("../../templates/first-boot/kubespore-sync.service");
const HURRY: &str = include_str!("../../templates/first-boot/kubespore-hurry.service");
const NOTICE: &str = include_str!("../../templates/first-boot/kubespore-notice@.service");
const ROUTES: &str = include_str!("../../templates/first-boot/kubespore-routes.service");
const APPROVAL: &str = include_str!("../../templates/first-boot/kubespore-approval.service");
const APPROVAL_TIMER: &str = include_str!("../../templates/first-boot/kubespore-approval.timer");
const CERTIFICATES: &str = include_str!("../../templates/first-boot/kubespore-certificates.service");
const CERTIFICATES_TIMER: &str = include_str!("../../templates/first-boot/kubespore-certificates.timer");

/// The service of a member that has a machine of its own.
const ETCD_SERVICE: &str = "kubespore-etcd.service";

/// Lists every unit of a machine.
pub(super) fn of(boot: &FirstBoot<'_>) -> Vec<Unit> {
    let kept = |name: &str, text: &str| unit(name, text, false, false);
    let mut units = Vec::new();
    if boot.role.is_etcd() {
        // Not the distribution's own unit: that one differs from package to package in its user, its settings' place and its
        // name. Ours begins at boot only once the supervisor has seen the member vote.
        units.push(kept(ETCD_SERVICE, ETCD));
        units.push(unit("kubespore-gate.service", &GATE.replace("kubelet.service", ETCD_SERVICE), true, false));
    } else {
        units.push(unit("kubespore-gate.service", GATE, true, false));
        units.push(kept("kubespore-sync.service", SYNC));
    }
    if boot.role.is_plane() {
        units.push(kept("kubespore-hurry.service", HURRY));
    }
    if notices(boot) {
        units.push(kept("kubespore-notice.socket", &notice_socket(boot.notice_port)));
        units.push(kept("kubespore-notice@.service", NOTICE));
    }
    if renews(boot) {
        units.push(kept("kubespore-certificates.service", CERTIFICATES));
        units.push(kept("kubespore-certificates.timer", CERTIFICATES_TIMER));
    }
    if ends_approval(boot) {
        units.push(kept("kubespore-approval.service", APPROVAL));
        units.push(unit("kubespore-approval.timer", APPROVAL_TIMER, true, true));
    }
    if boot.bridge.is_some() {
        units.push(unit("kubespore-routes.service", ROUTES, true, true));
    }
    units.push(unit("kubespore-first-boot.service", FIRST_BOOT, true, true));
    units
}

fn unit(name: &str, text: &str, enabled: bool, started: bool) -> Unit {
    Unit { name: name.to_owned(), content: Some(text.to_owned()), drop_ins: Vec::new(), enabled, started }
}

/// The socket answers few at a time: it is one line for a handful of siblings.
fn notice_socket(port: u16) -> String {
    format!(
        "[Unit]\nDescription=Tell the siblings that this machine is empty\n\n\
         [Socket]\nListenStream={port}\nAccept=yes\nMaxConnections=32\n"
    )
}

/// The network configuration the kubelet's runtime reads: one bridge, addresses from this machine's ranges.
pub(super) fn bridge_conflist(bridge: &Bridge<'_>) -> String {
    let ranges: Vec<Value> = bridge.ranges.iter().map(|range| json!([{ "subnet": range.to_string() }])).collect();
    let defaults = bridge.ranges.iter().map(|range| if range.addr().is_ipv4() { "0.0.0.0/0" } else { "::/0" });
    let routes: Vec<Value> = defaults.map(|to| json!({ "dst": to })).collect();
    let list = json!({
        "cniVersion": bridge.cni_version,
        "name": "kubespore",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": true,
                "hairpinMode": true,
                "ipam": { "type": "host-local", "ranges": ranges, "routes": routes },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    format!("{list:#}\n")
}
