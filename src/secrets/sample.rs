//! What the tests of this room share: a bundle made once, and a directory that goes away.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, OnceLock};

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::bundle::Bundle;
use super::leaf::{Leaf, NodeRequest};
use super::mint::{MintRequest, add_nodes, mint};
use crate::profile::spec::KeyAlgorithm;

/// The moment at which everything here is minted.
pub const NOW: OffsetDateTime = datetime!(2026-11-23 12:34:56.789 UTC);

/// Nodes that want nothing but a token.
pub fn plain(names: &[&str]) -> Vec<NodeRequest> {
    let request = |name: &&str| NodeRequest {
        name: (*name).to_owned(),
        leaves: vec![],
        addresses: vec![],
        bootstrap_life: Duration::days(7),
        pod_range: None,
    };
    names.iter().map(request).collect()
}

/// A cluster named `lab` with two nodes, all its keys ECDSA.
pub fn request() -> MintRequest<'static> {
    static NODES: LazyLock<Vec<NodeRequest>> = LazyLock::new(|| plain(&["cp-1", "worker-1"]));
    MintRequest {
        cluster: "lab",
        nodes: &NODES,
        authorities: KeyAlgorithm::EcdsaP256,
        service_account: KeyAlgorithm::EcdsaP256,
        admin_group: "kubeadm:cluster-admins",
        found_within: Duration::days(30),
        encrypts: true,
    }
}

/// The bundle of `request`, the same one each time.
pub fn bundle() -> Bundle {
    static MADE: OnceLock<Bundle> = OnceLock::new();
    MADE.get_or_init(fresh).clone()
}

/// Another bundle of `request`, with keys of its own.
pub fn fresh() -> Bundle {
    mint(&request(), NOW).expect("the system has entropy")
}

/// The request of `cp-1` for every kind of certificate.
pub fn every_leaf() -> NodeRequest {
    let mut request = plain(&["cp-1"]).remove(0);
    request.leaves = Leaf::ALL.to_vec();
    request.addresses = vec![IpAddr::from([10, 0, 0, 11])];
    request
}

/// `bundle`, with every kind of certificate for `cp-1`.
pub fn issued() -> Bundle {
    let mut bundle = bundle();
    add_nodes(&mut bundle, &[every_leaf()], NOW).expect("the system has entropy");
    bundle
}

/// A directory of its owner alone that goes away with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kubespore-secrets-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a writable temporary directory");
        Self(path)
    }

    /// The path of `name` in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the scratch directory")).expect("a writable scratch directory");
        fs::write(&path, content).expect("a writable scratch directory");
        path
    }

    /// The names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
