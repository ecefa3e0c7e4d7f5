//! Offline generator of first-boot images for kubeadm clusters.

pub mod diag;
pub mod error;
pub mod host;
pub mod kubernetes;
pub mod net;
pub mod profile;
pub mod secret;
pub mod tree;
pub mod yaml;
