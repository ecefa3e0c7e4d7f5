//! `node.env`: this machine's values as shell assignments.
//!
//! In: facts, and the scripts that will read them. Out: one `NAME='value'` a fact that one of them reads. Absent on purpose:
//! secrets; and any other way for a value into a shell, so that quoting is right in one place or nowhere.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{Distribution, FirstBoot, Found, Role, by_upload, endpoint_is_own, ends_approval};

/// Programs without which no supervisor can work.
const TOOLS: &[&str] =
    &["awk", "curl", "date", "find", "grep", "ip", "openssl", "sed", "stat", "sync", "systemctl", "timeout", "tr"];

/// Programs of a node beside those; a release needs more (`FirstBoot::tools`).
const NODE_TOOLS: &[&str] = &["base64", "kubeadm", "kubelet"];

/// Programs of an etcd machine beside those.
const ETCD_TOOLS: &[&str] = &["etcd"];

/// Writes a value so that a shell reads it back unchanged, whatever is in it.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Writes the whole file.
pub(super) fn assignments(boot: &FirstBoot<'_>, scripts: &[(&str, String)]) -> String {
    let mut text =
        String::from("# Made by kubespore: what the scripts beside it know of this machine. Nothing here is secret.\n");
    let read: HashSet<_> = scripts.iter().flat_map(|(_, script)| expanded(script)).collect();
    for (name, value) in values(boot) {
        if read.contains(name) {
            writeln!(text, "{name}={}", quote(&value)).expect("a String takes everything");
        }
    }
    text
}

/// Every NAME that stands in a script as `$NAME` or `${NAME`.
fn expanded(script: &str) -> impl Iterator<Item = &str> {
    script.split('$').skip(1).map(|after| {
        let name = after.strip_prefix('{').unwrap_or(after);
        let end = name.find(|next: char| !next.is_ascii_alphanumeric() && next != '_').unwrap_or(name.len());
        &name[..end]
    })
}

fn yes_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn words(list: &[&str]) -> String {
    list.join(" ")
}

fn lines(list: &mut dyn Iterator<Item = String>) -> String {
    list.collect::<Vec<_>>().join("\n")
}

/// Machines of one kind: a line each with place, name and address.
fn in_order(machines: &[super::ControlPlane<'_>]) -> String {
    lines(&mut machines.iter().enumerate().map(|(place, machine)| format!("{place} {} {}", machine.name, machine.address)))
}

/// Every value there is; what is in it for a machine, its scripts decide.
fn values(boot: &FirstBoot<'_>) -> Vec<(&'static str, String)> {
    let addresses: Vec<_> = boot.addresses.iter().map(ToString::to_string).collect();
    let role = match boot.role {
        Role::Founder | Role::ControlPlane => "control-plane",
        Role::Worker => "worker",
        Role::EtcdFounder | Role::EtcdMember => "etcd",
    };
    let own = if boot.role.is_etcd() { [ETCD_TOOLS, &[]] } else { [NODE_TOOLS, boot.tools] }.concat();
    let mut tools = [TOOLS, &own].concat();
    let uploads = by_upload(boot);
    if boot.role == Role::Founder && (!boot.manifests.is_empty() || uploads || ends_approval(boot)) {
        tools.push("kubectl");
    }
    if !boot.images.is_empty() {
        tools.push("ctr");
    }
    tools.sort_unstable();
    tools.dedup();
    let (distribution, renew_until) = match boot.distribution {
        Distribution::Embedded => ("embedded", 0),
        Distribution::Reduced => ("reduced", 0),
        Distribution::CertificateKey { renew_until } => ("certificate-key", renew_until),
    };
    let routes = boot.bridge.iter().flat_map(|bridge| bridge.routes);
    let etcd_here = boot.role.is_etcd() || boot.role.is_plane() && boot.external_etcd.is_none();
    let mut all = vec![
        ("ROLE", role.to_owned()),
        ("CLUSTER", boot.cluster.to_owned()),
        ("CLUSTER_ID", boot.cluster_id.to_owned()),
        ("GENERATION", boot.generation.to_string()),
        ("NODE", boot.node.to_owned()),
        ("ORDINAL", boot.ordinal.to_string()),
        ("ADVERTISE", addresses.first().cloned().unwrap_or_default()),
        ("ADDRESSES", addresses.join(" ")),
        ("NOTICE_PORT", boot.notice_port.to_string()),
        ("MINTED", boot.minted.to_string()),
        ("FOUND_UNTIL", boot.found_until.to_string()),
        (
            "FOUND",
            match boot.found {
                Found::Majority => "majority",
                Found::Alone => "alone",
                Found::Never => "never",
            }
            .to_owned(),
        ),
        ("FOUND_COMMAND", boot.found_command.to_owned()),
        ("UPLOAD_COMMAND", boot.upload_command.to_owned()),
        ("ETCD_GATEWAY", boot.release.etcd_gateway.to_owned()),
        ("ETCD_HERE", yes_no(etcd_here)),
        ("ETCD_DATA", boot.etcd_data.to_owned()),
        ("ETCD_DISK", boot.etcd_disk.unwrap_or_default().to_owned()),
        ("TOOLS", words(&tools)),
        ("NTP", yes_no(boot.time_servers)),
        ("SEED_ON_MEDIA", yes_no(boot.seed_on_media)),
        ("CONTROL_PLANES", in_order(boot.control_planes)),
        ("CONTROL_PLANE_COUNT", boot.control_planes.len().to_string()),
        ("ENDPOINT_HOST", boot.endpoint.host.to_string()),
        ("ENDPOINT_PORT", boot.endpoint.port.to_string()),
        ("ENDPOINT_OWN", yes_no(endpoint_is_own(boot))),
        ("BALANCER", boot.balancer.map(|address| address.to_string()).unwrap_or_default()),
        ("API_PORT", boot.api_port.to_string()),
        ("HEALTH_PATH", boot.release.health_path.to_owned()),
        ("ANONYMOUS", yes_no(boot.anonymous_health)),
        ("CREDENTIAL_UNTIL", boot.credential_until.unwrap_or(0).to_string()),
        ("RENEW_COMMAND", boot.renew_command.to_owned()),
        ("APPROVAL_ENDS", yes_no(boot.approval_ends)),
        ("APPROVAL_UNTIL", if ends_approval(boot) { words(boot.approval_until) } else { String::new() }),
        ("DISTRIBUTION", distribution.to_owned()),
        ("RENEW_UNTIL", if boot.role == Role::Founder { renew_until } else { 0 }.to_string()),
        ("KUBERNETES_VERSION", boot.release.kubeadm_version.to_owned()),
        ("INIT_FLAGS", boot.release.init_flags.join(" ")),
        ("UPLOAD_FLAGS", words(boot.release.upload_flags)),
        ("RESET_FLAGS", words(boot.release.reset_flags)),
        ("FINISH_PHASES", boot.release.finish_phases.join("\n")),
        ("CERTIFICATE_KEY_FLAG", yes_no(boot.release.certificate_key_flag)),
        ("JOIN_READS_NODES", yes_no(boot.release.join_reads_nodes)),
        ("CGROUP_V2", yes_no(boot.release.cgroup_v2)),
        ("RUNTIME_SERVICE", boot.runtime.service.to_owned()),
        ("RUNTIME_SOCKET", boot.runtime.socket.to_owned()),
        ("IMAGES", boot.images.join("\n")),
        ("IGNORE_PREFLIGHT", ignored(boot)),
        ("HAIRPIN_PIN", yes_no(boot.hairpin_pin)),
        ("SWAP_OFF", yes_no(boot.swap_off)),
        ("ROUTES", lines(&mut routes.map(|(range, via)| format!("{range} {via}")))),
    ];
    if let Some(etcd) = &boot.external_etcd {
        all.push(("ETCD_SERVERS", in_order(etcd.servers)));
        all.push(("ETCD_SERVER_COUNT", etcd.servers.len().to_string()));
        all.push(("ETCD_LEAST", etcd.least.to_owned()));
    }
    all
}

/// The preflight checks that a second `kubeadm init` over the first one's remains must not fail on, and the
/// user's own, because the flag replaces the list in the document (before 1.29).
fn ignored(boot: &FirstBoot<'_>) -> String {
    let mut checks: Vec<String> = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]
        .iter()
        .map(|pod| format!("FileAvailable--etc-kubernetes-manifests-{pod}.yaml"))
        .collect();
    let ports = [boot.api_port, 10250, 10251, 10252, 10257, 10259, 2379, 2380];
    checks.extend(ports.iter().map(|port| format!("Port-{port}")));
    checks.push(format!("DirAvailable-{}", boot.etcd_data.replace('/', "-")));
    checks.extend(boot.ignore_preflight.iter().filter(|check| !check.eq_ignore_ascii_case("all")).cloned());
    if boot.ignore_preflight.iter().any(|check| check.eq_ignore_ascii_case("all")) {
        return "all".to_owned();
    }
    checks.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_to_scripts_that_read_it() {
        for (script, is) in [
            ("echo $FOUND", true),
            ("echo \"${FOUND:-no}\"", true),
            ("echo ${FOUND}x $((1 + $FOUND))", true),
            ("echo $FOUND_UNTIL ${FOUND_UNTIL} $AFOUND FOUND", false),
        ] {
            assert_eq!(expanded(script).any(|name| name == "FOUND"), is, "{script}");
        }
    }

    #[test]
    fn a_shell_reads_a_value_back_unchanged() {
        for value in
            ["", "plain", "two words", "it's", "'", "''", "$(reboot)", "`reboot`", "a\nb", "\\", "\"", "$HOME", "é☃", "!x"]
        {
            let script = format!("VALUE={}\nprintf '%s' \"$VALUE\"", quote(value));
            let output = std::process::Command::new("/bin/sh").arg("-c").arg(script).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }
}
