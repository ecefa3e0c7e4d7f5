//! The meaning of a profile: what two values say together, all findings at once, one file per subject.
//!
//! In: the profile as written. Out: findings. Absent on purpose: the shape of single values (`shape`,
//! `form`), and the facts about releases (`kubernetes`).

mod arguments;
mod conflicts;
mod delivery;
mod documents;
mod encryption;
mod endpoint;
mod etcd_data;
mod existing;
mod files;
mod gates;
mod kubelet;
mod manifests;
mod mounts;
mod networks;
mod nodes;
mod owned;
mod release;
mod servers;
mod surroundings;
mod values;

pub use files::{Files, manifest_name};

use std::ops::Range;

use super::raw::{At, Raw};
use crate::diag::Report;
use crate::kubernetes::removed::Component;
use crate::kubernetes::{Release, Version, release};
use crate::yaml::{Kind, Node};

/// Reports everything that is wrong or surprising about a profile as a whole.
pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    release::check(raw, report);
    nodes::check(raw, report);
    networks::check(raw, report);
    endpoint::check(raw, report);
    surroundings::check(raw, report);
    existing::check(raw, report);
    delivery::check(raw, report);
    files::check(raw, files, report);
    documents::check(raw, report);
    values::check(raw, report);
    conflicts::check(raw, report);
    etcd_data::check(raw, report);
    arguments::check(raw, report);
    owned::check(raw, report);
    servers::check(raw, report);
    mounts::check(raw, report);
    encryption::check(raw, files, report);
    manifests::check(raw, files, report);
    gates::check(raw, report);
    kubelet::check(raw, files, report);
}

/// The version and its release, when both are known.
fn release_of<'r>(raw: &'r Raw<'_>) -> Option<(&'r At<Version>, &'static Release)> {
    let version = raw.version.as_ref()?;
    Some((version, release(version.minor)?))
}

/// Finds a node below a kubeadm document of the profile, by the names of the keys that lead to it.
fn below<'n>(raw: &Raw<'n>, document: &str, path: &[&str]) -> Option<&'n Node> {
    let root = raw.documents.iter().find(|given| given.key == document)?.node;
    path.iter().try_fold(root, |node, key| node.get(key))
}

/// Lists the values of a field of the KubeletConfiguration, of all machines' and of each one's own.
fn of_kubelets<'n>(raw: &Raw<'n>, field: &str) -> Vec<&'n Node> {
    let own = raw.nodes.iter().filter_map(|node| node.kubelet_configuration.as_ref()?.node.get(field));
    below(raw, "kubeletConfiguration", &[field]).into_iter().chain(own).collect()
}

/// Finds the value of a component's argument, in a mapping or in kubeadm's list of `{name, value}`.
fn argument<'n>(raw: &Raw<'n>, component: &str, name: &str) -> Option<(&'n str, &'n Node)> {
    let arguments = below(raw, "clusterConfiguration", &[component, "extraArgs"])?;
    let value = match &arguments.kind {
        Kind::Map(_) => arguments.get(name)?,
        Kind::Seq(items) => items.iter().rev().find(|item| item.get("name").and_then(text) == Some(name))?.get("value")?,
        Kind::Scalar(_) => return None,
    };
    Some((text(value)?, value))
}

/// One argument of a component, and where it stands.
struct Argument<'r> {
    /// The flag without dashes; `_` counts as `-`, as the components' own flag sets have it.
    name: String,
    at: Range<usize>,
    value: &'r str,
    value_at: Range<usize>,
}

/// Lists the arguments that a profile gives a component: for the kubelet those of every document and node.
fn arguments<'r>(raw: &'r Raw<'_>, component: Component) -> Vec<Argument<'r>> {
    let of_server = |field| written(below(raw, "clusterConfiguration", &[field, "extraArgs"]));
    match component {
        Component::ApiServer => of_server("apiServer"),
        Component::ControllerManager => of_server("controllerManager"),
        Component::Scheduler => of_server("scheduler"),
        Component::Kubelet => {
            let nodes = raw.nodes.iter().flat_map(|node| {
                node.kubelet_extra_args.iter().map(|(name, value)| {
                    let place = |span: &Option<Range<usize>>| span.clone().unwrap_or_else(|| node.place.clone());
                    Argument {
                        name: plain(&name.value),
                        at: place(&name.span),
                        value: &value.value,
                        value_at: place(&value.span),
                    }
                })
            });
            shared_kubelet_arguments(raw).into_iter().chain(nodes).collect()
        }
    }
}

/// The kubelet's arguments that the documents give more than one machine.
fn shared_kubelet_arguments<'r>(raw: &'r Raw<'_>) -> Vec<Argument<'r>> {
    let of = |document| written(below(raw, document, &["nodeRegistration", "kubeletExtraArgs"]));
    [of("initConfiguration"), of("joinConfiguration")].into_iter().flatten().collect()
}

fn written(node: Option<&Node>) -> Vec<Argument<'_>> {
    match node.map(|node| &node.kind) {
        Some(Kind::Map(pairs)) => pairs
            .iter()
            .filter_map(|pair| {
                let value = text(&pair.value)?;
                Some(Argument { name: plain(&pair.key), at: pair.key_span.clone(), value, value_at: pair.value.span.clone() })
            })
            .collect(),
        Some(Kind::Seq(items)) => items
            .iter()
            .filter_map(|item| {
                let (name, value) = (item.get("name")?, item.get("value")?);
                Some(Argument {
                    name: plain(text(name)?),
                    at: name.span.clone(),
                    value: text(value)?,
                    value_at: value.span.clone(),
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn plain(name: &str) -> String {
    name.trim_start_matches('-').replace('_', "-")
}

fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Counts things in words: "1 node", "3 nodes".
fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
