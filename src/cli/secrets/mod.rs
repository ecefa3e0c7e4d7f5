//! `kubespore secrets`: look at a cluster's bundle, mint it, and change in it what may be changed.
//!
//! In: a profile, or the bundle itself. Out: facts, a manifest, requests, or a changed bundle and what follows from it.
//! Absent on purpose: showing a secret, but for `bootstrap-token` and `upload-certs`, whose purpose it is.

mod encrypt;
mod import;
mod new;
pub(super) mod prompt;
mod rotate;
mod rotate_ca;
mod show;

use clap::{Args, Subcommand};
use time::{Duration, OffsetDateTime};

use super::bundle::{self, BundleArgs};
use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk, joining};
use crate::compose;
use crate::error::Error;
use crate::plan::plan;
use crate::profile::form;
use crate::secrets::{self, Bundle, NodeSecrets};

#[derive(Debug, Subcommand)]
pub enum SecretsVerb {
    /// Show what a bundle is and how long it lasts; no secret is shown
    Show(show::ShowArgs),
    /// Mint a bundle and render nothing
    New(new::NewArgs),
    /// Mint a bundle around the authorities of a directory: those of /etc/kubernetes/pki, or those signed after `new --csr`
    Import(import::ImportArgs),
    /// Replace a secret by a new one, and say what must be rendered again
    #[command(subcommand)]
    Rotate(RotateVerb),
    /// Encrypt a bundle in its place, to recipients of age or with a passphrase; again to change them
    Encrypt(encrypt::EncryptArgs),
    /// Make an encrypted bundle plain text again, in its place
    Decrypt(encrypt::FileArgs),
    /// Move the moment until which the first machine may found the cluster
    FoundUntil(FoundUntilArgs),
    /// Print the manifest of a node's bootstrap token, secret included, for `kubectl apply -f -`
    BootstrapToken(BootstrapTokenArgs),
    /// Print the script that uploads the keys control planes fetch, certificate key included, for root's shell on one that lives
    UploadCerts(ClusterArgs),
}

#[derive(Debug, Subcommand)]
pub enum RotateVerb {
    #[command(flatten)]
    Secret(rotate::RotateVerb),
    /// The cluster's authority, in three rounds that every living machine goes through; prints what to do in this one
    Ca(rotate_ca::RotateCaArgs),
}

/// What the verbs that work on a cluster's bundle take.
#[derive(Args, Debug)]
pub struct ClusterArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    #[command(flatten)]
    bundle: BundleArgs,
}

#[derive(Args, Debug)]
pub struct FoundUntilArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// How long from now on, such as `720h`
    #[arg(long, value_name = "DURATION", value_parser = form::duration)]
    within: Duration,
}

#[derive(Args, Debug)]
pub struct BootstrapTokenArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// The node whose token it is
    node: String,

    /// How long from now on the cluster accepts it; 0 is for ever
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = form::duration)]
    ttl: Duration,
}

pub fn run(verb: &SecretsVerb, talk: &Talk) -> Result<(), Failure> {
    match verb {
        SecretsVerb::Show(args) => show::run(args, talk),
        SecretsVerb::New(args) => new::run(args, talk),
        SecretsVerb::Import(args) => import::run(args, talk),
        SecretsVerb::Rotate(RotateVerb::Secret(verb)) => rotate::run(verb, talk),
        SecretsVerb::Rotate(RotateVerb::Ca(args)) => rotate_ca::run(args, talk),
        SecretsVerb::Encrypt(args) => encrypt::encrypt(args, talk),
        SecretsVerb::Decrypt(args) => encrypt::decrypt(args, talk),
        SecretsVerb::FoundUntil(args) => found_until(args, talk),
        SecretsVerb::BootstrapToken(args) => bootstrap_token(args, talk),
        SecretsVerb::UploadCerts(args) => upload_certs(args, talk),
    }
}

fn found_until(args: &FoundUntilArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    let (path, stored) = bundle::existing(&args.cluster.bundle, &args.cluster.profile.profile, &spec, talk)?;
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond");
    let bundle = Bundle { found_until: now + args.within, ..stored.contents.clone() };
    secrets::save(&path, &stored, &bundle, &stored.seal)?;
    talk.say(&format!(
        "the first machine may found the cluster until {}; before, until {}",
        secrets::instant(bundle.found_until),
        secrets::instant(stored.contents.found_until)
    ));
    talk.say("  = help: render again, and give every machine that has not joined its new seed");
    Ok(())
}

fn bootstrap_token(args: &BootstrapTokenArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    joining::by_token(&spec, &args.node, &format!("handing out the token of `{}`", args.node))?;
    let (path, stored) = bundle::existing(&args.cluster.bundle, &args.cluster.profile.profile, &spec, talk)?;
    let bundle = stored.contents;
    let NodeSecrets { token, .. } = bundle.nodes.get(&args.node).ok_or_else(|| unknown(&path, &bundle, &args.node))?;
    let until =
        (!args.ttl.is_zero()).then(|| OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond") + args.ttl);
    talk.data(secrets::bootstrap_token_manifest(token, &args.node, until, spec.join.discovery).expose().as_bytes())
}

fn upload_certs(args: &ClusterArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.profile, talk)?;
    let (_, stored) = bundle::existing(&args.bundle, &args.profile.profile, &spec, talk)?;
    let script = compose::upload_script(&plan(&spec, &stored.contents)).ok_or_else(|| {
        let what = format!("uploading the keys of {}: no control plane fetches them", spec.name);
        Error::new(what).help(format!("with `pki.distribution: {}` they are in the images", spec.pki.distribution.as_str()))
    })?;
    talk.data(script.expose().as_bytes())
}

impl ClusterArgs {
    /// Returns where the bundle is to be, when nothing is there.
    fn vacant(&self) -> Result<std::path::PathBuf, Error> {
        let path = self.bundle.path(&self.profile.profile)?;
        match path.symlink_metadata() {
            Err(_) => Ok(path),
            Ok(_) => Err(taken(&path)),
        }
    }
}

fn taken(path: &std::path::Path) -> Error {
    Error::new(format!("minting {}: there is such a file already", path.display()))
        .help("a cluster keeps its bundle for life; `kubespore secrets show` says what it is")
}

fn unknown(path: &std::path::Path, bundle: &Bundle, node: &str) -> Error {
    let known: Vec<_> = bundle.nodes.keys().map(String::as_str).collect();
    Error::new(format!("reading {}: it has nothing for `{node}`", path.display()))
        .help(format!("it knows {}; `kubespore render` adds new nodes", known.join(", ")))
}
