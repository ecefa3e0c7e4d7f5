//! The control-plane endpoint: that what answers there is what the profile says.

use std::net::IpAddr;

use super::super::codes;
use super::super::raw::{At, Point, Raw, RawNode};
use super::super::shape::brief;
use super::super::spec::{BalancerKind, Role};
use super::{below, text};
use crate::diag::Report;
use crate::net::{DnsName, Endpoint, Host};

/// The port on which every API server listens.
pub const API_PORT: u16 = 6443;

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    notice_port(raw, report);
    bind_port(raw, report);
    let Some(kind) = &raw.balancer else { return };
    let places = Places::of(raw);
    machines(raw, kind, &places, report);
    balancer_address(raw, kind, report);
    hairpin(raw, kind, report);
    let Some(endpoint) = &raw.endpoint else { return };
    match &endpoint.host {
        Host::Address(ip) => {
            report.push(
                codes::ENDPOINT_IS_ADDRESS
                    .found(format!("the control-plane endpoint is the bare address {ip}"))
                    .point(endpoint, "an address, not a name")
                    .note("it stands in certificates and kubeconfigs for good, and cannot be pinned where a load balancer does not send a machine back to itself")
                    .help(format!("use a name, such as `api.{}.internal:{}`, or acknowledge `endpoint-is-address`", cluster(raw), endpoint.port)),
            );
            owner(raw, kind, endpoint, *ip, &places, report);
        }
        Host::Name(name) => {
            node_name(raw, kind, endpoint, name, &places, report);
            resolved(raw, kind, endpoint, name, report);
        }
    }
    port(kind, endpoint, &places, report);
}

fn cluster(raw: &Raw<'_>) -> String {
    raw.cluster.as_ref().map_or_else(|| "lab".into(), |name| name.to_string())
}

/// The machines that matter here.
struct Places<'r, 'n> {
    control_planes: Vec<&'r RawNode<'n>>,
    balancers: Vec<&'r RawNode<'n>>,
    /// Whether every node's role is known, so that one that is missing is really missing.
    complete: bool,
}

impl<'r, 'n> Places<'r, 'n> {
    fn of(raw: &'r Raw<'n>) -> Self {
        let with = |role| raw.nodes.iter().filter(|node| node.is(role)).collect();
        Self {
            control_planes: with(Role::ControlPlane),
            balancers: with(Role::LoadBalancer),
            complete: raw.nodes.iter().all(|node| node.role.is_some()),
        }
    }

    /// The machines that answer at the endpoint, when the profile has them.
    fn answering(&self, kind: BalancerKind) -> &[&'r RawNode<'n>] {
        match kind {
            BalancerKind::Haproxy => &self.balancers,
            BalancerKind::None => &self.control_planes,
            BalancerKind::External => &[],
        }
    }
}

/// Whether the profile has the machines that its load balancer needs, and no others.
fn machines(raw: &Raw<'_>, kind: &At<BalancerKind>, places: &Places<'_, '_>, report: &mut Report) {
    let Some(nodes) = &raw.nodes_key else { return };
    let says = |kind: &At<BalancerKind>| format!("`{}` is the kind", kind.as_str());
    match kind.value {
        BalancerKind::Haproxy if places.balancers.is_empty() && places.complete => report.push(
            codes::LOAD_BALANCER_MISSING
                .found("no machine runs HAProxy")
                .point_span(kind.span.as_ref(), "runs on machines of role load-balancer")
                .at(nodes.clone(), "none of them has that role")
                .help("add a node with `role: load-balancer`, or use `kind: external`"),
        ),
        BalancerKind::Haproxy => {
            if let [first, second, ..] = places.balancers.as_slice() {
                report.push(
                    codes::SEVERAL_LOAD_BALANCERS
                        .found(format!("machines reach the API through {} only", first.called()))
                        .at(second.place.clone(), "stands by unused")
                        .at(first.place.clone(), "the endpoint's name leads here")
                        .help("keep one, or put a load balancer with an address of its own before them and use `kind: external`"),
                );
            }
        }
        BalancerKind::None | BalancerKind::External => {
            if let Some(idle) = places.balancers.first() {
                let mut finding = codes::LOAD_BALANCER_UNUSED.found(format!("{} has nothing to balance", idle.called())).at(
                    idle.role.as_ref().and_then(|role| role.span.clone()).unwrap_or_else(|| idle.place.clone()),
                    "a load balancer",
                );
                finding = match &kind.span {
                    Some(span) => finding.at(span.clone(), says(kind)),
                    None => finding.note("`loadBalancer.kind` is none unless the profile says otherwise"),
                };
                report.push(finding.help("write `loadBalancer: {kind: haproxy}`, or leave the node out"));
            } else if let (BalancerKind::None, [_, second, ..]) = (kind.value, places.control_planes.as_slice()) {
                let mut finding = codes::LOAD_BALANCER_MISSING
                    .found(format!("{} control planes, and nothing before them", places.control_planes.len()))
                    .at(second.place.clone(), "no connection to the endpoint would reach it");
                finding = match &kind.span {
                    Some(span) => finding.at(span.clone(), says(kind)),
                    None => finding.note("`loadBalancer.kind` is none unless the profile says otherwise"),
                };
                report
                    .push(finding.help(
                        "add a machine of role load-balancer and `loadBalancer: {kind: haproxy}`, or use `kind: external`",
                    ));
            }
        }
    }
}

fn balancer_address(raw: &Raw<'_>, kind: &At<BalancerKind>, report: &mut Report) {
    let Some(address) = &raw.balancer_address else { return };
    if kind.value != BalancerKind::External {
        let finding =
            codes::LOAD_BALANCER_ADDRESS.found(format!("a load balancer of kind {} has no address of its own", kind.as_str()));
        let finding = finding.point(address, "for `kind: external` only").point_span(kind.span.as_ref(), "the kind");
        report.push(finding.help("leave `address` out: the endpoint is at a machine of the profile"));
        return;
    }
    if let Some(owner) = raw.nodes.iter().find(|node| node.has(address.value)) {
        report.push(
            codes::ENDPOINT_TAKEN
                .found(format!("the external load balancer's address {} belongs to {}", address.value, owner.called()))
                .point(address, "outside of the profile, says `kind: external`")
                .at(owner.address.as_ref().and_then(|at| at.span.clone()).unwrap_or_else(|| owner.place.clone()), "a node's address")
                .help("write the load balancer's own address, or declare the machine with `role: load-balancer` and use `kind: haproxy`"),
        );
    }
    if let Some(endpoint) = &raw.endpoint
        && let Host::Address(ip) = endpoint.host
        && ip != address.value
    {
        report.push(
            codes::LOAD_BALANCER_ADDRESS
                .found("the endpoint and the load balancer have different addresses")
                .point(address, "the load balancer")
                .point(endpoint, "what machines connect to")
                .help("leave `loadBalancer.address` out, or give the endpoint a name"),
        );
    }
}

fn hairpin(raw: &Raw<'_>, kind: &At<BalancerKind>, report: &mut Report) {
    let Some(hairpin) = raw.balancer_hairpin.as_ref().filter(|at| !at.value) else { return };
    if kind.value != BalancerKind::External {
        let finding = codes::LOAD_BALANCER_HAIRPIN
            .found(format!("a load balancer of kind {} leads a machine back to itself", kind.as_str()));
        let finding = finding.point(hairpin, "for `kind: external` only").point_span(kind.span.as_ref(), "the kind");
        report.push(finding.help("leave `hairpin` out"));
        return;
    }
    let Some(endpoint) = &raw.endpoint else { return };
    if matches!(endpoint.host, Host::Address(_)) || endpoint.port != API_PORT {
        report.push(
            codes::LOAD_BALANCER_HAIRPIN
                .found("the endpoint cannot mean the founder itself while it founds")
                .point(endpoint, format!("not a name with port {API_PORT}"))
                .point(hairpin, "the load balancer leads no machine back to itself")
                .help(format!("give the endpoint a name and port {API_PORT}, or use a load balancer that can")),
        );
    }
}

/// Whether the address of the endpoint is that of a machine which answers there.
fn owner(
    raw: &Raw<'_>,
    kind: &At<BalancerKind>,
    endpoint: &At<Endpoint>,
    ip: IpAddr,
    places: &Places<'_, '_>,
    report: &mut Report,
) {
    let answering = places.answering(kind.value);
    if answering.iter().any(|node| node.has(ip)) {
        return;
    }
    let note = match kind.value {
        BalancerKind::Haproxy => "HAProxy answers at the endpoint, so it is the address of a machine of role load-balancer",
        BalancerKind::External => "something outside of the profile answers at the endpoint, so no node may own it",
        BalancerKind::None => "without a load balancer the only control plane answers at the endpoint itself",
    };
    let help = match (kind.value, answering.first().and_then(|node| node.address.as_ref())) {
        (BalancerKind::External, _) => {
            "write the load balancer's address, or use `kind: none` with a single control plane".to_owned()
        }
        (_, Some(address)) => format!("write `{}`", Endpoint { host: Host::Address(address.addr()), port: endpoint.port }),
        (BalancerKind::Haproxy, None) => "write the address of the load balancer's machine".into(),
        (BalancerKind::None, None) => "write the address of the control plane".into(),
    };
    if let Some((node, address)) =
        raw.nodes.iter().find_map(|node| Some((node, node.addresses().find(|address| address.addr() == ip)?)))
    {
        report.push(
            codes::ENDPOINT_TAKEN
                .found(format!("the control-plane endpoint {ip} is the address of {}", node.called()))
                .point(endpoint, "the endpoint")
                .point(address, format!("already {}'s", node.called()))
                .note(note)
                .help(help),
        );
    } else if kind.value != BalancerKind::External && places.complete && !answering.is_empty() {
        report.push(
            codes::ENDPOINT_ELSEWHERE
                .found(format!("no machine has the control-plane endpoint's address {ip}"))
                .point(endpoint, "nobody's")
                .note(note)
                .help(help),
        );
    }
}

/// Whether the name of the endpoint is also that of a machine which does not answer there.
fn node_name(
    raw: &Raw<'_>,
    kind: &At<BalancerKind>,
    endpoint: &At<Endpoint>,
    name: &DnsName,
    places: &Places<'_, '_>,
    report: &mut Report,
) {
    let bears =
        |node: &RawNode<'_>| node.name.as_ref().is_some_and(|own| own.value == *name || own.first_label() == name.as_str());
    let Some(node) = raw.nodes.iter().find(|node| bears(node)) else { return };
    if places.answering(kind.value).first().is_some_and(|first| std::ptr::eq(*first, node)) {
        return;
    }
    let mut finding = codes::ENDPOINT_IS_NODE_NAME
        .found(format!("the control-plane endpoint has the name of the node {}", node.called()))
        .point(endpoint, "leads to the load balancer");
    if let Some(own) = &node.name {
        finding = finding.point(own, "leads to the machine");
    }
    report.push(finding.help(format!("give the endpoint a name of its own, such as `api.{}.internal`", cluster(raw))));
}

/// Whether machines can find out where the endpoint's name leads.
fn resolved(raw: &Raw<'_>, kind: &At<BalancerKind>, endpoint: &At<Endpoint>, name: &DnsName, report: &mut Report) {
    let written = raw.balancer_address.is_some() || raw.hosts.iter().any(|host| host.names.iter().any(|own| own.value == *name));
    if kind.value != BalancerKind::External || written {
        return;
    }
    let by_dns = |node: &RawNode<'_>| !node.nameservers.is_empty() || node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value);
    let Some(node) = raw.nodes.iter().find(|node| !by_dns(node)) else { return };
    report.push(
        codes::ENDPOINT_UNRESOLVED
            .found(format!("nothing tells {} where `{name}` is", node.called()))
            .point(endpoint, "an external load balancer's name")
            .at(node.place.clone(), "no resolver, no DHCP")
            .help("write `loadBalancer.address`, or the machines' `network.nameservers`"),
    );
}

/// Whether kubeadm would have the founder's API server listen where nothing else looks for it.
fn bind_port(raw: &Raw<'_>, report: &mut Report) {
    let Some(node) = below(raw, "initConfiguration", &["localAPIEndpoint", "bindPort"]) else { return };
    if let Some(port) = text(node)
        && port.parse() != Ok(API_PORT)
    {
        report.push(
            codes::BIND_PORT
                .found(format!("the first API server would listen on port {}", brief(port)))
                .at(node.span.clone(), format!("every API server is looked for on port {API_PORT}"))
                .help("leave it out; clients reach the cluster on the port of `controlPlaneEndpoint`, which a load balancer can choose freely"),
        );
    }
}

/// Whether the endpoint's port is one at which something listens, and alone.
fn port(kind: &At<BalancerKind>, endpoint: &At<Endpoint>, places: &Places<'_, '_>, report: &mut Report) {
    const SSH: u16 = 22;
    let api = API_PORT;
    match kind.value {
        BalancerKind::None if endpoint.port != api => report.push(
            codes::ENDPOINT_PORT
                .found(format!("nothing listens on port {} of the control plane", endpoint.port))
                .point(endpoint, "without a load balancer, the API server's own port")
                .help(format!("write port {api}")),
        ),
        BalancerKind::Haproxy if endpoint.port == SSH => report.push(
            codes::PORT_CLASH
                .found(format!("HAProxy and the SSH server would both listen on port {SSH}"))
                .point(endpoint, "the endpoint's port")
                .help("use 6443, or another port above 1023"),
        ),
        _ => {}
    }
    // One machine under two names is two programs on one port: HAProxy, and the API server behind it.
    if kind.value != BalancerKind::Haproxy || endpoint.port != api {
        return;
    }
    for balancer in &places.balancers {
        for plane in &places.control_planes {
            let Some(shared) = balancer.addresses().find(|address| plane.has(address.addr())) else { continue };
            report.push(
                codes::PORT_CLASH
                    .found(format!(
                        "HAProxy on {} and the API server on {} would both listen on {}:{api}",
                        balancer.called(),
                        plane.called(),
                        shared.addr()
                    ))
                    .point(endpoint, "the port of both")
                    .point(shared, "one machine under two names")
                    .help("put HAProxy on a machine of its own"),
            );
        }
    }
}

/// Whether the notice of an empty control plane has a port to itself.
fn notice_port(raw: &Raw<'_>, report: &mut Report) {
    let Some(notice) = &raw.notice_port else { return };
    let taken = [
        (API_PORT, "the API server"),
        (22, "the SSH server"),
        (2379, "etcd"),
        (2380, "etcd"),
        (2381, "etcd"),
        (10248, "the kubelet"),
        (10249, "kube-proxy"),
        (10250, "the kubelet"),
        (10256, "kube-proxy"),
        (10257, "the controller manager"),
        (10259, "the scheduler"),
    ];
    if let Some((port, program)) = taken.iter().find(|(port, _)| *port == notice.value) {
        report.push(
            codes::PORT_CLASH
                .found(format!("the empty-notice and {program} would both listen on port {port}"))
                .point(notice, "a control plane needs it for itself")
                .help("leave `noticePort` out for 6442, or choose another"),
        );
    }
}
