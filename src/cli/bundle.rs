//! Which bundle a verb works with, and what happens when it is not there or not complete.
//!
//! In: a profile and perhaps a path. Out: a bundle with an entry for every node that joins. Absent on purpose:
//! changing an entry; what a bundle once held stays.

use std::path::{Path, PathBuf};

use clap::Args;
use time::{Duration, OffsetDateTime};

use super::Talk;
use crate::error::Error;
use crate::kubernetes::Release;
use crate::profile::spec::{ClusterSpec, KeyAlgorithm, Role};
use crate::secrets::{self, Bundle, MintRequest};

#[derive(Args, Clone, Debug)]
pub struct BundleArgs {
    /// The secrets bundle [default: <profile>.secrets.yaml beside the profile]
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
}

/// What may happen to the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing.
    Locked,
    /// It may be minted, and nodes may be added.
    MintIfAbsent,
}

impl BundleArgs {
    /// Returns where the bundle of a profile lies.
    ///
    /// # Errors
    /// When the profile has no place of its own.
    pub fn path(&self, profile: &Path) -> Result<PathBuf, Error> {
        match &self.secrets {
            Some(path) => Ok(path.clone()),
            None if profile.as_os_str() == "-" => {
                Err(Error::new("finding the secrets bundle: standard input has no place beside it").help("say `--secrets FILE`"))
            }
            None => Ok(profile.with_extension("secrets.yaml")),
        }
    }
}

/// Loads the bundle of a cluster, or mints it, or adds what it lacks.
///
/// # Errors
/// When the file is not to be trusted, is another cluster's, or must not be touched.
pub fn obtain(args: &BundleArgs, profile: &Path, spec: &ClusterSpec, origin: Origin, talk: &Talk) -> Result<Bundle, Error> {
    let path = args.path(profile)?;
    let shown = path.display();
    let nodes: Vec<&str> = joining(spec);
    let Some(mut bundle) = secrets::load(&path)? else {
        if origin == Origin::Locked {
            return Err(Error::new(format!("reading {shown}: there is no such bundle"))
                .help("`kubespore render` mints it; restore it from its backup where the cluster lives already"));
        }
        return new(&path, spec, &nodes, talk);
    };
    if bundle.cluster != spec.name.as_str() {
        return Err(Error::new(format!(
            "reading {shown}: it is the bundle of the cluster `{}`, the profile's is `{}`",
            bundle.cluster, spec.name
        ))
        .help("name this cluster's own with `--secrets FILE`"));
    }
    let missing = secrets::missing(&bundle, &nodes);
    if missing.is_empty() {
        return Ok(bundle);
    }
    let list = missing.join(", ");
    if origin == Origin::Locked {
        return Err(Error::new(format!("reading {shown}: it has nothing for {list}"))
            .help("`kubespore render` without `--locked` adds what is missing"));
    }
    secrets::add_nodes(&mut bundle, &nodes)?;
    secrets::save(&path, &bundle)?;
    talk.say(&format!("added to {shown}: {list}"));
    Ok(bundle)
}

/// Mints a bundle where none is.
///
/// # Errors
/// When git would take the file, one is there already, or the disk does not take it.
pub fn new(path: &Path, spec: &ClusterSpec, nodes: &[&str], talk: &Talk) -> Result<Bundle, Error> {
    secrets::refuse_where_git_would_take_it(path)?;
    let release = spec.version.release().expect("the profile's check knows the release");
    let request = MintRequest {
        cluster: spec.name.as_str(),
        nodes,
        authorities: spec.pki.key_algorithm.unwrap_or(best(release.ec_certificate_authority)),
        service_account: service_account_algorithm(spec, release),
        admin_group: release.admin_group,
        found_within: Duration::seconds(i64::try_from(spec.bootstrap.found_within).unwrap_or(i64::MAX)),
    };
    let bundle = secrets::mint(&request, OffsetDateTime::now_utc())?;
    secrets::save_new(path, &bundle)?;
    talk.say(&format!(
        "minted {}: it is the cluster's identity; keep it secret and keep a backup\n  its administrator's certificate ends on {}, its authorities on {}",
        path.display(),
        bundle.admin_until().date(),
        bundle.authorities_until().date(),
    ));
    Ok(bundle)
}

/// The machines that have a credential to join with.
pub fn joining(spec: &ClusterSpec) -> Vec<&str> {
    spec.nodes.iter().filter(|node| node.role != Role::LoadBalancer).map(|node| node.name.as_str()).collect()
}

fn best(elliptic: bool) -> KeyAlgorithm {
    if elliptic { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa2048 }
}

/// The user's choice, but for releases whose joining control planes read RSA alone.
fn service_account_algorithm(spec: &ClusterSpec, release: &Release) -> KeyAlgorithm {
    match best(release.ec_service_account_key) {
        KeyAlgorithm::Rsa2048 => KeyAlgorithm::Rsa2048,
        KeyAlgorithm::EcdsaP256 => spec.pki.key_algorithm.unwrap_or(KeyAlgorithm::EcdsaP256),
    }
}
