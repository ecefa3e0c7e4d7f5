//! The scripts: constant text, composed by role so that a worker carries little.
//!
//! In: a role. Out: one script. Absent on purpose: values. Comments stay in the templates; a machine gets
//! the code, because user-data has limits of a few kilobytes on some platforms.

use super::Role;

const COMMON: &str = include_str!("../../templates/first-boot/common.sh");
const PROBE: &str = include_str!("../../templates/first-boot/probe.sh");
const API: &str = include_str!("../../templates/first-boot/api.sh");
const SURVEY: &str = include_str!("../../templates/first-boot/survey.sh");
const PLANES: &str = include_str!("../../templates/first-boot/planes.sh");
const MEMBERS: &str = include_str!("../../templates/first-boot/members.sh");
const JSON: &str = include_str!("../../templates/first-boot/json.sh");
const CREDENTIALS: &str = include_str!("../../templates/first-boot/credentials.sh");
const MACHINE: &str = include_str!("../../templates/first-boot/machine.sh");
const NODE: &str = include_str!("../../templates/first-boot/node.sh");
const ROWS: &str = include_str!("../../templates/first-boot/rows.sh");
const ETCD: &str = include_str!("../../templates/first-boot/etcd.sh");
const MEMBERSHIP: &str = include_str!("../../templates/first-boot/membership.sh");
const STACKED: &str = include_str!("../../templates/first-boot/stacked.sh");
const STACKED_FOUNDER: &str = include_str!("../../templates/first-boot/stacked-founder.sh");
const PIN: &str = include_str!("../../templates/first-boot/pin.sh");
const SEAT: &str = include_str!("../../templates/first-boot/seat.sh");
const EXTERNAL: &str = include_str!("../../templates/first-boot/external.sh");
const EXTERNAL_FOUNDER: &str = include_str!("../../templates/first-boot/external-founder.sh");
const JOIN: &str = include_str!("../../templates/first-boot/join.sh");
const SCRUB: &str = include_str!("../../templates/first-boot/scrub.sh");
const CONTROL_PLANE: &str = include_str!("../../templates/first-boot/control-plane.sh");
const FETCHING: &str = include_str!("../../templates/first-boot/fetching.sh");
const FOUNDING: &str = include_str!("../../templates/first-boot/founding.sh");
const FOUNDER: &str = include_str!("../../templates/first-boot/founder.sh");
const JOINER: &str = include_str!("../../templates/first-boot/joiner.sh");
const WORKER: &str = include_str!("../../templates/first-boot/worker.sh");
const ETCD_MEMBER: &str = include_str!("../../templates/first-boot/etcd-member.sh");
const ETCD_FOUNDER: &str = include_str!("../../templates/first-boot/etcd-founder.sh");
const ETCD_JOINER: &str = include_str!("../../templates/first-boot/etcd-joiner.sh");
const GATE_FOUNDER: &str = include_str!("../../templates/first-boot/gate-founder.sh");
const GATE_JOINER: &str = include_str!("../../templates/first-boot/gate-joiner.sh");
const GATE: &str = include_str!("../../templates/first-boot/gate.sh");
const RENEWAL: &str = include_str!("../../templates/first-boot/renew-certificates.sh");
const END_APPROVAL: &str = include_str!("../../templates/first-boot/end-approval.sh");
const ROUTES: &str = include_str!("../../templates/first-boot/routes.sh");

/// The program behind the empty-notice's socket.
pub(super) const NOTICE: &str = include_str!("../../templates/first-boot/notice.sh");

/// Root's `KUBECONFIG` on a control plane.
pub(super) const PROFILE: &str = include_str!("../../templates/first-boot/profile.sh");

/// Returns the supervisor of a role; `stacked` tells whether etcd is on the control planes, `fetches` whether these get the
/// shared keys from the cluster, `seat` whether the image holds the pod of a member.
pub(super) fn supervisor(role: Role, stacked: bool, fetches: bool, seat: bool) -> String {
    let everywhere = [COMMON, PROBE, JSON, MACHINE, SCRUB];
    let node = [API, CREDENTIALS, NODE, JOIN];
    let siblings = [ROWS, ETCD];
    let etcd: &[&str] = if stacked { &[MEMBERSHIP, STACKED] } else { &[EXTERNAL] };
    let fetching: &[&str] = if fetches { &[FETCHING] } else { &[] };
    let plane = [etcd, &[CONTROL_PLANE], fetching].concat();
    let founder = [SURVEY, PLANES, if stacked { STACKED_FOUNDER } else { EXTERNAL_FOUNDER }, FOUNDING, PIN, FOUNDER];
    let member = [SURVEY, MEMBERS, MEMBERSHIP, ETCD_MEMBER];
    let own: Vec<&[&str]> = match role {
        Role::Founder => vec![&node, &siblings, &plane, &founder],
        Role::ControlPlane => vec![&node, &siblings, &plane, if seat { &[SEAT] } else { &[] }, &[JOINER]],
        Role::Worker => vec![&node, &[WORKER]],
        Role::EtcdFounder => vec![&siblings, &member, &[FOUNDING, ETCD_FOUNDER]],
        Role::EtcdMember => vec![&siblings, &member, &[ETCD_JOINER]],
    };
    compose(&[&everywhere, own.concat().as_slice()].concat())
}

/// Returns the gate of a role; only a founder has to ask its siblings.
pub(super) fn gate(role: Role) -> String {
    match role {
        Role::Founder => compose(&[COMMON, PROBE, API, PIN, SURVEY, PLANES, GATE_FOUNDER, GATE]),
        Role::EtcdFounder => compose(&[COMMON, PROBE, SURVEY, MEMBERS, GATE_FOUNDER, GATE]),
        Role::ControlPlane | Role::EtcdMember | Role::Worker => compose(&[COMMON, GATE_JOINER, GATE]),
    }
}

/// Returns the renewal of uploaded certificates.
pub(super) fn renewal(stacked: bool) -> String {
    let etcd = if stacked { [STACKED, STACKED_FOUNDER] } else { [EXTERNAL, EXTERNAL_FOUNDER] };
    compose(&[&[COMMON, PROBE, API, JSON, ETCD], etcd.as_slice(), &[JOIN, RENEWAL]].concat())
}

/// Returns what ends the automatic approval of certificate requests.
pub(super) fn end_of_approval() -> String {
    compose(&[COMMON, PROBE, API, END_APPROVAL])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_awaited_and_nowhere_else_named() {
        for role in [Role::Founder, Role::ControlPlane] {
            let awaits = "await await_endpoint await_door await_certificates await_lower await_name\n";
            assert!(supervisor(role, true, true, false).contains(awaits));
            assert!(!supervisor(role, true, false, false).contains("certificates-gone"));
        }
        assert!(!supervisor(Role::Worker, true, true, false).contains("await_certificates"));
    }
}
