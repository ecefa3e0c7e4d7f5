//! `kubespore secrets rotate`: new secrets in place of old ones, and what follows.

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::{ClusterArgs, unknown};
use crate::cli::bundle;
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk, joining};
use crate::error::Error;
use crate::profile::spec::{ClusterSpec, Distribution, NodeSpec, Role};
use crate::secrets::{self, Bundle, Token};

#[derive(Debug, Subcommand)]
pub enum RotateVerb {
    /// The bootstrap tokens of all nodes that have one
    Token(RotateArgs),
    /// What one node's seed holds of its own: its token or certificate to join with, and those of etcd and the front proxy
    Node(RotateNodeArgs),
    /// The key that encrypts the certificates uploaded to the cluster
    CertificateKey(RotateArgs),
    /// The administrator's certificate, for another year
    Admin(RotateArgs),
}

#[derive(Args, Debug)]
pub struct RotateArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Args, Debug)]
pub struct RotateNodeArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// The node
    node: String,
}

pub fn run(verb: &RotateVerb, talk: &Talk) -> Result<(), Failure> {
    let cluster = match verb {
        RotateVerb::Node(args) => &args.cluster,
        RotateVerb::Token(args) | RotateVerb::CertificateKey(args) | RotateVerb::Admin(args) => &args.cluster,
    };
    let Loaded { spec, .. } = load(&cluster.profile, talk)?;
    let (path, stored) = bundle::existing(&cluster.bundle, &cluster.profile.profile, &spec, talk)?;
    let mut bundle = stored.contents.clone();
    let said = match verb {
        RotateVerb::Token(_) => tokens(&mut bundle, &spec)?,
        RotateVerb::Node(args) => {
            let node = joining::find(&spec, &args.node, &format!("renewing what `{}` holds", args.node))?;
            if node.role != Role::LoadBalancer && !bundle.nodes.contains_key(&args.node) {
                return Err(unknown(&path, &bundle, &args.node).into());
            }
            one_node(&mut bundle, &spec, node)?
        }
        RotateVerb::CertificateKey(_) => certificate_key(&mut bundle, &spec)?,
        RotateVerb::Admin(_) => administrator(&mut bundle, &spec)?,
    };
    secrets::save(&path, &stored, &bundle, &stored.seal)?;
    talk.say(&format!("{} in {}", said.done, path.display()));
    for line in said.next {
        talk.say(&format!("  {line}"));
    }
    Ok(())
}

/// What has been done, and what the operator has to do now.
struct Said {
    done: String,
    next: Vec<String>,
}

fn tokens(bundle: &mut Bundle, spec: &ClusterSpec) -> Result<Said, Error> {
    let holders: Vec<&str> =
        spec.nodes.iter().filter(|node| spec.joins_by_token(node.role)).map(|node| node.name.as_str()).collect();
    let holders: Vec<&str> = holders.into_iter().filter(|name| bundle.nodes.contains_key(*name)).collect();
    if holders.is_empty() {
        return Err(Error::new(format!("renewing the tokens of {}: no node of it joins with a token", spec.name))
            .help("`kubespore secrets rotate node PROFILE NODE` renews what a node joins with"));
    }
    let mut old = Vec::new();
    for node in &holders {
        old.extend(secrets::renew_token(bundle, node, OffsetDateTime::now_utc())?);
    }
    let mut next = vec![new_seeds(&seeds(spec, &holders))];
    next.extend(hand_over(&old));
    Ok(Said { done: format!("new bootstrap tokens for {}", holders.join(", ")), next })
}

/// Whose seeds hold the tokens of these nodes: the founder, which creates every node's, and they themselves.
fn seeds<'s>(spec: &'s ClusterSpec, holders: &[&'s str]) -> Vec<&'s str> {
    let founder = control_planes(spec).next().filter(|_| !spec.bootstrap.existing);
    founder.into_iter().chain(holders.iter().copied().filter(|node| Some(*node) != founder)).collect()
}

fn new_seeds(seeds: &[&str]) -> String {
    let whose = if seeds.len() == 1 { "its new seed" } else { "their new seeds" };
    format!("render again, and give {} {whose}; what has joined needs its own only when it is wiped", seeds.join(", "))
}

/// What a cluster that runs already has to hear.
fn hand_over(old: &[Token]) -> [String; 2] {
    let gone: Vec<_> = old.iter().map(|token| format!("bootstrap-token-{}", token.id)).collect();
    [
        "where the cluster runs already, hand it each new token with `kubespore secrets bootstrap-token PROFILE NODE | kubectl apply -f -`".into(),
        format!("and take the old ones away: kubectl -n kube-system delete secret --ignore-not-found {}", gone.join(" ")),
    ]
}

/// Renews what the seed of one node holds of its own, and nothing else.
fn one_node(bundle: &mut Bundle, spec: &ClusterSpec, node: &NodeSpec) -> Result<Said, Error> {
    let (name, now) = (node.name.as_str(), OffsetDateTime::now_utc());
    let nothing = || Error::new(format!("renewing what `{name}` holds: a load balancer's seed holds no secret"));
    let request = secrets::requests(spec).into_iter().find(|request| request.name == name).ok_or_else(nothing)?;
    let mut old: Vec<Token> = Vec::new();
    if spec.joins_by_token(node.role) {
        old.extend(secrets::renew_token(bundle, name, now)?);
    }
    let before = bundle.nodes.get(name).map(|known| known.leaves.clone()).unwrap_or_default();
    let leaves = secrets::renew_leaves(bundle, &request, now)?;
    let token = (!old.is_empty()).then_some("bootstrap-token");
    let names: Vec<_> = token.into_iter().chain(leaves.iter().map(|leaf| leaf.as_str())).collect();
    let mut next = vec![new_seeds(&if old.is_empty() { vec![name] } else { seeds(spec, &[name]) })];
    if !old.is_empty() {
        next.extend(hand_over(&old));
    }
    let replaced: Vec<_> = leaves.iter().filter_map(|leaf| Some((leaf, before.get(leaf)?.until()))).collect();
    if let Some((_, last)) = replaced.iter().max_by_key(|(_, until)| *until) {
        next.push(format!(
            "the old certificates are good until they end, the last of them on {}: one that is out cannot be taken back, and who may \
             have it is shut out only by another authority",
            last.date()
        ));
    }
    Ok(Said { done: format!("new for {name}: {},", names.join(", ")), next })
}

fn certificate_key(bundle: &mut Bundle, spec: &ClusterSpec) -> Result<Said, Error> {
    secrets::renew_certificate_key(bundle)?;
    let next = match spec.pki.distribution {
        Distribution::CertificateKey => vec![
            format!("render again, and give {} their new seeds", control_planes(spec).collect::<Vec<_>>().join(", ")),
            "what a running cluster has uploaded stays under the old key until it is uploaded anew: `kubespore secrets upload-certs PROFILE | ssh root@CONTROL-PLANE sh`".into(),
        ],
        Distribution::Embedded | Distribution::Reduced => {
            vec![format!("nothing has to be rendered: with `pki.distribution: {}` no machine holds it", spec.pki.distribution.as_str())]
        }
    };
    Ok(Said { done: "a new certificate key".into(), next })
}

fn administrator(bundle: &mut Bundle, spec: &ClusterSpec) -> Result<Said, Error> {
    let until = bundle.admin_until().date();
    secrets::renew_admin(
        bundle,
        bundle::release(spec).admin_group,
        bundle::authority_algorithm(spec),
        OffsetDateTime::now_utc(),
    )?;
    Ok(Said {
        done: format!("a new administrator's certificate, until {},", bundle.admin_until().date()),
        next: vec![
            "render again for a new admin.kubeconfig; no machine's seed changes".into(),
            format!("the old one is good until {until}: Kubernetes cannot take a client certificate back"),
        ],
    })
}

fn control_planes(spec: &ClusterSpec) -> impl Iterator<Item = &str> {
    spec.nodes.iter().filter(|node| node.role == Role::ControlPlane).map(|node| node.name.as_str())
}
