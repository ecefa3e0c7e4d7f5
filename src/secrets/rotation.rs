//! The change of the cluster's authority, in three rounds that every living machine goes through.
//!
//! In: a bundle and the present moment. Out: the bundle one round further. Absent on purpose: what machines do in a
//! round (`rotation` at the top of the house), and the other two authorities, which no machine outside trusts.
//!
//! The rounds are those of kubernetes.io, "Manual Rotation of CA Certificates": what verifies must know the new
//! authority before anything is signed by it, and must know the old one until nothing is signed by it any more.

use time::OffsetDateTime;

use super::bundle::{Bundle, CertifiedKey};
use super::leaf::{Authority, NodeRequest};
use super::mint;
use crate::error::Error;
use crate::profile::spec::KeyAlgorithm;

/// Where the change of the cluster's authority stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaRotation {
    /// Round 1: the next authority is trusted, and does not sign yet.
    Trust(CertifiedKey),
    /// Round 2: it signs; the former one, whose certificate this is, is still trusted.
    Sign(String),
    /// Round 3: the former one is not trusted any more.
    Forget,
}

impl CaRotation {
    /// Returns the number of the round, from 1 to 3.
    #[must_use]
    pub fn round(&self) -> u8 {
        match self {
            Self::Trust(_) => 1,
            Self::Sign(_) => 2,
            Self::Forget => 3,
        }
    }
}

impl Bundle {
    /// Returns the certificates by which the cluster is known: that of the authority that signs, and while it is being
    /// replaced, that of the other one.
    #[must_use]
    pub fn trusted(&self) -> String {
        let other = match &self.ca_rotation {
            Some(CaRotation::Trust(next)) => next.certificate.as_str(),
            Some(CaRotation::Sign(former)) => former.as_str(),
            Some(CaRotation::Forget) | None => "",
        };
        [self.ca.certificate.as_str(), other].concat()
    }
}

/// Makes the next authority, beside the one that goes on signing.
///
/// # Errors
/// When the system has no entropy to give.
pub fn begin(bundle: &mut Bundle, kind: KeyAlgorithm, now: OffsetDateTime) -> Result<(), Error> {
    bundle.ca_rotation = Some(CaRotation::Trust(mint::cluster_authority(kind, now)?));
    Ok(())
}

/// Goes on to the next round; after the third nothing is left of the change. What the cluster's authority signs beforehand,
/// the administrator's certificate and those of `nodes`, is issued anew in the second.
///
/// # Errors
/// When the system has no entropy to give, or the new authority cannot sign.
pub fn proceed(
    bundle: &mut Bundle,
    nodes: &[NodeRequest],
    admin_group: &str,
    kind: KeyAlgorithm,
    now: OffsetDateTime,
) -> Result<(), Error> {
    match bundle.ca_rotation.take() {
        Some(CaRotation::Trust(next)) => {
            let former = std::mem::replace(&mut bundle.ca, next);
            bundle.ca_rotation = Some(CaRotation::Sign(former.certificate));
            let of_cluster = |leaf: &super::Leaf| leaf.authority() == Authority::Cluster;
            for known in bundle.nodes.values_mut() {
                known.leaves.retain(|leaf, _| !of_cluster(leaf));
            }
            for request in nodes {
                let leaves = request.leaves.iter().copied().filter(of_cluster).collect();
                mint::renew_leaves(bundle, &NodeRequest { leaves, ..request.clone() }, now)?;
            }
            mint::renew_admin(bundle, admin_group, kind, now)?;
        }
        Some(CaRotation::Sign(_)) => bundle.ca_rotation = Some(CaRotation::Forget),
        Some(CaRotation::Forget) | None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::check::faults;
    use crate::secrets::sample::{NOW, every_leaf, issued};
    use crate::secrets::{Leaf, Seal, load, save_new};

    fn next_round(bundle: &mut Bundle) {
        proceed(bundle, &[every_leaf()], "kubeadm:cluster-admins", KeyAlgorithm::EcdsaP256, NOW).expect("entropy");
        assert_eq!(faults(bundle), [""; 0]);
    }

    #[test]
    fn an_authority_is_trusted_before_it_signs_and_after_it_has_signed() {
        let old = issued();
        let mut bundle = old.clone();
        begin(&mut bundle, KeyAlgorithm::EcdsaP256, NOW).expect("entropy");
        assert_eq!(faults(&bundle), [""; 0]);
        let Some(CaRotation::Trust(next)) = bundle.ca_rotation.clone() else { panic!("the first round") };
        assert_eq!(bundle.trusted(), [old.ca.certificate.as_str(), &next.certificate].concat());
        assert_eq!(bundle.signing_certificate(), Some(old.ca.certificate.as_str()));
        assert_eq!((&bundle.ca, &bundle.nodes, &bundle.admin), (&old.ca, &old.nodes, &old.admin));

        next_round(&mut bundle);
        assert_eq!(bundle.ca, next);
        assert_eq!(bundle.trusted(), [next.certificate.as_str(), &old.ca.certificate].concat());
        assert_eq!(bundle.signing_certificate(), Some(next.certificate.as_str()));
        assert_ne!(bundle.admin, old.admin);
        let leaves = |bundle: &Bundle, leaf| bundle.nodes["cp-1"].leaves[&leaf].clone();
        assert_ne!(leaves(&bundle, Leaf::Identity), leaves(&old, Leaf::Identity));
        assert_eq!(leaves(&bundle, Leaf::EtcdPeer), leaves(&old, Leaf::EtcdPeer), "another authority's");

        next_round(&mut bundle);
        assert_eq!((bundle.trusted(), bundle.signing_certificate()), (next.certificate.clone(), None));
        assert_eq!(bundle.ca_rotation, Some(CaRotation::Forget));
        next_round(&mut bundle);
        assert_eq!(bundle.ca_rotation, None);
    }

    #[test]
    fn every_round_survives_the_file() {
        let scratch = crate::secrets::sample::Scratch::new();
        let mut bundle = issued();
        begin(&mut bundle, KeyAlgorithm::EcdsaP256, NOW).expect("entropy");
        for round in 1..=3 {
            assert_eq!(bundle.ca_rotation.as_ref().map(CaRotation::round), Some(round));
            let path = scratch.path(&format!("{round}.secrets.yaml"));
            save_new(&path, &bundle, &Seal::None).expect("a writable directory");
            assert_eq!(load(&path).expect("sound"), Some(bundle.clone()));
            next_round(&mut bundle);
        }
    }
}
