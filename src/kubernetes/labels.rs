//! Labels and taints of nodes in Kubernetes' own name space.
//!
//! In: a key and a release. Out: whether the kubelet may register the label, and what a taint is called now. Absent on
//! purpose: the syntax of labels.

use super::Release;

/// The labels below `kubernetes.io` that a kubelet may give itself, beside all below the two name
/// spaces, with the first and the last minor in which it may (`pkg/apis/well_known_labels.go` of `k8s.io/kubelet`).
const ALLOWED: &[(&str, u16, u16)] = &[
    ("kubernetes.io/hostname", 0, u16::MAX),
    ("kubernetes.io/os", 0, u16::MAX),
    ("kubernetes.io/arch", 0, u16::MAX),
    ("kubernetes.io/instance-type", 0, 16),
    ("failure-domain.kubernetes.io/zone", 0, 16),
    ("failure-domain.kubernetes.io/region", 0, 16),
    ("topology.kubernetes.io/zone", 17, u16::MAX),
    ("topology.kubernetes.io/region", 17, u16::MAX),
    ("failure-domain.beta.kubernetes.io/zone", 0, u16::MAX),
    ("failure-domain.beta.kubernetes.io/region", 0, u16::MAX),
    ("beta.kubernetes.io/instance-type", 0, u16::MAX),
    ("beta.kubernetes.io/os", 0, u16::MAX),
    ("beta.kubernetes.io/arch", 0, u16::MAX),
];

/// The name spaces below which a kubelet may choose labels for itself.
const ALLOWED_SPACES: &[&str] = &["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Tells whether the kubelet of a release exits over a label with this key in `--node-labels`
/// (`cmd/kubelet/app/options/options.go`, `ValidateKubeletFlags`).
#[must_use]
pub fn refused(key: &str, release: &Release) -> bool {
    let Some((space, _)) = key.split_once('/') else { return false };
    let below = |parent: &str| space == parent || space.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    let ours = below("kubernetes.io") || below("k8s.io");
    let allowed = ALLOWED.iter().any(|(known, first, last)| *known == key && (*first..=*last).contains(&release.minor.1));
    release.kubelet_refuses_labels && ours && !allowed && !ALLOWED_SPACES.iter().any(|space| below(space))
}

/// The taint's key of control planes up to 1.23, and beside the other one in 1.24.
pub const OLD_CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/master";

/// The taint's key of control planes from 1.24 on.
pub const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

/// Returns the key that kubeadm of a release gives control planes when `key` is the other release's.
#[must_use]
pub fn renamed_taint(key: &str, release: &Release) -> Option<&'static str> {
    let known = [OLD_CONTROL_PLANE_TAINT, CONTROL_PLANE_TAINT].contains(&key);
    (known && !release.control_plane_taints.contains(&key)).then(|| release.control_plane_taints[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{Minor, release};

    fn of(minor: u16) -> &'static Release {
        release(Minor(1, minor)).expect("a release")
    }

    #[test]
    fn labels_in_kubernetes_own_space_are_refused_but_for_a_few() {
        for refuse in ["node-role.kubernetes.io/worker", "foo.k8s.io/x", "kubernetes.io/role", "k8s.io/x"] {
            assert!(refused(refuse, of(16)) && refused(refuse, of(37)) && !refused(refuse, of(15)), "{refuse}");
        }
        for allow in [
            "disk",
            "example.com/disk",
            "topology.kubernetes.io/zone",
            "node.kubernetes.io/x",
            "a.node.kubernetes.io/x",
            "notkubernetes.io/x",
        ] {
            assert!(!refused(allow, of(37)), "{allow}");
        }
        assert!(refused("topology.kubernetes.io/zone", of(16)) && !refused("topology.kubernetes.io/zone", of(17)));
    }

    #[test]
    fn the_control_plane_s_taint_changed_its_name() {
        let (old, new) = (OLD_CONTROL_PLANE_TAINT, CONTROL_PLANE_TAINT);
        for (key, minor, renamed) in
            [(old, 23, None), (old, 24, None), (old, 25, Some(new)), (new, 23, Some(old)), (new, 24, None), ("x", 30, None)]
        {
            assert_eq!(renamed_taint(key, of(minor)), renamed, "{key} 1.{minor}");
        }
    }
}
