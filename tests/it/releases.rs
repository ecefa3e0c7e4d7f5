//! Every release: one highly available cluster rendered for each minor, with one bundle that the oldest minted.
//!
//! What a release changes is kept as goldens: kubeadm's documents and the supervisor's facts of the founder, of a
//! joining control plane and of a worker. A new minor is one row and one folder here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kubespore::kubernetes::releases;
use kubespore::seed::cloud_init::decode;

use crate::support::{Scratch, blessing, expect_tree, kubespore};

/// The fixture was minted by the binary for the oldest release, whose keys every later one reads.
const BUNDLE: &str = "tests/fixtures/bundles/oldest.yaml";

const NODES: [&str; 3] = ["cp-1", "cp-2", "worker-1"];

#[test]
fn every_minor_is_rendered_as_blessed_from_the_bundle_of_the_oldest() {
    let example = fs::read_to_string("profiles/ha-stacked.yaml").expect("the example");
    let scratch = Scratch::new();
    let bundle = scratch.path("secrets.yaml");
    if Path::new(BUNDLE).exists() {
        fs::copy(BUNDLE, &bundle).expect("a readable fixture");
        fs::set_permissions(&bundle, fs::Permissions::from_mode(0o600)).expect("own file");
    }
    for release in releases() {
        let minor = release.minor;
        let profile = example.replace("kubernetesVersion: 1.36.2", &format!("kubernetesVersion: {minor}.1"));
        assert_ne!(profile, example, "the example's version is replaced");
        let profile = scratch.write("profile.yaml", profile);
        let out = scratch.path(&format!("out-{minor}"));
        let args =
            ["render".as_ref(), profile.as_os_str(), "--secrets".as_ref(), bundle.as_os_str(), "-o".as_ref(), out.as_os_str()];
        kubespore(args).code(0);
        if blessing() && !Path::new(BUNDLE).exists() {
            fs::copy(&bundle, BUNDLE).expect("a writable tests directory");
        }
        let shown = scratch.path(&format!("shown-{minor}"));
        for node in NODES {
            let document = fs::read_to_string(out.join("nodes").join(node).join("user-data")).expect("rendered");
            for file in decode(&document).expect("own document").files {
                let name = match file.path.as_str() {
                    "/etc/kubespore/node.env" => "node.env",
                    "/etc/containerd/config.toml" => "config.toml",
                    "/etc/kubespore/etcd-seat.yaml" => "etcd-seat.yaml",
                    path => match path.strip_prefix("/etc/kubespore/kubeadm/") {
                        Some(name) => name,
                        None => continue,
                    },
                };
                fs::create_dir_all(shown.join(node)).expect("own directory");
                fs::write(shown.join(node).join(name), &file.content).expect("own directory");
            }
            fs::copy(out.join("nodes").join(node).join("join-command"), shown.join(node).join("join-command")).expect("rendered");
        }
        expect_tree(&Path::new("tests/golden/releases").join(minor.to_string()), &shown);
    }
}

/// kubeadm 1.21 and older print the choices that were dropped afterwards; a file that has them is still read.
#[test]
fn settled_choices_of_older_documents_are_read_and_not_written() {
    let example = fs::read_to_string("profiles/single-node.yaml").expect("the example");
    let scratch = Scratch::new();
    for (version, kept) in [("1.21.14", true), ("1.22.17", false), ("1.37.2", false)] {
        let mut lines: Vec<&str> = example.lines().filter(|line| !line.starts_with("kubernetesVersion:")).collect();
        let own = format!("kubernetesVersion: {version}");
        lines.extend([own.as_str(), "clusterConfiguration: {useHyperKubeImage: false, dns: {type: CoreDNS, imageTag: v9}}"]);
        let profile = scratch.write("profile.yaml", lines.join("\n"));
        let (bundle, out) = (scratch.path("secrets.yaml"), scratch.path(version));
        let args =
            ["render".as_ref(), profile.as_os_str(), "--secrets".as_ref(), bundle.as_os_str(), "-o".as_ref(), out.as_os_str()];
        assert_eq!(kubespore(args).code(0).stderr().matches("warning").count(), 0, "{version}");
        let document = fs::read_to_string(out.join("nodes/node-1/user-data")).expect("rendered");
        let files = decode(&document).expect("own document").files;
        let init = files.iter().find(|file| file.path == "/etc/kubespore/kubeadm/init.yaml").expect("a founder");
        let text = String::from_utf8_lossy(&init.content);
        assert!(text.contains("imageTag: \"v9\""), "{text}");
        assert_eq!((text.contains("CoreDNS"), text.contains("useHyperKubeImage")), (kept, kept), "{version}: {text}");
    }
}

/// What a user says of the kubelet reaches it, wherever it is said, and nothing of ours overrides it.
#[test]
fn the_kubelet_does_what_the_user_says() {
    let of_documents = "joinConfiguration: {nodeRegistration: {kubeletExtraArgs: {node-labels: \"tier=x,disk=hdd\", v: \"2\"}}}\n\
         kubeletConfiguration: {failCgroupV1: false, resolvConf: /etc/resolv.conf}\n\
         acknowledge: [cgroup-version, no-pod-network]\n";
    let example = "apiVersion: kubespore/v1\ncluster: lab\nkubernetesVersion: 1.36.2\n\
         controlPlaneEndpoint: api.lab.internal:6443\nos: ubuntu\nnodes:\n\
         \x20 - {name: cp-1, role: control-plane, address: 10.0.0.11/24}\n\
         \x20 - {name: worker-1, role: worker, address: 10.0.0.21/24, labels: {disk: ssd}, kubeletExtraArgs: {node-labels: \"rack=7\"}}\n";
    let scratch = Scratch::new();
    for (extra, labels, cgroup_v2, environment) in [
        (
            "acknowledge: [no-pod-network]\n",
            "disk=ssd,rack=7",
            "yes",
            "KUBELET_EXTRA_ARGS=--resolv-conf=/run/systemd/resolve/resolv.conf\n",
        ),
        (of_documents, "tier=x,disk=ssd,rack=7", "no", "KUBELET_EXTRA_ARGS=\n"),
    ] {
        let profile = scratch.write("profile.yaml", format!("{example}{extra}"));
        let (bundle, out) = (scratch.path("secrets.yaml"), scratch.path(&format!("out-{cgroup_v2}")));
        let args =
            ["render".as_ref(), profile.as_os_str(), "--secrets".as_ref(), bundle.as_os_str(), "-o".as_ref(), out.as_os_str()];
        kubespore(args).code(0);
        let document = fs::read_to_string(out.join("nodes/worker-1/user-data")).expect("rendered");
        let files = decode(&document).expect("own document").files;
        let of = |path: &str| {
            let file = files.iter().find(|file| file.path == path).expect("a file of every node");
            String::from_utf8_lossy(&file.content).into_owned()
        };
        let join = of("/etc/kubespore/kubeadm/join.yaml");
        assert_eq!(join.matches("node-labels").count(), 1, "{join}");
        assert!(join.contains(&format!("value: \"{labels}\"")), "{join}");
        assert!(of("/etc/kubespore/node.env").contains(&format!("CGROUP_V2='{cgroup_v2}'")), "{extra}");
        assert!(of("/etc/default/kubelet").ends_with(environment), "{extra}");
    }
}
