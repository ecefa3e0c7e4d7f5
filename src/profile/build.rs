//! From the profile as written to the spec, once nothing is wrong with it.
//!
//! In: a profile without errors, and the files it refers to. Out: the spec. Absent on purpose: findings.

use super::check::{Files, manifest_name};
use super::documents;
use super::raw::{At, Raw, RawFile, RawNode};
use super::spec::{
    BalancerKind, Bootstrap, ClusterSpec, Encryption, ExtraFile, Join, LoadBalancer, Networking, NodeSpec, Pki, RegistryMirror,
};
use crate::host::User;
use crate::kubeadm::Documents;
use serde_json::{Map, Value};

/// The user whom a bare `sshAuthorizedKeys` makes.
pub const SHORTHAND_USER: &str = "kubespore";

/// Makes the spec; nothing when a value is missing, which an error has reported then.
pub fn build(raw: &Raw<'_>, files: &Files<'_>, documents: Documents) -> Option<ClusterSpec> {
    Some(ClusterSpec {
        name: own(&raw.cluster)?,
        version: own(&raw.version)?,
        endpoint: own(&raw.endpoint)?,
        networking: Networking {
            pod_subnets: own(&raw.pod_subnets)?.0,
            service_subnets: own(&raw.service_subnets)?.0,
            dns_domain: own(&raw.dns_domain)?,
        },
        load_balancer: match own(&raw.balancer)? {
            BalancerKind::Haproxy => LoadBalancer::Haproxy,
            BalancerKind::External => {
                LoadBalancer::External { address: own(&raw.balancer_address), hairpin: own(&raw.balancer_hairpin)? }
            }
            BalancerKind::None => LoadBalancer::None,
        },
        pki: Pki { distribution: own(&raw.distribution)?, key_algorithm: own(&raw.key_algorithm) },
        encryption: raw.provider.as_ref().map(|provider| Encryption {
            provider: provider.value,
            resources: match raw.encrypted.as_slice() {
                [] => vec!["secrets".to_owned()],
                named => values(named),
            },
        }),
        join: Join {
            discovery: own(&raw.discovery)?,
            credential: own(&raw.credential),
            token_ttl: own(&raw.token_ttl)?.0,
            certificate_ttl: own(&raw.certificate_ttl)?.0,
            strict_csr: own(&raw.strict_csr)?,
        },
        bootstrap: Bootstrap {
            found: own(&raw.found)?,
            found_within: own(&raw.found_within)?.0,
            notice_port: own(&raw.notice_port)?,
            existing: raw.existing.is_some(),
        },
        cni: own(&raw.cni)?,
        images: own(&raw.images)?,
        os: own(&raw.os)?,
        architecture: own(&raw.architecture)?,
        etcd_disk: own(&raw.etcd_disk),
        registry_mirrors: raw
            .mirrors
            .iter()
            .map(|mirror| Some(RegistryMirror { registry: own(&mirror.registry)?, mirrors: values(&mirror.mirrors) }))
            .collect::<Option<_>>()?,
        documents,
        files: raw.files.iter().map(|file| extra_file(file, files)).collect::<Option<_>>()?,
        manifests: raw
            .manifests
            .iter()
            .map(|path| Some((manifest_name(path).ok()?, String::from_utf8(files.get(path).ok()?.to_vec()).ok()?)))
            .collect::<Option<_>>()?,
        users: users(raw)?,
        ntp_servers: values(&raw.ntp_servers),
        hosts: raw.hosts.iter().map(|host| Some((own(&host.address)?, values(&host.names)))).collect::<Option<_>>()?,
        admin_kubeconfig_on_control_planes: raw.admin_kubeconfig,
        nodes: raw.nodes.iter().map(|node| machine(node, files)).collect::<Option<_>>()?,
    })
}

fn own<T: Clone>(at: &Option<At<T>>) -> Option<T> {
    at.as_ref().map(|at| at.value.clone())
}

fn values<T: Clone>(many: &[At<T>]) -> Vec<T> {
    many.iter().map(|at| at.value.clone()).collect()
}

fn pairs(many: &[(At<String>, At<String>)]) -> Vec<(String, String)> {
    many.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
}

fn extra_file(file: &RawFile, files: &Files<'_>) -> Option<ExtraFile> {
    let content = match (&file.content, &file.from) {
        (Some(text), None) => text.value.clone().into_bytes(),
        (None, Some(path)) => files.get(path).ok()?.to_vec(),
        _ => return None,
    };
    Some(ExtraFile { path: own(&file.path)?, mode: file.mode?, content, roles: values(&file.roles) })
}

fn users(raw: &Raw<'_>) -> Option<Vec<User>> {
    let shorthand = (!raw.ssh_authorized_keys.is_empty()).then(|| User {
        name: SHORTHAND_USER.into(),
        groups: Vec::new(),
        ssh_authorized_keys: values(&raw.ssh_authorized_keys),
        sudo: true,
    });
    let named = raw.users.iter().map(|user| {
        Some(User {
            name: own(&user.name)?,
            groups: values(&user.groups),
            ssh_authorized_keys: values(&user.keys),
            sudo: user.sudo,
        })
    });
    shorthand.map(Some).into_iter().chain(named).collect()
}

fn machine(node: &RawNode<'_>, files: &Files<'_>) -> Option<NodeSpec> {
    Some(NodeSpec {
        name: own(&node.name)?,
        role: own(&node.role)?,
        address: own(&node.address)?,
        second_address: own(&node.second_address),
        mac: own(&node.mac),
        interface: own(&node.interface),
        gateway: own(&node.gateway),
        nameservers: values(&node.nameservers),
        search: node.search.iter().map(|name| name.to_string()).collect(),
        mtu: own(&node.mtu),
        dhcp: own(&node.dhcp).unwrap_or(false),
        labels: pairs(&node.labels),
        taints: node.taints.as_ref().map(|taints| taints.iter().map(taint).collect()),
        kubelet_extra_args: pairs(&node.kubelet_extra_args),
        kubelet: node.kubelet_configuration.as_ref().map(documents::kubelet).unwrap_or_default(),
        advertise_address: own(&node.advertise_address),
        files: node.files.iter().map(|file| extra_file(file, files)).collect::<Option<_>>()?,
        os: own(&node.os),
        architecture: own(&node.architecture),
        deliver: node.deliver.as_ref().map(|words| values(words)),
        platform: own(&node.platform),
        ignition_version: own(&node.ignition_version),
    })
}

fn taint(taint: &super::raw::RawTaint) -> Value {
    let field = |name: &str, value: &Option<At<String>>| Some((name.to_owned(), Value::String(own(value)?)));
    let fields = [field("key", &taint.key), field("value", &taint.value), field("effect", &taint.effect)];
    Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>())
}
