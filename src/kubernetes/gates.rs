//! Feature gates that a component does not take.
//!
//! In: a gate's name and a release. Out: whether the component exits over it, and since when. Absent on purpose:
//! gates that still work either way, and what each gate did.
//!
//! The rows are in `table`; kubeadm's own gates are those of `cmd/kubeadm/app/features/features.go`.

mod table;

use super::{Minor, Release};
use table::{GATES, Lock};

/// Why a component does not take a feature gate, or not every value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No release has it: "unrecognized feature gate".
    Unknown,
    /// It comes with this release, and is unknown before.
    Coming(Minor),
    /// Its name is unknown since this release.
    Gone(Minor),
    /// It has this value for good since this release; the other one is an error: "feature is locked to".
    Locked(bool, Minor),
}

/// Gates that stand for all of a kind (`featuregate/feature_gate.go` of `k8s.io/component-base`); the second came with 1.17.
const ALL: &[(&str, u16)] = &[("AllAlpha", 0), ("AllBeta", 17)];

/// Says what a release has against a gate of Kubernetes' components; `None` when it takes either value.
#[must_use]
pub fn fate(gate: &str, release: &Release) -> Option<Fate> {
    let minor = release.minor.1;
    if let Some((_, first)) = ALL.iter().find(|(name, _)| *name == gate) {
        return (*first > minor).then_some(Fate::Coming(Minor(1, *first)));
    }
    let Some((_, first, last, lock)) = GATES.iter().find(|(name, ..)| *name == gate) else { return Some(Fate::Unknown) };
    if *first > minor {
        return Some(Fate::Coming(Minor(1, *first)));
    }
    if *last < minor {
        return Some(Fate::Gone(Minor(1, last + 1)));
    }
    let (value, since) = match lock {
        Lock::Free => return None,
        Lock::On(since) => (true, *since),
        Lock::Off(since) => (false, *since),
    };
    (since <= minor).then_some(Fate::Locked(value, Minor(1, since)))
}

/// The gates of Kubernetes' components that a release knows.
pub fn of_components(release: &Release) -> impl Iterator<Item = &'static str> {
    let minor = release.minor.1;
    GATES.iter().filter(move |(_, first, last, _)| (*first..=*last).contains(&minor)).map(|(name, ..)| *name)
}

/// The feature gates that kubeadm itself takes in a release, for `featureGates` of its ClusterConfiguration.
pub fn of_kubeadm(release: &Release) -> impl Iterator<Item = &'static str> {
    let minor = release.minor.1;
    OF_KUBEADM.iter().filter(move |(_, first, last)| (*first..=*last).contains(&minor)).map(|(name, ..)| *name)
}

/// kubeadm's gates: name, first and last minor. `CoreDNS` is listed up to 1.17 and refused all the same (`Supports`).
const OF_KUBEADM: &[(&str, u16, u16)] = &[
    ("IPv6DualStack", 16, 23),
    ("PublicKeysECDSA", 18, 36),
    ("RootlessControlPlane", 22, u16::MAX),
    ("UnversionedKubeletConfigMap", 23, 25),
    ("EtcdLearnerMode", 27, 32),
    ("UpgradeAddonsBeforeControlPlane", 28, 30),
    ("WaitForAllControlPlaneComponents", 30, 34),
    ("ControlPlaneKubeletLocalMode", 31, 35),
    ("NodeLocalCRISocket", 32, 36),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{release, releases};

    fn at(gate: &str, minor: u16) -> Option<Fate> {
        fate(gate, release(Minor(1, minor)).expect("a release"))
    }

    #[test]
    fn gates_come_are_locked_and_go() {
        for (gate, first, locked, gone) in [
            ("IPv6DualStack", 16, 23, 25),
            ("PodSecurity", 22, 25, 28),
            ("SidecarContainers", 28, 33, 37),
            ("WatchBookmark", 15, 17, 33),
        ] {
            assert_eq!(at(gate, first - 1), Some(Fate::Coming(Minor(1, first))), "{gate}");
            assert_eq!(at(gate, locked - 1), None, "{gate}");
            assert_eq!(at(gate, locked), Some(Fate::Locked(true, Minor(1, locked))), "{gate}");
            assert_eq!(at(gate, gone - 1), Some(Fate::Locked(true, Minor(1, locked))), "{gate}");
            assert_eq!(at(gate, gone), Some(Fate::Gone(Minor(1, gone))), "{gate}");
        }
        assert_eq!(at("DynamicKubeletConfig", 26), Some(Fate::Gone(Minor(1, 26))));
        assert_eq!(at("GitRepoVolumeDriver", 36), Some(Fate::Locked(false, Minor(1, 36))));
        assert_eq!(at("AllAlpha", 37), None);
        assert_eq!(at("AllBeta", 16), Some(Fate::Coming(Minor(1, 17))));
        assert_eq!(at("PodSecurty", 30), Some(Fate::Unknown));
    }

    #[test]
    fn rows_are_sorted_and_agree_with_themselves() {
        let newest = releases().last().expect("a release").minor.1;
        assert!(GATES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, first, last, lock) in GATES {
            let last = (*last).min(newest);
            assert!(*first <= last && *first != 13, "{name}");
            let (Lock::On(since) | Lock::Off(since)) = lock else { continue };
            assert!((*first..=last).contains(since), "{name}");
        }
        assert!(of_components(releases().last().expect("a release")).count() > 200);
    }

    #[test]
    fn kubeadm_s_gates_come_and_go() {
        let of = |minor| of_kubeadm(release(Minor(1, minor)).expect("a release")).collect::<Vec<_>>();
        assert!(of(13).is_empty() && of(15).is_empty());
        assert_eq!(of(17), ["IPv6DualStack"]);
        assert_eq!(
            of(30),
            [
                "PublicKeysECDSA",
                "RootlessControlPlane",
                "EtcdLearnerMode",
                "UpgradeAddonsBeforeControlPlane",
                "WaitForAllControlPlaneComponents",
            ]
        );
        assert_eq!(of(37), ["RootlessControlPlane"]);
    }
}
