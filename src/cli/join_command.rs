//! `kubespore join-command`: the line people know from `kubeadm token create --print-join-command`.
//!
//! In: a profile, its bundle, a node. Out: one line with every secret it needs. Absent on purpose: minting;
//! a line for a cluster whose secrets do not exist yet would join nothing.

use clap::Args;

use super::bundle::{self, Origin};
use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk};
use crate::compose;
use crate::error::Error;
use crate::plan::plan;

#[derive(Args, Debug)]
pub struct JoinCommandArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    /// The node that is to join
    node: String,

    #[command(flatten)]
    bundle: bundle::BundleArgs,
}

pub fn run(args: &JoinCommandArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.profile, talk)?;
    let bundle = bundle::obtain(&args.bundle, &args.profile.profile, &spec, Origin::Locked, talk)?;
    let plan = plan(&spec, &bundle);
    let node = plan.nodes.iter().find(|node| node.spec.name.as_str() == args.node);
    let node = node.ok_or_else(|| Error::new(format!("joining `{}`: the profile has no such node", args.node)))?;
    let line = compose::classic_join_command(&plan, node).ok_or_else(|| {
        Error::new(format!("joining `{}`: it is a {}, which joins no cluster", args.node, node.spec.role.as_str()))
    })?;
    talk.data(line.as_bytes())
}
