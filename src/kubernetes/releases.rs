//! The table: what changed in each Kubernetes minor, as far as a machine's first boot is concerned.
//!
//! One row per minor, oldest first. A row names only its differences from the row before it, so this file
//! reads as the history of what mattered. A new minor is one row here. What each fact means and which file
//! of Kubernetes says so stands with its field in `release`; the values were read there, release by release.

use super::release::{CertificateKeyInput, CoreDnsPath, DualStack, InitRoute, KubeadmApi, KubeletDropIns, Release};
use super::{Minor, Version};

const V1_13: Release = Release {
    minor: Minor(1, 13),
    kubeadm_api: KubeadmApi::V1Beta1,
    control_plane_join_flag: "--experimental-control-plane",
    upload_certs_flag: None,
    certificate_key: CertificateKeyInput::Nowhere,
    skip_certificate_key_print: false,
    certs_command: &["alpha", "certs"],
    ignore_all_in_document: false,
    ecdsa_p384: false,
    kube_dns: true,

    admin_group: "system:masters",
    ec_certificate_authority: false,
    ec_service_account_key: false,
    reduced_ca_keys: false,
    ca_chain: false,
    two_authorities: false,

    health_path: "/healthz",
    init_route: &[(0, InitRoute::Endpoint)],
    discovery_client_certificate: false,
    etcd_learners: false,
    encrypts_custom_resources: false,
    anonymous_paths: false,
    token_phases: &["bootstrap-token"],
    reset_flags: &[],
    finish_phases: &[],
    etcd_gateway: "/v3alpha",
    join_reads_nodes: false,

    control_plane_taints: &["node-role.kubernetes.io/master"],
    kubelet_refuses_labels: false,

    default_repository: &[(0, "k8s.gcr.io")],
    coredns_path: &[(0, CoreDnsPath::Flat)],
    dns_image_first: false,
    coredns: &[(0, "1.2.6")],
    etcd: &[(0, "3.2.24")],
    pause: "3.1",
    external_etcd_minimum: &[(0, "3.2.18")],

    required_programs: &["crictl", "ip", "iptables", "mount", "nsenter"],
    swap_refused: true,
    cgroup_v2_required: false,

    dual_stack: DualStack::No,
    cloud_address_pairs: false,

    proxy_modes: &["userspace", "iptables", "ipvs"],
    deprecated_proxy_modes: &[],
    own_etcd_minimum: None,
    kubelet_drop_ins: KubeletDropIns::No,
    containerd_least: (1, 3),
    containerd_before: Some((2, 0)),
    containerd_tested: &[(1, 3, 0)],
};

const V1_14: Release = Release {
    minor: Minor(1, 14),
    finish_phases: &["control-plane-join update-status", "control-plane-join mark-control-plane"],
    upload_certs_flag: Some("--experimental-upload-certs"),
    certificate_key: CertificateKeyInput::Flag,
    skip_certificate_key_print: true,
    coredns: &[(0, "1.3.1")],
    etcd: &[(0, "3.3.10")],
    etcd_gateway: "/v3beta",
    ..V1_13
};

const V1_15: Release = Release {
    minor: Minor(1, 15),
    kubeadm_api: KubeadmApi::V1Beta2,
    control_plane_join_flag: "--control-plane",
    upload_certs_flag: Some("--upload-certs"),
    certificate_key: CertificateKeyInput::Document,
    ec_certificate_authority: true,
    reset_flags: &["--skip-phases=remove-etcd-member"],
    ..V1_14
};

const V1_16: Release = Release {
    minor: Minor(1, 16),
    health_path: "/readyz",
    discovery_client_certificate: true,
    kubelet_refuses_labels: true,
    coredns: &[(0, "1.6.2")],
    etcd: &[(0, "3.3.15-0")],
    ..V1_15
};

const V1_17: Release =
    Release { minor: Minor(1, 17), coredns: &[(0, "1.6.5")], etcd: &[(0, "3.4.3-0")], etcd_gateway: "/v3", ..V1_16 };

const V1_18: Release = Release {
    minor: Minor(1, 18),
    join_reads_nodes: true,
    coredns: &[(0, "1.6.7")],
    pause: "3.2",
    required_programs: &["crictl", "conntrack", "ip", "iptables", "mount", "nsenter"],
    ..V1_17
};

const V1_19: Release =
    Release { minor: Minor(1, 19), coredns: &[(0, "1.7.0")], etcd: &[(0, "3.4.9-1"), (1, "3.4.13-0")], ..V1_18 };

const V1_20: Release = Release {
    minor: Minor(1, 20),
    dual_stack: DualStack::Gated,
    certs_command: &["certs"],
    reduced_ca_keys: true,
    etcd: &[(0, "3.4.13-0")],
    ..V1_19
};

const V1_21: Release = Release {
    minor: Minor(1, 21),
    dual_stack: DualStack::Yes,
    kube_dns: false,
    ca_chain: true,
    coredns_path: &[(0, CoreDnsPath::Nested), (2, CoreDnsPath::NestedInDefault)],
    coredns: &[(0, "v1.8.0")],
    pause: "3.4.1",
    ..V1_20
};

const V1_22: Release = Release {
    minor: Minor(1, 22),
    finish_phases: &["control-plane-join mark-control-plane"],
    kubeadm_api: KubeadmApi::V1Beta3,
    default_repository: &[(0, "k8s.gcr.io"), (17, "registry.k8s.io")],
    coredns_path: &[(0, CoreDnsPath::NestedInDefault)],
    coredns: &[(0, "v1.8.4")],
    etcd: &[(0, "3.5.0-0"), (17, "3.5.6-0")],
    pause: "3.5",
    ..V1_21
};

const V1_23: Release = Release {
    minor: Minor(1, 23),
    swap_refused: false,
    default_repository: &[(0, "k8s.gcr.io"), (15, "registry.k8s.io")],
    coredns: &[(0, "v1.8.6")],
    etcd: &[(0, "3.5.1-0"), (14, "3.5.5-0"), (15, "3.5.6-0")],
    pause: "3.6",
    containerd_before: None,
    ..V1_22
};

const V1_24: Release = Release {
    minor: Minor(1, 24),
    two_authorities: true,
    control_plane_taints: &["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"],
    default_repository: &[(0, "k8s.gcr.io"), (9, "registry.k8s.io")],
    etcd: &[(0, "3.5.3-0"), (8, "3.5.5-0"), (9, "3.5.6-0")],
    pause: "3.7",
    ..V1_23
};

const V1_25: Release = Release {
    minor: Minor(1, 25),
    control_plane_taints: &["node-role.kubernetes.io/control-plane"],
    default_repository: &[(0, "registry.k8s.io")],
    coredns: &[(0, "v1.9.3")],
    etcd: &[(0, "3.5.4-0"), (4, "3.5.5-0"), (5, "3.5.6-0"), (15, "3.5.9-0")],
    pause: "3.8",
    ..V1_24
};

const V1_26: Release = Release {
    minor: Minor(1, 26),
    encrypts_custom_resources: true,
    proxy_modes: &["iptables", "ipvs"],
    ec_service_account_key: true,
    token_phases: &["bootstrap-token", "show-join-command"],
    etcd: &[(0, "3.5.6-0"), (10, "3.5.9-0"), (13, "3.5.10-0")],
    pause: "3.9",
    containerd_least: (1, 6),
    containerd_tested: &[(1, 6, 0)],
    ..V1_25
};

const V1_27: Release = Release {
    minor: Minor(1, 27),
    coredns: &[(0, "v1.10.1")],
    etcd: &[(0, "3.5.7-0"), (7, "3.5.9-0"), (10, "3.5.10-0"), (12, "3.5.12-0")],
    ..V1_26
};

const V1_28: Release = Release {
    minor: Minor(1, 28),
    ignore_all_in_document: true,
    etcd: &[(0, "3.5.9-0"), (6, "3.5.10-0"), (8, "3.5.12-0"), (14, "3.5.15-0")],
    external_etcd_minimum: &[(0, "3.4.13-4")],
    kubelet_drop_ins: KubeletDropIns::Alpha,
    ..V1_27
};

const V1_29: Release = Release {
    minor: Minor(1, 29),
    cloud_address_pairs: true,
    admin_group: "kubeadm:cluster-admins",
    etcd_learners: true,
    dns_image_first: true,
    coredns: &[(0, "v1.11.1")],
    etcd: &[(0, "3.5.10-0"), (3, "3.5.12-0"), (9, "3.5.15-0"), (11, "3.5.16-0")],
    ..V1_28
};

const V1_30: Release = Release {
    minor: Minor(1, 30),
    coredns: &[(0, "v1.11.1"), (5, "v1.11.3")],
    etcd: &[(0, "3.5.12-0"), (5, "3.5.15-0")],
    kubelet_drop_ins: KubeletDropIns::Yes,
    ..V1_29
};

const V1_31: Release = Release {
    minor: Minor(1, 31),
    own_etcd_minimum: Some((3, 5, 11)),
    proxy_modes: &["iptables", "ipvs", "nftables"],
    kubeadm_api: KubeadmApi::V1Beta4,
    coredns: &[(0, "v1.11.1"), (1, "v1.11.3")],
    etcd: &[(0, "3.5.15-0"), (14, "3.5.24-0")],
    pause: "3.10",
    external_etcd_minimum: &[(0, "3.5.11-0"), (14, "3.5.24-0")],
    required_programs: &["conntrack", "ip", "iptables", "mount", "nsenter"],
    ..V1_30
};

const V1_32: Release = Release {
    minor: Minor(1, 32),
    containerd_tested: &[(1, 6, 36), (1, 7, 24), (2, 0, 0)],
    anonymous_paths: true,
    coredns: &[(0, "v1.11.3")],
    etcd: &[(0, "3.5.16-0"), (10, "3.5.24-0")],
    external_etcd_minimum: &[(0, "3.5.11-0"), (10, "3.5.24-0")],
    required_programs: &["ip", "iptables", "mount", "nsenter"],
    ..V1_31
};

const V1_33: Release = Release {
    minor: Minor(1, 33),
    init_route: &[(0, InitRoute::Endpoint), (6, InitRoute::ImpatientEndpoint), (12, InitRoute::Local)],
    coredns: &[(0, "v1.12.0")],
    etcd: &[(0, "3.5.21-0"), (6, "3.5.24-0")],
    external_etcd_minimum: &[(0, "3.5.11-0"), (6, "3.5.24-0")],
    required_programs: &["losetup", "mount", "cp"],
    ..V1_32
};

const V1_34: Release = Release {
    minor: Minor(1, 34),
    containerd_tested: &[(1, 6, 39), (1, 7, 28), (2, 0, 6), (2, 1, 3)],
    ecdsa_p384: true,
    init_route: &[(0, InitRoute::Endpoint), (2, InitRoute::ImpatientEndpoint), (8, InitRoute::Local)],
    coredns: &[(0, "v1.12.1")],
    etcd: &[(0, "3.6.4-0"), (2, "3.6.5-0")],
    pause: "3.10.1",
    external_etcd_minimum: &[(0, "3.5.21-0"), (2, "3.5.24-0")],
    ..V1_33
};

const V1_35: Release = Release {
    minor: Minor(1, 35),
    deprecated_proxy_modes: &["ipvs"],
    init_route: &[(0, InitRoute::ImpatientEndpoint), (5, InitRoute::Local)],
    coredns: &[(0, "v1.13.1")],
    etcd: &[(0, "3.6.6-0")],
    external_etcd_minimum: &[(0, "3.5.24-0")],
    cgroup_v2_required: true,
    containerd_tested: &[(1, 7, 28), (2, 1, 5), (2, 2, 0)],
    ..V1_34
};

const V1_36: Release = Release {
    minor: Minor(1, 36),
    own_etcd_minimum: Some((3, 6, 0)),
    init_route: &[(0, InitRoute::ImpatientEndpoint), (1, InitRoute::Local)],
    coredns: &[(0, "v1.14.2")],
    etcd: &[(0, "3.6.8-0")],
    pause: "3.10.2",
    containerd_tested: &[(2, 2, 0)],
    ..V1_35
};

const V1_37: Release = Release {
    minor: Minor(1, 37),
    init_route: &[(0, InitRoute::Local)],
    coredns: &[(0, "v1.14.6")],
    etcd: &[(0, "3.7.0-0")],
    ..V1_36
};

/// Every release this build knows, oldest first.
static RELEASES: &[Release] = &[
    V1_13, V1_14, V1_15, V1_16, V1_17, V1_18, V1_19, V1_20, V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30,
    V1_31, V1_32, V1_33, V1_34, V1_35, V1_36, V1_37,
];

/// Returns every release this build knows, oldest first.
#[must_use]
pub fn releases() -> &'static [Release] {
    RELEASES
}

/// Finds a release; a minor older or newer than the table gives `None`.
#[must_use]
pub fn release(minor: Minor) -> Option<&'static Release> {
    RELEASES.iter().find(|release| release.minor == minor)
}

/// Finds the oldest release for which a fact holds.
pub fn first_release(holds: impl Fn(&Release) -> bool) -> Option<Minor> {
    RELEASES.iter().find(|release| holds(release)).map(|release| release.minor)
}

/// Finds the newest release for which a fact holds.
pub fn last_release(holds: impl Fn(&Release) -> bool) -> Option<Minor> {
    RELEASES.iter().rev().find(|release| holds(release)).map(|release| release.minor)
}

impl Version {
    /// Finds the release this version belongs to.
    #[must_use]
    pub fn release(&self) -> Option<&'static Release> {
        release(self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::ContainerdFit;

    fn of(text: &str) -> (&'static Release, u16) {
        let version: Version = text.parse().expect("a version");
        (version.release().expect("known"), version.patch)
    }

    #[test]
    fn minors_follow_one_another_without_gap() {
        let minors: Vec<_> = releases().iter().map(|r| r.minor).collect();
        let next = 13 + u16::try_from(minors.len()).expect("few");
        assert_eq!(minors, (13..next).map(|minor| Minor(1, minor)).collect::<Vec<_>>());
        assert!(release(Minor(1, 12)).is_none() && release(Minor(1, next)).is_none() && release(Minor(2, 20)).is_none());
    }

    #[test]
    fn steps_begin_at_patch_zero_and_rise() {
        fn check<T>(minor: Minor, steps: &[(u16, T)]) {
            assert_eq!(steps.first().map(|s| s.0), Some(0), "{minor}");
            assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0), "{minor}");
        }
        for r in releases() {
            check(r.minor, r.etcd);
            check(r.minor, r.coredns);
            check(r.minor, r.coredns_path);
            check(r.minor, r.default_repository);
            check(r.minor, r.init_route);
            check(r.minor, r.external_etcd_minimum);
        }
    }

    /// Each row is what `kubeadm config images list` or the constants of exactly that version say.
    #[test]
    fn image_tags_are_those_of_the_patch_release() {
        for (version, etcd, coredns, pause) in [
            ("1.13.0", "3.2.24", "1.2.6", "3.1"),
            ("1.14.10", "3.3.10", "1.3.1", "3.1"),
            ("1.15.12", "3.3.10", "1.3.1", "3.1"),
            ("1.16.15", "3.3.15-0", "1.6.2", "3.1"),
            ("1.17.17", "3.4.3-0", "1.6.5", "3.1"),
            ("1.18.20", "3.4.3-0", "1.6.7", "3.2"),
            ("1.19.0", "3.4.9-1", "1.7.0", "3.2"),
            ("1.19.16", "3.4.13-0", "1.7.0", "3.2"),
            ("1.20.2", "3.4.13-0", "1.7.0", "3.2"),
            ("1.21.14", "3.4.13-0", "v1.8.0", "3.4.1"),
            ("1.22.16", "3.5.0-0", "v1.8.4", "3.5"),
            ("1.22.17", "3.5.6-0", "v1.8.4", "3.5"),
            ("1.23.17", "3.5.6-0", "v1.8.6", "3.6"),
            ("1.24.17", "3.5.6-0", "v1.8.6", "3.7"),
            ("1.25.16", "3.5.9-0", "v1.9.3", "3.8"),
            ("1.26.15", "3.5.10-0", "v1.9.3", "3.9"),
            ("1.27.16", "3.5.12-0", "v1.10.1", "3.9"),
            ("1.28.15", "3.5.15-0", "v1.10.1", "3.9"),
            ("1.29.6", "3.5.12-0", "v1.11.1", "3.9"),
            ("1.30.14", "3.5.15-0", "v1.11.3", "3.9"),
            ("1.31.14", "3.5.24-0", "v1.11.3", "3.10"),
            ("1.32.13", "3.5.24-0", "v1.11.3", "3.10"),
            ("1.33.13", "3.5.24-0", "v1.12.0", "3.10"),
            ("1.34.1", "3.6.4-0", "v1.12.1", "3.10.1"),
            ("1.34.2", "3.6.5-0", "v1.12.1", "3.10.1"),
            ("1.35.4", "3.6.6-0", "v1.13.1", "3.10.1"),
            ("1.36.3", "3.6.8-0", "v1.14.2", "3.10.2"),
            ("1.37.2", "3.7.0-0", "v1.14.6", "3.10.2"),
        ] {
            let (r, patch) = of(version);
            assert_eq!((r.etcd_tag(patch), r.coredns_tag(patch), r.pause), (etcd, coredns, pause), "{version}");
        }
    }

    /// Read in `cmd/kubeadm/app/constants/constants.go` of these versions; before 1.28, what first boot itself needs counts.
    #[test]
    fn external_etcd_is_as_new_as_the_patch_release_wants() {
        for (version, least) in [
            ("1.20.2", "3.4.0"),
            ("1.28.15", "3.4.13"),
            ("1.31.13", "3.5.11"),
            ("1.31.14", "3.5.24"),
            ("1.32.10", "3.5.24"),
            ("1.33.6", "3.5.24"),
            ("1.34.0", "3.5.21"),
            ("1.34.2", "3.5.24"),
            ("1.37.2", "3.5.24"),
        ] {
            let (r, patch) = of(version);
            assert_eq!(r.external_etcd_least(patch), least, "{version}");
        }
    }

    /// Read in `cmd/kubeadm/app/cmd/init.go` of each of these versions.
    #[test]
    fn impatient_releases_are_the_known_ones() {
        for (version, route) in [
            ("1.32.13", InitRoute::Endpoint),
            ("1.33.5", InitRoute::Endpoint),
            ("1.33.6", InitRoute::ImpatientEndpoint),
            ("1.33.11", InitRoute::ImpatientEndpoint),
            ("1.33.12", InitRoute::Local),
            ("1.34.1", InitRoute::Endpoint),
            ("1.34.2", InitRoute::ImpatientEndpoint),
            ("1.34.7", InitRoute::ImpatientEndpoint),
            ("1.34.8", InitRoute::Local),
            ("1.35.0", InitRoute::ImpatientEndpoint),
            ("1.35.4", InitRoute::ImpatientEndpoint),
            ("1.36.0", InitRoute::ImpatientEndpoint),
            ("1.36.1", InitRoute::Local),
            ("1.37.2", InitRoute::Local),
        ] {
            let (r, patch) = of(version);
            assert_eq!(r.init_route(patch), route, "{version}");
        }
        let (r, patch) = of("1.34.3");
        assert_eq!(r.patient_from(patch).map(|v| v.to_string()), Some("1.34.8".to_owned()));
    }

    #[test]
    fn containerd_goes_with_the_releases_that_speak_its_cri() {
        for (release, containerd, fit) in [
            ("1.14.0", (1, 2, None), ContainerdFit::TooOld),
            ("1.22.17", (2, 0, None), ContainerdFit::TooNew),
            ("1.22.17", (1, 7, None), ContainerdFit::Tested),
            ("1.23.17", (2, 0, None), ContainerdFit::Tested),
            ("1.25.0", (1, 5, None), ContainerdFit::Tested),
            ("1.26.0", (1, 5, None), ContainerdFit::TooOld),
            ("1.26.0", (1, 6, None), ContainerdFit::Tested),
            ("1.34.0", (1, 7, Some(27)), ContainerdFit::Untested),
            ("1.34.0", (1, 7, Some(28)), ContainerdFit::Tested),
            ("1.35.0", (1, 6, Some(40)), ContainerdFit::Untested),
            ("1.35.0", (2, 0, Some(7)), ContainerdFit::Untested),
            ("1.35.0", (2, 3, Some(0)), ContainerdFit::Tested),
            ("1.36.0", (2, 1, Some(9)), ContainerdFit::Untested),
            ("1.37.2", (2, 2, None), ContainerdFit::Tested),
        ] {
            let (major, minor, patch) = containerd;
            assert_eq!(of(release).0.containerd_fit((major, minor), patch), fit, "{release} {containerd:?}");
        }
    }

    #[test]
    fn the_first_release_with_a_fact_is_found() {
        assert_eq!(first_release(|r| r.kubeadm_api == KubeadmApi::V1Beta4), Some(Minor(1, 31)));
        assert_eq!(last_release(|r| r.kube_dns), Some(Minor(1, 20)));
        assert_eq!(first_release(|_| false), None);
    }
}
