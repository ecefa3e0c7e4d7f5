//! `kubespore secrets import`: a new bundle around authorities that exist already.

use std::path::PathBuf;

use clap::Args;
use time::OffsetDateTime;

use super::ClusterArgs;
use crate::cli::bundle;
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk};
use crate::secrets;

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Where ca, front-proxy-ca, etcd/ca (.crt and .key) and sa (.pub and .key) lie; ca must be there
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub fn run(args: &ImportArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    let path = args.cluster.vacant()?;
    let existing = secrets::read_pki(&args.directory, OffsetDateTime::now_utc())?;
    bundle::create(&path, &spec, existing, talk)?;
    Ok(())
}
