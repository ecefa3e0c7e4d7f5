//! What machines have beside the cluster: users, mirrors, lines of their hosts file.

use std::collections::HashMap;

use super::super::build::SHORTHAND_USER;
use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::spec::BalancerKind;
use crate::diag::Report;
use crate::net::Host;

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    users(raw, report);
    mirrors(raw, report);
    hosts(raw, report);
}

fn users(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: HashMap<&str, Option<std::ops::Range<usize>>> = HashMap::new();
    if let Some(place) = &raw.ssh_key {
        seen.insert(SHORTHAND_USER, Some(place.clone()));
    }
    for user in &raw.users {
        if let Some(name) = &user.name
            && let Some(earlier) = seen.insert(name.as_str(), name.span.clone())
        {
            report.push(
                codes::DUPLICATE_USER
                    .found(format!("the user `{}` is declared twice", name.value))
                    .point(name, "declared again")
                    .point_span(earlier.as_ref(), "declared here")
                    .help("put everything about one user into one entry"),
            );
        }
        if !user.keys_given {
            let who = user.name.as_ref().map_or_else(|| "a user".into(), |name| format!("`{}`", name.value));
            report.push(
                codes::USER_WITHOUT_KEY
                    .found(format!("{who} can never log in"))
                    .at(
                        user.name.as_ref().and_then(|name| name.span.clone()).unwrap_or_else(|| user.place.clone()),
                        "no key, and users have no password",
                    )
                    .help("give `sshAuthorizedKeys`, or leave the user out"),
            );
        }
    }
}

fn mirrors(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: HashMap<&str, &At<String>> = HashMap::new();
    for registry in raw.mirrors.iter().filter_map(|mirror| mirror.registry.as_ref()) {
        if let Some(earlier) = seen.insert(registry.as_str(), registry) {
            report.push(
                codes::DUPLICATE_REGISTRY
                    .found(format!("the registry `{}` is given twice", registry.value))
                    .point(registry, "given again")
                    .point(earlier, "given here")
                    .help("put all of its mirrors into one entry"),
            );
        }
    }
}

fn hosts(raw: &Raw<'_>, report: &mut Report) {
    let endpoint = raw.endpoint.as_ref().and_then(|endpoint| match &endpoint.host {
        Host::Name(name) => Some((name, endpoint)),
        Host::Address(_) => None,
    });
    // An external load balancer's address may be told here instead of in `loadBalancer.address`.
    let endpoint_open =
        raw.balancer.as_ref().is_some_and(|kind| kind.value == BalancerKind::External) && raw.balancer_address.is_none();
    for name in raw.hosts.iter().flat_map(|host| &host.names) {
        let node = raw
            .nodes
            .iter()
            .filter_map(|node| node.name.as_ref())
            .find(|own| own.value == name.value || own.first_label() == name.as_str());
        let finding =
            |whose: &str| codes::HOST_TAKEN.found(format!("`{}` is {whose}", name.value)).point(name, "would lead elsewhere");
        if let Some(node) = node {
            report.push(
                finding("a node's name")
                    .point(node, "every machine knows its address")
                    .help("leave the line out, or choose another name"),
            );
        } else if let Some((own, endpoint)) = endpoint
            && *own == name.value
            && !endpoint_open
        {
            report.push(
                finding("the control-plane endpoint's name")
                    .point(endpoint, "every machine knows where it leads")
                    .help("leave the line out; for an external load balancer, this or `loadBalancer.address` says where it is"),
            );
        }
    }
}
