//! What a machine of a rehearsal finds on its disk at its first boot.
//!
//! In: a plan. Out: the files kubespore renders, unmodified, and stand-ins for those of other rooms: documents,
//! keys and credentials that say SECRET wherever a real one would be. Absent on purpose: running anything.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use kubespore::first_boot::{self, ControlPlane, Distribution, ExternalEtcd, FirstBoot, Found, Release, Role, Runtime};
use kubespore::host::{self, Unit};
use kubespore::net::Endpoint;
use kubespore::seed::cloud_init;

use super::world::MINTED;

/// The token every machine joins with.
pub const TOKEN: &str = "abcdef.0123456789abcdef";

/// The certificate key of every cluster that has one.
pub const CERTIFICATE_KEY: &str = "SECRET-certificate-key";

/// Whether a text holds something that must not be shown.
pub fn holds_secret(text: &str) -> bool {
    text.contains("SECRET") || text.contains(TOKEN)
}

/// How the machine proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A bootstrap token in the join document.
    Token,
    /// A client certificate in the discovery file.
    Certificate,
}

/// What a test wants rendered.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of control planes; the first founds.
    pub control_planes: usize,
    /// Number of workers.
    pub workers: usize,
    /// Number of machines of etcd alone; the first founds. With none, etcd is on the control planes.
    pub etcd_machines: usize,
    /// Seconds after minting during which founding is allowed.
    pub found_within: u64,
    /// Seconds after minting after which the join credential is no longer taken; 0 never.
    pub credential_within: u64,
    /// Whether silence is enough to found.
    pub alone: bool,
    /// Whether the cluster lives already, so that nobody founds.
    pub existing: bool,
    /// Whether automatic approval ends when every machine has joined.
    pub strict_csr: bool,
    /// Whether keys come by certificate key, and until when they are renewed, seconds after minting.
    pub certificate_key: Option<u64>,
    /// Whether that key is a flag.
    pub certificate_key_flag: bool,
    /// Whether members begin as learners.
    pub learners: bool,
    /// Whether init goes through the endpoint.
    pub init_by_endpoint: bool,
    /// Whether `kubeadm reset` cannot be told to leave etcd alone.
    pub old_reset: bool,
    /// Whether a join credential may read nodes.
    pub join_reads_nodes: bool,
    /// Whether the endpoint is pinned to the founder while it founds.
    pub hairpin_pin: bool,
    /// Whether the profile says where the endpoint's name leads; else a resolver does.
    pub balancer_known: bool,
    /// Whether API servers answer without credentials.
    pub anonymous: bool,
    /// How machines prove themselves.
    pub credential: Credential,
    /// Programs the release needs.
    pub tools: Vec<&'static str>,
    /// Images that must be there.
    pub images: Vec<String>,
    /// A declared disk for etcd.
    pub etcd_disk: Option<&'static str>,
    /// Manifests to apply.
    pub manifests: Vec<(String, String)>,
    /// Whether machines wait for a time server.
    pub time_servers: bool,
    /// Whether the kubelet refuses cgroup v1.
    pub cgroup_v2: bool,
    /// Whether the seed is a medium.
    pub seed_on_media: bool,
    /// The installation's generation.
    pub generation: u32,
    /// Preflight checks the user ignores.
    pub ignore_preflight: Vec<String>,
}

impl Plan {
    /// A usual cluster.
    pub fn new(control_planes: usize, workers: usize) -> Self {
        Self {
            control_planes,
            workers,
            etcd_machines: 0,
            found_within: 30 * 86_400,
            credential_within: 0,
            alone: false,
            existing: false,
            strict_csr: false,
            certificate_key: None,
            certificate_key_flag: false,
            learners: true,
            init_by_endpoint: false,
            old_reset: false,
            join_reads_nodes: true,
            hairpin_pin: false,
            balancer_known: true,
            anonymous: true,
            credential: Credential::Token,
            tools: Vec::new(),
            images: Vec::new(),
            etcd_disk: None,
            manifests: vec![("network.yaml".to_owned(), "kind: ConfigMap\n".to_owned())],
            time_servers: false,
            cgroup_v2: true,
            seed_on_media: true,
            generation: 1,
            ignore_preflight: Vec::new(),
        }
    }

    /// Machines of etcd, and nothing else.
    pub fn etcd(machines: usize) -> Self {
        Self { etcd_machines: machines, ..Self::new(0, 0) }
    }

    /// Number of machines: control planes, then workers, then those of etcd.
    pub fn machines(&self) -> usize {
        self.control_planes + self.workers + self.etcd_machines
    }

    /// The place of a machine among those of etcd, when it is one.
    pub fn etcd_place(&self, place: usize) -> Option<usize> {
        place.checked_sub(self.control_planes + self.workers)
    }

    /// A machine's name.
    pub fn name(&self, place: usize) -> String {
        match (self.etcd_place(place), place.checked_sub(self.control_planes)) {
            (Some(member), _) => format!("etcd-{}", member + 1),
            (None, Some(worker)) => format!("w-{}", worker + 1),
            (None, None) => format!("cp-{}", place + 1),
        }
    }

    /// What a machine does.
    pub fn role(&self, place: usize) -> Role {
        match (self.etcd_place(place), place) {
            (Some(0), _) if !self.existing => Role::EtcdFounder,
            (Some(_), _) => Role::EtcdMember,
            (None, 0) if !self.existing => Role::Founder,
            (None, _) if place < self.control_planes => Role::ControlPlane,
            _ => Role::Worker,
        }
    }

    /// A machine's address.
    pub fn address(&self, place: usize) -> String {
        format!("10.0.0.{}", place + 11)
    }

    /// Where the load balancer is.
    pub fn balancer(&self) -> Option<&'static str> {
        (self.control_planes > 1).then_some("10.0.0.10")
    }
}

/// Lists the units of a machine.
pub fn units(plan: &Plan, place: usize) -> Vec<Unit> {
    with_facts(plan, place, first_boot::units)
}

/// The commands of a cloud-config, as kubespore renders it: those of each boot, then those of the first one's end.
pub fn cloud_commands() -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let machine = host::Machine {
        instance_id: "i".to_owned(),
        hostname: "x".parse().expect("a name"),
        directories: Vec::new(),
        files: Vec::new(),
        units: Vec::new(),
        users: Vec::new(),
        network: None,
    };
    let decoded = cloud_init::decode(&cloud_init::user_data(&machine)).expect("our own document");
    decoded.commands.into_iter().partition(|words| words[0] == "sh")
}

/// Puts a file below a root.
fn put(root: &Path, path: &str, text: &[u8]) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(&path, text).expect("a file");
}

/// Writes a machine's disk as its first boot finds it, the seed apart.
pub fn install(place: usize, root: &Path) {
    for (path, text) in operating_system(place) {
        put(root, path, text.as_bytes());
    }
    let machine_id = File::options().write(true).open(root.join("etc/machine-id")).expect("a machine-id");
    machine_id.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MINTED + 10 * 365 * 86_400)).expect("a time set");
    for path in ["var/lib/kubelet", "etc/kubernetes", "etc/cloud", "proc/sys/kernel/random", "var/lib/cloud/instance/sem"] {
        fs::create_dir_all(root.join(path)).expect("a directory");
    }
}

/// Writes the seed's files, as cloud-init does: nobody waits for the disk.
pub fn write(plan: &Plan, place: usize, root: &Path) {
    for file in with_facts(plan, place, first_boot::files) {
        put(root, &file.path, &file.content);
    }
    for (path, text) in secrets(plan, plan.role(place)) {
        put(root, &path, text.as_bytes());
    }
}

/// Hands a machine's facts to what renders.
fn with_facts<T>(plan: &Plan, place: usize, render: impl Fn(&FirstBoot<'_>) -> T) -> T {
    let names: Vec<String> = (0..plan.control_planes).map(|place| plan.name(place)).collect();
    let control_planes: Vec<ControlPlane<'_>> = names
        .iter()
        .enumerate()
        .map(|(place, name)| ControlPlane { name, address: plan.address(place).parse().expect("an address") })
        .collect();
    let etcd_names: Vec<(String, String)> =
        (plan.machines() - plan.etcd_machines..plan.machines()).map(|place| (plan.name(place), plan.address(place))).collect();
    let etcd_servers: Vec<ControlPlane<'_>> =
        etcd_names.iter().map(|(name, address)| ControlPlane { name, address: address.parse().expect("an address") }).collect();
    let everybody: Vec<String> = (0..plan.control_planes + plan.workers).map(|place| plan.name(place)).collect();
    let all: Vec<&str> = everybody.iter().filter(|_| plan.strict_csr).map(String::as_str).collect();
    let endpoint: Endpoint = match plan.balancer() {
        Some(_) => "api.lab:6443".parse(),
        None => format!("{}:6443", plan.address(0)).parse(),
    }
    .expect("an endpoint");
    let mut init_flags = vec!["--skip-phases=bootstrap-token,show-join-command".to_owned(), "--skip-token-print".to_owned()];
    init_flags.extend(plan.certificate_key.is_some().then(|| "--upload-certs".to_owned()));
    let boot = FirstBoot {
        role: plan.role(place),
        cluster: "lab",
        cluster_id: "0a1b2c3d",
        generation: plan.generation,
        node: &plan.name(place),
        ordinal: plan.etcd_place(place).unwrap_or(place),
        addresses: &[plan.address(place).parse().expect("an address")],
        control_planes: &control_planes,
        external_etcd: (plan.etcd_machines > 0).then_some(ExternalEtcd { servers: &etcd_servers, least: "3.4.0" }),
        endpoint: &endpoint,
        balancer: plan.balancer().filter(|_| plan.balancer_known).map(|address| address.parse().expect("an address")),
        api_port: 6443,
        notice_port: 6442,
        minted: MINTED,
        found_until: MINTED + plan.found_within,
        found: match (plan.existing, plan.alone) {
            (true, _) => Found::Never,
            (false, true) => Found::Alone,
            (false, false) => Found::Majority,
        },
        distribution: match plan.certificate_key {
            Some(within) => Distribution::CertificateKey { renew_until: MINTED + within },
            None => Distribution::Embedded,
        },
        credential_until: (plan.credential_within > 0).then_some(MINTED + plan.credential_within),
        approval_ends: plan.strict_csr,
        approval_until: &all,
        renew_command: "kubespore secrets rotate lab.yaml --join-credentials",
        found_command: "kubespore secrets rotate lab.yaml --found-until",
        upload_command: "kubespore secrets upload-certs lab.yaml | ssh root@cp-1 sh",
        release: Release {
            kubeadm_version: "v1.36.2",
            health_path: "/readyz",
            init_flags: &init_flags,
            upload_flags: &["--upload-certs"],
            reset_flags: if plan.old_reset { &[] } else { &["--skip-phases=remove-etcd-member"] },
            finish_phases: &["control-plane-join mark-control-plane"],
            certificate_key_flag: plan.certificate_key_flag,
            etcd_gateway: "/v3",
            join_reads_nodes: plan.join_reads_nodes,
            cgroup_v2: plan.cgroup_v2,
        },
        runtime: Runtime { service: "containerd.service", socket: "/run/containerd/containerd.sock" },
        tools: &plan.tools,
        images: &plan.images,
        etcd_data: "/var/lib/etcd",
        etcd_seat: !plan.learners && plan.role(place) == Role::ControlPlane,
        etcd_disk: plan.etcd_disk,
        manifests: &plan.manifests,
        bridge: None,
        hairpin_pin: plan.hairpin_pin,
        swap_off: true,
        time_servers: plan.time_servers,
        anonymous_health: plan.anonymous,
        seed_on_media: plan.seed_on_media,
        admin_kubeconfig: false,
        ignore_preflight: &plan.ignore_preflight,
        kubelet_environment: None,
    };
    render(&boot)
}

fn operating_system(place: usize) -> Vec<(&'static str, String)> {
    vec![
        ("dev/console", String::new()),
        ("etc/hosts", "127.0.0.1 localhost\n10.0.0.10 api.lab\n".to_owned()),
        ("etc/machine-id", format!("{:032x}\n", place + 1)),
        ("sys/class/dmi/id/product_uuid", format!("uuid-{place}\n")),
        ("sys/class/net/eth0/address", format!("52:54:00:00:00:{:02x}\n", place + 16)),
        ("sys/class/net/eth0/device/uevent", String::new()),
        ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n".to_owned()),
        ("run/containerd/containerd.sock", String::new()),
        ("var/lib/cloud/instances/i/user-data.txt", "SECRET seed\n".to_owned()),
        ("var/lib/cloud/instances/i/obj.pkl", "SECRET seed\n".to_owned()),
        ("var/lib/cloud/seed/nocloud/user-data", "SECRET seed\n".to_owned()),
        ("run/cloud-init/combined-cloud-config.json", "SECRET seed\n".to_owned()),
    ]
}

fn secrets(plan: &Plan, role: Role) -> Vec<(String, String)> {
    if matches!(role, Role::EtcdFounder | Role::EtcdMember) {
        let pair = |name: &str| {
            [(format!("{name}.crt"), format!("{name} certificate")), (format!("{name}.key"), format!("SECRET {name} key"))]
        };
        let leaves = ["server", "peer", "healthcheck-client"].iter().flat_map(|name| pair(name));
        let all = leaves.chain([("ca.crt".to_owned(), "etcd CA certificate".to_owned())]);
        return all.map(|(name, text)| (format!("etc/kubespore/pki/etcd/{name}"), text + "\n")).collect();
    }
    let mut files = vec![("etc/kubespore/ca.crt".to_owned(), "cluster CA certificate\n".to_owned())];
    let mut keep = |path: &str, text: String| files.push((format!("etc/kubespore/{path}"), text));
    match plan.credential {
        Credential::Token => {
            keep("kubeadm/join.yaml", format!("\"kind\": \"JoinConfiguration\"\n\"tlsBootstrapToken\": \"{TOKEN}\"\n"));
            keep("discovery.conf", "\"clusters\": []\n".to_owned());
        }
        Credential::Certificate => {
            keep("kubeadm/join.yaml", "\"kind\": \"JoinConfiguration\"\n".to_owned());
            // "certificate" and "SECRET-key" in base64, as a kubeconfig carries them.
            let user = "\"client-certificate-data\": \"Y2VydGlmaWNhdGU=\"\n\"client-key-data\": \"U0VDUkVULWtleQ==\"\n";
            keep("discovery.conf", user.to_owned());
        }
    }
    if role == Role::ControlPlane && plan.certificate_key.is_some() && !plan.certificate_key_flag {
        keep("kubeadm/join.yaml", format!("\"tlsBootstrapToken\": \"{TOKEN}\"\n\"certificateKey\": \"{CERTIFICATE_KEY}\"\n"));
    }
    if role != Role::Worker {
        keep("pki/etcd/ca.crt", "etcd CA certificate\n".to_owned());
        if plan.certificate_key.is_none() || role == Role::Founder {
            for name in ["ca", "front-proxy-ca", "etcd/ca"] {
                keep(&format!("pki/{name}.key"), format!("SECRET {name} key\n"));
            }
            keep("pki/ca.crt", "cluster CA certificate\n".to_owned());
            keep("pki/front-proxy-ca.crt", "front proxy CA certificate\n".to_owned());
            keep("pki/sa.key", "SECRET sa key\n".to_owned());
            keep("pki/sa.pub", "sa public key\n".to_owned());
        }
        if plan.certificate_key_flag {
            keep("kubeadm/certificate-key", format!("{CERTIFICATE_KEY}\n"));
        }
    }
    if role == Role::ControlPlane && !plan.learners {
        keep("etcd-seat.yaml", "state=existing\n".to_owned());
    }
    if role == Role::Founder {
        keep(
            "kubeadm/init.yaml",
            format!("\"kind\": \"InitConfiguration\"\n\"token\": \"{TOKEN}\"\n\"value\": \"lab-g1-@founding@\"\n"),
        );
    }
    files
}
