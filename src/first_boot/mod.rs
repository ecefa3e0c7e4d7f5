//! The first boot: what a machine needs to found or join its cluster by itself.
//!
//! In: plain facts about one machine, its cluster and its release. Out: the supervisor, its gate and their
//! units. Absent on purpose: versions (a release's peculiarities arrive as values), kubeadm's documents, keys
//! and credentials (they are files of their own), and any text put together from a user's words: the scripts
//! are constant, and what is this machine's own stands in `node.env` as quoted data.

mod environment;
mod etcd;
mod scripts;
mod units;

pub use etcd::{CLIENTS as ETCD_CLIENTS, PEERS as ETCD_PEERS};

use std::net::IpAddr;

use crate::host::{File, Unit};
use crate::net::{Endpoint, Host, IpNet};

/// Everything the supervisor of one machine has to know; nothing of it is secret.
#[derive(Clone, Debug)]
pub struct FirstBoot<'a> {
    /// What the machine does at its first boot.
    pub role: Role,
    /// The cluster's name.
    pub cluster: &'a str,
    /// What tells this cluster from others of the same name: the bundle's identity.
    pub cluster_id: &'a str,
    /// The installation's generation; a machine of another generation is another machine.
    pub generation: u32,
    /// The machine's name, also its node name.
    pub node: &'a str,
    /// Its place: among the control planes for one of them, else any number that differs between machines.
    pub ordinal: usize,
    /// Its own addresses; the first is what its API server and etcd advertise.
    pub addresses: &'a [IpAddr],
    /// Every control plane in order, this machine included; the place in the list is the ordinal.
    pub control_planes: &'a [ControlPlane<'a>],
    /// The etcd with machines of its own, where there is one; else etcd is on the control planes.
    pub external_etcd: Option<ExternalEtcd<'a>>,
    /// The control-plane endpoint.
    pub endpoint: &'a Endpoint,
    /// Where the endpoint's name leads, when the profile knows it; the supervisor then asks no resolver.
    pub balancer: Option<IpAddr>,
    /// The port of the API servers themselves.
    pub api_port: u16,
    /// The port of the empty-notice.
    pub notice_port: u16,
    /// When the cluster's keys were made, in seconds since 1970.
    pub minted: u64,
    /// Until when the founder may found, in seconds since 1970.
    pub found_until: u64,
    /// What the founder must see before it founds.
    pub found: Found,
    /// How control planes get the shared keys.
    pub distribution: Distribution,
    /// The end of this machine's join credential in seconds since 1970; `None` when it never ends.
    pub credential_until: Option<u64>,
    /// The command, for the machine with the profile, that makes a new join credential for this machine.
    pub renew_command: &'a str,
    /// The command, for the machine with the profile, that allows founding for another while.
    pub found_command: &'a str,
    /// The command, for the machine with the profile, that lets the cluster have the shared keys for another two hours.
    pub upload_command: &'a str,
    /// Whether the cluster stops approving the certificate requests of a credential like this machine's.
    pub approval_ends: bool,
    /// The Nodes after whose joining the founder ends automatic approval; empty where it goes on.
    pub approval_until: &'a [&'a str],
    /// What is peculiar to the release.
    pub release: Release<'a>,
    /// The container runtime.
    pub runtime: Runtime<'a>,
    /// Programs that must be found beside those the supervisor itself needs.
    pub tools: &'a [&'a str],
    /// Images that must be on the machine before kubeadm runs; empty when the machine may pull them.
    pub images: &'a [String],
    /// etcd's data directory.
    pub etcd_data: &'a str,
    /// Whether the image of a joining control plane holds its etcd's pod (`/etc/kubespore/etcd-seat.yaml`): a member votes at once.
    pub etcd_seat: bool,
    /// The block device that must be mounted in the directory above it, when the profile declares one.
    pub etcd_disk: Option<&'a str>,
    /// Manifests the founder applies, in this order: a name of `[a-z0-9.-]`, and the text.
    pub manifests: &'a [(String, String)],
    /// The plain pod network, when the profile wants it.
    pub bridge: Option<Bridge<'a>>,
    /// Whether the endpoint's name means this machine while it founds, because a load balancer cannot lead a
    /// machine back to itself or the release needs the API before the load balancer sees it.
    pub hairpin_pin: bool,
    /// Whether swap is switched off and masked.
    pub swap_off: bool,
    /// Whether the machine has time servers worth waiting for.
    pub time_servers: bool,
    /// Whether API servers answer their health path without credentials.
    pub anonymous_health: bool,
    /// Whether the seed is a medium in the machine: cloud-init is then switched off at the end.
    pub seed_on_media: bool,
    /// Whether root's shells on a control plane get `KUBECONFIG`.
    pub admin_kubeconfig: bool,
    /// Preflight checks the user wants ignored.
    pub ignore_preflight: &'a [String],
    /// The kubelet's environment file of this distribution and the flags in it.
    pub kubelet_environment: Option<(&'a str, &'a str)>,
}

/// What a machine does at its first boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one control plane that may found; it joins when a cluster lives already.
    Founder,
    /// A control plane that only joins.
    ControlPlane,
    /// A worker.
    Worker,
    /// The one etcd machine that may found; it joins when an etcd of this cluster lives already.
    EtcdFounder,
    /// An etcd machine that only joins.
    EtcdMember,
}

impl Role {
    /// Whether the machine runs an etcd member and nothing of Kubernetes.
    fn is_etcd(self) -> bool {
        matches!(self, Self::EtcdFounder | Self::EtcdMember)
    }

    /// Whether the machine is a control plane.
    fn is_plane(self) -> bool {
        matches!(self, Self::Founder | Self::ControlPlane)
    }
}

/// What the founder must see before it founds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A majority of the control planes, itself included, empty.
    Majority,
    /// Two minutes of silence.
    Alone,
    /// Nothing will do: the cluster lives already, and whoever sees none waits for it.
    Never,
}

/// How control planes get the shared keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// In their image.
    Embedded,
    /// In their image but for the keys of the front-proxy and etcd authorities, which are on no machine.
    Reduced,
    /// From the cluster, under the certificate key, which the founder keeps renewing until this moment, in
    /// seconds since 1970.
    CertificateKey {
        /// When the uploaded certificates are removed at the latest.
        renew_until: u64,
    },
}

/// One control plane, or one etcd machine, as its siblings know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlPlane<'a> {
    /// Node name.
    pub name: &'a str,
    /// The address its API server and etcd advertise.
    pub address: IpAddr,
}

/// An etcd with machines of its own.
#[derive(Clone, Copy, Debug)]
pub struct ExternalEtcd<'a> {
    /// Its machines in order; the place in the list is the ordinal of one of them.
    pub servers: &'a [ControlPlane<'a>],
    /// The oldest version of etcd that will do, as `3.5.24`.
    pub least: &'a str,
}

/// What is peculiar to a release of kubeadm and its etcd.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// What `kubeadm version -o short` prints, as `v1.36.2`.
    pub kubeadm_version: &'a str,
    /// The path that answers 200 when an API server can serve.
    pub health_path: &'a str,
    /// Flags of `kubeadm init`: `--skip-phases` with the phases that let others in, `--skip-token-print`, the upload of certificates, …
    pub init_flags: &'a [String],
    /// Flags of `kubeadm init phase upload-certs`.
    pub upload_flags: &'a [&'a str],
    /// Flags of `kubeadm reset -f` that keep it away from etcd's data and membership.
    pub reset_flags: &'a [&'a str],
    /// Phases of `kubeadm join` that a cut may have kept a control plane from, each safe to run again.
    pub finish_phases: &'a [&'a str],
    /// Whether the certificate key can only be a flag.
    pub certificate_key_flag: bool,
    /// Where etcd's JSON gateway lies, as `/v3`.
    pub etcd_gateway: &'a str,
    /// Whether a join credential may read nodes.
    pub join_reads_nodes: bool,
    /// Whether the kubelet refuses cgroup v1.
    pub cgroup_v2: bool,
}

/// The container runtime as the supervisor sees it.
#[derive(Clone, Copy, Debug)]
pub struct Runtime<'a> {
    /// Its systemd service.
    pub service: &'a str,
    /// The path of its socket, without a scheme.
    pub socket: &'a str,
}

/// The plain pod network: the bridge plugin and static routes, no image.
#[derive(Clone, Copy, Debug)]
pub struct Bridge<'a> {
    /// This machine's pod ranges, one a family.
    pub ranges: &'a [IpNet],
    /// The other machines' pod ranges and addresses.
    pub routes: &'a [(IpNet, IpAddr)],
    /// The version of the CNI specification the runtime and the plugins know, as `0.4.0`.
    pub cni_version: &'a str,
}

/// Where a machine's own values stand, as assignments that its scripts source.
pub const NODE_ENV: &str = "/etc/kubespore/node.env";

/// Makes the files of the first boot, parents of secrets excepted.
#[must_use]
pub fn files(boot: &FirstBoot<'_>) -> Vec<File> {
    let scripts = scripts(boot);
    let mut files = vec![File::new(NODE_ENV, 0o600, environment::assignments(boot, &scripts))];
    if boot.role.is_etcd() {
        files.push(File::new("/etc/kubespore/etcd.env", 0o600, etcd::settings(boot)));
    }
    if let Some(bridge) = &boot.bridge {
        files.push(File::new("/etc/kubespore/cni.conflist", 0o600, units::bridge_conflist(bridge)));
    }
    files.extend(scripts.into_iter().map(|(name, text)| File::new(format!("/etc/kubespore/{name}"), 0o700, text)));
    if boot.role == Role::Founder {
        for (place, (name, text)) in boot.manifests.iter().enumerate() {
            let stem = name.trim_end_matches(".yml").trim_end_matches(".yaml");
            files.push(File::new(format!("/etc/kubespore/manifests/{place:02}-{stem}.yaml"), 0o600, text.as_bytes()));
        }
    }
    if boot.admin_kubeconfig && boot.role.is_plane() {
        files.push(File::new("/etc/profile.d/kubespore.sh", 0o644, scripts::PROFILE));
    }
    if let Some((path, text)) = boot.kubelet_environment {
        files.push(File::new(path, 0o644, text));
    }
    files
}

/// The machine's scripts by name. They share their beginnings, and gzip remembers 32 KiB: the supervisor, longer than that,
/// is the last of them.
fn scripts(boot: &FirstBoot<'_>) -> Vec<(&'static str, String)> {
    let mut scripts = Vec::new();
    scripts.extend(boot.bridge.is_some().then(|| ("routes", scripts::routes())));
    scripts.extend(notices(boot).then(|| ("notice", scripts::NOTICE.to_owned())));
    scripts.extend(renews(boot).then(|| ("renew-certificates", scripts::renewal(stacked(boot)))));
    scripts.extend(ends_approval(boot).then(|| ("end-approval", scripts::end_of_approval())));
    scripts.push(("gate", scripts::gate(boot.role)));
    scripts.push(("first-boot", scripts::supervisor(boot.role, stacked(boot), by_upload(boot), boot.etcd_seat)));
    scripts
}

/// Makes the units of the first boot, the gate before the supervisor.
#[must_use]
pub fn units(boot: &FirstBoot<'_>) -> Vec<Unit> {
    units::of(boot)
}

/// Whether the machine tells its siblings that it is empty: where nobody founds, nobody must be moved to.
fn notices(boot: &FirstBoot<'_>) -> bool {
    boot.role != Role::Worker && boot.found != Found::Never
}

/// Whether etcd is on the control planes.
fn stacked(boot: &FirstBoot<'_>) -> bool {
    boot.external_etcd.is_none()
}

/// Whether control planes get the shared keys from the cluster.
fn by_upload(boot: &FirstBoot<'_>) -> bool {
    matches!(boot.distribution, Distribution::CertificateKey { .. })
}

/// The founder keeps uploaded certificates alive, because only its documents hold the certificate key.
fn renews(boot: &FirstBoot<'_>) -> bool {
    boot.role == Role::Founder && by_upload(boot)
}

/// Whether the machine ends automatic approval: the founder alone can know that everybody has come, and hold the right.
fn ends_approval(boot: &FirstBoot<'_>) -> bool {
    boot.role == Role::Founder && !boot.approval_until.is_empty()
}

/// Whether the endpoint is this machine itself: then nothing else can answer there.
fn endpoint_is_own(boot: &FirstBoot<'_>) -> bool {
    let leads_to = match boot.endpoint.host {
        Host::Address(address) => Some(address),
        Host::Name(_) => boot.balancer,
    };
    leads_to.is_some_and(|address| boot.addresses.contains(&address))
}
