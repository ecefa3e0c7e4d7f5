//! kubeadm's configuration documents, as values.
//!
//! In: documents in any shape kubeadm ever read. Out: the text a release reads. Absent on purpose: what a
//! cluster wants in them (`compose`), and which field a release knows (`kubernetes::schema`).
//!
//! Everything in between has one shape, that of v1beta4: extra arguments are lists, timeouts lie together.
//! A user's documents are raised to it, merged over what is generated, and the whole is lowered once.

mod duration;
mod lower;
mod merge;
mod raise;
mod settle;

pub use duration::duration;
pub use lower::lower;
pub use merge::merge;
pub use raise::{raise, text_of};
pub use settle::settle;

use serde_json::{Map, Value};

use crate::kubernetes::Release;
use crate::kubernetes::schema::DocumentKind;
use crate::yaml::{Yaml, to_string};

/// The documents of one configuration file; an empty one is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    /// kubeadm's `InitConfiguration`.
    pub init: Map<String, Value>,
    /// kubeadm's `ClusterConfiguration`.
    pub cluster: Map<String, Value>,
    /// kubeadm's `JoinConfiguration`.
    pub join: Map<String, Value>,
    /// The kubelet's `KubeletConfiguration`.
    pub kubelet: Map<String, Value>,
    /// kube-proxy's `KubeProxyConfiguration`.
    pub kube_proxy: Map<String, Value>,
}

impl Documents {
    /// Borrows one document.
    #[must_use]
    pub fn get(&self, kind: DocumentKind) -> &Map<String, Value> {
        match kind {
            DocumentKind::Init => &self.init,
            DocumentKind::Cluster => &self.cluster,
            DocumentKind::Join => &self.join,
            DocumentKind::Kubelet => &self.kubelet,
            DocumentKind::KubeProxy => &self.kube_proxy,
        }
    }

    /// Borrows one document for change.
    pub fn get_mut(&mut self, kind: DocumentKind) -> &mut Map<String, Value> {
        match kind {
            DocumentKind::Init => &mut self.init,
            DocumentKind::Cluster => &mut self.cluster,
            DocumentKind::Join => &mut self.join,
            DocumentKind::Kubelet => &mut self.kubelet,
            DocumentKind::KubeProxy => &mut self.kube_proxy,
        }
    }
}

/// Writes the documents of one file in the shape a release reads, separated by `---`.
#[must_use]
pub fn write(documents: &Documents, release: &Release) -> String {
    let mut lowered = documents.clone();
    settle(&mut lowered, release);
    lower(&mut lowered, release.kubeadm_api);
    let written = DocumentKind::ALL.into_iter().filter(|kind| !lowered.get(*kind).is_empty()).map(|kind| {
        let mut pairs =
            vec![("apiVersion".to_owned(), Yaml::Str(kind.api_version(release))), ("kind".to_owned(), Yaml::str(kind.name()))];
        pairs.extend(lowered.get(kind).iter().map(|(key, value)| (key.clone(), Yaml::from(value))));
        to_string(&Yaml::Map(pairs))
    });
    written.collect::<Vec<_>>().join("---\n")
}
