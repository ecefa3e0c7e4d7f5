//! The secrets of one cluster: minted once, kept in a bundle, added to; replaced when asked for by name, and a certificate issued
//! beforehand when the profile gives its node other names or addresses.
//!
//! In: what is wanted, the time, the system's entropy; or a bundle's file and what opens it. Out: a checked bundle.
//! Absent on purpose: rendering; nothing is signed while rendering, so that renders are reproducible.

mod adopt;
mod awaiting;
mod bootstrap_token;
mod bundle;
mod chain;
mod check;
mod form;
mod git;
mod kubeconfig;
mod leaf;
mod mint;
mod named;
mod private_parts;
mod rotation;
#[cfg(test)]
mod sample;
mod seal;
mod store;
mod x509;

pub use adopt::{Existing, read_pki};
pub use awaiting::Awaiting;
pub use bootstrap_token::{bootstrap_token_manifest, late_token_manifest, late_token_since, late_token_until};
pub use bundle::{Bundle, CertifiedKey, EncryptionKey, NodeSecrets, ServiceAccount, Token, instant};
pub use form::{Document, Text};
pub use git::refuse_where_git_would_take_it;
pub use kubeconfig::{Joiner, admin_kubeconfig, discovery_kubeconfig};
pub use leaf::{Leaf, NodeRequest, Piece, leaves, requests};
pub use mint::{
    MintRequest, add_encryption_key, add_nodes, adopt, mint, missing, outdated, renew_admin, renew_certificate_key, renew_leaves,
    renew_token,
};
pub use named::{SecretName, wanted};
pub use rotation::CaRotation;
pub use rotation::{begin as begin_ca_rotation, proceed as proceed_with_ca_rotation};
pub use seal::{Keys, Recipient, Seal, recipients};
pub use store::{Stored, is_bundle, load, open, read, save, save_new};
pub use x509::KeyKind;
