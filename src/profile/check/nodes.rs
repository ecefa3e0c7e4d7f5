//! Machines: what each is called, where it is, what it is for, and that no two are the same.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::codes;
use super::super::raw::{At, Point, Raw, RawNode};
use super::super::spec::Role;
use super::count;
use crate::diag::Report;
use crate::net::{DnsName, IpNet, MacAddress};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    roles(raw, report);
    names(raw, report);
    addresses(raw, report);
    macs(raw, report);
    for node in &raw.nodes {
        for address in node.addresses() {
            usable(node, address, report);
        }
        families(node, report);
        gateway(node, report);
        advertised(node, raw, report);
        keys_of_role(node, report);
        labels(node, report);
        unused(node, report);
    }
    unused_by_all(raw, report);
}

fn roles(raw: &Raw<'_>, report: &mut Report) {
    let Some(place) = &raw.nodes_key else { return };
    let etcds: Vec<_> = raw.nodes.iter().filter(|node| node.is(Role::Etcd)).collect();
    let planes: Vec<_> = raw.nodes.iter().filter(|node| node.is(Role::ControlPlane)).collect();
    let all_read = raw.nodes.iter().all(|node| node.role.is_some());
    match planes.len() {
        0 if all_read => report.push(
            codes::NO_CONTROL_PLANE
                .found("no node is a control plane")
                .at(
                    place.clone(),
                    if raw.nodes.is_empty() {
                        "no node at all".to_owned()
                    } else {
                        count(raw.nodes.len(), "node") + ", none of them founds"
                    },
                )
                .help("give one node `role: control-plane`; three survive the loss of one"),
        ),
        n if n > 0 && !etcds.is_empty() => {}
        2 if all_read => report.push(
            codes::TWO_CONTROL_PLANES
                .found("two control planes are less available than one")
                .at(planes[1].place.clone(), "the second control plane")
                .note("of two, when one dies the cluster is done for: the other one is no majority of etcd's members")
                .help("declare three control planes, or one"),
        ),
        n if n > 0 && n % 2 == 0 && all_read => report.push(
            codes::EVEN_CONTROL_PLANES
                .found(format!("{n} control planes survive no more failures than {}", n - 1))
                .at(planes[n - 1].place.clone(), "the last control plane")
                .note(format!("etcd needs {} of {n} members, so {} may fail, as with {}", n / 2 + 1, n / 2 - 1, n - 1))
                .help(format!("declare {} or {}", n - 1, n + 1)),
        ),
        _ => {}
    }
    let n = etcds.len();
    if n > 0 && n % 2 == 0 && all_read {
        report.push(
            codes::EVEN_ETCD_MEMBERS
                .found(format!("{n} etcd machines survive no more failures than {}", n - 1))
                .at(etcds[n - 1].place.clone(), "the last etcd machine")
                .note(format!("etcd needs {} of {n} members, so {} may fail, as with {}", n / 2 + 1, n / 2 - 1, n - 1))
                .help(format!("declare {} or {}", n - 1, n + 1)),
        );
    }
}

fn names(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: HashMap<&str, &At<DnsName>> = HashMap::new();
    for name in raw.nodes.iter().filter_map(|node| node.name.as_ref()) {
        let Some(earlier) = seen.insert(name.first_label(), name) else { continue };
        let same = earlier.value == name.value;
        let title = if same {
            format!("two nodes are named `{}`", name.value)
        } else {
            format!("nodes `{}` and `{}` have the same host name `{}`", earlier.value, name.value, name.first_label())
        };
        report.push(
            codes::DUPLICATE_NAME
                .found(title)
                .point(name, "used again")
                .point(earlier, "first used here")
                .help("host names must differ: rename one of the two"),
        );
    }
}

fn addresses(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: HashMap<IpAddr, (usize, &At<IpNet>)> = HashMap::new();
    for (i, node) in raw.nodes.iter().enumerate() {
        for address in node.addresses() {
            match seen.insert(address.addr(), (i, address)) {
                Some((j, earlier)) if i != j => {
                    let other = raw.nodes[j].called();
                    let mut finding = codes::DUPLICATE_ADDRESS
                        .found(format!("{other} and {} share the address {}", node.called(), address.addr()))
                        .point(address, "used again")
                        .point(earlier, format!("first used by {other}"));
                    if let Some(free) = free_address(raw, address) {
                        finding = finding.help(format!("give {} an address of its own, such as `{free}`", node.called()));
                    }
                    report.push(finding);
                }
                _ => {}
            }
        }
    }
}

/// Finds the next address of the same network that no node has.
fn free_address(raw: &Raw<'_>, taken: &IpNet) -> Option<IpNet> {
    const FAR_ENOUGH: u32 = 4096;
    let is_free = |ip: &IpAddr| {
        !raw.nodes.iter().any(|node| node.has(*ip) || node.gateway.as_ref().is_some_and(|gateway| gateway.value == *ip))
    };
    let following = (1..=FAR_ENOUGH).map_while(|step| match taken.addr() {
        IpAddr::V4(ip) => u32::from(ip).checked_add(step).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(step.into()).map(|bits| IpAddr::V6(bits.into())),
    });
    let mut inside = following.take_while(|ip| taken.contains(ip) && *ip != taken.broadcast());
    inside.find(is_free).and_then(|ip| IpNet::new(ip, taken.prefix_len()).ok())
}

fn macs(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: HashMap<MacAddress, (&RawNode<'_>, &At<MacAddress>)> = HashMap::new();
    for node in &raw.nodes {
        let Some(mac) = &node.mac else { continue };
        let Some((other, earlier)) = seen.insert(mac.value, (node, mac)) else { continue };
        report.push(
            codes::DUPLICATE_MAC
                .found(format!("{} and {} are told by the same MAC address {}", other.called(), node.called(), mac.value))
                .point(mac, "used again")
                .point(earlier, format!("first used by {}", other.called()))
                .help("a machine takes the network settings whose MAC address one of its cards has: give each its own"),
        );
    }
}

fn usable(node: &RawNode<'_>, address: &At<IpNet>, report: &mut Report) {
    let ip = address.addr();
    let roomy = match address.value {
        IpNet::V4(net) => net.prefix_len() <= 30,
        IpNet::V6(net) => net.prefix_len() <= 126,
    };
    let what = match ip {
        _ if ip.is_unspecified() => "the unspecified address".to_owned(),
        _ if ip.is_loopback() => "a loopback address".into(),
        _ if ip.is_multicast() => "a multicast address".into(),
        IpAddr::V4(v4) if v4.is_link_local() => "a link-local address".into(),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => "a link-local address".into(),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => "an IPv4 address in IPv6 clothes".into(),
        _ if roomy && ip == address.network() => format!("the address of the network {} itself", address.trunc()),
        IpAddr::V4(_) if roomy && ip == address.broadcast() => format!("the broadcast address of {}", address.trunc()),
        _ => return,
    };
    report.push(
        codes::UNUSABLE_ADDRESS
            .found(format!("{} cannot have the address {ip}", node.called()))
            .point(address, what)
            .help("give it an address that a machine can have, reachable from all others"),
    );
}

fn families(node: &RawNode<'_>, report: &mut Report) {
    let (Some(first), Some(second)) = (&node.address, &node.second_address) else { return };
    if first.addr().is_ipv4() == second.addr().is_ipv4() {
        report.push(
            codes::ADDRESS_FAMILY
                .found(format!("both addresses of {} are {}", node.called(), family(second.addr())))
                .point(second, "expected the other family")
                .point(first, "the first address")
                .help("`secondAddress` is for dual-stack: one IPv4 and one IPv6 address"),
        );
    }
}

pub fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn gateway(node: &RawNode<'_>, report: &mut Report) {
    let Some(gateway) = &node.gateway else { return };
    if node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value) || node.address.is_none() {
        return;
    }
    let title = |what: &str| format!("the gateway {} of {} {what}", gateway.value, node.called());
    if let Some(own) = node.addresses().find(|address| address.addr() == gateway.value) {
        report.push(
            codes::GATEWAY_OUTSIDE
                .found(title("is the machine itself"))
                .point(gateway, "the gateway")
                .point(own, "the machine's own address")
                .help("name the router of this network, or leave `gateway` out for a network without one"),
        );
        return;
    }
    // A link-local IPv6 router is reached on the link itself, whatever the machine's own prefix is.
    let link_local = matches!(gateway.value, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let family_known = node.addresses().any(|address| address.addr().is_ipv4() == gateway.is_ipv4());
    if node.addresses().any(|address| address.contains(&gateway.value)) || (link_local && family_known) {
        return;
    }
    let mut finding = codes::GATEWAY_OUTSIDE.found(title("is out of its reach")).point(gateway, "the gateway");
    for address in node.addresses() {
        finding = finding.point(address, format!("reaches {} directly", address.trunc()));
    }
    report.push(finding.help("name a router inside the machine's network, or correct the prefix length"));
}

fn advertised(node: &RawNode<'_>, raw: &Raw<'_>, report: &mut Report) {
    let Some(advertised) = &node.advertise_address else { return };
    let Some(owner) = raw.nodes.iter().find(|other| other.has(advertised.value)) else { return };
    if std::ptr::eq(owner, node) {
        return;
    }
    let mut finding = codes::ADVERTISED_ELSEWHERE
        .found(format!("{} advertises the address of {}", node.called(), owner.called()))
        .point(advertised, format!("belongs to {}", owner.called()));
    if let Some(address) = owner.addresses().find(|address| address.addr() == advertised.value) {
        finding = finding.point(address, "declared here");
    }
    report.push(finding.help(format!("advertise an address of {} itself, or leave `advertiseAddress` out", node.called())));
}

fn keys_of_role(node: &RawNode<'_>, report: &mut Report) {
    let Some(role) = &node.role else { return };
    const OF_NODES: &[&str] = &["advertiseAddress", "labels", "taints", "kubeletExtraArgs", "kubeletConfiguration"];
    let (meaningless, why): (&[&str], &str) = match role.value {
        Role::ControlPlane => (&[], ""),
        Role::Worker => (&["advertiseAddress"], "a worker has no API server"),
        Role::Etcd => (OF_NODES, "an etcd machine runs no part of Kubernetes"),
        Role::LoadBalancer => (OF_NODES, "a load balancer runs no part of Kubernetes"),
    };
    for (key, place) in node.given.iter().filter(|(key, _)| meaningless.contains(key)) {
        report.push(
            codes::NOT_FOR_ROLE
                .found(format!("`{key}` means nothing on {}", node.called()))
                .at(place.clone(), why)
                .at(role.span.clone().unwrap_or_default(), "its role")
                .help("leave the key out"),
        );
    }
}

fn labels(node: &RawNode<'_>, report: &mut Report) {
    let taints = node.taints.iter().flatten();
    let pairs = node.labels.iter().map(|(key, value)| ("label", Some(key), Some(value)));
    let all = pairs.chain(taints.map(|taint| ("taint", taint.key.as_ref(), taint.value.as_ref())));
    for (what, key, value) in all {
        if let Some(key) = key
            && let Some(fault) = label_key_fault(key)
        {
            report.push(
                codes::INVALID_LABEL
                    .found(format!("`{}` is not a {what}'s key", super::super::shape::brief(key)))
                    .point(key, fault)
                    .note("the kubelet does not start with it"),
            );
        }
        if let Some(value) = value
            && let Some(fault) = label_value_fault(value)
        {
            report.push(
                codes::INVALID_LABEL
                    .found(format!("`{}` is not a {what}'s value", super::super::shape::brief(value)))
                    .point(value, fault)
                    .note("the kubelet does not start with it"),
            );
        }
    }
}

/// Says what keeps a text from being a label's key (apimachinery, `validation.IsQualifiedName`).
fn label_key_fault(key: &str) -> Option<String> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if let Some(prefix) = prefix
        && let Err(fault) = prefix.parse::<DnsName>()
    {
        return Some(format!("before the slash: {fault}"));
    }
    if name.is_empty() {
        return Some("the name is empty".into());
    }
    label_value_fault(name)
}

/// Says what keeps a text from being a label's value (apimachinery, `validation.IsValidLabelValue`).
fn label_value_fault(value: &str) -> Option<String> {
    if value.len() > 63 {
        return Some(format!("63 characters at most, these are {}", value.len()));
    }
    if let Some(c) = value.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        return Some(format!("{c:?} is not allowed: letters, digits, `-`, `_` and `.` are"));
    }
    let ends = |c: Option<char>| c.is_some_and(|c| !c.is_ascii_alphanumeric());
    (ends(value.chars().next()) || ends(value.chars().last())).then(|| "begins or ends with neither a letter nor a digit".into())
}

/// Static settings that have no effect on this machine.
fn unused(node: &RawNode<'_>, report: &mut Report) {
    let given = |key: &str| node.given.iter().find(|(name, _)| *name == key).map(|(_, place)| place.clone());
    if let Some(dhcp) = &node.dhcp
        && dhcp.value
    {
        for (key, place) in STATIC.iter().filter_map(|key| Some((key, given(key)?))) {
            report.push(
                codes::SETTING_UNUSED
                    .found(format!("`{key}` of {} has no effect", node.called()))
                    .at(place, "never written to the machine")
                    .point_span(dhcp.span.as_ref(), "DHCP configures it")
                    .help("leave the key out, or `dhcp`"),
            );
        }
    } else if let (Some(_), Some(interface), Some(mac)) = (&node.mac, given("interface"), given("mac")) {
        report.push(
            codes::SETTING_UNUSED
                .found(format!("`interface` of {} has no effect", node.called()))
                .at(interface, "never looked at")
                .at(mac, "the MAC address says which interface it is")
                .help("leave one of the two out"),
        );
    }
}

const STATIC: [&str; 5] = ["interface", "gateway", "nameservers", "search", "mtu"];

/// Static settings in `network` beside `dhcp: true`, once for all machines.
fn unused_by_all(raw: &Raw<'_>, report: &mut Report) {
    let everywhere = raw.nodes.iter().all(|node| node.dhcp.as_ref().is_some_and(|dhcp| dhcp.value));
    let place = |key: &str| raw.network_given.iter().find(|(name, _)| *name == key).map(|(_, place)| place);
    if !(raw.network_dhcp && everywhere) {
        return;
    }
    for (key, at) in STATIC.iter().filter_map(|key| Some((key, place(key)?))) {
        report.push(
            codes::SETTING_UNUSED
                .found(format!("`network.{key}` has no effect"))
                .at(at.clone(), "never written to a machine")
                .point_span(place("dhcp"), "DHCP configures all of them")
                .help("leave the key out, or `dhcp`"),
        );
    }
}
