//! Whether every secret lies only where it may.
//!
//! In: a bundle, who may hold what, and a rendered tree. Out: what lies where it must not. Absent on purpose:
//! the search itself (`leak`), and the decision who may hold what (`plan`).

use rayon::prelude::*;

use crate::leak;
use crate::secrets::{Bundle, SecretName, wanted};
use crate::tree::{RelPath, Tree};

/// A secret in a file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The file, relative to the output directory.
    pub path: String,
    /// The secret.
    pub secret: SecretName,
}

/// What a search of a tree came to.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Every secret in every file, whether it may be there or not; by path, then by secret.
    pub found: Vec<Exposed>,
    /// The files that inflate to more than is searched.
    pub unsearched: Vec<String>,
}

/// Searches a tree, every layer of every file of it, on as many threads as the machine has: a node's files on the same one, for
/// they hold each other.
#[must_use]
pub fn held(bundle: &Bundle, tree: &Tree) -> Holdings {
    let wanted = wanted(bundle);
    let search = leak::Search::new(&wanted);
    let files: Vec<_> = tree.iter().collect();
    let nodes: Vec<_> = files.chunk_by(|(one, _), (next, _)| node_of(one.as_str()) == node_of(next.as_str())).collect();
    let searched: Vec<Holdings> =
        nodes.into_par_iter().map_init(leak::Memory::default, |memory, files| held_in(&search, files, memory)).collect();
    searched.into_iter().fold(Holdings::default(), |mut all, mut one| {
        all.found.append(&mut one.found);
        all.unsearched.append(&mut one.unsearched);
        all
    })
}

fn held_in(search: &leak::Search<'_, SecretName>, files: &[(&RelPath, &[u8])], memory: &mut leak::Memory) -> Holdings {
    let mut all = Holdings::default();
    for (path, bytes) in files {
        let found = search.find(bytes, memory);
        all.found.extend(found.names.into_iter().map(|secret| Exposed { path: path.to_string(), secret: secret.clone() }));
        all.unsearched.extend((!found.whole).then(|| path.to_string()));
    }
    all
}

/// The node whose file lies at a path of a whole output directory.
fn node_of(path: &str) -> Option<&str> {
    path.strip_prefix("nodes/")?.split_once('/').map(|(node, _)| node)
}

/// Tells whether a secret may be where it was found; `may_hold` knows the nodes.
pub fn allowed(found: &Exposed, may_hold: &dyn Fn(&str, &SecretName) -> bool) -> bool {
    match (found.path.as_str(), found.node()) {
        ("admin.kubeconfig", _) => found.secret == SecretName::AdministratorKey,
        (_, Some(node)) => may_hold(node, &found.secret),
        (_, None) => false,
    }
}

impl Exposed {
    /// Returns the node whose file it is, in a whole output directory.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        node_of(&self.path)
    }
}
