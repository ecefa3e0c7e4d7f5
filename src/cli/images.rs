//! `kubespore images`: what the machines pull before their cluster stands, for a registry that must have it.
//!
//! In: a profile. Out: one image a line, or JSON with the platforms whose machines need each. Absent on purpose: pulling,
//! digests, and images that operators make up at run time.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk};
use crate::kubernetes::images::{RunsOn, images};
use crate::kubernetes::workloads;
use crate::profile::spec::{Architecture, ClusterSpec, Role};

#[derive(Args, Debug)]
pub struct ImagesArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    /// List only what machines of this architecture run
    #[arg(long, value_name = "ARCH", value_parser = architecture)]
    arch: Option<Architecture>,

    /// How to write the list
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// One image a line: kubeadm's in its order, then those of the manifests
    Text,
    /// An object with the version and, for each image, its origin and platforms
    Json,
}

fn architecture(word: &str) -> Result<Architecture, String> {
    word.parse().map_err(|()| format!("expected one of: {}", Architecture::WORDS.join(", ")))
}

/// An image of the cluster.
struct Listed {
    name: String,
    /// `kubeadm`, or the file name of the manifest that is the first to name it.
    from: String,
    /// The architectures of the machines that may run it.
    on: BTreeSet<Architecture>,
}

pub fn run(args: &ImagesArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.profile, talk)?;
    let mut all = list(&spec);
    all.retain(|image| args.arch.is_none_or(|wanted| image.on.contains(&wanted)));
    let text = match args.output {
        Output::Text => all.iter().map(|image| format!("{}\n", image.name)).collect(),
        Output::Json => {
            let shown = all.iter().map(|image| {
                let on = image.on.iter().filter(|own| args.arch.is_none_or(|wanted| wanted == **own));
                let platforms: Vec<_> = on.map(|architecture| format!("linux/{}", architecture.as_str())).collect();
                json!({"name": image.name, "from": image.from, "platforms": platforms})
            });
            let images: Vec<_> = shown.collect();
            format!("{:#}\n", json!({"kubernetesVersion": format!("v{}", spec.version), "images": images}))
        }
    };
    talk.data(text.as_bytes())
}

/// kubeadm's images in its order, then what manifests name beyond them. Pods of manifests may run on any node.
fn list(spec: &ClusterSpec) -> Vec<Listed> {
    let of = |roles: &[Role]| -> BTreeSet<_> {
        let nodes = spec.nodes.iter().filter(|node| roles.contains(&node.role));
        nodes.map(|node| spec.architecture_of(node)).collect()
    };
    let (planes, nodes) = (of(&[Role::ControlPlane]), of(&[Role::ControlPlane, Role::Worker]));
    let release = spec.version.release().expect("the profile's check knows the release");
    let mut all: Vec<Listed> = images(release, spec.version, &spec.documents.cluster, spec.external_etcd())
        .into_iter()
        .map(|image| Listed {
            name: image.name,
            from: "kubeadm".to_owned(),
            on: match image.runs_on {
                RunsOn::ControlPlanes => planes.clone(),
                RunsOn::Nodes => nodes.clone(),
            },
        })
        .collect();
    for (file, manifest) in &spec.manifests {
        for name in workloads::images(manifest) {
            match all.iter_mut().find(|image| image.name == name) {
                Some(known) => known.on.extend(&nodes),
                None => all.push(Listed { name, from: file.clone(), on: nodes.clone() }),
            }
        }
    }
    all
}
