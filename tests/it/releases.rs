//! Every release: one highly available cluster rendered for each minor, with one bundle that the oldest minted.
//!
//! What a release changes is kept as goldens: kubeadm's documents and the supervisor's facts of the founder, of a
//! joining control plane and of a worker, what the load balancer asks, and the images by patch level. A new minor is one row and one folder here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kubespore::host::File;
use kubespore::kubernetes::{Release, Steps, releases};
use kubespore::seed::cloud_init::decode;

use crate::support::{Scratch, blessing, expect_file, expect_tree, kubespore, render};

/// The fixture was minted by the binary for the oldest release, whose keys every later one reads.
const BUNDLE: &str = "tests/fixtures/bundles/oldest.yaml";

/// What is the same in every release, and kept once.
const CONSTANT: [&str; 2] = ["/etc/crictl.yaml", "/etc/default/kubelet"];

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
    let mut constant = BTreeMap::new();
    for release in releases() {
        let minor = release.minor;
        let profile = example.replace("kubernetesVersion: 1.36.2", &format!("kubernetesVersion: {minor}.1"));
        assert_ne!(profile, example, "the example's version is replaced");
        let profile = scratch.write("profile.yaml", profile);
        let out = scratch.path(&format!("out-{minor}"));
        render(&profile, &bundle, &out, &[]).code(0);
        if blessing() && !Path::new(BUNDLE).exists() {
            fs::copy(&bundle, BUNDLE).expect("a writable tests directory");
        }
        let shown = scratch.path(&format!("shown-{minor}"));
        let files_of = |node: &str| {
            let document = fs::read_to_string(out.join("nodes").join(node).join("user-data")).expect("rendered");
            decode(&document).expect("own document").files
        };
        for node in NODES {
            fs::create_dir_all(shown.join(node)).expect("own directory");
            for file in files_of(node) {
                let name = match file.path.as_str() {
                    "/etc/kubespore/node.env" => "node.env",
                    "/etc/containerd/config.toml" => "config.toml",
                    "/etc/kubespore/etcd-seat.yaml" => "etcd-seat.yaml",
                    path if CONSTANT.contains(&path) => {
                        let first = constant.entry(file.path.clone()).or_insert_with(|| file.content.clone());
                        assert_eq!(*first, file.content, "{} of {minor} is that of every release", file.path);
                        continue;
                    }
                    path => match path.strip_prefix("/etc/kubespore/kubeadm/") {
                        Some(name) => name,
                        None => continue,
                    },
                };
                fs::write(shown.join(node).join(name), &file.content).expect("own directory");
            }
            fs::copy(out.join("nodes").join(node).join("join-command"), shown.join(node).join("join-command")).expect("rendered");
        }
        // Of these, what a release can change: not the authority's certificate, nor what the balancer is told of machines.
        let part = |files: &[File], path: &str, keep: fn(&str) -> bool| -> String {
            let file = files.iter().find(|file| file.path == path).expect("a file of every release");
            let text = String::from_utf8_lossy(&file.content).into_owned();
            text.split_inclusive('\n').filter(|line| keep(line)).collect()
        };
        let discovery = part(&files_of("worker-1"), "/etc/kubespore/discovery.conf", |line| !line.contains("authority"));
        fs::write(shown.join("worker-1/discovery.conf"), discovery).expect("own directory");
        let health = part(&files_of("lb-1"), "/etc/haproxy/haproxy.cfg", |line| line.contains("http-check"));
        fs::write(shown.join("haproxy.cfg"), health).expect("own directory");
        fs::write(shown.join("images.txt"), images(&scratch, &example, release)).expect("own directory");
        expect_tree(&Path::new("tests/golden/releases").join(minor.to_string()), &shown);
    }
    assert_eq!(constant.len(), CONSTANT.len());
    for (path, content) in constant {
        let name = Path::new(&path).file_name().expect("a file");
        expect_file(&Path::new("tests/golden/releases/every").join(name), std::str::from_utf8(&content).expect("text"));
    }
}

/// The images of a minor at the first patch that is rendered and at each at which a tag or a repository changes.
fn images(scratch: &Scratch, example: &str, release: &Release) -> String {
    let starts = |tags: Steps<&str>| tags.iter().map(|step| step.0).collect::<Vec<_>>();
    let mut patches = [starts(release.etcd), starts(release.coredns), starts(release.default_repository)].concat();
    patches.extend(release.coredns_path.iter().map(|step| step.0));
    let patches: BTreeSet<u16> = patches.into_iter().map(|patch| patch.max(1)).collect();
    let of = |patch: u16| {
        let version = format!("{}.{patch}", release.minor);
        let profile = scratch.write("images.yaml", example.replace(": 1.36.2", &format!(": {version}")));
        format!("{version}\n{}", kubespore(["images".as_ref(), profile.as_os_str()]).code(0).stdout())
    };
    patches.into_iter().map(of).collect()
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
        assert_eq!(render(&profile, &bundle, &out, &[]).code(0).stderr().matches("warning").count(), 0, "{version}");
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
        render(&profile, &bundle, &out, &[]).code(0);
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

/// What one machine's kubelet is told lies in a drop-in that it is sent to, which before 1.30 it must be told twice.
#[test]
fn a_kubelet_reads_what_is_said_to_it_alone() {
    let scratch = Scratch::new();
    for (version, environment) in [("1.28.15", "KUBELET_CONFIG_DROPIN_DIR_ALPHA=yes\n"), ("1.30.4", ""), ("1.37.2", "")] {
        let profile = format!(
            "apiVersion: kubespore/v1\ncluster: lab\nkubernetesVersion: {version}\ncontrolPlaneEndpoint: api.lab.internal:6443\n\
             cni: bridge\nkubeletConfiguration: {{maxPods: 50, failSwapOn: true}}\nacknowledge: [swap-allowed]\nnodes:\n\
             \x20 - {{name: cp-1, role: control-plane, address: 10.0.0.11/24}}\n\
             \x20 - name: worker-1\n    role: worker\n    address: 10.0.0.21/24\n\
             \x20   kubeletConfiguration: {{kind: KubeletConfiguration, maxPods: 200, failSwapOn: false, evictionHard: {{memory.available: 5%}}}}\n"
        );
        let profile = scratch.write("profile.yaml", profile);
        let (bundle, out) = (scratch.path("secrets.yaml"), scratch.path(version));
        render(&profile, &bundle, &out, &[]).code(0);
        let files = |node: &str| {
            let document = fs::read_to_string(out.join(format!("nodes/{node}/user-data"))).expect("rendered");
            decode(&document).expect("own document").files
        };
        let of = |node: &str, path: &str| {
            let found = files(node).into_iter().find(|file| file.path == path);
            found.map(|file| String::from_utf8_lossy(&file.content).into_owned())
        };
        let drop_in = "/etc/kubernetes/kubelet.conf.d/50-node.conf";
        assert_eq!(
            of("worker-1", drop_in).as_deref(),
            Some(
                "apiVersion: \"kubelet.config.k8s.io/v1beta1\"\nkind: \"KubeletConfiguration\"\nmaxPods: 200\nfailSwapOn: false\n\
                 evictionHard:\n  \"memory.available\": \"5%\"\n"
            )
        );
        assert_eq!(of("cp-1", drop_in), None, "said to another");
        let told =
            |node: &str| of(node, "/etc/kubespore/kubeadm/join.yaml").expect("a file of every node").contains("config-dir");
        assert_eq!((told("worker-1"), told("cp-1")), (true, false));
        let told = |node: &str| of(node, "/etc/default/kubelet").expect("a file of every node");
        assert_eq!(
            told("worker-1").matches("KUBELET_CONFIG_DROPIN_DIR_ALPHA=yes\n").collect::<String>(),
            environment,
            "{version}"
        );
        assert!(!told("cp-1").contains("ALPHA"));
        let swap = |node: &str| of(node, "/etc/kubespore/node.env").expect("a file of every node").contains("SWAP_OFF='yes'");
        assert_eq!((swap("worker-1"), swap("cp-1")), (false, true), "the machine's own word counts");
    }
}

/// A kubelet that bears swap runs where kubeadm, to 1.22, refuses it: that check is ignored beside what the user's documents say.
#[test]
fn kubeadm_does_not_refuse_the_swap_that_a_kubelet_bears() {
    let bears = "kubeletConfiguration: {failSwapOn: false}\n";
    let by_flag =
        "joinConfiguration: {nodeRegistration: {kubeletExtraArgs: {fail-swap-on: \"false\"}, ignorePreflightErrors: [Mem]}}\n";
    let numbers = "initConfiguration: {nodeRegistration: {ignorePreflightErrors: [NumCPU]}}\n";
    let own = "joinConfiguration: {nodeRegistration: {ignorePreflightErrors: [swap]}}\n";
    let scratch = Scratch::new();
    for (place, (version, said, init, join)) in [
        ("1.22.17", String::new(), "", ""),
        ("1.22.17", bears.to_owned(), "Swap", "Swap"),
        ("1.15.12", format!("{bears}{numbers}"), "NumCPU Swap", "NumCPU Swap"),
        ("1.22.17", by_flag.to_owned(), "Mem", "Mem Swap"),
        ("1.22.17", format!("{bears}{own}"), "swap", "swap"),
        ("1.23.17", format!("{bears}{numbers}"), "NumCPU", "NumCPU"),
        ("1.14.10", bears.to_owned(), "", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let profile = format!(
            "apiVersion: kubespore/v1\ncluster: lab\nkubernetesVersion: {version}\ncontrolPlaneEndpoint: api.lab.internal:6443\n\
             cni: bridge\nacknowledge: [swap-allowed]\n{said}nodes:\n\
             \x20 - {{name: cp-1, role: control-plane, address: 10.0.0.11/24}}\n\
             \x20 - {{name: worker-1, role: worker, address: 10.0.0.21/24}}\n"
        );
        let profile = scratch.write("profile.yaml", profile);
        let (bundle, out) = (scratch.path(&format!("secrets-{place}.yaml")), scratch.path(&place.to_string()));
        render(&profile, &bundle, &out, &[]).code(0);
        let ignored = |node: &str, document: &str| {
            let seed = fs::read_to_string(out.join(format!("nodes/{node}/user-data"))).expect("rendered");
            let path = format!("/etc/kubespore/kubeadm/{document}.yaml");
            let file = decode(&seed).expect("own document").files.into_iter().find(|file| file.path == path);
            let text = String::from_utf8(file.expect("a document of the machine's").content.to_vec()).expect("text");
            let list = text.split_once("ignorePreflightErrors:\n").map_or("", |(_, list)| list);
            let names = list.lines().map_while(|line| line.trim_start().strip_prefix("- "));
            names.map(|name| name.trim_matches('"')).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((ignored("cp-1", "init").as_str(), ignored("worker-1", "join").as_str()), (init, join), "{version} {said}");
    }
}

/// Two families, two addresses: what of them a release's kubelet takes, and who opens what at discovery.
#[test]
fn a_release_gets_the_addresses_and_the_tokens_that_it_can_use() {
    let (single, dual) =
        ("", "networking: {podSubnet: \"10.244.0.0/16,fd00:10:244::/56\", serviceSubnet: \"10.96.0.0/12,fd00:10:96::/112\"}\n");
    let cloud = "joinConfiguration: {nodeRegistration: {kubeletExtraArgs: {cloud-provider: external}}}\n";
    let certificate = "join: {credential: certificate}\n";
    let limited =
        "clusterConfiguration: {apiServer: {extraArgs: {authentication-config: /etc/kubernetes/pki/authentication.yaml}}}\n";
    let scratch = Scratch::new();
    for (version, extra, pair, gate) in [
        ("1.19.16", single, false, false),
        ("1.20.15", single, false, false),
        ("1.20.15", dual, true, true),
        ("1.21.14", dual, true, false),
        ("1.26.15", cloud, false, false),
        ("1.29.15", cloud, true, false),
        ("1.36.2", single, true, false),
        ("1.36.2", certificate, true, false),
        ("1.36.2", limited, true, false),
    ] {
        let profile = format!(
            "apiVersion: kubespore/v1\ncluster: lab\nkubernetesVersion: {version}\ncontrolPlaneEndpoint: api.lab.internal:6443\n\
             acknowledge: [no-pod-network]\n{extra}nodes:\n\
             \x20 - {{name: cp-1, role: control-plane, address: 10.0.0.11/24, secondAddress: \"fd00::11/64\"}}\n\
             \x20 - {{name: worker-1, role: worker, address: 10.0.0.21/24, secondAddress: \"fd00::21/64\"}}\n"
        );
        let profile = scratch.write("profile.yaml", profile);
        let (bundle, out) = (scratch.path("secrets.yaml"), scratch.path("out"));
        render(&profile, &bundle, &out, &[]).code(0);
        let file = |node: &str, path: &str| {
            let document = fs::read_to_string(out.join("nodes").join(node).join("user-data")).expect("rendered");
            let files = decode(&document).expect("own document").files;
            let file = files.iter().find(|file| file.path == path).expect("a file of this node").content.clone();
            String::from_utf8(file.to_vec()).expect("text")
        };
        let join = file("worker-1", "/etc/kubespore/kubeadm/join.yaml");
        assert_eq!(join.contains("10.0.0.21,fd00::21"), pair, "{version} {extra}: {join}");
        let init = file("cp-1", "/etc/kubespore/kubeadm/init.yaml");
        assert_eq!(init.contains("IPv6DualStack: true"), gate, "{version} {extra}: {init}");
        // Where anonymous requests are limited, a token is shown at discovery; where nobody does, kubeadm makes none of its own that lasts.
        let certified = extra == certificate;
        let discovery = file("cp-1", "/etc/kubespore/discovery.conf");
        assert_eq!(discovery.contains("token:"), extra == limited, "{version}: {discovery}");
        assert_eq!(init.contains("ttl: \"1s\""), certified, "{version}: {init}");
    }
}
