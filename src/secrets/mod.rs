//! The secrets of one cluster: minted once, kept in a bundle, only ever added to.
//!
//! In: what is wanted, the time, the system's entropy; or a bundle's file. Out: a checked bundle.
//! Absent on purpose: rendering; nothing is signed after minting, so that renders are reproducible.

mod bundle;
mod check;
mod git;
mod kubeconfig;
mod mint;
mod named;
mod store;
mod x509;

pub use bundle::{Bundle, CertifiedKey, NodeSecrets, ServiceAccount, Token, instant};
pub use git::refuse_where_git_would_take_it;
pub use kubeconfig::{admin_kubeconfig, discovery_kubeconfig};
pub use mint::{MintRequest, add_nodes, mint, missing};
pub use named::{SecretName, wanted};
pub use store::{load, save, save_new};
