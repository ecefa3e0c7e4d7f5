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

/// Lines for the operator to paste in later life.
#[derive(Debug, Serialize)]
pub struct Runbook {
    /// The release's command about certificates, as `kubeadm certs`.
    pub certs: String,
    /// Whether the cluster's authority can be replaced while machines go on.
    pub replaces_authority: bool,
    /// Those about etcd's data; none where the profile has no machine that runs it.
    pub etcd: Option<EtcdCommands>,
}

/// How etcd's data is saved and brought back, on one machine.
#[derive(Debug, Serialize)]
pub struct EtcdCommands {
    /// Whether etcd has machines of its own.
    pub external: bool,
    /// The machine that the commands are for.
    pub machine: String,
    /// The directory of its data.
    pub data: String,
    /// The file that is saved to and restored from.
    pub snapshot: String,
    /// Saves it.
    pub save: String,
    /// Makes a cluster of one from it, in a directory `restored` below the data.
    pub restore: String,
}

/// Makes the documents at the top of an output directory; what the manifest says of them, they come to say.
#[must_use]
pub fn documents(manifest: &Manifest, runbook: &Runbook) -> Tree {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        #[serde(flatten)]
        node: &'a Node,
    }
    #[derive(Serialize)]
    struct Life<'a> {
        name: String,
        ends: String,
        then: &'a str,
    }
    #[derive(Serialize)]
    struct Use<'a> {
        file: &'a str,
        nodes: Vec<&'a str>,
        how: &'a str,
    }
    #[derive(Serialize)]
    struct Page<'a> {
        tool: &'a Tool,
        profile: &'a Profile,
        cluster: &'a Cluster,
        runbook: &'a Runbook,
        lifetimes: Vec<Life<'a>>,
        nodes: Vec<Row<'a>>,
        /// The machines whose seeds have the keys of the whole cluster, and those that fetch them.
        holders: Vec<&'a str>,
        fetchers: Vec<&'a str>,
        uses: Vec<Use<'a>>,
        picture: picture::Picture,
    }
    let mut uses: Vec<Use<'_>> = Vec::new();
    for (name, node) in &manifest.nodes {
        for (file, how) in node.files.iter().filter_map(|(file, delivered)| Some((file, delivered.how.as_deref()?))) {
            match uses.iter_mut().find(|other| other.file == file && other.how == how) {
                Some(same) => same.nodes.push(name),
                None => uses.push(Use { file, nodes: vec![name], how }),
            }
        }
    }
    uses.sort_by_key(|use_| use_.file);
    let having = |class: &str| {
        let nodes = manifest.nodes.iter().filter(|(_, node)| node.secrets.iter().any(|held| held == class));
        nodes.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    let holders = having("cluster-ca-key");
    let fetchers = having("certificate-key").into_iter().filter(|name| !holders.contains(name)).collect();
    let page = Page {
        tool: &manifest.tool,
        profile: &manifest.profile,
        cluster: &manifest.cluster,
        runbook,
        lifetimes: manifest
            .lifetimes
            .iter()
            .map(|life| Life { name: life.title(), ends: life.words(), then: &life.then })
            .collect(),
        nodes: manifest.nodes.iter().map(|(name, node)| Row { name, node }).collect(),
        holders,
        fetchers,
        uses,
        picture: picture::draw(&manifest.nodes, &manifest.cluster.endpoint),
    };
    let mut tree = Tree::new();
    tree.add(RelPath::new("README.md"), fill("output/README.md.j2", &page));
    tree.add(RelPath::new("index.html"), fill("output/index.html.j2", &page));
    tree.add(RelPath::new(".gitignore"), "*\n");
    let mut whole = manifest.clone();
    whole.files.extend(tree.iter().map(|(path, bytes)| (path.to_string(), DeliveredFile::of(bytes, None))));
    tree.add(RelPath::new(crate::out::MANIFEST), whole.to_json());
    tree
}
