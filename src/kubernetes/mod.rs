//! What Kubernetes and kubeadm are like, release by release.
//!
//! In: a version. Out: facts with names. Absent on purpose: what a particular cluster wants; and
//! outside this room nobody compares versions.

pub mod gates;
pub mod images;
pub mod labels;
mod release;
mod releases;
pub mod removed;
pub mod schema;
mod version;
pub mod workloads;

pub use release::{
    CertificateKeyInput, ContainerdFit, CoreDnsPath, EXTERNAL_ETCD_GATEWAY, InitRoute, KubeadmApi, KubeletDropIns, Release,
    Steps, Swap,
};
pub use releases::{first_release, last_release, release, releases};
pub use version::{Minor, Version};
