//! `kubespore inspect --secrets`: who holds which secret, by what lies in the artefacts.
//!
//! In: a rendered directory, a part of it or one file, and the bundle. Out: every secret that was found and where, and what
//! differs from the classes that the manifest names. Absent on purpose: belief in the manifest; what it says is only compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::bundle::KeyArgs;
use super::{Failure, Talk};
use crate::error::{Doing, Error};
use crate::exposure::{self, Exposed, Holdings};
use crate::handover::Manifest;
use crate::out::{self, MANIFEST};
use crate::plan::may_hold;
use crate::secrets::{self, SecretName};
use crate::tree::{RelPath, Tree};

/// What is printed; the keys of its JSON are part of the contract with other programs.
#[derive(Serialize)]
struct Answer {
    cluster: String,
    /// By node, or by file where it is no node's.
    holders: BTreeMap<String, Vec<Held>>,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Held {
    class: &'static str,
    /// The node it belongs to, where it is one node's.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    files: BTreeSet<String>,
}

/// Searches and prints.
///
/// # Errors
/// When something cannot be read, the bundle is another cluster's, or a secret lies where it may not.
pub fn run(path: &Path, bundle: &Path, keys: &KeyArgs, json: bool, talk: &Talk) -> Result<(), Failure> {
    let tree = read(path)?;
    let shown = bundle.display();
    let bundle = secrets::open(bundle, &keys.keys())?
        .ok_or_else(|| Error::new(format!("reading {shown}: there is no such bundle")))?
        .contents;
    let manifest = tree.get(MANIFEST).and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok());
    if manifest.as_ref().is_some_and(|manifest| manifest.cluster.id != bundle.cluster_id) {
        return Err(Error::new(format!("reading {shown}: it is another cluster's bundle"))
            .help("name the one this directory was rendered from")
            .into());
    }
    let found = exposure::held(&bundle, &tree);
    let answer = Answer {
        cluster: bundle.cluster.clone(),
        faults: match &manifest {
            Some(manifest) => differences(manifest, &found),
            None => unsearched(&found).collect(),
        },
        holders: holders(manifest.as_ref(), &found.found),
    };
    let text = if json {
        serde_json::to_string_pretty(&answer).expect("strings and lists always serialise") + "\n"
    } else {
        list(&answer)
    };
    talk.data(text.as_bytes())?;
    if answer.faults.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

fn read(path: &Path) -> Result<Tree, Error> {
    let doing = || format!("reading {}", path.display());
    if std::fs::metadata(path).doing(doing)?.is_dir() {
        return out::read(path);
    }
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.contains('\\'));
    let name = name.ok_or_else(|| Error::new(format!("{}: its name is not one of ours", doing())))?;
    let mut tree = Tree::new();
    tree.add(RelPath::new(name), std::fs::read(path).doing(doing)?);
    Ok(tree)
}

/// Groups what was found; a node of the manifest that holds nothing is listed too.
fn holders(manifest: Option<&Manifest>, found: &[Exposed]) -> BTreeMap<String, Vec<Held>> {
    let nodes = manifest.into_iter().flat_map(|manifest| manifest.nodes.keys().cloned());
    let mut holders: BTreeMap<String, Vec<Held>> = nodes.map(|node| (node, Vec::new())).collect();
    for one in found {
        let (holder, file) = match one.node() {
            Some(node) => (node, one.path[format!("nodes/{node}/").len()..].to_owned()),
            None => (one.path.as_str(), one.path.clone()),
        };
        let all = holders.entry(holder.to_owned()).or_default();
        let (class, of) = (one.secret.class(), one.secret.owner());
        match all.iter_mut().find(|held| held.class == class && held.of.as_deref() == of) {
            Some(held) => drop(held.files.insert(file)),
            None => all.push(Held { class, of: of.map(str::to_owned), files: BTreeSet::from([file]) }),
        }
    }
    for held in holders.values_mut() {
        held.sort_by(|a, b| (a.class, &a.of).cmp(&(b.class, &b.of)));
    }
    holders
}

/// What lies where the classes of its node do not allow it, and what a class promises that lies nowhere.
pub fn differences(manifest: &Manifest, holdings: &Holdings) -> Vec<String> {
    let found = &holdings.found;
    let holds =
        |name: &str, secret: &SecretName| manifest.nodes.get(name).is_some_and(|node| may_hold(&node.secrets, name, secret));
    let misplaced = found.iter().filter(|one| !exposure::allowed(one, &holds));
    let mut faults: Vec<_> = misplaced.map(|one| format!("{}: the {} lies in it and may not", one.path, one.secret)).collect();
    if !found.iter().any(|one| one.node().is_none() && one.secret == SecretName::AdministratorKey) {
        faults.push("admin.kubeconfig: it is not that of the bundle's administrator".to_owned());
    }
    for (name, node) in &manifest.nodes {
        let own: Vec<_> = found.iter().filter(|one| one.node() == Some(name)).collect();
        let absent = node.secrets.iter().filter(|class| {
            let class = std::slice::from_ref(*class);
            !own.iter().any(|one| may_hold(class, name, &one.secret))
        });
        faults.extend(absent.map(|class| format!("{name}: the manifest says that it holds `{class}`, and it does not")));
    }
    faults.extend(unsearched(holdings));
    faults
}

fn unsearched(holdings: &Holdings) -> impl Iterator<Item = String> {
    holdings.unsearched.iter().map(|path| format!("{path}: it unpacks to more than is searched for secrets"))
}

fn list(answer: &Answer) -> String {
    let mut out = String::new();
    for (holder, all) in &answer.holders {
        out.push_str(&format!("{holder}\n"));
        if all.is_empty() {
            out.push_str("  nothing\n");
        }
        for held in all {
            let name = held.of.as_ref().map_or_else(|| held.class.to_owned(), |node| format!("{} of {node}", held.class));
            let files: Vec<_> = held.files.iter().map(String::as_str).filter(|file| file != holder).collect();
            out.push_str(format!("  {name:<31} {}", files.join(", ")).trim_end());
            out.push('\n');
        }
    }
    for fault in &answer.faults {
        out.push_str(&format!("fault: {fault}\n"));
    }
    out
}
