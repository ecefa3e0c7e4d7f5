//! HAProxy: TCP pass-through, API servers checked over TLS.
//!
//! In: a site. Out: `haproxy.cfg`, the CA certificate it checks with, and the image's own unit switched
//! on. Absent on purpose: TLS termination, virtual addresses.

use serde::Serialize;

use super::{Contribution, Site};
use crate::host::{File, Unit};
use crate::templates::fill;

/// Where the authority is that API servers are checked by.
pub const CA_FILE: &str = "/etc/haproxy/kubespore-ca.crt";

/// Makes what an HAProxy machine needs.
#[must_use]
pub fn contribute(site: &Site<'_>) -> Contribution {
    #[derive(Serialize)]
    struct Server<'a> {
        name: &'a str,
        address: String,
    }
    #[derive(Serialize)]
    struct Config<'a> {
        binds: Vec<String>,
        health_path: &'a str,
        host: &'a str,
        ca_file: &'a str,
        servers: Vec<Server<'a>>,
    }
    let config = Config {
        binds: binds(site),
        health_path: site.health_path,
        host: site.host,
        ca_file: CA_FILE,
        servers: site.servers.iter().map(|(name, address)| Server { name, address: address.to_string() }).collect(),
    };
    Contribution {
        files: vec![
            File::new("/etc/haproxy/haproxy.cfg", 0o644, fill("balancer/haproxy/haproxy.cfg.j2", config)),
            File::new(CA_FILE, 0o644, site.ca_certificate),
        ],
        units: vec![Unit { name: "haproxy.service".into(), content: None, drop_ins: Vec::new(), enabled: true, started: true }],
    }
}

/// Listens in the families that the API servers have: binding an IPv6 socket fails where IPv6 is switched off.
fn binds(site: &Site<'_>) -> Vec<String> {
    let any = |v6: bool| site.servers.iter().any(|(_, address)| address.is_ipv6() == v6);
    let v4 = any(false).then(|| format!("*:{}", site.port));
    let v6 = any(true).then(|| format!(":::{} v6only", site.port));
    v4.into_iter().chain(v6).collect()
}
