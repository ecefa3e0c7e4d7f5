//! What Kubernetes and kubeadm are like, release by release.
//!
//! In: a version. Out: facts with names. Absent on purpose: what a particular cluster wants; and
//! outside this room nobody compares versions.

mod version;

pub use version::{Minor, Version};
