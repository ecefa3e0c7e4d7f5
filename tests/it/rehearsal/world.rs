//! A world for rehearsals: machines with disks, a network, a load balancer, etcd's membership and a clock.
//!
//! In: a plan, and what a test does to the machines. Out: what they came to, and every invariant they broke. Time
//! is simulated: a script that sleeps costs nothing, and of all scripts that wait the one with the earliest
//! answer goes on, so a run is the same every time. Absent on purpose: what single programs answer (`commands`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::commands;
use super::process::{Answer, Event, Process, stand_ins};
use super::seed::{self, Credential, Plan};

/// When the keys of every rehearsed cluster were made, seconds since 1970.
pub const MINTED: u64 = 1_800_000_000;

/// How long after power-on a static pod's etcd runs, in milliseconds.
const ETCD_STARTS: u64 = 8_000;

/// How etcd begins on a control plane.
const ETCD_POD: &str = "etc/kubernetes/manifests/etcd.yaml";

/// What an etcd machine's service reads of how it begins.
const ETCD_ENV: &str = "var/lib/kubespore/etcd.env";

/// How long after its etcd an API server answers, in milliseconds.
const API_STARTS: u64 = 6_000;

/// How long without a heartbeat a Node stays Ready, in milliseconds.
const NODE_LEASE: u64 = 40_000;

/// A member of an etcd cluster as the others list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// The machine its peer URL belongs to.
    pub machine: usize,
    /// Its name, empty until it starts.
    pub name: String,
    /// Whether it is no voter yet.
    pub learner: bool,
}

/// A Node object.
#[derive(Clone, Debug)]
pub struct NodeObject {
    /// The boot that registered it last.
    pub boot_id: String,
    /// When its kubelet was heard last, world time.
    pub heard: u64,
}

/// One etcd cluster and what Kubernetes keeps in it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Who is listed.
    pub members: Vec<Member>,
    /// What it was begun with: of the same token and members, two clusters are one to etcd.
    pub token: String,
    /// Grows with every change of the membership.
    pub epoch: u64,
    /// Whether bootstrap credentials work.
    pub door_open: bool,
    /// Until when the uploaded certificates can be fetched, world time.
    pub certificates_until: u64,
    /// Whether certificate requests wait for an operator.
    pub strict: bool,
    /// Node objects by name.
    pub nodes: BTreeMap<String, NodeObject>,
    /// Manifests that were applied.
    pub applied: BTreeSet<String>,
}

/// What can be wrong with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ail {
    /// No interface has its address.
    NoAddress,
    /// The kernel found its address in use.
    DuplicateAddress,
    /// No image is loaded.
    NoImages,
    /// The runtime does not start.
    RuntimeDown,
    /// kubeadm is of another release.
    OtherKubeadm,
    /// etcd is of the time before learners.
    OldEtcd,
    /// What is mounted at etcd's path is another disk.
    NoDisk,
    /// No time server was heard.
    Unsynchronised,
    /// Its arping is the one that answers the other way round.
    OtherArping,
    /// cloud-init's last stage still runs.
    CloudFinalRuns,
    /// Swap cannot be switched off.
    SwapStays,
    /// Kernel modules cannot be loaded.
    NoModules,
}

/// What a machine's power and programs are doing.
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its disk.
    pub root: PathBuf,
    /// Whether it is a control plane.
    pub control_plane: bool,
    /// Whether it has power.
    pub powered: bool,
    /// Counts boots; zero before the first.
    pub boot: u32,
    /// When it was switched on last, world time.
    pub booted: u64,
    /// How far its clock is from the world's, in seconds.
    pub skew: i64,
    /// Machines of one island reach each other.
    pub island: u8,
    /// Whether its API server shows a certificate of another CA.
    pub foreign: bool,
    /// Whether what the gate guards runs: the kubelet, or etcd on a machine of its own.
    pub kubelet: bool,
    /// Whether that starts at boot.
    pub kubelet_enabled: bool,
    /// What the gate said at this boot.
    pub gate: Option<bool>,
    /// Whether the empty-notice is served.
    pub notice: bool,
    /// Whether the once-a-second sync runs.
    pub syncing: bool,
    /// Whether the unit runs that hurries the kubelet.
    pub hurrying: bool,
    /// When it synced last.
    pub synced: u64,
    /// Whether etcd runs, since when.
    pub etcd: Option<u64>,
    /// Whether that etcd listens to clients of the machine itself alone.
    pub etcd_inside: bool,
    /// Whether the API server runs, since when.
    pub api: Option<u64>,
    /// Since when the pods' conditions hold.
    pub pods_since: Option<u64>,
    /// The exit code of the supervisor's last run at this boot.
    pub exit: Option<i32>,
    /// How many questions the supervisor and the gate have asked since the machine came into being.
    pub asked: usize,
    /// Whether swap is on.
    pub swap: bool,
    /// Units that were masked.
    pub masked: BTreeSet<String>,
    /// Whether another machine answers for its address.
    pub twin: bool,
    /// Members it has removed since its last wipe.
    pub removals: usize,
    /// What is wrong with it.
    pub ails: BTreeSet<Ail>,
    /// Units that were restarted, in order, since power-on.
    pub restarted: Vec<String>,
    /// Units that are enabled beside the kubelet's.
    pub enabled: BTreeSet<String>,
    /// How many kubeadm runs began since its last wipe, by their first argument.
    pub kubeadm_runs: BTreeMap<String, usize>,
    /// Every kubeadm call's arguments since the world began.
    pub kubeadm_lines: Vec<String>,
    /// Whether its seed was written by nobody but the test.
    fresh: bool,
    running: Option<Running>,
    durable: BTreeMap<PathBuf, Vec<u8>>,
    fsynced: BTreeSet<Vec<u8>>,
}

struct Running {
    process: Process,
    gate: bool,
    clock: u64,
    pending: Option<Vec<String>>,
    work: Option<Work>,
    begun: bool,
    due: u64,
}

/// A program that takes its time: called again and again until it answers.
pub type Work = Box<dyn FnMut(&mut World, usize) -> Tick + Send>;

/// What a program has done since it was called last.
pub enum Tick {
    /// Nothing; it looks again in half a second.
    Waits,
    /// An act that a power cut may follow, which takes so many milliseconds.
    Did(&'static str, u64),
    /// It ends.
    Ends(Answer),
}

/// What a program does.
pub enum Doing {
    /// Answers at once.
    Now(Answer),
    /// Answers after so many milliseconds.
    Later(u64, Answer),
    /// Goes through acts.
    Works(Work),
}

/// The load balancer.
#[derive(Clone, Debug)]
pub struct Balancer {
    /// Whether it has power.
    pub up: bool,
    /// Whether it swallows everything.
    pub drops: bool,
    /// Whether it leads to somebody else's cluster.
    pub foreign: bool,
    /// Whether it cannot lead a machine back to itself.
    pub hairpin_fails: bool,
    /// Where it stands.
    pub island: u8,
    /// Whether its name resolves.
    pub resolves: bool,
}

/// Where a power cut strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The machine.
    pub machine: usize,
    /// The instant: questions count one before they are served and one after, acts of kubeadm one each.
    pub instant: usize,
}

/// What data is of: a cluster, a member of it, and the epoch it has seen last.
pub type Belonging = (usize, u64, u64);

/// Everything.
pub struct World {
    /// What was rendered.
    pub plan: Plan,
    /// Milliseconds since the world began; it begins an hour after the keys were made.
    pub now: u64,
    /// The machines, control planes first.
    pub machines: Vec<Machine>,
    /// Every etcd cluster there ever was.
    pub clusters: Vec<Cluster>,
    /// The load balancer.
    pub balancer: Balancer,
    /// Broken invariants.
    pub broken: Vec<String>,
    /// What happened, for a failed test's reader.
    pub trace: Vec<String>,
    /// A power cut to come.
    pub cut: Option<Cut>,
    /// A supervisor's end to come, its machine going on; systemd starts it again.
    pub kill: Option<Cut>,
    /// Instants passed, by machine.
    pub instants: Vec<usize>,
    /// A label for each instant of the machine under observation.
    pub acts: Vec<(usize, String)>,
    /// What the next runs of kubeadm init and join fail with, before they do anything.
    pub kubeadm_fails: Vec<String>,
    /// How many uploads of the configuration fail from here on, with the control plane running.
    pub uploads_fail: usize,
    /// What curl comes to at an `address:port`, whatever is there: its exit code and its words.
    pub curl_says: BTreeMap<String, (i32, &'static str)>,
    /// How many promotions of learners fail from here on.
    pub promotions_fail: usize,
    /// How many manifests the cluster refuses from here on.
    pub applies_fail: usize,
    /// How many removals of members fail from here on.
    pub removals_fail: usize,
    /// Every certificate a machine minted: its clock, and from when until when it is valid.
    pub minted: Vec<(i64, i64, i64)>,
    /// Whether etcd speaks TLS 1.2 at most: it refuses within the handshake.
    pub etcd_tls12: bool,
    /// Decides what survives of unsynced files.
    pub random: Random,
    shell: Vec<String>,
    cloud_commands: (Vec<Vec<String>>, Vec<Vec<String>>),
    next_id: u64,
    /// When supervisors start.
    events: Vec<(u64, usize)>,
    settled: Option<u64>,
    known_data: RefCell<BTreeMap<usize, Option<Belonging>>>,
    /// Every member whose data was ever on a machine's disk: place, cluster and id.
    kept: BTreeSet<(usize, usize, u64)>,
    dir: PathBuf,
}

/// Xorshift: small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit.max(1)
    }
}

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl World {
    /// Makes the machines of a plan, switched off, with freshly written seeds.
    pub fn new(plan: Plan) -> Self {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        // Memory where the machine has it: nothing here has to last, and the disk is what costs most.
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let dir = base.join(format!("kubespore-rehearsal-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        stand_ins(&dir.join("bin"));
        let machines: Vec<Machine> = (0..plan.machines())
            .map(|place| {
                let control_plane = place < plan.control_planes;
                Machine {
                    name: plan.name(place),
                    address: plan.address(place),
                    root: dir.join(plan.name(place)),
                    control_plane,
                    powered: false,
                    boot: 0,
                    booted: 0,
                    skew: 0,
                    island: 0,
                    foreign: false,
                    kubelet: false,
                    kubelet_enabled: false,
                    gate: None,
                    notice: false,
                    syncing: false,
                    hurrying: false,
                    synced: 0,
                    etcd: None,
                    etcd_inside: false,
                    api: None,
                    pods_since: None,
                    exit: None,
                    asked: 0,
                    swap: false,
                    masked: BTreeSet::new(),
                    twin: false,
                    removals: 0,
                    ails: BTreeSet::new(),
                    restarted: Vec::new(),
                    enabled: BTreeSet::new(),
                    kubeadm_runs: BTreeMap::new(),
                    kubeadm_lines: Vec::new(),
                    fresh: true,
                    running: None,
                    durable: BTreeMap::new(),
                    fsynced: BTreeSet::new(),
                }
            })
            .collect();
        let shell = std::env::var("KUBESPORE_REHEARSAL_SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
        let mut world = Self {
            instants: vec![0; machines.len()],
            plan,
            now: 0,
            machines,
            clusters: Vec::new(),
            balancer: Balancer { up: true, drops: false, foreign: false, hairpin_fails: false, island: 0, resolves: true },
            broken: Vec::new(),
            trace: Vec::new(),
            cut: None,
            kill: None,
            acts: Vec::new(),
            kubeadm_fails: Vec::new(),
            uploads_fail: 0,
            curl_says: BTreeMap::new(),
            promotions_fail: 0,
            removals_fail: 0,
            applies_fail: 0,
            minted: Vec::new(),
            etcd_tls12: false,
            random: Random(0x9E37_79B9_7F4A_7C15),
            shell: shell.split(' ').map(str::to_owned).collect(),
            cloud_commands: seed::cloud_commands(),
            next_id: 0,
            events: Vec::new(),
            settled: None,
            known_data: RefCell::default(),
            kept: BTreeSet::new(),
            dir,
        };
        for place in 0..world.machines.len() {
            world.wipe(place);
        }
        world
    }

    /// Runs the scripts under another shell.
    pub fn under(mut self, shell: &[&str]) -> Self {
        self.shell = shell.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Gives a machine an empty disk with its seed on it; it must be switched off.
    pub fn wipe(&mut self, place: usize) {
        assert!(!self.machines[place].powered, "a machine is wiped with its power off");
        let root = self.machines[place].root.clone();
        let _ = fs::remove_dir_all(&root);
        seed::install(place, &root);
        self.make_durable(place);
        seed::write(&self.plan, place, &root);
        let machine = &mut self.machines[place];
        machine.fresh = true;
        self.kept.retain(|(of, ..)| *of != place);
        let machine = &mut self.machines[place];
        machine.kubelet_enabled = false;
        machine.masked.clear();
        machine.removals = 0;
        machine.enabled.clear();
        machine.kubeadm_runs.clear();
        self.note(place, "wiped");
    }

    /// The machine's own clock, in seconds since 1970.
    pub fn clock(&self, place: usize) -> u64 {
        (MINTED + 3600 + self.now / 1000).saturating_add_signed(self.machines[place].skew)
    }

    /// Writes a line for the reader of a failed test.
    pub fn note(&mut self, place: usize, text: &str) {
        let line = format!("{:>9.1} {} {text}", self.now as f64 / 1000.0, self.machines[place].name);
        self.trace.push(line);
    }

    /// Says that an invariant is broken.
    pub fn breaks(&mut self, text: String) {
        self.trace.push(format!("{:>9.1} BROKEN {text}", self.now as f64 / 1000.0));
        self.broken.push(text);
    }

    /// Switches a machine on.
    pub fn power_on(&mut self, place: usize) {
        let machine = &mut self.machines[place];
        assert!(!machine.powered, "{} has power already", machine.name);
        machine.powered = true;
        machine.boot += 1;
        machine.exit = None;
        machine.gate = None;
        machine.restarted.clear();
        let boot = machine.boot;
        let root = machine.root.clone();
        let _ = fs::remove_dir_all(root.join("run/kubespore"));
        let write = |path: &str, text: String| fs::write(root.join(path), text).expect("a file of the kernel's");
        write("proc/sys/kernel/random/boot_id", format!("boot-{place}-{boot}\n"));
        let uuid = format!("{:016x}-founding-{place}-{boot}", self.random.clone().below(u64::MAX));
        write("proc/sys/kernel/random/uuid", uuid + "\n");
        let swaps = if machine.swap && !machine.masked.contains("swap.target") { "/dev/sda2 partition 1 0 -2\n" } else { "" };
        write("proc/swaps", format!("Filename Type Size Used Priority\n{swaps}"));
        write("proc/stat", format!("cpu 0 0\nbtime {}\n", self.clock(place).saturating_sub(30)));
        self.machines[place].booted = self.now;
        self.note(place, "power on");
        self.tell_uptime(place);
        self.cloud_init(place);
        self.launch(place, "gate");
    }

    /// What the kernel says of the time since power-on, which no clock changes.
    fn tell_uptime(&self, place: usize) {
        let machine = &self.machines[place];
        let seconds = 30 + (self.now - machine.booted) / 1000;
        fs::write(machine.root.join("proc/uptime"), format!("{seconds}.25 1.00\n")).expect("a file of the kernel's");
    }

    /// The early part of cloud-init: the commands of each boot, and the seed's files where it has no note of them.
    fn cloud_init(&mut self, place: usize) {
        for words in &self.cloud_commands.0.clone() {
            self.on_disk(place, words);
        }
        if self.has(place, "var/lib/cloud/instance/sem/config_write_files") {
            return;
        }
        self.overwrite(place, "var/lib/cloud/instance/sem/config_write_files", "noted\n");
        if !std::mem::take(&mut self.machines[place].fresh) {
            self.note(place, "the seed is written once more");
            seed::write(&self.plan, place, &self.machines[place].root);
        }
    }

    /// The end of cloud-init's first run. What it hands over to systemd is what the rehearsal starts.
    fn cloud_final(&mut self, place: usize) {
        if self.has(place, "var/lib/cloud/instance/sem/config_runcmd") {
            return;
        }
        self.overwrite(place, "var/lib/cloud/instance/sem/config_runcmd", "noted\n");
        for words in &self.cloud_commands.1.clone() {
            match words[0].as_str() {
                "sync" => self.make_durable(place),
                "systemctl" => {}
                _ => self.on_disk(place, words),
            }
        }
    }

    /// Really runs one of cloud-init's commands, on a machine's own disk.
    fn on_disk(&self, place: usize, words: &[String]) {
        let root = self.machines[place].root.display().to_string();
        let words: Vec<_> = words.iter().map(|word| word.replace("/var/lib", &format!("{root}/var/lib"))).collect();
        let ran = std::process::Command::new(&words[0]).args(&words[1..]).status().expect("a command of cloud-init's");
        assert!(ran.success(), "{words:?}");
    }

    /// What a machine that has booted before has noted: its seed is on the disk.
    pub fn seeded(&mut self, place: usize) {
        for note in ["config_write_files", "config_runcmd", "kubespore"] {
            self.overwrite(place, &format!("var/lib/cloud/instance/sem/{note}"), "noted\n");
        }
        self.machines[place].fresh = false;
        self.make_durable(place);
    }

    /// Switches on all machines.
    pub fn power_on_all(&mut self) {
        for place in 0..self.machines.len() {
            self.power_on(place);
        }
    }

    /// Cuts a machine's power: what was not synced may be lost.
    pub fn power_off(&mut self, place: usize) {
        let machine = &mut self.machines[place];
        if !machine.powered {
            return;
        }
        machine.running = None;
        machine.powered = false;
        machine.kubelet = false;
        machine.notice = false;
        machine.syncing = false;
        machine.hurrying = false;
        machine.etcd = None;
        machine.api = None;
        machine.pods_since = None;
        self.events.retain(|(_, who)| *who != place);
        self.settled = None;
        self.forget_data();
        self.note(place, "power off");
        self.lose_unsynced(place);
    }

    fn launch(&mut self, place: usize, script: &str) {
        let gate = script == "gate";
        let machine = &mut self.machines[place];
        let root = machine.root.clone();
        let process = Process::start(
            &self.shell,
            &root.join("etc/kubespore").join(script),
            &root,
            &self.dir.join("bin"),
            &self.dir.join(format!("{}.journal", machine.name)),
        );
        machine.running = Some(Running { process, gate, clock: self.now, pending: None, work: None, begun: false, due: 0 });
    }

    /// Whether the machine carries its last mark.
    pub fn done(&self, place: usize) -> bool {
        self.has(place, "var/lib/kubespore/done")
    }

    /// Whether every machine that has power carries its last mark.
    pub fn all_done(&self) -> bool {
        (0..self.machines.len()).all(|place| !self.machines[place].powered || self.done(place))
    }

    /// Whether a file is there.
    pub fn has(&self, place: usize, path: &str) -> bool {
        self.machines[place].root.join(path).exists()
    }

    /// A file's text, empty when there is none.
    pub fn read(&self, place: usize, path: &str) -> String {
        fs::read(self.machines[place].root.join(path)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// Writes a file that is on the disk at once, as an operator or a test does.
    pub fn put(&mut self, place: usize, path: &str, text: &str) {
        self.forget_data();
        let path = self.machines[place].root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
        self.machines[place].durable.insert(path, text.as_bytes().to_vec());
    }

    /// Writes a file as a program does, which a power cut may empty.
    pub fn overwrite(&mut self, place: usize, path: &str, text: &str) {
        self.forget_data();
        let path = self.machines[place].root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
    }

    /// Starts the kubelet if the gate lets it.
    pub fn start_kubelet(&mut self, place: usize) -> bool {
        let machine = &mut self.machines[place];
        machine.kubelet |= machine.gate == Some(true);
        machine.kubelet
    }

    /// Whether a cluster knows the join credential.
    pub fn credential_lives(&self, cluster: usize) -> bool {
        let lives = self.plan.credential_within == 0 || 3600 + self.now / 1000 < self.plan.credential_within;
        lives && (self.clusters[cluster].door_open || self.plan.credential == Credential::Certificate)
    }

    /// One word of `status.json`.
    pub fn status(&self, place: usize, key: &str) -> String {
        let text = self.read(place, "var/lib/kubespore/status.json");
        if text.is_empty() {
            return String::new();
        }
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("status.json: {error}: {text}"));
        value[key].as_str().map_or_else(|| value[key].to_string(), str::to_owned)
    }

    /// What a machine wrote to its journal.
    pub fn journal(&self, place: usize) -> String {
        fs::read_to_string(self.dir.join(format!("{}.journal", self.machines[place].name))).unwrap_or_default()
    }

    /// The number of etcd clusters that were ever begun.
    pub fn foundings(&self) -> usize {
        self.clusters.len()
    }

    /// Lets the world go on for so many seconds.
    pub fn run(&mut self, seconds: u64) {
        let end = self.now + seconds * 1000;
        self.run_until(|_| false, seconds);
        self.now = self.now.max(end);
    }

    /// Lets the world go on until something holds, for so many seconds at most; says whether it came to hold.
    pub fn run_until(&mut self, holds: impl Fn(&Self) -> bool, seconds: u64) -> bool {
        let end = self.now + seconds * 1000;
        loop {
            self.collect();
            self.settle_now_and_then();
            if holds(self) {
                return true;
            }
            let next_event = self.events.iter().map(|(at, _)| *at).min();
            let next_script = (0..self.machines.len())
                .filter_map(|place| self.machines[place].running.as_ref().map(|running| (running.due, place)))
                .min();
            let next = match (next_event, next_script) {
                (None, None) => u64::MAX,
                (Some(at), None) => at,
                (None, Some((due, _))) => due,
                (Some(at), Some((due, _))) => at.min(due),
            };
            // Pods start between the questions of scripts.
            let pods = self.now + 2_000;
            if next > pods && self.something_starts() {
                self.now = pods.min(end);
                if self.now >= end {
                    return holds(self);
                }
                continue;
            }
            if next > end {
                self.now = end;
                self.settle();
                return holds(self);
            }
            self.now = self.now.max(next);
            self.settle_now_and_then();
            if next_event.is_some_and(|at| at <= next) {
                let at = self.events.iter().position(|(at, _)| *at <= next).expect("the event just found");
                let (_, place) = self.events.remove(at);
                if self.machines[place].powered {
                    self.start_supervisor(place);
                }
            } else if let Some((_, place)) = next_script {
                self.serve(place);
            }
        }
    }

    fn start_supervisor(&mut self, place: usize) {
        self.cloud_final(place);
        if !self.done(place) && self.machines[place].running.is_none() {
            self.launch(place, "first-boot");
        }
    }

    /// Starts a script of a machine by hand, whatever its unit's conditions say.
    pub fn start(&mut self, place: usize, script: &str) {
        assert!(self.machines[place].running.is_none(), "a script runs there already");
        self.machines[place].exit = None;
        self.launch(place, script);
    }

    /// Starts a script of a machine as soon as none runs there, and waits until it has ended.
    #[track_caller]
    pub fn start_when_idle(&mut self, place: usize, script: &str) {
        let idle = self.run_until(|world| world.idle(place), 7200);
        self.expect(idle, "another script runs on");
        self.start(place, script);
        let ended = self.run_until(|world| world.idle(place), 600);
        self.expect(ended, "the script does not end");
    }

    /// Whether no script runs on a machine.
    pub fn idle(&self, place: usize) -> bool {
        self.machines[place].running.is_none()
    }

    /// Waits until a machine says this reason.
    #[track_caller]
    pub fn until_reason(&mut self, place: usize, reason: &str) {
        let said = self.run_until(|world| world.status(place, "reason") == reason, 1800);
        let seen = self.status(place, "reason");
        self.expect(said, &format!("{} says `{seen}`, not `{reason}`", self.machines[place].name));
    }

    /// Waits until a machine stops with this reason, and that it names a command.
    #[track_caller]
    pub fn until_stopped(&mut self, place: usize, reason: &str) {
        self.run_until(|world| world.machines[place].exit.is_some(), 1800);
        let (exit, seen) = (self.machines[place].exit, self.status(place, "reason"));
        self.expect(exit == Some(78) && seen == reason, &format!("exit {exit:?}, reason `{seen}`, not `{reason}`"));
        self.expect(self.status(place, "result") == "stopped", "status.json does not say stopped");
        self.expect(!self.status(place, "command").is_empty(), "no command answers it");
        self.expect(self.read(place, "dev/console").contains(reason), "the console does not say it");
    }

    /// Waits until every machine with power is done.
    #[track_caller]
    pub fn until_done(&mut self) {
        let done = self.run_until(|world| world.all_done() && (0..world.machines.len()).all(|place| world.idle(place)), 7200);
        self.expect(done, "not every machine is done within two hours");
    }

    /// Started voters of a cluster, as places.
    pub fn voters(&self, cluster: usize) -> Vec<usize> {
        let voters = self.clusters[cluster].members.iter().filter(|member| !member.learner && !member.name.is_empty());
        let mut places: Vec<_> = voters.map(|member| member.machine).collect();
        places.sort_unstable();
        places
    }

    /// Pastes the command a machine names, on that machine, and lets the machine do what follows from it.
    pub fn paste_command(&mut self, place: usize) {
        let command = self.status(place, "command");
        let root = self.machines[place].root.display().to_string();
        let inside = command.replace(&root, "").replace(" /var/lib", &format!(" {root}/var/lib"));
        self.note(place, &format!("the operator pastes: {inside}"));
        if inside.contains("/var/lib/etcd") {
            self.data_is_given_up(place);
        }
        let inside = inside.split(" # ").next().unwrap_or_default();
        let program = "reboot() { :; }; systemctl() { :; }; ".to_owned() + inside;
        let ran = std::process::Command::new("/bin/sh").args(["-c", &program]).output().expect("a shell");
        assert!(ran.status.success(), "`{inside}`: {}", String::from_utf8_lossy(&ran.stderr));
        self.make_durable(place);
        if command.contains("reboot") {
            self.power_off(place);
            self.power_on(place);
        } else if command.contains("systemctl restart kubespore-first-boot.service") {
            // The service wants the gate, which systemd starts again where it has failed.
            self.start(place, "gate");
        }
    }

    /// Waits until every script that runs has asked or ended.
    fn collect(&mut self) {
        for place in 0..self.machines.len() {
            let Some(running) = &mut self.machines[place].running else { continue };
            if running.pending.is_some() {
                continue;
            }
            match running.process.next() {
                Event::Asked(words) => {
                    self.check_words(place, &words);
                    self.machines[place].asked += 1;
                    let Some(running) = &mut self.machines[place].running else { continue };
                    running.due = running.clock + commands::cost(&words);
                    running.pending = Some(words);
                }
                Event::Ended(code) => self.ended(place, code),
            }
        }
    }

    fn ended(&mut self, place: usize, code: i32) {
        let machine = &mut self.machines[place];
        let running = machine.running.take().expect("a script that ended ran");
        if running.gate {
            machine.gate = Some(code == 0);
            machine.kubelet = code == 0 && machine.kubelet_enabled;
            self.note(place, if code == 0 { "gate open" } else { "gate shut" });
            self.events.push((self.now, place));
        } else {
            machine.exit = Some(code);
            machine.syncing = false;
            self.note(place, &format!("supervisor ended with {code}"));
            if code != 0 && code != 78 {
                self.events.push((self.now + 5_000, place));
            }
        }
    }

    /// Serves the question of one machine whose time has come.
    fn serve(&mut self, place: usize) {
        let running = self.machines[place].running.as_mut().expect("a script that asked");
        let words = running.pending.clone().expect("a question");
        if !running.begun {
            if self.passes_instant(place, &words, "before") {
                return;
            }
            let doing = commands::begin(self, place, &words);
            let Some(running) = self.machines[place].running.as_mut() else { return };
            running.begun = true;
            match doing {
                Doing::Now(answer) => self.finish(place, &words, &answer),
                Doing::Later(wait, answer) => {
                    running.due = self.now + wait;
                    let mut answer = Some(answer);
                    running.work = Some(Box::new(move |_, _| answer.take().map_or(Tick::Waits, Tick::Ends)));
                }
                Doing::Works(work) => running.work = Some(work),
            }
            return;
        }
        let mut work = running.work.take().expect("a program that has begun and not ended");
        self.sync_service(place);
        let tick = work(self, place);
        self.settle();
        let now = self.now;
        let Some(running) = self.machines[place].running.as_mut() else { return };
        running.work = Some(work);
        match tick {
            Tick::Waits => running.due = now + 500,
            Tick::Did(act, takes) => {
                running.due = now + takes;
                self.passes_instant(place, &words, act);
            }
            Tick::Ends(answer) => self.finish(place, &words, &answer),
        }
    }

    /// The service that syncs about every second while kubeadm runs.
    fn sync_service(&mut self, place: usize) {
        let machine = &mut self.machines[place];
        if machine.syncing && self.now >= machine.synced + 1_000 {
            machine.synced = self.now;
            self.make_durable(place);
        }
    }

    fn finish(&mut self, place: usize, words: &[String], answer: &Answer) {
        if self.machines[place].running.is_none() || self.passes_instant(place, words, "after") {
            return;
        }
        let now = self.now;
        self.tell_uptime(place);
        let running = self.machines[place].running.as_mut().expect("a script that asked");
        running.process.answer(answer);
        running.pending = None;
        running.work = None;
        running.begun = false;
        running.clock = now;
    }

    /// Counts an instant of an act and cuts the power there if that was planned.
    fn passes_instant(&mut self, place: usize, words: &[String], when: &str) -> bool {
        let acts = match words[0].as_str() {
            "kubeadm" => words.get(1).is_some_and(|verb| verb != "version"),
            "systemctl" | "sync" | "kubectl" => true,
            "curl" => words
                .iter()
                .any(|word| ["/member/remove", "/member/add", "/member/promote"].iter().any(|act| word.ends_with(act))),
            _ => false,
        };
        if !acts {
            return false;
        }
        let instant = self.instants[place];
        self.instants[place] += 1;
        self.settled = None;
        self.forget_data();
        self.acts.push((place, format!("{instant} {when} {}", words.join(" "))));
        if self.cut == Some(Cut { machine: place, instant }) {
            self.cut = None;
            self.note(place, &format!("cut {when} {}", words.join(" ")));
            self.power_off(place);
            return true;
        }
        if self.kill == Some(Cut { machine: place, instant }) {
            self.kill = None;
            if self.machines[place].running.as_ref().is_none_or(|running| running.gate) {
                return false;
            }
            self.note(place, &format!("the supervisor is killed {when} {}", words.join(" ")));
            let machine = &mut self.machines[place];
            // With all that it started, kubeadm too; pods and kubelet are others' children.
            (machine.running, machine.syncing) = (None, false);
            self.events.push((self.now + 5_000, place));
            return true;
        }
        false
    }

    /// Nothing secret stands in an argument list.
    fn check_words(&mut self, place: usize, words: &[String]) {
        let excepted = self.plan.certificate_key_flag && words[0] == "kubeadm";
        if !excepted && words.iter().any(|word| seed::holds_secret(word)) {
            self.breaks(format!("I8: a secret in the arguments of {} on {}", words[0], self.machines[place].name));
        }
    }

    /// What of a machine's files the disk would keep if the power went now: all.
    pub fn make_durable(&mut self, place: usize) {
        self.forget_data();
        let files = tracked(&self.machines[place].root);
        let machine = &mut self.machines[place];
        machine.durable = files.into_iter().collect();
        machine.fsynced.clear();
    }

    /// Whether a mark would survive a power cut now.
    pub fn mark_is_durable(&self, place: usize, mark: &str) -> bool {
        let machine = &self.machines[place];
        machine.durable.get(&machine.root.join("var/lib/kubespore").join(mark)).is_some_and(|bytes| !bytes.is_empty())
    }

    /// One file, or one directory's entries, reach the disk.
    pub fn fsync(&mut self, place: usize, path: &Path) {
        let machine = &mut self.machines[place];
        if path.is_dir() {
            for (file, bytes) in tracked(&machine.root) {
                if file.parent() == Some(path) && machine.fsynced.contains(&bytes) {
                    machine.durable.insert(file, bytes);
                }
            }
        } else if let Ok(bytes) = fs::read(path) {
            machine.fsynced.insert(bytes);
        }
    }

    fn lose_unsynced(&mut self, place: usize) {
        let root = self.machines[place].root.clone();
        for (path, bytes) in tracked(&root) {
            let machine = &self.machines[place];
            let kept = machine.durable.get(&path);
            if kept == Some(&bytes) {
                continue;
            }
            if machine.fsynced.contains(&bytes) {
                // Renamed but the directory not synced: the new entry is there or is not.
                if self.random.below(2) == 0 {
                    match kept {
                        Some(old) => fs::write(&path, old).expect("the old file"),
                        None => fs::remove_file(&path).expect("a file to lose"),
                    }
                }
            } else {
                fs::write(&path, b"").expect("a file to empty");
            }
        }
        self.make_durable(place);
    }

    /// Whether two machines reach each other; `None` is the load balancer.
    pub fn reach(&self, from: usize, to: usize) -> bool {
        self.machines[from].island == self.machines[to].island
    }

    /// The next member id: larger than a double can tell apart.
    pub fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        0x9000_0000_0000_0000 + self.next_id
    }

    /// Which cluster and member a machine's data belongs to, and as of which epoch. Read once between two moments that
    /// can change it: everything that lives is asked for it, again and again.
    pub fn data(&self, place: usize) -> Option<Belonging> {
        let known = self.known_data.borrow().get(&place).copied();
        known.unwrap_or_else(|| {
            let read = self.data_on_disk(place);
            self.known_data.borrow_mut().insert(place, read);
            read
        })
    }

    fn data_on_disk(&self, place: usize) -> Option<Belonging> {
        let text = self.read(place, "var/lib/etcd/member/db");
        let mut words = text.split_whitespace().map(|word| word.parse::<u64>().ok());
        let (cluster, id, epoch) = (words.next()??, words.next()??, words.next()??);
        Some((usize::try_from(cluster).ok()?, id, epoch))
    }

    /// What was read of data may no longer be so.
    fn forget_data(&mut self) {
        self.known_data.get_mut().clear();
    }

    fn write_data(&mut self, place: usize, cluster: usize, id: u64) {
        self.kept.insert((place, cluster, id));
        // etcd syncs what it writes.
        let text = format!("{cluster} {id} {}\n", self.clusters[cluster].epoch);
        self.put(place, "var/lib/etcd/member/db", &text);
    }

    /// Whether a cluster's voters around a machine are a majority.
    pub fn quorum(&self, cluster: usize, seen_from: usize) -> bool {
        let voters: Vec<_> = self.clusters[cluster].members.iter().filter(|member| !member.learner).collect();
        let live =
            voters.iter().filter(|member| self.member_lives(cluster, member) && self.reach(seen_from, member.machine)).count();
        live > voters.len() / 2
    }

    /// Whether a member's etcd runs with the data of that member.
    pub fn member_lives(&self, cluster: usize, member: &Member) -> bool {
        self.machines[member.machine].etcd.is_some()
            && self.data(member.machine).is_some_and(|(in_cluster, id, _)| in_cluster == cluster && id == member.id)
    }

    /// The cluster a machine's running etcd serves.
    pub fn cluster_at(&self, place: usize) -> Option<usize> {
        self.machines[place].etcd?;
        self.data(place).map(|(cluster, ..)| cluster)
    }

    /// Whether a machine's API server answers 200.
    pub fn ready(&self, place: usize) -> bool {
        self.machines[place].api.is_some() && self.cluster_at(place).is_some_and(|cluster| self.quorum(cluster, place))
    }

    /// The API server the load balancer leads a machine to.
    pub fn backend(&self, from: usize) -> Option<usize> {
        if !self.balancer.up || self.balancer.drops || self.machines[from].island != self.balancer.island {
            return None;
        }
        (0..self.plan.control_planes)
            .filter(|place| self.machines[*place].island == self.balancer.island)
            .filter(|place| !(self.balancer.hairpin_fails && *place == from))
            .find(|place| self.ready(*place))
    }

    fn something_starts(&self) -> bool {
        (0..self.machines.len()).any(|place| {
            let machine = &self.machines[place];
            machine.kubelet && (machine.etcd.is_none() || machine.api.is_none() && !self.is_etcd(place))
        })
    }

    /// Whether a file is there and holds something.
    pub fn whole(&self, place: usize, path: &str) -> bool {
        fs::metadata(self.machines[place].root.join(path)).is_ok_and(|meta| meta.len() > 0)
    }

    /// Starts and stops what follows from the state of things: pods, Nodes' heartbeats, data on disks.
    pub fn settle(&mut self) {
        self.settled = Some(self.now);
        self.forget_data();
        for place in 0..self.machines.len() {
            if self.is_etcd(place) {
                self.settle_etcd(place);
            } else {
                self.settle_pods(place);
            }
        }
        for place in 0..self.machines.len() {
            self.settle_node(place);
        }
    }

    /// Questions that change nothing follow each other within milliseconds; pods and heartbeats do not.
    fn settle_now_and_then(&mut self) {
        if self.settled.is_none_or(|at| self.now >= at + 1_000) {
            self.settle();
        }
    }

    /// Whether a machine runs etcd and nothing else.
    pub fn is_etcd(&self, place: usize) -> bool {
        self.plan.etcd_place(place).is_some()
    }

    fn settle_etcd(&mut self, place: usize) {
        let now = self.now;
        let machine = &mut self.machines[place];
        if !machine.kubelet {
            (machine.pods_since, machine.etcd) = (None, None);
            return;
        }
        let since = *machine.pods_since.get_or_insert(now);
        if machine.etcd.is_none() && now >= since + ETCD_STARTS {
            self.machines[place].etcd_inside =
                self.read(place, ETCD_ENV).contains("ETCD_LISTEN_CLIENT_URLS=https://127.0.0.1:2379");
            self.start_etcd(place);
        }
        self.settle_data(place);
    }

    /// What a member learns from the others, and that it ends when they have removed it.
    fn settle_data(&mut self, place: usize) {
        if let Some((cluster, id, _)) = self.data(place) {
            let listed = self.clusters.get(cluster).is_some_and(|c| c.members.iter().any(|member| member.id == id));
            if !listed {
                self.machines[place].etcd = None;
                self.machines[place].api = None;
            } else if self.machines[place].etcd.is_some() && self.quorum(cluster, place) {
                self.write_data_if_changed(place, cluster, id);
            }
        }
    }

    fn settle_pods(&mut self, place: usize) {
        let wanted = self.machines[place].kubelet
            && ["etc/kubernetes/manifests/etcd.yaml", "var/lib/kubelet/config.yaml", "var/lib/kubelet/kubeadm-flags.env"]
                .iter()
                .all(|path| self.whole(place, path))
            && self.whole(place, "etc/kubernetes/pki/etcd/server.crt");
        if !wanted {
            let machine = &mut self.machines[place];
            machine.pods_since = None;
            // A kubelet that stops leaves its pods running; a machine without power or manifests does not.
            if !machine.powered || !machine.root.join("etc/kubernetes/manifests/etcd.yaml").exists() {
                machine.etcd = None;
                machine.api = None;
            }
            return;
        }
        let now = self.now;
        let since = *self.machines[place].pods_since.get_or_insert(now);
        if self.machines[place].etcd.is_none() && now >= since + ETCD_STARTS {
            self.start_etcd(place);
        }
        self.settle_data(place);
        let api_whole = self.whole(place, "etc/kubernetes/manifests/kube-apiserver.yaml")
            && self.whole(place, "etc/kubernetes/pki/apiserver.crt");
        match self.machines[place].etcd {
            Some(since) if api_whole && now >= since + API_STARTS => {
                self.machines[place].api.get_or_insert(now);
            }
            Some(_) => {}
            None => self.machines[place].api = None,
        }
    }

    fn write_data_if_changed(&mut self, place: usize, cluster: usize, id: u64) {
        if self.data(place).is_some_and(|(_, _, epoch)| epoch != self.clusters[cluster].epoch) {
            self.write_data(place, cluster, id);
        }
    }

    fn start_etcd(&mut self, place: usize) {
        let begins = if self.is_etcd(place) {
            self.read(place, ETCD_ENV).contains("ETCD_INITIAL_CLUSTER_STATE=new")
        } else {
            self.read(place, ETCD_POD).contains("state=new")
        };
        if let Some((cluster, id, epoch)) = self.data(place) {
            let Some(known) = self.clusters.get(cluster) else { return };
            if !known.members.iter().any(|member| member.id == id) {
                return;
            }
            let others = known.members.iter().filter(|member| member.id != id && self.member_lives(cluster, member)).count();
            if epoch < known.epoch
                && others > known.members.len() / 2
                && !self.done(place)
                && !self.has(place, "var/lib/kubespore/member")
            {
                self.breaks(format!("I6: a stale etcd woke on {}", self.machines[place].name));
            }
            self.machines[place].etcd = Some(self.now);
            return;
        }
        if begins {
            self.check_founding(place);
            let begun = self.read(place, if self.is_etcd(place) { ETCD_ENV } else { ETCD_POD });
            let token = ["token=", "TOKEN="].iter().find_map(|name| Some(begun.split_once(name)?.1.lines().next()?.to_owned()));
            let token = token.unwrap_or_default();
            let others = |cluster: &Cluster| cluster.members.iter().any(|member| member.machine != place);
            if self.clusters.iter().any(|cluster| cluster.token == token && others(cluster)) {
                self.breaks(format!(
                    "§5: etcd takes what {} founds for a cluster that was there before",
                    self.machines[place].name
                ));
            }
            let id = self.new_id();
            let member = Member { id, machine: place, name: self.machines[place].name.clone(), learner: false };
            self.clusters.push(Cluster { members: vec![member], epoch: 1, token, ..Cluster::default() });
            let cluster = self.clusters.len() - 1;
            self.write_data(place, cluster, id);
            self.machines[place].etcd = Some(self.now);
            self.note(place, &format!("etcd begins cluster {cluster}"));
            return;
        }
        let seat = self.clusters.iter().enumerate().find_map(|(number, cluster)| {
            let member = cluster.members.iter().find(|member| member.machine == place && member.name.is_empty())?;
            Some((number, member.id))
        });
        if let Some((cluster, id)) = seat {
            let name = self.machines[place].name.clone();
            let changed = &mut self.clusters[cluster];
            changed.epoch += 1;
            if let Some(member) = changed.members.iter_mut().find(|member| member.id == id) {
                member.name = name;
            }
            self.write_data(place, cluster, id);
            self.machines[place].etcd = Some(self.now);
            self.note(place, "etcd starts as a new member");
        }
    }

    fn settle_node(&mut self, place: usize) {
        if !self.machines[place].kubelet
            || !self.whole(place, "etc/kubernetes/kubelet.conf")
            || !self.whole(place, "var/lib/kubelet/config.yaml")
            || !self.whole(place, "var/lib/kubelet/pki/kubelet-client-current.pem")
        {
            return;
        }
        let server = if self.machines[place].control_plane && self.ready(place) { Some(place) } else { self.backend(place) };
        let Some(cluster) = server.and_then(|server| self.cluster_at(server)) else { return };
        let heard = self.now;
        let boot_id = self.boot_id(place);
        let name = self.machines[place].name.clone();
        self.clusters[cluster].nodes.insert(name, NodeObject { boot_id, heard });
    }

    /// What the kernel of a machine calls this boot.
    pub fn boot_id(&self, place: usize) -> String {
        format!("boot-{place}-{}", self.machines[place].boot)
    }

    /// Whether a Node object is Ready.
    pub fn node_ready(&self, node: &NodeObject) -> bool {
        self.now < node.heard + NODE_LEASE
    }

    /// Where init may begin a cluster at all: no earlier one of this generation could still have its quorum on
    /// disks that exist.
    pub fn check_founding(&mut self, place: usize) {
        for number in 0..self.clusters.len() {
            let cluster = &self.clusters[number];
            let voters: Vec<_> = cluster.members.iter().filter(|member| !member.learner).collect();
            let kept = |member: &Member| self.data(member.machine).is_some_and(|(c, id, _)| c == number && id == member.id);
            let own_only = voters.iter().all(|member| member.machine == place);
            if !own_only && voters.iter().filter(|member| kept(member)).count() > voters.len() / 2 {
                self.breaks(format!("I1: {} founds while cluster {number} can live", self.machines[place].name));
            }
        }
    }

    /// A member's data is on a machine's disk.
    pub fn data_is_written(&mut self, place: usize, cluster: usize, id: u64) {
        self.kept.insert((place, cluster, id));
    }

    /// The test, or an operator, has taken a machine's data away.
    pub fn data_is_given_up(&mut self, place: usize) {
        self.kept.retain(|(of, ..)| *of != place);
    }

    /// I5: the data of every member is where it was written, or beside it under another name.
    fn data_is_kept(&mut self) {
        for (place, cluster, id) in self.kept.clone() {
            let beside = (1..10).map(|n| format!("var/lib/etcd.stale-{n}"));
            let mut places = std::iter::once("var/lib/etcd".to_owned()).chain(beside);
            if !places.any(|dir| self.read(place, &format!("{dir}/member/db")).starts_with(&format!("{cluster} {id} "))) {
                self.breaks(format!("I5: the data of member {id} on {} is gone", self.machines[place].name));
            }
        }
    }

    /// What must hold at the end of every rehearsal.
    pub fn assert_sound(&mut self) {
        self.data_is_kept();
        for place in 0..self.machines.len() {
            let spoken =
                [self.journal(place), self.read(place, "dev/console"), self.read(place, "var/lib/kubespore/status.json")];
            if spoken.iter().any(|text| seed::holds_secret(text)) {
                self.breaks(format!("I8: {} says a secret", self.machines[place].name));
            }
            for word in ["not found", "syntax error", "parameter not set", "Illegal", "unbound", "bad substitution"] {
                if let Some(line) = spoken[0].lines().find(|line| line.contains(word) && !line.contains("reason=")) {
                    self.breaks(format!("{} stumbles: {line}", self.machines[place].name));
                }
            }
        }
        assert!(self.broken.is_empty(), "{}\n{}", self.broken.join("\n"), self.story());
    }

    /// The end of what happened, for a failed test's reader.
    pub fn story(&self) -> String {
        let mut lines: Vec<String> = self.trace.iter().rev().take(150).rev().cloned().collect();
        for place in 0..self.machines.len() {
            let journal = self.journal(place);
            lines.push(format!("--- journal of {} (exit {:?})", self.machines[place].name, self.machines[place].exit));
            let tail: Vec<_> = journal.lines().rev().take(25).collect();
            lines.extend(tail.into_iter().rev().map(str::to_owned));
        }
        for (number, cluster) in self.clusters.iter().enumerate() {
            lines.push(format!("--- cluster {number}: {:?} door {}", cluster.members, cluster.door_open));
        }
        lines.join("\n")
    }

    /// Fails with the story when something does not hold.
    #[track_caller]
    pub fn expect(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{}", self.story());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for machine in &mut self.machines {
            machine.running = None;
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The files a power cut may empty: what scripts and kubeadm write.
fn tracked(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    ["etc/kubernetes", "etc/kubespore", "var/lib/cloud", "var/lib/kubelet", "var/lib/kubespore", "var/lib/etcd"]
        .iter()
        .flat_map(|dir| walkdir::WalkDir::new(root.join(dir)).sort_by_file_name())
        .filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_file()))
        .filter_map(|entry| fs::read(entry.path()).ok().map(|bytes| (entry.into_path(), bytes)))
        .collect()
}
