//! `kubespore render`: from a profile to an output directory.

use std::path::PathBuf;

use clap::Args;

use super::bundle::{self, Origin};
use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk};
use crate::error::Error;
use crate::handover::{self, Manifest};
use crate::out::{Destination, MANIFEST};
use crate::plan::{ClusterPlan, may_hold, plan};
use crate::tree::{RelPath, Tree};
use crate::{artefacts, exposure, kubeadm, lifetimes, secrets};

#[derive(Args, Debug)]
pub struct RenderArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    /// Where to write [default: out/<cluster>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    bundle: bundle::BundleArgs,

    /// Render this node only and carry the others over; may be given more than once
    #[arg(long, value_name = "NAME")]
    node: Vec<String>,

    /// Make what is over a platform's limit small enough, saying how; the machines become the same
    #[arg(long)]
    fit: bool,

    /// Refuse to mint a bundle or to add anything to it
    #[arg(long)]
    locked: bool,
}

pub fn run(args: &RenderArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, source } = load(&args.profile, talk)?;
    check_names(&args.node, &spec)?;
    let target = args.output.clone().unwrap_or_else(|| ["out", spec.name.as_str()].iter().collect());
    let destination = Destination::prepare(&target)?;
    let origin = if args.locked { Origin::Locked } else { Origin::MintIfAbsent };
    let bundle = bundle::obtain(&args.bundle, &args.profile.profile, &spec, origin, talk)?;
    let plan = plan(&spec, &bundle);
    let carried = if args.node.is_empty() { None } else { Some(Carried::from(&destination, &plan)?) };
    let tree = assemble(&plan, &handover::digest(source.text.as_bytes()), args, carried.as_ref(), talk)?;
    refuse_exposure(&plan, &tree)?;
    let (files, nodes) = (tree.len(), plan.nodes.len());
    destination.commit(&tree)?;
    talk.say(&format!("wrote {files} files for {nodes} nodes to {}", target.display()));
    talk.say(&format!("  kubectl --kubeconfig {} get nodes", target.join("admin.kubeconfig").display()));
    talk.say(&format!("  {}", rejoin(&plan)));
    Ok(())
}

/// The promise, with its end.
fn rejoin(plan: &ClusterPlan<'_>) -> String {
    match plan.spec.join.token_ttl {
        0 => "a wiped machine rejoins from the same image at any time".to_owned(),
        ttl => format!("a wiped machine rejoins from the same image until {} after `kubeadm init`", kubeadm::duration(ttl)),
    }
}

/// What `--fit` did, when it had to do something.
fn fitted(name: &str, size: &handover::Size) -> Option<String> {
    let (platform, limit, given) = (size.platform.as_ref()?, size.limit?, size.given.as_ref()?);
    let ways = (!given.fitted.is_empty()).then(|| given.fitted.join(", "))?;
    Some(format!("{name} fits {platform} ({} bytes as {}, {limit} allowed) with: {ways}", given.counted, given.form))
}

/// The last look before anything is written: a profile's own files may hold what they must not.
fn refuse_exposure(plan: &ClusterPlan<'_>, tree: &Tree) -> Result<(), Error> {
    let may_hold = |name: &str, secret: &secrets::SecretName| {
        let node = plan.nodes.iter().find(|node| node.spec.name.as_str() == name);
        node.is_some_and(|node| may_hold(&node.holds.classes(), name, secret))
    };
    let exposed = exposure::exposed(plan.bundle, &may_hold, tree);
    let Some(first) = exposed.first() else { return Ok(()) };
    let all: Vec<_> = exposed.iter().map(|found| format!("{} in {}", found.secret, found.path)).collect();
    Err(Error::new(format!("rendering {}: the {} would lie where it may not: {}", plan.spec.name, first.secret, all.join(", ")))
        .help("take it out of the profile's `files`, `manifests` or documents; nothing has been written"))
}

fn check_names(wanted: &[String], spec: &crate::profile::spec::ClusterSpec) -> Result<(), Error> {
    let known: Vec<_> = spec.nodes.iter().map(|node| node.name.as_str()).collect();
    match wanted.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::new(format!("rendering `{name}`: the profile has no such node"))
            .help(format!("its nodes are {}", known.join(", ")))),
    }
}

/// What an earlier render left, for the nodes that are not rendered anew.
struct Carried {
    manifest: Manifest,
    tree: Tree,
}

impl Carried {
    fn from(destination: &Destination, plan: &ClusterPlan<'_>) -> Result<Self, Error> {
        let tree = destination.current()?;
        let help = "leave out `--node` to render everything";
        let manifest = tree
            .get(MANIFEST)
            .and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok())
            .ok_or_else(|| Error::new("carrying the other nodes over: nothing has been rendered there yet").help(help))?;
        if manifest.cluster.id != plan.bundle.cluster_id {
            return Err(Error::new("carrying the other nodes over: they belong to another cluster").help(help));
        }
        Ok(Self { manifest, tree })
    }
}

fn assemble(
    plan: &ClusterPlan<'_>,
    profile: &str,
    args: &RenderArgs,
    carried: Option<&Carried>,
    talk: &Talk,
) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    let mut nodes = std::collections::BTreeMap::new();
    for node in &plan.nodes {
        let name = node.spec.name.as_str();
        let prefix = format!("nodes/{name}");
        let kept = carried.filter(|_| !args.node.iter().any(|wanted| wanted == name));
        let entry = match kept {
            Some(kept) => {
                let entry = kept.manifest.nodes.get(name).cloned().ok_or_else(|| {
                    Error::new(format!("carrying `{name}` over: it has not been rendered yet"))
                        .help(format!("add `--node {name}`, or leave out `--node` to render everything"))
                })?;
                for (path, bytes) in kept.tree.iter().filter(|(path, _)| path.as_str().starts_with(&format!("{prefix}/"))) {
                    tree.add(path.clone(), bytes);
                }
                entry
            }
            None => {
                let (files, entry) = artefacts::of(plan, node, args.fit)?;
                if let Some(line) = fitted(name, &entry.size) {
                    talk.say(&line);
                }
                tree.graft(&prefix, files);
                entry
            }
        };
        nodes.insert(name.to_owned(), entry);
    }
    let manifest = Manifest {
        api_version: "kubespore.manifest/v1".into(),
        tool: handover::Tool { name: "kubespore".into(), version: env!("CARGO_PKG_VERSION").into() },
        profile: handover::Profile { sha256: profile.to_owned() },
        cluster: cluster(plan),
        lifetimes: lifetimes::of(plan),
        nodes,
    };
    tree.add(RelPath::new("admin.kubeconfig"), secrets::admin_kubeconfig(plan.bundle, &plan.spec.endpoint.to_string()));
    for (path, bytes) in handover::documents(&manifest).iter() {
        tree.add(path.clone(), bytes);
    }
    Ok(tree)
}

fn cluster(plan: &ClusterPlan<'_>) -> handover::Cluster {
    let (spec, bundle) = (plan.spec, plan.bundle);
    handover::Cluster {
        name: spec.name.to_string(),
        id: bundle.cluster_id.clone(),
        generation: bundle.generation,
        kubernetes_version: spec.version.to_string(),
        kubeadm_api: plan.release.kubeadm_api.to_string(),
        endpoint: spec.endpoint.to_string(),
        load_balancer: spec.load_balancer.kind().as_str().into(),
        distribution: spec.pki.distribution.as_str().into(),
        discovery: spec.join.discovery.as_str().into(),
        discovery_hash: bundle.discovery_hash(),
        minted: secrets::instant(bundle.minted),
        found_until: secrets::instant(bundle.found_until),
    }
}
