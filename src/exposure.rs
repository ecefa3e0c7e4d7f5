//! Whether every secret lies only where it may.
//!
//! In: a bundle, who may hold what, and a rendered tree. Out: what lies where it must not. Absent on purpose:
//! the search itself (`leak`), and the decision who may hold what (`plan`).

use crate::leak;
use crate::secrets::{Bundle, SecretName, wanted};
use crate::tree::Tree;

/// A secret in a file where it may not be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The file, relative to the output directory.
    pub path: String,
    /// The secret.
    pub secret: SecretName,
}

/// Searches a rendered tree, every layer of every file of it; `may_hold` knows the nodes.
pub fn exposed(bundle: &Bundle, may_hold: &dyn Fn(&str, &SecretName) -> bool, tree: &Tree) -> Vec<Exposed> {
    let wanted = wanted(bundle);
    let mut search = leak::Search::new(&wanted);
    let mut all = Vec::new();
    for (path, bytes) in tree.iter() {
        let path = path.as_str();
        let node = path.strip_prefix("nodes/").and_then(|rest| rest.split('/').next());
        let allowed = |secret: &SecretName| match (path, node) {
            ("admin.kubeconfig", _) => *secret == SecretName::AdministratorKey,
            (_, Some(node)) => may_hold(node, secret),
            (_, None) => false,
        };
        let found = search.find(bytes).into_iter().filter(|secret| !allowed(secret));
        all.extend(found.map(|secret| Exposed { path: path.to_owned(), secret: secret.clone() }));
    }
    all
}
