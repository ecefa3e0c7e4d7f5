//! Offline generator of first-boot images for kubeadm clusters.

pub mod balancer;
pub mod cli;
pub mod compose;
pub mod diag;
pub mod error;
pub mod first_boot;
pub mod gzip;
pub mod handover;
pub mod host;
pub mod image;
pub mod kubeadm;
pub mod kubernetes;
pub mod net;
pub mod os;
pub mod out;
pub mod plan;
pub mod profile;
pub mod redact;
pub mod runtime;
pub mod secret;
pub mod secrets;
pub mod seed;
pub mod templates;
pub mod tree;
pub mod yaml;
