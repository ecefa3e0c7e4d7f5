//! `kubespore join-command`: the line people know from `kubeadm token create --print-join-command`.
//!
//! In: a profile, its bundle, a node. Out: one line with every secret it needs. Absent on purpose: minting;
//! a line for a cluster whose secrets do not exist yet would join nothing.

use clap::Args;

use super::bundle::{self, Origin};
use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk, joining};
use crate::compose;
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
    let node = joining::by_token(&spec, &args.node, &format!("joining `{}`", args.node))?;
    let bundle = bundle::obtain(&args.bundle, &args.profile.profile, &spec, Origin::Locked, talk)?;
    let plan = plan(&spec, &bundle);
    let node = plan.nodes.iter().find(|other| other.spec.name == node.name).expect("every node has its plan");
    talk.data(compose::classic_join_command(&plan, node).as_bytes())
}
