//! kubeadm as the supervisor meets it: phases that take time, write files nobody syncs, and can be cut between any two.
//!
//! In: one call. Out: its acts in the order of kubeadm 1.36, what they change in the world, and errors in its words.
//! Absent on purpose: what a rehearsal cannot tell apart, such as what stands in a certificate.

use std::fs;

use super::commands::option;
use super::network::by_endpoint;
use super::process::Answer;
use super::world::{Cluster, Member, Tick, Work, World};

/// The static pods kubeadm writes, etcd's apart.
const PODS: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// How long kubeadm waits for what has to come up, in milliseconds.
const PATIENCE: u64 = 240_000;

/// How long the uploaded certificates live, in milliseconds.
const UPLOADED: u64 = 7_200_000;

/// What one call knows while it runs.
struct Call {
    arguments: Vec<String>,
    phases: &'static [Phase],
    at: usize,
    since: Option<u64>,
}

type Phase = (&'static str, fn(&mut World, usize, &Call) -> Outcome);

enum Outcome {
    Did(u64),
    Waits,
    Fails(String),
}

use Outcome::{Did, Fails, Waits};

const INIT: &[Phase] = &[
    ("preflight", init_preflight),
    ("certs", certs),
    ("kubeconfig", kubeconfig),
    ("etcd", local_etcd),
    ("control-plane", control_plane),
    ("kubelet-start", kubelet_start),
    ("wait-control-plane", wait_control_plane),
    ("upload-config", upload_config),
    ("upload-certs", upload_certs),
    ("mark-control-plane", mark_control_plane),
    ("addon", addon),
];

const JOIN_CONTROL_PLANE: &[Phase] = &[
    ("preflight", join_preflight),
    ("control-plane-prepare/download-certs", download_certs),
    ("control-plane-prepare/certs", certs),
    ("control-plane-prepare/kubeconfig", kubeconfig),
    ("control-plane-prepare/control-plane", control_plane),
    ("check-etcd", check_etcd),
    ("kubelet-start", bootstrap),
    ("control-plane-join/etcd", member_add),
    ("control-plane-join/etcd", existing_etcd),
    ("control-plane-join/etcd", promote),
    ("control-plane-join/mark-control-plane", mark_control_plane),
];

const JOIN_WORKER: &[Phase] = &[("preflight", join_preflight), ("kubelet-start", bootstrap)];

const PREPARE: &[Phase] = &[
    ("control-plane-prepare/download-certs", download_certs),
    ("control-plane-prepare/certs", certs),
    ("control-plane-prepare/kubeconfig", kubeconfig),
    ("control-plane-prepare/control-plane", control_plane),
];

/// Begins a call.
pub fn run(world: &mut World, place: usize, arguments: &[&str]) -> Work {
    let machine = &mut world.machines[place];
    *machine.kubeadm_runs.entry(arguments[0].to_owned()).or_default() += 1;
    machine.kubeadm_lines.push(arguments.join(" "));
    let whole_run = arguments.get(1) != Some(&"phase");
    if whole_run && arguments[0] != "reset" && !world.kubeadm_fails.is_empty() {
        let error = world.kubeadm_fails.remove(0);
        let mut answer = Some(Answer::err(1, error));
        return Box::new(move |_, _| answer.take().map_or(Tick::Waits, Tick::Ends));
    }
    let phases = match arguments {
        ["init", "phase", "bootstrap-token", ..] => &[("bootstrap-token", bootstrap_token as _)],
        ["init", "phase", "upload-certs", ..] => &[("upload-certs", upload_certs as _)],
        ["init", ..] => INIT,
        ["join", "phase", "control-plane-prepare", "download-certs", ..] => &PREPARE[..1],
        ["join", "phase", "control-plane-prepare", "all", ..] => PREPARE,
        ["join", "phase", "kubelet-start", ..] => &JOIN_WORKER[1..],
        ["join", "phase", "control-plane-join", "mark-control-plane", ..] => &JOIN_CONTROL_PLANE[10..],
        ["join", "phase", ..] => panic!("nobody foresaw: kubeadm {}", arguments.join(" ")),
        ["join", ..] if world.machines[place].control_plane => JOIN_CONTROL_PLANE,
        ["join", ..] => JOIN_WORKER,
        ["reset", "-f", ..] => &[("reset", reset as _)],
        _ => panic!("nobody foresaw: kubeadm {}", arguments.join(" ")),
    };
    promised(world, place, arguments, whole_run);
    let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
    let mut call = Call { arguments, phases, at: 0, since: None };
    Box::new(move |world, place| call.tick(world, place))
}

/// I2 and I3: what must be on the disk before the act.
fn promised(world: &mut World, place: usize, arguments: &[&str], whole_run: bool) {
    let mark = match arguments {
        ["init", "phase", "bootstrap-token", ..] => "founded",
        ["init", ..] if whole_run => "init-intent",
        ["join", ..] if whole_run => "join-intent",
        ["reset", ..] => {
            if ["member", "founded"].iter().any(|mark| world.has(place, &format!("var/lib/kubespore/{mark}"))) {
                world.breaks(format!("I5: {} resets a member", world.machines[place].name));
            }
            let asked = arguments.contains(&"--skip-phases=remove-etcd-member");
            if world.machines[place].control_plane && !world.plan.old_reset && !asked {
                world.breaks(format!("I4: reset on {} may remove a member by itself", world.machines[place].name));
            }
            return;
        }
        _ => return,
    };
    if whole_run && world.machines[place].notice {
        world.breaks(format!("§4: {} runs kubeadm {} and says that it is empty", world.machines[place].name, arguments[0]));
    }
    if !world.mark_is_durable(place, mark) {
        world.breaks(format!("I2: {} runs kubeadm {} before {mark} is on its disk", world.machines[place].name, arguments[0]));
    }
    if whole_run && arguments[0] == "init" {
        if !arguments.contains(&"--skip-token-print")
            || !arguments.iter().any(|word| word.starts_with("--skip-phases=bootstrap-token"))
        {
            world.breaks(format!("I3, I8: {} runs kubeadm {}", world.machines[place].name, arguments.join(" ")));
        }
        world.check_founding(place);
    }
}

impl Call {
    fn tick(&mut self, world: &mut World, place: usize) -> Tick {
        let Some((name, phase)) = self.phases.get(self.at) else { return Tick::Ends(Answer::ok()) };
        let since = *self.since.get_or_insert(world.now);
        let outcome = if world.now > since + PATIENCE {
            Fails("timed out waiting for the condition".to_owned())
        } else {
            phase(world, place, self)
        };
        match outcome {
            Waits => Tick::Waits,
            Did(takes) => {
                self.at += 1;
                self.since = None;
                Tick::Did(name, takes)
            }
            Fails(why) => {
                world.note(place, &format!("kubeadm {} fails in {name}: {why}", self.arguments[0]));
                Tick::Ends(Answer::err(
                    1,
                    format!("error execution phase {name}: {why}\nTo see the stack trace of this error execute with --v=5"),
                ))
            }
        }
    }

    /// The preflight checks that fail, without those that are to be ignored.
    fn refuses(&self, found: Vec<String>) -> Option<String> {
        let ignored = self.arguments.iter().find_map(|word| word.strip_prefix("--ignore-preflight-errors=")).unwrap_or_default();
        let kept: Vec<_> =
            found.into_iter().filter(|check| ignored != "all" && !ignored.split(',').any(|one| one == check)).collect();
        (!kept.is_empty()).then(|| format!("[preflight] Some fatal errors occurred: {}", kept.join(" ")))
    }
}

fn taken_files(world: &World, place: usize) -> Vec<String> {
    let pods = PODS.iter().chain(&["etcd"]).filter(|pod| world.has(place, &format!("etc/kubernetes/manifests/{pod}.yaml")));
    let mut found: Vec<_> = pods.map(|pod| format!("FileAvailable--etc-kubernetes-manifests-{pod}.yaml")).collect();
    let occupied =
        fs::read_dir(world.machines[place].root.join("var/lib/etcd")).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        found.push("DirAvailable--var-lib-etcd".to_owned());
    }
    let machine = &world.machines[place];
    if machine.kubelet && world.whole(place, "var/lib/kubelet/config.yaml") {
        found.push("Port-10250".to_owned());
    }
    if machine.api.is_some() {
        found.push("Port-6443".to_owned());
    }
    if machine.etcd.is_some() {
        found.push("Port-2379".to_owned());
    }
    found
}

fn init_preflight(world: &mut World, place: usize, call: &Call) -> Outcome {
    call.refuses(taken_files(world, place)).map_or(Did(700), Fails)
}

fn join_preflight(world: &mut World, place: usize, call: &Call) -> Outcome {
    let mut found = if world.machines[place].control_plane { taken_files(world, place) } else { Vec::new() };
    for (path, check) in [
        ("etc/kubernetes/kubelet.conf", "FileAvailable--etc-kubernetes-kubelet.conf"),
        ("etc/kubernetes/bootstrap-kubelet.conf", "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf"),
    ] {
        if world.has(place, path) {
            found.push(check.to_owned());
        }
    }
    if !world.machines[place].control_plane && world.has(place, "etc/kubernetes/pki/ca.crt") {
        found.push("FileAvailable--etc-kubernetes-pki-ca.crt".to_owned());
    }
    if !world.has(place, "etc/kubespore/kubeadm/join.yaml") {
        return Fails("unable to read config: no such file".to_owned());
    }
    if let Some(why) = call.refuses(found) {
        return Fails(why);
    }
    match world.backend(place).and_then(|to| world.cluster_at(to)) {
        Some(cluster) if world.credential_lives(cluster) => Did(1_200),
        Some(_) => Fails("couldn't validate the identity of the API Server: Unauthorized".to_owned()),
        None => Waits,
    }
}

/// Writes what kubeadm finds missing; it reads what is there and fails where that is empty.
fn fill(world: &mut World, place: usize, files: &[(&str, &str)]) -> Outcome {
    for (path, text) in files {
        let path = format!("etc/kubernetes/{path}");
        if world.has(place, &path) && !world.whole(place, &path) {
            return Fails(format!("failure loading {path}: data does not contain any valid certificates"));
        }
        if !world.has(place, &path) {
            world.overwrite(place, &path, text);
        }
    }
    Did(1_500)
}

fn certs(world: &mut World, place: usize, _: &Call) -> Outcome {
    for key in ["ca.key", "sa.key", "front-proxy-ca.key", "etcd/ca.key"] {
        if !world.whole(place, &format!("etc/kubernetes/pki/{key}")) {
            world.breaks(format!("{}: kubeadm would make a {key} of its own", world.machines[place].name));
        }
    }
    fill(
        world,
        place,
        &[
            ("pki/apiserver.crt", "certificate\n"),
            ("pki/apiserver-kubelet-client.crt", "certificate\n"),
            ("pki/apiserver-kubelet-client.key", "SECRET leaf key\n"),
            ("pki/etcd/server.crt", "certificate\n"),
            ("pki/etcd/healthcheck-client.crt", "certificate\n"),
            ("pki/etcd/healthcheck-client.key", "SECRET leaf key\n"),
        ],
    )
}

fn kubeconfig(world: &mut World, place: usize, call: &Call) -> Outcome {
    let mut files = vec![("admin.conf", "SECRET\n"), ("controller-manager.conf", "SECRET\n"), ("scheduler.conf", "SECRET\n")];
    if call.arguments[0] == "init" {
        files.push(("kubelet.conf", "SECRET\n"));
    }
    fill(world, place, &files)
}

fn local_etcd(world: &mut World, place: usize, call: &Call) -> Outcome {
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    let document = fs::read_to_string(option(&words, "--config").expect("a document")).unwrap_or_default();
    let token = document.lines().find_map(|line| line.strip_prefix("\"value\": \"")?.strip_suffix('"')).expect("a token");
    let founding = world.read(place, "var/lib/kubespore/init-intent");
    if token != format!("lab-g1-{}", founding.trim_end()) {
        world.breaks(format!("§5: {} founds as {token}, its mark says {founding}", world.machines[place].name));
    }
    world.overwrite(place, "etc/kubernetes/manifests/etcd.yaml", &format!("state=new token={token}\n"));
    Did(300)
}

fn control_plane(world: &mut World, place: usize, _: &Call) -> Outcome {
    for pod in PODS {
        world.overwrite(place, &format!("etc/kubernetes/manifests/{pod}.yaml"), "pod\n");
    }
    Did(300)
}

fn run_kubelet(world: &mut World, place: usize) {
    world.overwrite(place, "var/lib/kubelet/config.yaml", "config\n");
    world.overwrite(place, "var/lib/kubelet/kubeadm-flags.env", "flags\n");
    world.start_kubelet(place);
}

fn kubelet_start(world: &mut World, place: usize, _: &Call) -> Outcome {
    run_kubelet(world, place);
    world.overwrite(place, "var/lib/kubelet/pki/kubelet-client-current.pem", "SECRET kubelet key\n");
    Did(1_000)
}

fn wait_control_plane(world: &mut World, place: usize, _: &Call) -> Outcome {
    if world.ready(place) { Did(500) } else { Waits }
}

/// Where the release goes through the endpoint, whatever answers there is given this cluster's configuration.
fn upload_config(world: &mut World, place: usize, _: &Call) -> Outcome {
    if world.uploads_fail > 0 && world.ready(place) {
        world.uploads_fail -= 1;
        return Fails("etcdserver: request timed out".to_owned());
    }
    let own = world.cluster_at(place);
    if world.plan.init_by_endpoint && !world.read(place, "etc/hosts").contains("10.0.0.11 api.lab") {
        match world.backend(place).map(|to| world.cluster_at(to)) {
            None => return Waits,
            Some(other) if other != own => {
                world.breaks(format!("I1: {} overwrites another cluster's configuration", world.machines[place].name));
            }
            Some(_) => {}
        }
    }
    if world.ready(place) { Did(800) } else { Waits }
}

fn upload_certs(world: &mut World, place: usize, call: &Call) -> Outcome {
    if !call.arguments.iter().any(|word| word == "--upload-certs") {
        return Did(0);
    }
    let Some(cluster) = world.cluster_at(place).filter(|_| world.ready(place)) else { return Waits };
    world.clusters[cluster].certificates_until = world.now + UPLOADED;
    Did(300)
}

fn mark_control_plane(world: &mut World, place: usize, _: &Call) -> Outcome {
    let name = &world.machines[place].name;
    let server = if world.ready(place) { Some(place) } else { world.backend(place) };
    let known =
        server.and_then(|to| world.cluster_at(to)).is_some_and(|cluster| world.clusters[cluster].nodes.contains_key(name));
    if known { Did(300) } else { Waits }
}

fn addon(world: &mut World, place: usize, call: &Call) -> Outcome {
    let Some(cluster) = world.cluster_at(place).filter(|_| world.ready(place)) else { return Waits };
    if !call.arguments.iter().any(|word| word.starts_with("--skip-phases=bootstrap-token")) {
        world.clusters[cluster].door_open = true;
    }
    Did(500)
}

fn bootstrap_token(world: &mut World, place: usize, call: &Call) -> Outcome {
    if !call.arguments.iter().any(|word| word == "--skip-token-print") {
        world.breaks(format!("I8: kubeadm prints a token on {}", world.machines[place].name));
    }
    let Some(cluster) = by_endpoint(world, place).and_then(|to| world.cluster_at(to)) else { return Waits };
    world.clusters[cluster].door_open = true;
    Did(300)
}

/// Given the key, kubeadm fetches, whatever is there already; without it, it wants the keys in their place.
fn download_certs(world: &mut World, place: usize, call: &Call) -> Outcome {
    let given = call.arguments.iter().any(|word| word == "--certificate-key")
        || world.read(place, "etc/kubespore/kubeadm/join.yaml").contains("certificateKey");
    if !given {
        let there = world.whole(place, "etc/kubernetes/pki/ca.key");
        return if there { Did(0) } else { Fails("failure loading key for CA: couldn't load the private key file".to_owned()) };
    }
    let Some(cluster) = world.backend(place).and_then(|to| world.cluster_at(to)) else { return Waits };
    if !world.credential_lives(cluster) {
        return Fails("Unauthorized".to_owned());
    }
    if world.now >= world.clusters[cluster].certificates_until {
        return Fails(
            "error downloading certs: Secret \"kubeadm-certs\" was not found in the \"kube-system\" Namespace".to_owned(),
        );
    }
    for name in ["ca", "front-proxy-ca", "etcd/ca"] {
        world.overwrite(place, &format!("etc/kubernetes/pki/{name}.key"), "SECRET key\n");
        world.overwrite(place, &format!("etc/kubernetes/pki/{name}.crt"), "certificate\n");
    }
    world.overwrite(place, "etc/kubernetes/pki/sa.key", "SECRET key\n");
    Did(600)
}

/// kubeadm asks every listed member, so one dead member keeps everybody out.
fn check_etcd(world: &mut World, place: usize, _: &Call) -> Outcome {
    let Some(cluster) = world.backend(place).and_then(|to| world.cluster_at(to)) else { return Waits };
    let started: Vec<_> = world.clusters[cluster].members.iter().filter(|member| !member.name.is_empty()).collect();
    let well = started.iter().all(|member| world.member_lives(cluster, member) && world.reach(place, member.machine));
    if well { Did(500) } else { Waits }
}

fn bootstrap(world: &mut World, place: usize, _: &Call) -> Outcome {
    let Some(cluster) = world.backend(place).and_then(|to| world.cluster_at(to)) else { return Waits };
    if !world.credential_lives(cluster) || !world.clusters[cluster].door_open || world.clusters[cluster].strict {
        return Waits;
    }
    let name = world.machines[place].name.clone();
    if world.clusters[cluster].nodes.get(&name).is_some_and(|node| world.node_ready(node) && node.boot_id != world.boot_id(place))
    {
        return Fails(format!("a Node with name \"{name}\" and status \"Ready\" already exists in the cluster"));
    }
    if !world.machines[place].control_plane {
        world.overwrite(place, "etc/kubernetes/pki/ca.crt", "certificate\n");
    }
    world.overwrite(place, "etc/kubernetes/kubelet.conf", "SECRET\n");
    world.overwrite(place, "var/lib/kubelet/pki/kubelet-client-current.pem", "SECRET kubelet key\n");
    run_kubelet(world, place);
    Did(1_500)
}

fn member_add(world: &mut World, place: usize, _: &Call) -> Outcome {
    let Some(to) = world.backend(place) else { return Waits };
    let Some(cluster) = world.cluster_at(to) else { return Waits };
    if !world.quorum(cluster, to) {
        return Waits;
    }
    let founder_only = world.clusters[cluster].members.len() == 1;
    let founder = world.clusters[cluster].members[0].machine;
    if founder_only && !world.mark_is_durable(founder, "founded") {
        world.breaks(format!(
            "I3: {} becomes a member before founded is on {}'s disk",
            world.machines[place].name, world.machines[founder].name
        ));
    }
    let members = &world.clusters[cluster].members;
    if members.iter().any(|member| member.machine == place) {
        return Fails("etcdserver: Peer URLs already exists".to_owned());
    }
    if members.iter().any(|member| member.learner) {
        return Fails("etcdserver: too many learner members in cluster".to_owned());
    }
    if members.iter().any(|member| member.name.is_empty()) {
        return Fails("etcdserver: re-configuration failed due to not enough started members".to_owned());
    }
    let id = world.new_id();
    let learner = world.plan.learners;
    let Cluster { members, epoch, .. } = &mut world.clusters[cluster];
    members.push(Member { id, machine: place, name: String::new(), learner });
    *epoch += 1;
    world.note(place, &format!("announced member {id}"));
    Did(300)
}

fn existing_etcd(world: &mut World, place: usize, _: &Call) -> Outcome {
    world.overwrite(place, "etc/kubernetes/manifests/etcd.yaml", "state=existing\n");
    Did(500)
}

fn promote(world: &mut World, place: usize, _: &Call) -> Outcome {
    let Some(cluster) = world.cluster_at(place) else { return Waits };
    if !world.quorum(cluster, place) {
        return Waits;
    }
    if world.promotions_fail > 0 {
        world.promotions_fail -= 1;
        return Fails("etcdserver: can only promote a learner member which is in sync with leader".to_owned());
    }
    let Cluster { members, epoch, .. } = &mut world.clusters[cluster];
    match members.iter_mut().find(|member| member.machine == place) {
        Some(member) if member.learner => {
            member.learner = false;
            *epoch += 1;
            Did(1_000)
        }
        Some(_) => Did(0),
        None => Fails("etcdserver: member not found".to_owned()),
    }
}

fn reset(world: &mut World, place: usize, _: &Call) -> Outcome {
    let root = world.machines[place].root.clone();
    if world.has(place, "etc/kubernetes/manifests/etcd.yaml") && world.has(place, "var/lib/etcd") {
        world.breaks(format!("I5: reset on {} deletes etcd's data", world.machines[place].name));
        let _ = fs::remove_dir_all(root.join("var/lib/etcd"));
    }
    // Before it could be told not to, it asked the cluster where etcd's data is.
    if world.plan.old_reset && world.whole(place, "etc/kubernetes/admin.conf") {
        let _ = fs::remove_dir_all(root.join("var/lib/etcd"));
    }
    for path in ["etc/kubernetes/manifests", "etc/kubernetes/pki", "var/lib/kubelet"] {
        let _ = fs::remove_dir_all(root.join(path));
        fs::create_dir_all(root.join(path)).expect("a directory");
    }
    for name in ["admin", "super-admin", "kubelet", "bootstrap-kubelet", "controller-manager", "scheduler"] {
        let _ = fs::remove_file(root.join(format!("etc/kubernetes/{name}.conf")));
    }
    let machine = &mut world.machines[place];
    machine.kubelet = false;
    machine.etcd = None;
    machine.api = None;
    machine.pods_since = None;
    Did(2_000)
}
