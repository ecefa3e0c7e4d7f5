//! `kubespore images`: what the machines pull before their cluster stands, for a registry that must have it.
//!
//! In: a profile. Out: one image a line, or JSON. Absent on purpose: pulling, digests, and the images of the profile's
//! own manifests.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk};
use crate::kubernetes::images::images;

#[derive(Args, Debug)]
pub struct ImagesArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    /// How to write the list
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// One image a line, in kubeadm's order
    Text,
    /// An object with the version and the images
    Json,
}

pub fn run(args: &ImagesArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.profile, talk)?;
    let release = spec.version.release().expect("the profile's check knows the release");
    let images = images(release, spec.version, &spec.documents.cluster);
    let text = match args.output {
        Output::Text => images.join("\n") + "\n",
        Output::Json => format!("{:#}\n", json!({"kubernetesVersion": format!("v{}", spec.version), "images": images})),
    };
    talk.data(text.as_bytes())
}
