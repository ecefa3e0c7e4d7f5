//! What the supervisor has to know.
//!
//! In: a plan. Out: the facts of `first_boot`, owned where they are made here. Absent on purpose: scripts.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::{kubelet, preflight};
use crate::first_boot::{self, Bridge, ControlPlane, ExternalEtcd, FirstBoot};
use crate::host::{File, Unit};
use crate::kubernetes::images::{self, Image, RunsOn};
use crate::kubernetes::{self, CertificateKeyInput, InitRoute, KubeletDropIns};
use crate::net::{Host, IpNet};
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::profile::spec::{Cni, Credential, Distribution, Found, ImageSource, LoadBalancer};
use crate::runtime;
use crate::secrets::late_token_until;

/// The supervisor's last mark: the machine has joined, and that has been seen.
pub const DONE: &str = "/var/lib/kubespore/done";

/// The facts, and what they borrow from.
pub struct Facts<'a> {
    cluster: &'a ClusterPlan<'a>,
    node: &'a NodePlan<'a>,
    addresses: Vec<IpAddr>,
    control_planes: Vec<ControlPlane<'a>>,
    etcd_servers: Vec<ControlPlane<'a>>,
    etcd_least: String,
    routes: Vec<(IpNet, IpAddr)>,
    kubeadm_version: String,
    init_flags: Vec<String>,
    renew_command: String,
    found_command: String,
    upload_command: String,
    kubelet_environment: String,
    images: Vec<String>,
    approval_until: Vec<&'a str>,
    ignored_checks: Vec<String>,
}

/// Gathers what is not simply taken over.
pub fn facts<'a>(cluster: &'a ClusterPlan<'a>, node: &'a NodePlan<'a>) -> Facts<'a> {
    let release = cluster.release;
    let own = std::iter::once(node.address).chain(node.spec.second_address.map(|a| a.addr()));
    let others = cluster.nodes.iter().filter(|other| other.spec.name != node.spec.name);
    let routes = others.flat_map(|other| {
        other.pod_ranges.iter().map(|range| {
            let same_family = |address: &IpAddr| address.is_ipv4() == range.addr().is_ipv4();
            let second = other.spec.second_address.map(|a| a.addr());
            let via = std::iter::once(other.spec.address.addr()).chain(second).find(same_family);
            (*range, via.expect("the profile's check wants an address in each pod network's family"))
        })
    });
    let name = &node.spec.name;
    // A machine cannot know where its profile lies; by that name a person finds it.
    let profile = format!("{}.yaml", cluster.spec.name);
    Facts {
        addresses: own.collect(),
        control_planes: cluster.control_planes().map(place).collect(),
        etcd_servers: cluster.etcd_members().map(place).collect(),
        etcd_least: release.external_etcd_least(cluster.spec.version.patch),
        routes: routes.collect(),
        kubeadm_version: format!("v{}", cluster.spec.version),
        init_flags: super::documents::init_flags(cluster),
        // A token is renewed in the cluster, a certificate in the seed.
        renew_command: if node.holds.join_certificate().is_some() {
            format!("kubespore secrets rotate node {profile} {name} && kubespore render {profile} --node {name}")
        } else {
            format!("kubespore secrets bootstrap-token {profile} {name} | kubectl --kubeconfig admin.kubeconfig apply -f -")
        },
        found_command: format!("kubespore secrets found-until {profile} --within 720h && kubespore render {profile}"),
        // Any control plane that lives will do; the first of the others is as likely to as the rest.
        upload_command: cluster.control_planes().find(|other| other.spec.name != *name).map_or_else(String::new, |other| {
            format!("kubespore secrets upload-certs {profile} | ssh root@{} sh", other.address)
        }),
        kubelet_environment: format!(
            "# Made by kubespore; edit the profile, not this file.\n{}KUBELET_EXTRA_ARGS={}\n",
            if release.kubelet_drop_ins == KubeletDropIns::Alpha && !node.spec.kubelet.is_empty() {
                "KUBELET_CONFIG_DROPIN_DIR_ALPHA=yes\n"
            } else {
                ""
            },
            node.os
                .resolv_conf
                // It would override what the user says: kubeadm's drop-in gives these arguments last.
                .filter(|_| kubelet::setting(cluster, node, "resolvConf", "resolv-conf").is_none())
                .map(|path| format!("--resolv-conf={path}"))
                .unwrap_or_default()
        ),
        images: required_images(cluster, node),
        approval_until: cluster
            .nodes
            .iter()
            .filter(|other| cluster.spec.join.strict_csr && other.act.is_node())
            .map(|other| other.spec.name.as_str())
            .collect(),
        ignored_checks: preflight::ignored(cluster, node, &cluster.spec.documents.init),
        cluster,
        node,
    }
}

fn place<'a>(node: &NodePlan<'a>) -> ControlPlane<'a> {
    ControlPlane { name: node.spec.name.as_str(), address: node.address }
}

/// The images that have to be there before kubeadm runs.
fn required_images(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<String> {
    let all = match cluster.spec.images {
        ImageSource::Preloaded => {
            let spec = cluster.spec;
            images::images(cluster.release, spec.version, &spec.documents.cluster, spec.external_etcd())
        }
        ImageSource::Pulled => Vec::new(),
    };
    let needed = |image: &Image| match node.act {
        Act::Balance | Act::RunEtcd => false,
        Act::JoinWorker => image.runs_on == RunsOn::Nodes,
        Act::Found | Act::JoinControlPlane => true,
    };
    all.into_iter().filter(needed).map(|image| image.name).collect()
}

impl Facts<'_> {
    /// The supervisor's files.
    pub fn files(&self) -> Vec<File> {
        first_boot::files(&self.gather())
    }

    /// The supervisor's units.
    pub fn units(&self) -> Vec<Unit> {
        first_boot::units(&self.gather())
    }

    fn gather(&self) -> FirstBoot<'_> {
        let Self { cluster, node, .. } = self;
        let (spec, bundle, release) = (cluster.spec, cluster.bundle, cluster.release);
        let founds = node.act == Act::Found;
        FirstBoot {
            role: match node.act {
                Act::Found => first_boot::Role::Founder,
                Act::JoinControlPlane => first_boot::Role::ControlPlane,
                Act::RunEtcd if node.ordinal == 0 && !spec.bootstrap.existing => first_boot::Role::EtcdFounder,
                Act::RunEtcd => first_boot::Role::EtcdMember,
                Act::JoinWorker | Act::Balance => first_boot::Role::Worker,
            },
            cluster: spec.name.as_str(),
            cluster_id: &bundle.cluster_id,
            generation: bundle.generation,
            node: node.spec.name.as_str(),
            ordinal: node.ordinal,
            addresses: &self.addresses,
            control_planes: &self.control_planes,
            external_etcd: spec.external_etcd().then_some(ExternalEtcd { servers: &self.etcd_servers, least: &self.etcd_least }),
            endpoint: &spec.endpoint,
            balancer: cluster.endpoint_address,
            api_port: super::node::API_PORT,
            notice_port: spec.bootstrap.notice_port,
            minted: seconds(bundle.minted),
            found_until: seconds(bundle.found_until),
            found: match spec.bootstrap.found {
                _ if spec.bootstrap.existing => first_boot::Found::Never,
                Found::Majority => first_boot::Found::Majority,
                Found::Alone => first_boot::Found::Alone,
            },
            distribution: match spec.pki.distribution {
                Distribution::Embedded => first_boot::Distribution::Embedded,
                Distribution::Reduced => first_boot::Distribution::Reduced,
                Distribution::CertificateKey => {
                    first_boot::Distribution::CertificateKey { renew_until: seconds(bundle.found_until) }
                }
            },
            credential_until: self.credential_until(),
            renew_command: &self.renew_command,
            found_command: &self.found_command,
            upload_command: &self.upload_command,
            // A node asks for its own next certificate, which another rule approves (`selfnodeclient`).
            approval_ends: spec.join.strict_csr && spec.credential(node.spec.role) != Credential::Identity,
            approval_until: &self.approval_until,
            release: first_boot::Release {
                kubeadm_version: &self.kubeadm_version,
                health_path: release.health_path,
                init_flags: &self.init_flags,
                upload_flags: release.upload_certs_flag.as_slice(),
                reset_flags: release.reset_flags,
                finish_phases: release.finish_phases,
                certificate_key_flag: spec.pki.distribution == Distribution::CertificateKey
                    && release.certificate_key == CertificateKeyInput::Flag,
                etcd_gateway: if spec.external_etcd() { kubernetes::EXTERNAL_ETCD_GATEWAY } else { release.etcd_gateway },
                join_reads_nodes: release.join_reads_nodes,
                cgroup_v2: release.cgroup_v2_required
                    && kubelet::setting(cluster, node, "failCgroupV1", "fail-cgroupv1").as_deref() != Some("false"),
            },
            runtime: first_boot::Runtime { service: runtime::SERVICE, socket: runtime::SOCKET },
            tools: release.required_programs,
            images: &self.images,
            etcd_data: spec.etcd_data(),
            etcd_seat: super::seat::file(cluster, node).is_some(),
            etcd_disk: spec.etcd_disk.as_deref(),
            manifests: if founds { &spec.manifests } else { &[] },
            bridge: (spec.cni == Cni::Bridge && node.act.is_node()).then_some(Bridge {
                ranges: &node.pod_ranges,
                routes: &self.routes,
                cni_version: "0.4.0",
            }),
            hairpin_pin: self.pins(),
            swap_off: !kubelet::beside_swap(cluster, node),
            time_servers: !spec.ntp_servers.is_empty(),
            anonymous_health: cluster.anonymous_health,
            seed_on_media: self.node.has_seed_medium(),
            admin_kubeconfig: spec.admin_kubeconfig_on_control_planes,
            ignore_preflight: &self.ignored_checks,
            kubelet_environment: node.act.is_node().then_some((node.os.kubelet_env, self.kubelet_environment.as_str())),
        }
    }

    /// From when on a cluster that does not take the machine's join credential means that it has ended.
    fn credential_until(&self) -> Option<u64> {
        let (join, bundle) = (&self.cluster.spec.join, self.cluster.bundle);
        if let Some(leaf) = self.node.holds.join_certificate() {
            return Some(seconds(self.cluster.leaf(self.node, leaf).until()));
        }
        if join.token_ttl.is_zero() {
            return None;
        }
        // A founder's token counts from `kubeadm init`, which happens before `found_until` or never.
        let early = || bundle.found_until.saturating_add(join.token_ttl);
        Some(seconds(late_token_until(self.cluster.spec, bundle, self.node.spec).unwrap_or_else(early)))
    }

    /// Whether the endpoint's name means the founder itself while it founds: kubeadm of this patch level asks the
    /// endpoint for what only the founder can answer, before a load balancer can have noticed it; or the load balancer
    /// leads no machine back to itself, and every kubeadm and kubectl asks the endpoint for something.
    fn pins(&self) -> bool {
        let spec = self.cluster.spec;
        let named = matches!(spec.endpoint.host, Host::Name(_)) && spec.endpoint.port == super::node::API_PORT;
        let needed = match spec.load_balancer {
            LoadBalancer::None => return false,
            LoadBalancer::External { hairpin: false, .. } => true,
            LoadBalancer::External { .. } | LoadBalancer::Haproxy => {
                self.cluster.release.init_route(spec.version.patch) != InitRoute::Local
            }
        };
        named && needed
    }
}

/// An instant as scripts compare it: seconds since 1970.
fn seconds(instant: OffsetDateTime) -> u64 {
    u64::try_from(instant.unix_timestamp()).expect("a bundle is minted after 1970; its check says so")
}
