//! `kubespore init`: a profile to start from.
//!
//! In: how many machines of each role, and where. Out: a commented profile that `validate` has nothing to say about. Absent
//! on purpose: questions at the terminal, and every choice that has a good default.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::{Failure, Talk};
use crate::diag::{Severity, Source};
use crate::error::{Doing, Error};
use crate::kubernetes::{Version, releases};
use crate::net::{DnsName, Endpoint, IpNet};
use crate::os;
use crate::profile;
use crate::profile::spec::{BalancerKind, Role};
use crate::templates::fill;

/// Where the addresses of the balancer, the control planes and the workers begin, counted from the network's own address.
const FIRST: [usize; 3] = [10, 11, 21];

/// Pod and service networks: the usual ones, and others for when the machines are in one of those.
const PODS: [&str; 2] = ["10.244.0.0/16", "172.20.0.0/16"];
const SERVICES: [&str; 2] = ["10.96.0.0/12", "172.24.0.0/14"];
const PODS_V6: [&str; 2] = ["fd00:10:244::/56", "fd00:172:20::/56"];
const SERVICES_V6: [&str; 2] = ["fd00:10:96::/112", "fd00:172:24::/112"];

#[derive(Args, Debug)]
pub struct InitArgs {
    /// Where to write it [default: <NAME>.yaml]; `-` is standard output
    profile: Option<PathBuf>,

    /// The cluster's name
    #[arg(long, default_value = "lab")]
    name: DnsName,

    /// The version of Kubernetes that the machines have [default: the newest release known]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<Version>,

    /// What the API is called by [default: api.<NAME>.internal:6443]
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: Option<Endpoint>,

    /// How many control planes; 1, 3 or 5
    #[arg(long, value_name = "N", default_value_t = 3)]
    control_planes: usize,

    /// How many workers
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,

    /// What answers at the endpoint [default: haproxy; none for one control plane]
    #[arg(long, value_parser = PossibleValuesParser::new(BalancerKind::WORDS))]
    load_balancer: Option<String>,

    /// The network the machines are in; its first address is the gateway
    #[arg(long, value_name = "NETWORK", default_value = "10.0.0.0/24")]
    network: IpNet,

    /// The operating system of the machines' image
    #[arg(long, default_value = "debian", value_parser = PossibleValuesParser::new(os::ALL.iter().map(|os| os.name)))]
    os: String,
}

#[derive(Serialize)]
struct Starter<'a> {
    name: &'a str,
    counted: String,
    version: String,
    endpoint: String,
    load_balancer: &'a str,
    balancer: String,
    pods: &'a str,
    services: &'a str,
    os: &'a str,
    gateway: String,
    nodes: Vec<Machine>,
}

#[derive(Serialize)]
struct Machine {
    name: String,
    role: &'static str,
    address: String,
}

pub fn run(args: &InitArgs, talk: &Talk) -> Result<(), Failure> {
    let path = args.profile.clone().unwrap_or_else(|| PathBuf::from(format!("{}.yaml", args.name)));
    let text = starter(args)?;
    let source = Source { name: path.display().to_string(), text };
    let (_, report) = profile::load(&source, &|_| Err("it refers to no files".into()));
    talk.say_if(&report.render(&source, talk.color));
    if report.count(Severity::Error) > 0 {
        return Err(Error::new(format!("writing {}: such a cluster would not work", source.name)).into());
    }
    if path == Path::new("-") {
        return talk.data(source.text.as_bytes());
    }
    write(&path, &source.text)?;
    talk.say(&format!("wrote {}: fill in what is yours, then `kubespore render {}`", source.name, source.name));
    Ok(())
}

/// Never over a file that is there: it may be a living cluster's.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let shown = path.display();
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Error::new(format!("writing {shown}: there is such a file already")).help("name another, or move this one away"))
        }
        file => file.and_then(|mut file| file.write_all(text.as_bytes())).doing(|| format!("writing {shown}")),
    }
}

fn starter(args: &InitArgs) -> Result<String, Error> {
    let network = args.network.trunc();
    let balancer = match &args.load_balancer {
        Some(word) => word.parse().expect("clap knows the words"),
        None if args.control_planes == 1 => BalancerKind::None,
        None => BalancerKind::Haproxy,
    };
    let wanted = [
        (Role::LoadBalancer, "lb", usize::from(balancer == BalancerKind::Haproxy)),
        (Role::ControlPlane, "cp", args.control_planes),
        (Role::Worker, "worker", args.workers),
    ];
    let mut nodes = Vec::new();
    let mut next = 0;
    for (first, (role, stem, count)) in FIRST.into_iter().zip(wanted) {
        let start = first.max(next);
        next = start + count;
        for place in 0..count {
            nodes.push(Machine {
                name: format!("{stem}-{}", place + 1),
                role: role.as_str(),
                address: format!("{}/{}", host(network, start + place)?, network.prefix_len()),
            });
        }
    }
    let clear = |ranges: [&'static str; 2]| {
        let meets = |range: &str| {
            let range: IpNet = range.parse().expect("a range of our own");
            range.contains(&network) || network.contains(&range)
        };
        ranges.into_iter().find(|range| !meets(range)).unwrap_or(ranges[0])
    };
    let v4 = network.addr().is_ipv4();
    let newest = releases().last().expect("there are releases").minor;
    let word = |n: usize, thing: &str| if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") };
    let address = host(network, FIRST[0])?.to_string();
    Ok(fill(
        "profile/starter.yaml.j2",
        Starter {
            name: args.name.as_str(),
            counted: format!("{}, {}", word(args.control_planes, "control plane"), word(args.workers, "worker")),
            version: args.kubernetes_version.map_or_else(|| format!("{newest}.0"), |version| version.to_string()),
            endpoint: args.endpoint.as_ref().map_or_else(|| format!("api.{}.internal:6443", args.name), Endpoint::to_string),
            load_balancer: balancer.as_str(),
            balancer: if v4 { address } else { format!("\"{address}\"") },
            pods: clear(if v4 { PODS } else { PODS_V6 }),
            services: clear(if v4 { SERVICES } else { SERVICES_V6 }),
            os: &args.os,
            gateway: host(network, 1)?.to_string(),
            nodes,
        },
    ))
}

/// The network's address so far on.
fn host(network: IpNet, offset: usize) -> Result<IpAddr, Error> {
    network.hosts().nth(offset - 1).ok_or_else(|| {
        Error::new(format!("laying out {network}: it has no room for so many machines"))
            .help("give a larger one with `--network`")
    })
}
