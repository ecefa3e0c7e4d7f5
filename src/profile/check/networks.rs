//! Networks: ranges that are large enough, of the right families, and do not run into one another.

use std::net::IpAddr;

use super::super::codes;
use super::super::raw::{At, Point, Ranges, Raw, RawNode};
use super::super::spec::{Cni, Role};
use super::nodes::family;
use super::{argument, count};
use crate::diag::Report;
use crate::kubernetes::{DualStack, first_release};
use crate::net::IpNet;

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    let both_sound =
        [&raw.pod_subnets, &raw.service_subnets].into_iter().flatten().filter(|ranges| pairing(ranges, report)).count() == 2;
    if both_sound {
        same_families(raw, report);
        machine_families(raw, report);
    }
    dual_stack(raw, report);
    overlaps(raw, report);
    lone_addresses(raw, report);
    pod_pieces(raw, report);
    service_room(raw, report);
    bridge(raw, report);
    pod_network(raw, report);
}

/// Tells whether ranges are one, or one of each family; reports when they are not.
fn pairing(ranges: &At<Ranges>, report: &mut Report) -> bool {
    let nets = &ranges.value.0;
    let title = match nets.as_slice() {
        [_] => return true,
        [a, b] if a.addr().is_ipv4() != b.addr().is_ipv4() => return true,
        [a, _] => format!("`{}` has two {} ranges", ranges.key, family(a.addr())),
        _ => format!("`{}` has {} ranges", ranges.key, nets.len()),
    };
    report.push(
        codes::NETWORK_FAMILY
            .found(title)
            .point(ranges, "expected one range, or one of each family")
            .help("keep one range, or one IPv4 and one IPv6 range"),
    );
    false
}

/// Whether the release can have both families at once.
fn dual_stack(raw: &Raw<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    let both = [&raw.pod_subnets, &raw.service_subnets].into_iter().flatten().find(|ranges| ranges.value.0.len() > 1);
    let Some(ranges) = both.filter(|_| release.dual_stack == DualStack::No) else { return };
    let first = first_release(|release| release.dual_stack != DualStack::No);
    report.push(
        codes::DUAL_STACK_UNSUPPORTED
            .found(format!("Kubernetes {} cannot have both IP families", release.minor))
            .point(ranges, "one range of each")
            .point(version, first.map_or_else(String::new, |first| format!("possible since Kubernetes {first}")))
            .note("its kubelet registers one address only, so that pods on the machine's network and services would have one family all the same")
            .help("keep one range each for pods and services, or use a newer release"),
    );
}

fn families(ranges: &Ranges) -> Vec<&'static str> {
    ranges.0.iter().map(|net| family(net.addr())).collect()
}

fn same_families(raw: &Raw<'_>, report: &mut Report) {
    let (Some(pods), Some(services)) = (&raw.pod_subnets, &raw.service_subnets) else { return };
    let (of_pods, of_services) = (families(pods), families(services));
    if of_pods != of_services {
        report.push(
            codes::NETWORK_FAMILY
                .found("pods and services have different IP families")
                .point(pods, format!("pods: {}", of_pods.join(", then ")))
                .point(services, format!("services: {}", of_services.join(", then ")))
                .help("give both the same families in the same order"),
        );
    }
}

/// Every Kubernetes machine has an address of each family, its first of the first one.
fn machine_families(raw: &Raw<'_>, report: &mut Report) {
    let Some(services) = &raw.service_subnets else { return };
    let wanted = families(services);
    for node in kubernetes_nodes(raw) {
        let Some(address) = &node.address else { continue };
        let first = family(address.addr());
        let lacking = wanted.iter().find(|wanted| !node.addresses().any(|address| family(address.addr()) == **wanted));
        let finding = match lacking {
            Some(lacking) => codes::NETWORK_FAMILY
                .found(format!("{} has no {lacking} address", node.called()))
                .point(address, format!("{first} only"))
                .point(services, format!("services: {}", wanted.join(", then ")))
                .help(if wanted.len() == 2 {
                    format!("give it a `secondAddress` of {lacking}")
                } else {
                    "give machines, pods and services the same family".into()
                }),
            None if first != wanted[0] => codes::NETWORK_FAMILY
                .found(format!("the first address of {} is {first}, that of services {}", node.called(), wanted[0]))
                .point(address, "its API server or kubelet is reached at this one")
                .point(services, format!("services: {}", wanted.join(", then ")))
                .help("swap `address` and `secondAddress`, or the ranges of pods and services"),
            None => continue,
        };
        report.push(finding);
    }
}

fn kubernetes_nodes<'r, 'n>(raw: &'r Raw<'n>) -> impl Iterator<Item = &'r RawNode<'n>> {
    raw.nodes.iter().filter(|node| !node.is(Role::LoadBalancer) && !node.is(Role::Etcd))
}

/// A range that something uses: what to call it, and where it stands.
struct Used<'r> {
    what: String,
    net: IpNet,
    at: Place<'r>,
}

enum Place<'r> {
    Ranges(&'r At<Ranges>),
    Address(&'r At<IpNet>),
}

fn overlaps(raw: &Raw<'_>, report: &mut Report) {
    let mut used: Vec<Used<'_>> = Vec::new();
    for (ranges, what) in [(&raw.pod_subnets, "the pod network"), (&raw.service_subnets, "the service network")] {
        let Some(ranges) = ranges else { continue };
        used.extend(ranges.value.0.iter().map(|net| Used {
            what: format!("{what} {net}"),
            net: *net,
            at: Place::Ranges(ranges),
        }));
    }
    let mut machines: Vec<Used<'_>> = Vec::new();
    for address in raw.nodes.iter().flat_map(RawNode::addresses) {
        let net = address.trunc();
        if !machines.iter().any(|known| known.net == net) {
            machines.push(Used { what: format!("the machines' network {net}"), net, at: Place::Address(address) });
        }
    }
    for (i, a) in used.iter().enumerate() {
        for b in used[i + 1..].iter().chain(&machines) {
            if !(a.net.contains(&b.net) || b.net.contains(&a.net)) {
                continue;
            }
            let mut finding = codes::NETWORK_OVERLAP.found(format!("{} and {} overlap", a.what, b.what));
            // A default has no place, so what is written comes first.
            for side in [a, b] {
                finding = match side.at {
                    Place::Ranges(ranges) => finding.point(ranges, format!("{} to {}", side.net.network(), side.net.broadcast())),
                    Place::Address(address) => {
                        finding.point(address, format!("{} to {}", side.net.network(), side.net.broadcast()))
                    }
                };
            }
            report.push(finding.help("give pods, services and machines ranges of their own"));
        }
    }
}

/// Single addresses that must not lie in a range whose packets go elsewhere.
fn lone_addresses(raw: &Raw<'_>, report: &mut Report) {
    let endpoint = raw.endpoint.as_ref().and_then(|endpoint| match endpoint.host {
        crate::net::Host::Address(ip) => Some(At { value: ip, span: endpoint.span.clone(), key: endpoint.key }),
        crate::net::Host::Name(_) => None,
    });
    let mut addresses: Vec<(&str, At<IpAddr>)> = Vec::new();
    addresses.extend(endpoint.map(|at| ("the control-plane endpoint", at)));
    addresses.extend(raw.balancer_address.clone().map(|at| ("the load balancer", at)));
    for resolver in raw.nodes.iter().flat_map(|node| &node.nameservers) {
        if !addresses.iter().any(|(_, known)| known.span == resolver.span) {
            addresses.push(("the resolver", resolver.clone()));
        }
    }
    for (what, address) in addresses {
        for (ranges, whose) in [(&raw.pod_subnets, "pod"), (&raw.service_subnets, "service")] {
            let Some(ranges) = ranges else { continue };
            let Some(net) = ranges.value.0.iter().find(|net| net.contains(&address.value)) else { continue };
            // A node's address is in a network that overlaps already; saying it once is enough.
            if raw.nodes.iter().any(|node| node.has(address.value)) {
                continue;
            }
            report.push(
                codes::NETWORK_OVERLAP
                    .found(format!("{what} {} lies in the {whose} network {net}", address.value))
                    .point(&address, "outside of the cluster")
                    .point(ranges, format!("{} to {}", net.network(), net.broadcast()))
                    .help(format!("choose another range for {whose}s")),
            );
        }
    }
}

/// Whether every node gets its piece of the pod network.
fn pod_pieces(raw: &Raw<'_>, report: &mut Report) {
    const MOST_BITS: u8 = 16;
    let Some(pods) = &raw.pod_subnets else { return };
    if argument(raw, "controllerManager", "allocate-node-cidrs").is_some_and(|(value, _)| value == "false") {
        return;
    }
    let nodes = kubernetes_nodes(raw).count();
    for net in &pods.value.0 {
        let (flag, default) =
            if net.addr().is_ipv4() { ("node-cidr-mask-size-ipv4", 24) } else { ("node-cidr-mask-size-ipv6", 64) };
        let given =
            argument(raw, "controllerManager", flag).or_else(|| argument(raw, "controllerManager", "node-cidr-mask-size"));
        let Some(piece) = given.map_or(Some(default), |(text, _)| text.parse::<u8>().ok()) else { continue };
        let whole = net.prefix_len();
        let (title, help) = if whole > piece {
            (
                format!("the pod network {net} is smaller than one node's piece of it, a /{piece}"),
                format!("write a range of at most /{piece}"),
            )
        } else if piece - whole > MOST_BITS {
            (
                format!("the pod network {net} is too large for pieces of /{piece}"),
                format!("write a range of at least /{}", piece - MOST_BITS),
            )
        } else if nodes > 1 << (piece - whole) {
            let room = 1usize << (piece - whole);
            let bits = usize::BITS - (nodes - 1).leading_zeros();
            (
                format!("the pod network {net} has pieces for {}, the profile has {nodes}", count(room, "node")),
                format!("write a range of at most /{}", u32::from(piece).saturating_sub(bits)),
            )
        } else {
            continue;
        };
        let mut finding = codes::POD_NETWORK_SIZE.found(title).point(pods, format!("/{whole}"));
        finding = match given {
            Some((text, node)) => finding.at(node.span.clone(), format!("every node gets a /{text}")),
            None => {
                finding.note(format!("every node gets a /{piece} of it, unless the controller manager's `{flag}` says otherwise"))
            }
        };
        report.push(finding.help(help));
    }
}

fn service_room(raw: &Raw<'_>, report: &mut Report) {
    let Some(services) = &raw.service_subnets else { return };
    for net in &services.value.0 {
        let (shortest, longest) = if net.addr().is_ipv4() { (12, 28) } else { (108, 124) };
        let (title, reason) = match net.prefix_len() {
            n if n < shortest => (format!("the service network {net} is too large"), format!("/{shortest} at the largest")),
            n if n > longest => (format!("the service network {net} is too small"), format!("/{longest} at the smallest")),
            _ => continue,
        };
        report.push(
            codes::SERVICE_NETWORK_SIZE
                .found(title)
                .point(services, reason)
                .note("kubeadm wants ten addresses, the tenth being the DNS server's; kube-apiserver takes 2^20 at most")
                .help(format!("write a prefix length from {shortest} to {longest}")),
        );
    }
}

/// `cni: bridge` routes from node to node, so they share a network.
fn bridge(raw: &Raw<'_>, report: &mut Report) {
    let Some(cni) = &raw.cni else { return };
    if cni.value != Cni::Bridge {
        return;
    }
    let mut first: [Option<&At<IpNet>>; 2] = [None, None];
    for node in kubernetes_nodes(raw) {
        for address in node.addresses() {
            let slot = &mut first[usize::from(address.addr().is_ipv6())];
            match slot {
                None => *slot = Some(address),
                Some(reference) if reference.trunc() == address.trunc() => {}
                Some(reference) => report.push(
                    codes::BRIDGE_NETWORK
                        .found(format!("{} is not on the network of the other nodes", node.called()))
                        .point(address, format!("in {}", address.trunc()))
                        .point(reference, format!("the first node is in {}", reference.trunc()))
                        .point_span(cni.span.as_ref(), "routes from node to node directly")
                        .help("put all control planes and workers on one network, or use `cni: none` and the manifests of a pod network with an overlay"),
                ),
            }
        }
    }
}

fn pod_network(raw: &Raw<'_>, report: &mut Report) {
    let brought = raw.cni.as_ref().is_none_or(|cni| cni.value != Cni::None) || !raw.manifests.is_empty();
    if brought || raw.existing.is_some() {
        return;
    }
    let finding = codes::NO_POD_NETWORK.found("nothing brings a pod network");
    let place = raw.cni.as_ref().and_then(|cni| cni.span.clone()).or_else(|| raw.nodes_key.clone());
    report.push(
        finding
            .point_span(
                place.as_ref(),
                if raw.cni.as_ref().is_some_and(|cni| cni.span.is_some()) { "none" } else { "these would stay NotReady" },
            )
            .note("kubeadm brings none; without one no node becomes Ready")
            .help("write `cni: bridge` for nodes on one network, or list a pod network's manifest in `manifests`")
            .help("acknowledge `no-pod-network` if you apply one by hand"),
    );
}
