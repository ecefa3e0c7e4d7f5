//! `kubespore secrets rotate`: new secrets in place of old ones, and what follows.

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::{ClusterArgs, unknown};
use crate::cli::bundle;
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk};
use crate::error::Error;
use crate::profile::spec::{ClusterSpec, Distribution, Role};
use crate::secrets::{self, Bundle, Token};

#[derive(Debug, Subcommand)]
pub enum RotateVerb {
    /// The bootstrap tokens of all nodes
    Token(RotateArgs),
    /// The bootstrap token of one node
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
        RotateVerb::Token(_) => {
            let nodes: Vec<String> = bundle.nodes.keys().cloned().collect();
            tokens(&mut bundle, &spec, &nodes)?
        }
        RotateVerb::Node(args) if bundle.nodes.contains_key(&args.node) => {
            tokens(&mut bundle, &spec, std::slice::from_ref(&args.node))?
        }
        RotateVerb::Node(args) => return Err(unknown(&path, &bundle, &args.node).into()),
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

fn tokens(bundle: &mut Bundle, spec: &ClusterSpec, nodes: &[String]) -> Result<Said, Error> {
    let mut old: Vec<Token> = Vec::new();
    for node in nodes {
        old.extend(secrets::renew_token(bundle, node, OffsetDateTime::now_utc())?);
    }
    // The founder creates every node's token.
    let founder = control_planes(spec).next().filter(|_| !spec.bootstrap.existing);
    let others = nodes.iter().map(String::as_str).filter(|node| Some(*node) != founder);
    let seeds: Vec<&str> = founder.into_iter().chain(others).collect();
    let gone: Vec<_> = old.iter().map(|token| format!("bootstrap-token-{}", token.id)).collect();
    Ok(Said {
        done: format!("new bootstrap tokens for {}", nodes.join(", ")),
        next: vec![
            format!("render again, and give {} their new seeds; what has joined needs its own only when it is wiped", seeds.join(", ")),
            "where the cluster runs already, hand it each new token with `kubespore secrets bootstrap-token PROFILE NODE | kubectl apply -f -`".into(),
            format!("and take the old ones away: kubectl -n kube-system delete secret --ignore-not-found {}", gone.join(" ")),
        ],
    })
}

fn certificate_key(bundle: &mut Bundle, spec: &ClusterSpec) -> Result<Said, Error> {
    secrets::renew_certificate_key(bundle)?;
    let next = match spec.pki.distribution {
        Distribution::CertificateKey => vec![
            format!("render again, and give {} their new seeds", control_planes(spec).collect::<Vec<_>>().join(", ")),
            "what a running cluster has uploaded stays under the old key until it is uploaded anew (`kubeadm init phase upload-certs`)".into(),
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
