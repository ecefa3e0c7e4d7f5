//! What the operator is handed beside the machines' images: the manifest and two pages about it.
//!
//! In: finished facts about a cluster and its nodes, no secret among them. Out: `manifest.json`,
//! `README.md`, `index.html`. Absent on purpose: decisions, and the images themselves.

mod manifest;
mod picture;

pub use manifest::{Cluster, DeliveredFile, Given, Lifetime, MachineFile, Manifest, Node, Profile, Size, Tool, digest};

use serde::Serialize;

use crate::templates::fill;
use crate::tree::{RelPath, Tree};

/// Makes the documents at the top of an output directory; `certs` is the release's command about certificates, as `kubeadm certs`.
#[must_use]
pub fn documents(manifest: &Manifest, certs: &str) -> Tree {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        #[serde(flatten)]
        node: &'a Node,
    }
    #[derive(Serialize)]
    struct Life<'a> {
        name: &'a str,
        ends: String,
        then: &'a str,
    }
    #[derive(Serialize)]
    struct Page<'a> {
        tool: &'a Tool,
        profile: &'a Profile,
        cluster: &'a Cluster,
        certs: &'a str,
        lifetimes: Vec<Life<'a>>,
        nodes: Vec<Row<'a>>,
        picture: picture::Picture,
    }
    let page = Page {
        tool: &manifest.tool,
        profile: &manifest.profile,
        cluster: &manifest.cluster,
        certs,
        lifetimes: manifest
            .lifetimes
            .iter()
            .map(|life| Life { name: &life.name, ends: life.words(), then: &life.then })
            .collect(),
        nodes: manifest.nodes.iter().map(|(name, node)| Row { name, node }).collect(),
        picture: picture::draw(&manifest.nodes, &manifest.cluster.endpoint),
    };
    let mut tree = Tree::new();
    tree.add(RelPath::new(crate::out::MANIFEST), manifest.to_json());
    tree.add(RelPath::new("README.md"), fill("output/README.md.j2", &page));
    tree.add(RelPath::new("index.html"), fill("output/index.html.j2", &page));
    tree.add(RelPath::new(".gitignore"), "*\n");
    tree
}
