//! `kubespore secrets import`: a bundle around authorities that exist already, or that have been signed elsewhere.

use std::path::PathBuf;

use clap::Args;
use time::OffsetDateTime;

use super::encrypt::RecipientArgs;
use super::{ClusterArgs, taken};
use crate::cli::bundle;
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk};
use crate::error::Error;
use crate::secrets::{self, Document, Seal};

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Where ca, front-proxy-ca, etcd/ca (.crt and .key) and sa (.pub and .key) lie, and ca must; or, after
    /// `secrets new --csr`, where ca.crt, front-proxy-ca.crt and etcd-ca.crt do
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    cluster: ClusterArgs,

    #[command(flatten)]
    recipients: RecipientArgs,
}

pub fn run(args: &ImportArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    let recipients = args.recipients.named()?;
    let path = args.cluster.bundle.path(&args.cluster.profile.profile)?;
    let now = OffsetDateTime::now_utc();
    let Some(stored) = secrets::read(&path, &args.cluster.bundle.keys())? else {
        let existing = secrets::read_pki(&args.directory, now)?;
        let seal = if recipients.is_empty() { Seal::None } else { Seal::Recipients(recipients) };
        bundle::create(&path, &spec, existing, &seal, talk)?;
        return Ok(());
    };
    let awaiting = match &stored.contents {
        Document::Whole(_) => return Err(taken(&path).into()),
        Document::Awaiting(awaiting) => awaiting,
    };
    if awaiting.cluster != spec.name.as_str() {
        let (shown, theirs) = (path.display(), &awaiting.cluster);
        let what = format!("reading {shown}: it awaits the authorities of `{theirs}`, and the profile is about `{}`", spec.name);
        return Err(Error::new(what).into());
    }
    let seal = if recipients.is_empty() { stored.seal.clone() } else { Seal::Recipients(recipients) };
    let signed = awaiting.signed(&args.directory, now)?;
    bundle::complete(&path, &spec, &stored, signed, &seal, talk)?;
    Ok(())
}
