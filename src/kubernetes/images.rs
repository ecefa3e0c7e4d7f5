//! The images that kubeadm's part of a cluster pulls.
//!
//! In: a version and the user's ClusterConfiguration in the shape of v1beta4. Out: names with tags, spelled and ordered
//! as `kubeadm config images list --config` prints them, and the machines that run each. Absent on purpose: images of
//! the user's own manifests (`workloads`), and digests; kubeadm pulls by tag.
//!
//! Each tag is a list of one image a platform since 1.12, so names are the same on every architecture.
//!
//! Source: `cmd/kubeadm/app/images/images.go`, `GetControlPlaneImages`.

use serde_json::{Map, Value};

use super::{CoreDnsPath, Release, Version};

/// The repository that profiles pull from unless they say otherwise, whatever the release's own default was: the old
/// one is frozen.
pub const REPOSITORY: &str = "registry.k8s.io";

/// Tag of kube-dns' images (`KubeDNSVersion`), the same in every release that has them.
const KUBE_DNS: &str = "1.14.13";

/// Returns the repository that a ClusterConfiguration pulls from.
#[must_use]
pub fn repository(cluster: &Map<String, Value>) -> &str {
    text(cluster, &["imageRepository"]).unwrap_or(REPOSITORY)
}

/// Returns `dns.imageRepository` where kubeadm of this version would look for CoreDNS in the wrong place: below a
/// repository that holds the community's images but is not its own default.
#[must_use]
pub fn coredns_repository(release: &Release, patch: u16, repository: &str) -> Option<String> {
    let deeper = release.coredns_path(patch) == CoreDnsPath::NestedInDefault;
    let foreign = repository == REPOSITORY && release.default_repository(patch) != REPOSITORY;
    (deeper && foreign).then(|| format!("{REPOSITORY}/coredns"))
}

/// The machines that run something from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// Control planes alone.
    ControlPlanes,
    /// Every node of the cluster, or any that the scheduler chooses.
    Nodes,
}

/// An image with its tag, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Repository, name and tag.
    pub name: String,
    /// The machines that need it.
    pub runs_on: RunsOn,
}

/// Lists the images; `cluster` is what the profile says, not yet merged over what is generated, which has no etcd where
/// `external_etcd` is.
#[must_use]
pub fn images(release: &Release, version: Version, cluster: &Map<String, Value>, external_etcd: bool) -> Vec<Image> {
    let repository = repository(cluster);
    let image = |name: String, runs_on: RunsOn| Image { name, runs_on };
    let own = |name: &str, runs_on: RunsOn| image(format!("{repository}/{name}:v{version}"), runs_on);
    let flag = |path: &[&str]| find(cluster, path).and_then(Value::as_bool).unwrap_or(false);
    let mut all = Vec::new();
    if flag(&["useHyperKubeImage"]) {
        // kube-proxy runs from it as well.
        all.push(own("hyperkube", RunsOn::Nodes));
    } else {
        let components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
        all.extend(components.map(|name| own(name, RunsOn::ControlPlanes)));
        if !flag(&["proxy", "disabled"]) {
            all.push(own("kube-proxy", RunsOn::Nodes));
        }
    }
    let dns = if flag(&["dns", "disabled"]) { Vec::new() } else { dns(release, version, cluster, repository) };
    let dns: Vec<_> = dns.into_iter().map(|name| image(name, RunsOn::Nodes)).collect();
    let mut base = vec![image(format!("{repository}/pause:{}", release.pause), RunsOn::Nodes)];
    if !external_etcd {
        base.push(image(etcd(release, version, cluster), RunsOn::ControlPlanes));
    }
    all.extend(if release.dns_image_first { [dns, base] } else { [base, dns] }.concat());
    all
}

/// Returns the image of the control planes' etcd.
#[must_use]
pub fn etcd(release: &Release, version: Version, cluster: &Map<String, Value>) -> String {
    let own = text(cluster, &["etcd", "local", "imageRepository"]).unwrap_or_else(|| repository(cluster));
    let tag = text(cluster, &["etcd", "local", "imageTag"]).unwrap_or_else(|| release.etcd_tag(version.patch));
    format!("{own}/etcd:{tag}")
}

fn dns(release: &Release, version: Version, cluster: &Map<String, Value>, repository: &str) -> Vec<String> {
    let given = text(cluster, &["dns", "imageRepository"]).map(str::to_owned);
    let found = given.or_else(|| coredns_repository(release, version.patch, repository)).unwrap_or_else(|| repository.to_owned());
    let tag = text(cluster, &["dns", "imageTag"]);
    if text(cluster, &["dns", "type"]) == Some("kube-dns") {
        let tag = tag.unwrap_or(KUBE_DNS);
        return ["kube-dns", "sidecar", "dnsmasq-nanny"].map(|name| format!("{found}/k8s-dns-{name}:{tag}")).to_vec();
    }
    let tag = tag.unwrap_or_else(|| release.coredns_tag(version.patch));
    let nested = match release.coredns_path(version.patch) {
        CoreDnsPath::Flat => false,
        CoreDnsPath::Nested => true,
        CoreDnsPath::NestedInDefault => found == release.default_repository(version.patch),
    };
    let path = if nested { "coredns/coredns" } else { "coredns" };
    vec![format!("{found}/{path}:{tag}")]
}

fn find<'v>(document: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(document.get(*first)?, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// A text that says something: kubeadm takes an empty one for none.
fn text<'v>(document: &'v Map<String, Value>, path: &[&str]) -> Option<&'v str> {
    find(document, path)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(version: &str, cluster: Value) -> Vec<String> {
        let version: Version = version.parse().expect("a version");
        let all = images(version.release().expect("a release"), version, cluster.as_object().expect("a map"), false);
        all.into_iter().map(|image| image.name).collect()
    }

    /// What `kubeadm config images list --kubernetes-version v1.36.3` of that kubeadm prints.
    #[test]
    fn the_list_is_kubeadm_s() {
        assert_eq!(
            of("1.36.3", json!({})),
            [
                "registry.k8s.io/kube-apiserver:v1.36.3",
                "registry.k8s.io/kube-controller-manager:v1.36.3",
                "registry.k8s.io/kube-scheduler:v1.36.3",
                "registry.k8s.io/kube-proxy:v1.36.3",
                "registry.k8s.io/coredns/coredns:v1.14.2",
                "registry.k8s.io/pause:3.10.2",
                "registry.k8s.io/etcd:3.6.8-0",
            ]
        );
    }

    #[test]
    fn workers_need_what_is_not_the_control_plane_s() {
        let version: Version = "1.36.3".parse().expect("a version");
        let all = images(version.release().expect("a release"), version, &Map::new(), false);
        let on_nodes = all.iter().filter(|image| image.runs_on == RunsOn::Nodes).map(|image| image.name.as_str());
        assert_eq!(
            on_nodes.collect::<Vec<_>>(),
            ["registry.k8s.io/kube-proxy:v1.36.3", "registry.k8s.io/coredns/coredns:v1.14.2", "registry.k8s.io/pause:3.10.2"]
        );
    }

    #[test]
    fn overrides_reach_their_image_alone() {
        let cluster = json!({
            "imageRepository": "r.example/k8s",
            "dns": {"imageRepository": "d.example/dns", "imageTag": "v9"},
            "etcd": {"local": {"imageRepository": "e.example", "imageTag": "3.9"}},
        });
        let list = of("1.30.4", cluster);
        assert_eq!(
            list[3..],
            ["r.example/k8s/kube-proxy:v1.30.4", "d.example/dns/coredns:v9", "r.example/k8s/pause:3.9", "e.example/etcd:3.9",]
        );
        let mirrored = of("1.30.4", json!({"imageRepository": "r.example"}));
        assert!(mirrored.contains(&"r.example/coredns:v1.11.1".to_owned()), "not nested below another repository");
        let bare = json!({"proxy": {"disabled": true}, "dns": {"disabled": true}});
        assert_eq!(of("1.37.2", bare.clone()).len(), 5);
        let version: Version = "1.37.2".parse().expect("a version");
        let list = images(version.release().expect("a release"), version, bare.as_object().expect("a map"), true);
        assert!(list.len() == 4 && list.iter().all(|image| !image.name.contains("/etcd:")), "{list:?}");
    }

    /// Where the release's own default is not ours, CoreDNS is found below ours nevertheless.
    #[test]
    fn coredns_is_found_in_every_release() {
        for (version, coredns) in [
            ("1.13.0", "registry.k8s.io/coredns:1.2.6"),
            ("1.20.2", "registry.k8s.io/coredns:1.7.0"),
            ("1.21.1", "registry.k8s.io/coredns/coredns:v1.8.0"),
            ("1.21.2", "registry.k8s.io/coredns/coredns:v1.8.0"),
            ("1.24.0", "registry.k8s.io/coredns/coredns:v1.8.6"),
            ("1.25.0", "registry.k8s.io/coredns/coredns:v1.9.3"),
        ] {
            let list = of(version, json!({}));
            assert!(list.contains(&coredns.to_owned()), "{version}: {list:?}");
        }
        let old = of("1.20.2", json!({"dns": {"type": "kube-dns"}, "useHyperKubeImage": true}));
        assert_eq!(
            old,
            [
                "registry.k8s.io/hyperkube:v1.20.2",
                "registry.k8s.io/pause:3.2",
                "registry.k8s.io/etcd:3.4.13-0",
                "registry.k8s.io/k8s-dns-kube-dns:1.14.13",
                "registry.k8s.io/k8s-dns-sidecar:1.14.13",
                "registry.k8s.io/k8s-dns-dnsmasq-nanny:1.14.13",
            ]
        );
    }
}
