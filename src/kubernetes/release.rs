//! What there is to know about one Kubernetes minor release before its machines boot.
//!
//! In: nothing. Out: the types of the facts. Absent on purpose: the facts themselves (`releases`), the
//! flags and gates that vanished (`removed`), and any version comparison outside this room.
//!
//! File names in the sources are those of the repository `kubernetes/kubernetes`.

use std::fmt;

use super::{Minor, Version};

/// The API versions in which kubeadm reads its configuration, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KubeadmApi {
    /// `v1beta1`, kubeadm 1.13 to 1.21.
    V1Beta1,
    /// `v1beta2`, kubeadm 1.15 to 1.26.
    V1Beta2,
    /// `v1beta3`, kubeadm 1.22 to 1.36.
    V1Beta3,
    /// `v1beta4`, kubeadm 1.31 and later.
    V1Beta4,
}

impl KubeadmApi {
    /// Every API version, oldest first.
    pub const ALL: [Self; 4] = [Self::V1Beta1, Self::V1Beta2, Self::V1Beta3, Self::V1Beta4];

    /// Returns the bare version, such as `v1beta4`.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
            Self::V1Beta3 => "v1beta3",
            Self::V1Beta4 => "v1beta4",
        }
    }
}

impl fmt::Display for KubeadmApi {
    /// Writes the `apiVersion` of a document, such as `kubeadm.k8s.io/v1beta4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kubeadm.k8s.io/{}", self.version())
    }
}

/// How a joining control plane is told the certificate key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKeyInput {
    /// Not at all: there is no upload of certificates.
    Nowhere,
    /// By the flag `--certificate-key`, which may stand beside `--config`; the documents have no field.
    Flag,
    /// By `certificateKey` in the documents; the flag is refused beside `--config`.
    Document,
}

/// Which API server kubeadm itself talks to while it founds a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitRoute {
    /// The control-plane endpoint, with minutes of patience.
    Endpoint,
    /// The local API server while it waits for it, then at once the endpoint with about one minute of
    /// patience: a load balancer that is slow to notice the first backend fails `kubeadm init`
    /// ("could not bootstrap the admin user").
    ImpatientEndpoint,
    /// The local API server throughout.
    Local,
}

/// How far a kubelet reads the drop-in directory for its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletDropIns {
    /// There is no `--config-dir`.
    No,
    /// `--config-dir` is there, but obeyed only with `KUBELET_CONFIG_DROPIN_DIR_ALPHA` set in the environment.
    Alpha,
    /// `--config-dir` is obeyed.
    Yes,
}

/// Where a kubelet is told to look for drop-ins (kubernetes.io, "Set Kubelet Parameters Via A Configuration File").
pub const KUBELET_DROP_INS: &str = "/etc/kubernetes/kubelet.conf.d";

/// Whether a cluster can have both IP families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DualStack {
    /// Not as the machines need it: the kubelet registers one address.
    No,
    /// Behind the feature gate `IPv6DualStack`, which kubeadm hands on to every component; without it the kubelet exits over a
    /// pair of addresses.
    Gated,
    /// Yes.
    Yes,
}

/// Where kubeadm looks for the CoreDNS image below the repository it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreDnsPath {
    /// `<repository>/coredns`.
    Flat,
    /// `<repository>/coredns/coredns`, whatever the repository.
    Nested,
    /// `<repository>/coredns`, but `<repository>/coredns/coredns` when the repository is kubeadm's own default.
    NestedInDefault,
}

/// How a containerd goes with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerdFit {
    /// It does not speak the kubelet's CRI yet.
    TooOld,
    /// It does not speak the kubelet's CRI any more.
    TooNew,
    /// They speak the same CRI, but its makers do not run it with the release.
    Untested,
    /// Its makers run it with the release.
    Tested,
}

/// A fact that changed within a minor: the patch level from which it holds, and the value.
pub type Steps<T> = &'static [(u16, T)];

/// Everything that a first boot of one minor release depends on.
#[derive(Debug)]
pub struct Release {
    /// The minor release this row is about.
    pub minor: Minor,

    /// The API version its kubeadm documents are written in: the newest one it reads
    /// (`cmd/kubeadm/app/apis/kubeadm`; v1beta4 is served from 1.31 on though its types are older).
    pub kubeadm_api: KubeadmApi,
    /// Flag that makes `kubeadm join` add a control plane when no document does (`cmd/kubeadm/app/cmd/join.go`).
    pub control_plane_join_flag: &'static str,
    /// Flag of `kubeadm init` that uploads the shared certificates; it has no place in a document
    /// (`cmd/kubeadm/app/cmd/options/constant.go`).
    pub upload_certs_flag: Option<&'static str>,
    /// How the certificate key is told (`cmd/kubeadm/app/apis/kubeadm/validation/validation.go`, `ValidateMixedArguments`).
    pub certificate_key: CertificateKeyInput,
    /// Whether `kubeadm init` has `--skip-certificate-key-print` (`cmd/kubeadm/app/cmd/options/constant.go`).
    pub skip_certificate_key_print: bool,
    /// The words after `kubeadm` under which certificates are managed (`cmd/kubeadm/app/cmd/cmd.go`).
    pub certs_command: &'static [&'static str],
    /// Whether `ignorePreflightErrors` of a document may hold `all`
    /// (`cmd/kubeadm/app/apis/kubeadm/validation/validation.go`, `ValidateIgnorePreflightErrors`).
    pub ignore_all_in_document: bool,
    /// Whether `encryptionAlgorithm` may be `ECDSA-P384` (`cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go`).
    pub ecdsa_p384: bool,
    /// Whether kube-dns may still replace CoreDNS (`cmd/kubeadm/app/apis/kubeadm/v1beta1/types.go`; refused from 1.21 on).
    pub kube_dns: bool,

    /// Organisation of the administrator's client certificate (`cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go`).
    pub admin_group: &'static str,
    /// Whether certificate authorities may have EC keys; 1.14 says "isn't in RSA format"
    /// (`cmd/kubeadm/app/util/pkiutil/pki_helpers.go`).
    pub ec_certificate_authority: bool,
    /// Whether the service-account key may be an EC key: earlier a joining control plane's preflight refuses it,
    /// but for late patches of 1.22 to 1.25 (`cmd/kubeadm/app/util/pkiutil/pki_helpers.go`).
    pub ec_service_account_key: bool,
    /// Whether only `ca.key` need be on a joining control plane: missing front-proxy and etcd CA keys warn
    /// (`cmd/kubeadm/app/phases/certs/certs.go`, `SharedCertificateExists`).
    pub reduced_ca_keys: bool,
    /// Whether certificates are verified along a chain of authorities (`cmd/kubeadm/app/util/pkiutil/pki_helpers.go`, `VerifyCertChain`).
    pub ca_chain: bool,
    /// Whether kubeadm is made for a `ca.crt` with a second authority that is trusted and does not sign
    /// (kubernetes/kubernetes #107327).
    pub two_authorities: bool,

    /// Path at which a healthy API server answers 200 (`cmd/kubeadm/app/phases/controlplane/manifests.go`; the split
    /// paths come with 1.16).
    pub health_path: &'static str,
    /// Which API server `kubeadm init` talks to (`cmd/kubeadm/app/cmd/init.go`, `Client`).
    pub init_route: Steps<InitRoute>,
    /// Whether discovery by a file takes a credential out of it: with a client certificate no token is needed, with a token nothing
    /// is asked anonymously (kubeadm goes on when the answer is 403, and repeats what gets 401)
    /// (`cmd/kubeadm/app/discovery/file/file.go`).
    pub discovery_client_certificate: bool,
    /// Whether a new etcd member begins as a learner (`EtcdLearnerMode` in `cmd/kubeadm/app/features/features.go`).
    pub etcd_learners: bool,
    /// Whether the API server encrypts custom resources that its EncryptionConfiguration names
    /// (`staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go`); all else of that kind is older than
    /// the table.
    pub encrypts_custom_resources: bool,
    /// Whether the API server can limit anonymous requests to its health paths by an AuthenticationConfiguration
    /// without a feature gate (`AnonymousAuthConfigurableEndpoints`).
    pub anonymous_paths: bool,
    /// Phases of `kubeadm init` without which no machine can join, and those that cannot run without them
    /// (`cmd/kubeadm/app/cmd/init.go`; kubernetes #111512).
    pub token_phases: &'static [&'static str],
    /// Flags of `kubeadm reset` that keep it from taking the machine's etcd member out of the cluster
    /// (`cmd/kubeadm/app/cmd/reset.go`; phases came with 1.15).
    pub reset_flags: &'static [&'static str],
    /// Phases of `kubeadm join` after etcd's, which a cut may have kept from running; 1.13's join has no phases
    /// (`cmd/kubeadm/app/cmd/phases/join/controlplanejoin.go`; `ClusterStatus` went with v1beta3).
    pub finish_phases: &'static [&'static str],
    /// Prefix of the HTTP gateway of the etcd that kubeadm runs (etcd `Documentation/dev-guide/api_grpc_gateway.md`).
    pub etcd_gateway: &'static str,
    /// Whether a bootstrap token may read nodes: `kubeadm join` looks for a namesake
    /// (`cmd/kubeadm/app/phases/bootstraptoken/node/tlsbootstrap.go`, `AllowBoostrapTokensToGetNodes`).
    pub join_reads_nodes: bool,

    /// Keys of the taints kubeadm gives control planes, all with effect `NoSchedule`
    /// (`cmd/kubeadm/app/util/config/initconfiguration.go`).
    pub control_plane_taints: &'static [&'static str],
    /// Whether the kubelet exits over `--node-labels` in Kubernetes' own name spaces beyond the allowed ones
    /// (`cmd/kubelet/app/options/options.go`, `ValidateKubeletFlags`).
    pub kubelet_refuses_labels: bool,

    /// kubeadm's own default image repository (`cmd/kubeadm/app/apis/kubeadm/v1beta*/defaults.go`).
    pub default_repository: Steps<&'static str>,
    /// Where CoreDNS lies below the repository (`cmd/kubeadm/app/images/images.go`, `GetDNSImage`).
    pub coredns_path: Steps<CoreDnsPath>,
    /// Whether kubeadm lists the DNS image before pause and etcd rather than after them (`cmd/kubeadm/app/images/images.go`,
    /// `GetControlPlaneImages`).
    pub dns_image_first: bool,
    /// Tag of the CoreDNS image (`cmd/kubeadm/app/constants/constants.go`).
    pub coredns: Steps<&'static str>,
    /// Tag of the etcd image (`cmd/kubeadm/app/constants/constants.go`, `SupportedEtcdVersion`).
    pub etcd: Steps<&'static str>,
    /// Tag of the pause image (`cmd/kubeadm/app/constants/constants.go`).
    pub pause: &'static str,
    /// The oldest external etcd that kubeadm takes (`cmd/kubeadm/app/constants/constants.go`, `MinExternalEtcdVersion`).
    pub external_etcd_minimum: Steps<&'static str>,

    /// Programs without which kubeadm's preflight fails, beside kubelet and the container runtime
    /// (`cmd/kubeadm/app/preflight/checks.go`).
    pub required_programs: &'static [&'static str],
    /// Whether kubeadm's preflight fails beside swap, where it only warns later (`cmd/kubeadm/app/preflight/checks.go`,
    /// `SwapCheck`; a warning since 1.23, kubernetes#104854).
    pub swap_refused: bool,
    /// Whether the kubelet refuses a machine with cgroup v1 (`failCgroupV1` in `pkg/kubelet/apis/config/v1beta1/defaults.go`).
    pub cgroup_v2_required: bool,

    /// Whether a cluster can have both IP families (`cmd/kubelet/app/server.go`, `RunKubelet`;
    /// `cmd/kubeadm/app/apis/kubeadm/validation/validation.go`).
    pub dual_stack: DualStack,
    /// Whether the kubelet takes a pair of addresses beside a cloud provider: "not supported when using a cloud provider"
    /// (`CloudDualStackNodeIPs`, `k8s.io/component-helpers/node/util/ips.go`).
    pub cloud_address_pairs: bool,

    /// The modes kube-proxy runs in without a feature gate (`pkg/proxy/apis/config/validation/validation.go`).
    pub proxy_modes: &'static [&'static str],
    /// The modes that are deprecated (`cmd/kube-proxy/app/server_linux.go`).
    pub deprecated_proxy_modes: &'static [&'static str],
    /// The oldest etcd that kubeadm runs by itself: later ones are started with what older ones do not know
    /// (`cmd/kubeadm/app/phases/etcd/local.go`; kubernetes #124465, #135701).
    pub own_etcd_minimum: Option<(u16, u16, u16)>,
    /// How far the kubelet reads `--config-dir` (`cmd/kubelet/app/server.go`).
    pub kubelet_drop_ins: KubeletDropIns,
    /// The oldest containerd (major, minor) that works: our configuration is read from 1.3 on, CRI v1 is spoken from 1.6 on
    /// (`pkg/kubelet/cri/remote`).
    pub containerd_least: (u16, u16),
    /// The first containerd that no longer works: 2.0 dropped CRI v1alpha2, the only one kubelets before 1.23 speak.
    pub containerd_before: Option<(u16, u16)>,
    /// The containerds that containerd's own `RELEASES.md` lists with this release, the oldest patch of each minor, oldest first.
    pub containerd_tested: &'static [(u16, u16, u16)],
}

/// The first etcd whose members begin as learners, which is how one joins an etcd with machines of its own
/// (etcd `CHANGELOG-3.4.md`).
const LEARNERS_SINCE: &str = "3.4.0";

/// Prefix of the HTTP gateway of every etcd from there on.
pub const EXTERNAL_ETCD_GATEWAY: &str = "/v3";

/// The first containerd (major, minor) that reads the configuration it is given (containerd `docs/PLUGINS.md`, `version = 2`).
const CONTAINERD_CONFIGURATION: (u16, u16) = (1, 3);

/// The first containerd (major, minor) that reads mirrors from a directory (containerd `docs/hosts.md`).
pub const CONTAINERD_MIRRORS: (u16, u16) = (1, 5);

/// Tells whether a containerd of that major and minor version reads the configuration it is given.
#[must_use]
pub fn containerd_reads_configuration(minor: (u16, u16)) -> bool {
    minor >= CONTAINERD_CONFIGURATION
}

/// Tells whether a containerd of that major and minor version reads mirrors from a directory.
#[must_use]
pub fn containerd_reads_mirrors(minor: (u16, u16)) -> bool {
    minor >= CONTAINERD_MIRRORS
}

impl Release {
    /// Returns the oldest etcd that may run on machines of its own beside a patch level, as `3.5.24`: kubeadm's own limit without the revision
    /// of the image it is written with, or the first etcd with learners.
    #[must_use]
    pub fn external_etcd_least(&self, patch: u16) -> String {
        let parts = |version: &str| -> Vec<u32> {
            let plain = version.split('-').next().unwrap_or(version);
            plain.split('.').map(|part| part.parse().expect("the table's versions are numbers; a test walks them")).collect()
        };
        let least = parts(at(self.external_etcd_minimum, patch)).max(parts(LEARNERS_SINCE));
        least.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }

    /// Returns the command about certificates, as `kubeadm certs`.
    #[must_use]
    pub fn certs(&self) -> String {
        ["kubeadm"].iter().chain(self.certs_command).copied().collect::<Vec<_>>().join(" ")
    }

    /// Tells whether the kubelet takes a pair of addresses: in a cluster with both families or one, beside a cloud provider or not.
    #[must_use]
    pub fn takes_address_pairs(&self, both_families: bool, cloud: bool) -> bool {
        let taken = match self.dual_stack {
            DualStack::No => false,
            DualStack::Gated => both_families,
            DualStack::Yes => true,
        };
        taken && (!cloud || self.cloud_address_pairs)
    }

    /// Tells whether an argument of a component may stand twice: the newest kubeadm API has lists of them, the others mappings.
    #[must_use]
    pub fn repeats_arguments(&self) -> bool {
        self.kubeadm_api == KubeadmApi::V1Beta4
    }

    /// Returns the tag of the etcd image at a patch level.
    #[must_use]
    pub fn etcd_tag(&self, patch: u16) -> &'static str {
        at(self.etcd, patch)
    }

    /// Returns the tag of the CoreDNS image at a patch level.
    #[must_use]
    pub fn coredns_tag(&self, patch: u16) -> &'static str {
        at(self.coredns, patch)
    }

    /// Returns kubeadm's own default image repository at a patch level.
    #[must_use]
    pub fn default_repository(&self, patch: u16) -> &'static str {
        at(self.default_repository, patch)
    }

    /// Returns where CoreDNS lies at a patch level.
    #[must_use]
    pub fn coredns_path(&self, patch: u16) -> CoreDnsPath {
        at(self.coredns_path, patch)
    }

    /// Returns which API server `kubeadm init` talks to at a patch level.
    #[must_use]
    pub fn init_route(&self, patch: u16) -> InitRoute {
        at(self.init_route, patch)
    }

    /// Tells how a containerd of that major and minor version, and of that patch where it is known, goes with this release.
    #[must_use]
    pub fn containerd_fit(&self, minor: (u16, u16), patch: Option<u16>) -> ContainerdFit {
        let of = |row: &(u16, u16, u16)| (row.0, row.1);
        let tested = match self.containerd_tested.iter().find(|row| of(row) == minor) {
            Some(row) => patch.is_none_or(|patch| patch >= row.2),
            None => self.containerd_tested.last().is_none_or(|newest| minor > of(newest)),
        };
        if minor < self.containerd_least {
            ContainerdFit::TooOld
        } else if self.containerd_before.is_some_and(|before| minor >= before) {
            ContainerdFit::TooNew
        } else if tested {
            ContainerdFit::Tested
        } else {
            ContainerdFit::Untested
        }
    }

    /// Returns the first patch level of this minor whose `kubeadm init` is patient again, when `patch` is not.
    #[must_use]
    pub fn patient_from(&self, patch: u16) -> Option<Version> {
        let later = self.init_route.iter().find(|(from, route)| *from > patch && *route != InitRoute::ImpatientEndpoint);
        later.map(|(from, _)| Version { minor: self.minor, patch: *from })
    }
}

/// Picks the step that holds at a patch level.
fn at<T: Copy>(steps: Steps<T>, patch: u16) -> T {
    let step = steps.iter().rev().find(|(from, _)| *from <= patch);
    step.expect("every row begins at patch 0; a test walks them").1
}
