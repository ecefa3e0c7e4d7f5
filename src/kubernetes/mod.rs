//! What Kubernetes and kubeadm are like, release by release.
//!
//! In: a version. Out: facts with names. Absent on purpose: what a particular cluster wants; and
//! outside this room nobody compares versions.

pub mod admission;
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
    CONTAINERD_MIRRORS, CertificateKeyInput, ContainerdFit, CoreDnsPath, DualStack, EXTERNAL_ETCD_GATEWAY, InitRoute,
    KUBELET_DROP_INS, KubeadmApi, KubeletDropIns, Release, Steps, containerd_reads_configuration, containerd_reads_mirrors,
};
pub use releases::{first_release, last_release, release, releases};
pub use version::{Minor, Version};
