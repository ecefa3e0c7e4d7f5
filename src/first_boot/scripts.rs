//! The scripts: constant text, composed by role so that a worker carries little.
//!
//! In: a role. Out: one script. Absent on purpose: values. Comments stay in the templates; a machine gets
//! the code, because user-data has limits of a few kilobytes on some platforms.

use super::Role;

const COMMON: &str = include_str!("../../templates/first-boot/common.sh");
const PROBE: &str = include_str!("../../templates/first-boot/probe.sh");
const SURVEY: &str = include_str!("../../templates/first-boot/survey.sh");
const JSON: &str = include_str!("../../templates/first-boot/json.sh");
const CREDENTIALS: &str = include_str!("../../templates/first-boot/credentials.sh");
const MACHINE: &str = include_str!("../../templates/first-boot/machine.sh");
const ETCD: &str = include_str!("../../templates/first-boot/etcd.sh");
const JOIN: &str = include_str!("../../templates/first-boot/join.sh");
const SCRUB: &str = include_str!("../../templates/first-boot/scrub.sh");
const CONTROL_PLANE: &str = include_str!("../../templates/first-boot/control-plane.sh");
const FOUNDER: &str = include_str!("../../templates/first-boot/founder.sh");
const JOINER: &str = include_str!("../../templates/first-boot/joiner.sh");
const WORKER: &str = include_str!("../../templates/first-boot/worker.sh");
const GATE: &str = include_str!("../../templates/first-boot/gate.sh");
const RENEWAL: &str = include_str!("../../templates/first-boot/renew-certificates.sh");
const END_APPROVAL: &str = include_str!("../../templates/first-boot/end-approval.sh");
const ROUTES: &str = include_str!("../../templates/first-boot/routes.sh");

/// The program behind the empty-notice's socket.
pub(super) const NOTICE: &str = include_str!("../../templates/first-boot/notice.sh");

/// Root's `KUBECONFIG` on a control plane.
pub(super) const PROFILE: &str = include_str!("../../templates/first-boot/profile.sh");

/// Returns the supervisor of a role.
pub(super) fn supervisor(role: Role) -> String {
    let shared = [COMMON, PROBE, JSON, CREDENTIALS, MACHINE, JOIN, SCRUB];
    let own: &[&str] = match role {
        Role::Founder => &[SURVEY, ETCD, CONTROL_PLANE, FOUNDER],
        Role::ControlPlane => &[SURVEY, ETCD, CONTROL_PLANE, JOINER],
        Role::Worker => &[WORKER],
    };
    compose(&[&shared, own].concat())
}

/// Returns the gate of a role; a worker has no siblings to ask.
pub(super) fn gate(role: Role) -> String {
    match role {
        Role::Founder | Role::ControlPlane => compose(&[COMMON, PROBE, SURVEY, GATE]),
        Role::Worker => compose(&[COMMON, GATE]),
    }
}

/// Returns the renewal of uploaded certificates.
pub(super) fn renewal() -> String {
    compose(&[COMMON, PROBE, JSON, ETCD, JOIN, RENEWAL])
}

/// Returns what ends the automatic approval of certificate requests.
pub(super) fn end_of_approval() -> String {
    compose(&[COMMON, PROBE, END_APPROVAL])
}

/// Returns what sets the routes of the plain pod network.
pub(super) fn routes() -> String {
    compose(&[COMMON, ROUTES])
}

/// Puts parts together without their comment lines and blank lines; the first line of the first part stays.
fn compose(parts: &[&str]) -> String {
    let mut script = String::from("#!/bin/sh\n# Made by kubespore; its values are in node.env.\n");
    for line in parts.iter().flat_map(|part| part.lines()) {
        let bare = line.trim_start();
        if !bare.is_empty() && (!bare.starts_with('#') || bare.starts_with("# shellcheck ")) {
            script.push_str(line);
            script.push('\n');
        }
    }
    script
}
