//! The meaning of a profile: what two values say together, all findings at once, one file per subject.
//!
//! In: the profile as written. Out: findings. Absent on purpose: the shape of single values (`shape`,
//! `form`), and Kubernetes' own settings, which the `kubernetes` room judges.

mod delivery;
mod endpoint;
mod files;
mod networks;
mod nodes;
mod release;
mod surroundings;

pub use files::{Files, manifest_name};

use super::raw::Raw;
use crate::diag::Report;
use crate::yaml::{Kind, Node};

/// Reports everything that is wrong or surprising about a profile as a whole.
pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    release::check(raw, report);
    nodes::check(raw, report);
    networks::check(raw, report);
    endpoint::check(raw, report);
    surroundings::check(raw, report);
    delivery::check(raw, report);
    files::check(raw, files, report);
}

/// Finds a node below a kubeadm document of the profile, by the names of the keys that lead to it.
fn below<'n>(raw: &Raw<'n>, document: &str, path: &[&str]) -> Option<&'n Node> {
    let root = raw.documents.iter().find(|given| given.key == document)?.node;
    path.iter().try_fold(root, |node, key| node.get(key))
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
