//! `kubespore render`: from a profile to an output directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;
use time::OffsetDateTime;

use super::bundle::{self, Origin};
use super::profile::{Loaded, load};
use super::{Failure, ProfileArgs, Talk};
use crate::error::Error;
use crate::exposure::{self, Holdings};
use crate::handover::{self, DeliveredFile, Lifetime, Manifest};
use crate::out::{Destination, MANIFEST};
use crate::plan::{Act, ClusterPlan, NodePlan, may_hold, plan};
use crate::profile::spec::{ClusterSpec, Credential, Distribution};
use crate::tree::{RelPath, Tree};
use crate::{artefacts, kubeadm, lifetimes, runbook, secrets};

/// The administrator's file in an output directory.
const ADMIN: &str = "admin.kubeconfig";

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
    let target = args.output.clone().unwrap_or_else(|| usual_place(&spec));
    let destination = Destination::prepare(&target)?;
    let origin = if args.locked { Origin::Locked } else { Origin::MintIfAbsent };
    let bundle = bundle::obtain(&args.bundle, &args.profile.profile, &spec, origin, talk)?;
    let plan = plan(&spec, &bundle);
    for line in over(&plan, OffsetDateTime::now_utc()) {
        talk.say(&line);
    }
    let carried = if args.node.is_empty() { None } else { Some(Carried::from(&destination, &plan)?) };
    let digest = handover::digest(source.text.as_bytes());
    let tree = assemble(&plan, &digest, &args.node, carried.as_ref(), args.fit, &|line| talk.say(line))?;
    refuse_exposure(&plan, &tree)?;
    let (files, nodes) = (tree.len(), plan.nodes.len());
    destination.commit(&tree)?;
    talk.say(&format!("wrote {files} files for {nodes} nodes to {}", target.display()));
    talk.say(&format!("  kubectl --kubeconfig {} get nodes", target.join(ADMIN).display()));
    for line in promises(&plan, &target, &tree) {
        talk.say(&format!("  {line}"));
    }
    Ok(())
}

/// Where a cluster is rendered to unless the user says otherwise.
pub fn usual_place(spec: &ClusterSpec) -> PathBuf {
    ["out", spec.name.as_str()].iter().collect()
}

/// What is rendered though it has ended: a machine that has joined needs it no more, one that is to join does.
fn over(plan: &ClusterPlan<'_>, now: OffsetDateTime) -> Vec<String> {
    let held = |life: &Lifetime| life.until.is_some() && (life.needed || !life.nodes.is_empty());
    let ended = lifetimes::of(plan).into_iter().filter(|life| held(life) && life.ended(now));
    ended
        .flat_map(|life| [format!("warning: {}: worked {}", life.title(), life.words()), format!("  = help: {}", life.then)])
        .collect()
}

/// The promise, with its end; of machines for a cluster that lives, what it must be told first.
fn promises(plan: &ClusterPlan<'_>, target: &Path, tree: &Tree) -> Vec<String> {
    let mut said = Vec::new();
    let tokens: Vec<_> =
        tree.iter().map(|(path, _)| path.as_str()).filter(|path| path.ends_with("/bootstrap-token.yaml")).collect();
    if !tokens.is_empty() {
        said.push(if plan.spec.bootstrap.existing {
            "the cluster must know these machines' tokens before they boot:".to_owned()
        } else {
            "a cluster that stands already must know these machines' tokens before they boot; one that is still to be founded has \
             them from its founder's new seed:"
                .to_owned()
        });
        said.extend(tokens.iter().map(|path| format!("  kubectl apply -f {}", target.join(path).display())));
    }
    if let Some(rotation) = &plan.bundle.ca_rotation {
        said.push(format!(
            "the cluster's authority is being changed, round {} of 3: `kubespore secrets rotate ca PROFILE` says what to do",
            rotation.round()
        ));
    }
    let ends = |act: &[Act]| plan.nodes.iter().any(|node| act.contains(&node.act) && node.holds.own_token);
    let (planes, workers) = (ends(&[Act::Found, Act::JoinControlPlane]), ends(&[Act::JoinWorker]));
    let (join, any) = (&plan.spec.join, plan.nodes.iter().any(|node| node.act == Act::JoinWorker));
    let since = if plan.spec.bootstrap.existing { "its token was minted" } else { "`kubeadm init`" };
    let until = format!("until {} after {since}", kubeadm::duration(join.token_ttl));
    said.push(match (planes, workers) {
        _ if join.credential == Some(Credential::Certificate) => {
            format!(
                "a wiped machine rejoins from the same image for {} after its certificate's issue",
                kubeadm::duration(join.certificate_ttl)
            )
        }
        _ if join.token_ttl.is_zero() || !planes && !workers => {
            "a wiped machine rejoins from the same image at any time".to_owned()
        }
        (true, false) if any => format!("a wiped control plane rejoins from the same image {until}, a worker at any time"),
        _ => format!("a wiped machine rejoins from the same image {until}"),
    });
    if plan.spec.pki.distribution == Distribution::CertificateKey {
        said.push(
            "a control plane fetches the keys, which lie in the cluster until all have joined; one that is wiped later waits for"
                .to_owned(),
        );
        said.push("  kubespore secrets upload-certs PROFILE | ssh root@CONTROL-PLANE sh".to_owned());
    }
    said
}

/// What `--fit` did, when it had to do something.
fn fitted(name: &str, size: &handover::Size) -> Option<String> {
    let (platform, limit, given) = (size.platform.as_ref()?, size.limit?, size.given.as_ref()?);
    let ways = (!given.fitted.is_empty()).then(|| given.fitted.join(", "))?;
    Some(format!("{name} fits {platform} ({} bytes as {}, {limit} allowed) with: {ways}", given.counted, given.form))
}

/// From this share of a platform's limit on, in per cent, the next addition may not fit.
const NEAR: usize = 80;

fn near(name: &str, size: &handover::Size) -> Option<String> {
    let share = size.share().filter(|share| *share >= NEAR)?;
    let (platform, limit, given) = (size.platform.as_ref()?, size.limit?, size.given.as_ref()?);
    let also = match &given.counted_as {
        Some(as_) if *as_ != given.form => format!(", counted as {as_}"),
        _ => String::new(),
    };
    Some(format!("{name} takes {share} % of what {platform} allows: {} of {limit} bytes as {}{also}", given.counted, given.form))
}

/// The last look before anything is written: a profile's own files may hold what they must not.
fn refuse_exposure(plan: &ClusterPlan<'_>, tree: &Tree) -> Result<(), Error> {
    let may_hold = |name: &str, secret: &secrets::SecretName| {
        let node = plan.nodes.iter().find(|node| node.spec.name.as_str() == name);
        node.is_some_and(|node| may_hold(&node.holds.classes(), name, secret))
    };
    let Holdings { found, unsearched } = exposure::held(plan.bundle, tree);
    if let Some(path) = unsearched.first() {
        return Err(Error::new(format!("rendering {}: {path} unpacks to more than is searched for secrets", plan.spec.name))
            .help("bring what is so large in the image rather than in `files`; nothing has been written"));
    }
    let exposed: Vec<_> = found.into_iter().filter(|one| !exposure::allowed(one, &may_hold)).collect();
    let Some(first) = exposed.first() else { return Ok(()) };
    let all: Vec<_> = exposed.iter().map(|found| format!("{} in {}", found.secret, found.path)).collect();
    Err(Error::new(format!("rendering {}: the {} would lie where it may not: {}", plan.spec.name, first.secret, all.join(", ")))
        .help("take it out of the profile's `files`, `manifests` or documents; nothing has been written"))
}

/// Refuses names that no node has.
///
/// # Errors
/// When there is one.
pub fn check_names(wanted: &[String], spec: &ClusterSpec) -> Result<(), Error> {
    let known: Vec<_> = spec.nodes.iter().map(|node| node.name.as_str()).collect();
    match wanted.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::new(format!("rendering `{name}`: the profile has no such node"))
            .help(format!("its nodes are {}", known.join(", ")))),
    }
}

/// What an earlier render left, for the nodes that are not rendered anew.
pub struct Carried {
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

    /// One machine's directory as it was.
    fn of(&self, node: &NodePlan<'_>) -> Result<(Tree, handover::Node), Error> {
        let name = node.spec.name.as_str();
        let entry = self.manifest.nodes.get(name).cloned().ok_or_else(|| {
            Error::new(format!("carrying `{name}` over: it has not been rendered yet"))
                .help(format!("add `--node {name}`, or leave out `--node` to render everything"))
        })?;
        let prefix = format!("nodes/{name}/");
        let mut files = Tree::new();
        for (path, bytes) in self.tree.iter() {
            if let Some(below) = path.as_str().strip_prefix(&prefix) {
                files.add(RelPath::new(below), bytes);
            }
        }
        Ok((files, entry))
    }
}

/// Makes the whole output directory; `profile` is the digest of the profile's text, and `say` hears what it took to make a
/// machine's documents fit, where they may shrink.
///
/// # Errors
/// When a seed does not fit, or nothing can be carried over for a node that is not to be rendered.
pub fn assemble(
    plan: &ClusterPlan<'_>,
    profile: &str,
    only: &[String],
    carried: Option<&Carried>,
    may_shrink: bool,
    say: &dyn Fn(&str),
) -> Result<Tree, Error> {
    let kept = |node: &NodePlan<'_>| carried.filter(|_| !only.iter().any(|wanted| wanted == node.spec.name.as_str()));
    let make = |node| kept(node).map_or_else(|| artefacts::of(plan, node, may_shrink), |kept| kept.of(node));
    // The machines beside each other; what is said of them, and which mistake is the first, in their order.
    let made: Vec<_> = plan.nodes.par_iter().map(make).collect();
    let mut tree = Tree::new();
    let mut nodes = BTreeMap::new();
    for (node, made) in plan.nodes.iter().zip(made) {
        let (files, entry) = made?;
        let name = node.spec.name.as_str();
        if kept(node).is_none() {
            fitted(name, &entry.size).into_iter().chain(near(name, &entry.size)).for_each(|line| say(&line));
        }
        tree.graft(&format!("nodes/{name}"), files);
        nodes.insert(name.to_owned(), entry);
    }
    let administrator = secrets::admin_kubeconfig(plan.bundle, &plan.spec.endpoint.to_string());
    let manifest = Manifest {
        api_version: "kubespore.manifest/v1".into(),
        tool: handover::Tool { name: "kubespore".into(), version: env!("CARGO_PKG_VERSION").into() },
        profile: handover::Profile { sha256: profile.to_owned() },
        cluster: cluster(plan),
        lifetimes: lifetimes::of(plan),
        files: BTreeMap::from([(ADMIN.to_owned(), DeliveredFile::of(administrator.as_bytes(), None))]),
        nodes,
    };
    tree.add(RelPath::new(ADMIN), administrator);
    for (path, bytes) in handover::documents(&manifest, &runbook::of(plan)).iter() {
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
        strict_csr: spec.join.strict_csr,
        discovery_hash: bundle.discovery_hash(),
        ca_rotation: bundle.ca_rotation.as_ref().map(secrets::CaRotation::round),
        minted: secrets::instant(bundle.minted),
        found_until: (!spec.bootstrap.existing).then(|| secrets::instant(bundle.found_until)),
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::diag::Source;
    use crate::profile;
    use crate::profile::spec::KeyAlgorithm;
    use crate::secrets::MintRequest;

    #[test]
    fn what_has_ended_is_rendered_aloud() {
        let text = include_str!("../../profiles/ha-stacked.yaml").replace("credential: token", "credential: certificate");
        let source = Source { name: "lab.yaml".into(), text };
        let (spec, report) = profile::load(&source, &|_| Err("there are no files".into()));
        let spec = spec.unwrap_or_else(|| panic!("{}", report.render(&source, false)));
        let nodes = secrets::requests(&spec);
        let request = MintRequest {
            cluster: spec.name.as_str(),
            nodes: &nodes,
            authorities: KeyAlgorithm::EcdsaP256,
            service_account: KeyAlgorithm::EcdsaP256,
            admin_group: "kubeadm:cluster-admins",
            found_within: Duration::days(30),
            encrypts: false,
        };
        let minted = datetime!(2026-11-23 12:34:56 UTC);
        let bundle = secrets::mint(&request, minted).expect("entropy");
        let plan = plan(&spec, &bundle);
        assert_eq!(over(&plan, minted), [""; 0]);
        let said = over(&plan, minted + Duration::days(7));
        let what = "warning: bootstrap certificates (cp-1, cp-2, cp-3, worker-1, worker-2): worked until 2026-11-30T12:34:56Z";
        assert_eq!(said[0], what);
        assert!(said.len() == 2 && said[1].contains("kubespore secrets rotate node PROFILE NODE"), "{said:?}");
    }
}
