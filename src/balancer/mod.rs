//! Load balancers: what a machine of that role is given.
//!
//! In: a few addresses. Out: files and units. Absent on purpose: nodes, roles and secrets; a load
//! balancer holds the cluster's public CA certificate and nothing else. One file per kind.

pub mod haproxy;

use std::net::SocketAddr;

use crate::host::{File, Unit};

/// What a load balancer has to know of the cluster.
pub struct Site<'a> {
    /// The port clients connect to.
    pub port: u16,
    /// The host name the API servers' certificates carry.
    pub host: &'a str,
    /// The path that answers 200 when an API server can serve.
    pub health_path: &'a str,
    /// The cluster's CA certificate, PEM.
    pub ca_certificate: &'a str,
    /// The API servers by node name.
    pub servers: Vec<(&'a str, SocketAddr)>,
}

/// What a load balancer adds to its machine.
pub struct Contribution {
    /// Its files.
    pub files: Vec<File>,
    /// Its units.
    pub units: Vec<Unit>,
}
