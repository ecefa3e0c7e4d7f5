//! What the programs of a machine answer: its own ones here, the network's and kubeadm's in their files.
//!
//! In: the world and one call's words. Out: what is printed, after how long, and what it changes. Absent on purpose:
//! anything the scripts do not call.

use std::fs;
use std::process::Command;

use super::process::Answer;
use super::world::{Ail, Doing, World};
use super::{kubeadm, network};

/// The service of a member that has a machine of its own.
const ETCD: &str = "kubespore-etcd.service";

/// How long a call takes at least, in milliseconds.
pub fn cost(words: &[String]) -> u64 {
    match words[0].as_str() {
        "sleep" => words[1].parse::<u64>().expect("whole seconds") * 1000,
        "date" => 0,
        _ => 5,
    }
}

/// Starts one call.
///
/// # Panics
/// When a script calls something nobody foresaw.
pub fn begin(world: &mut World, place: usize, words: &[String]) -> Doing {
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let ails = |ail: Ail| world.machines[place].ails.contains(&ail);
    let answer = match (words[0].as_str(), arguments.as_slice()) {
        ("sleep", _) => Answer::ok(),
        ("date", arguments) => date(world.clock(place), arguments),
        ("sync", []) => {
            world.make_durable(place);
            Answer::ok()
        }
        ("sync", [path]) => {
            world.fsync(place, path.as_ref());
            Answer::ok()
        }
        ("systemctl", arguments) => return systemctl(world, place, arguments),
        ("curl", arguments) => return network::curl(world, place, arguments),
        ("openssl", arguments) => openssl(world, place, arguments),
        ("etcd", ["--version"]) => {
            let version = if ails(Ail::OldEtcd) { "3.3.27" } else { "3.5.24" };
            Answer::out(format!("etcd Version: {version}\nGit SHA: 0\nGo Version: go1.24\nGo OS/Arch: linux/amd64"))
        }
        ("kubeadm", ["version", ..]) => Answer::out(if ails(Ail::OtherKubeadm) { "v1.35.0" } else { "v1.36.2" }),
        ("kubeadm", arguments) => return Doing::Works(kubeadm::run(world, place, arguments)),
        ("kubectl", arguments) => return kubectl(world, place, arguments),
        ("findmnt", _) => match world.plan.etcd_disk {
            Some(disk) if !ails(Ail::NoDisk) => Answer::out(disk),
            _ => Answer::out("/dev/root"),
        },
        ("ip", ["-o", "addr", "show", "to", address]) if *address == world.machines[place].address => {
            let flags = if ails(Ail::DuplicateAddress) { "dadfailed " } else { "" };
            if ails(Ail::NoAddress) {
                Answer::ok()
            } else {
                Answer::out(format!("2: eth0    inet {address}/24 scope global {flags}eth0"))
            }
        }
        ("getent", ["hosts", name]) => {
            if world.balancer.resolves {
                Answer::out(format!("10.0.0.10 {name}"))
            } else {
                Answer::code(2)
            }
        }
        ("arping", ["-V"]) if ails(Ail::OtherArping) => Answer::err(1, "ARPing 2.23, by Thomas Habets <thomas@habets.se>"),
        ("arping", ["-V"]) => Answer::out("arping from iputils 20221126"),
        ("arping", _) if ails(Ail::OtherArping) => Answer::code(i32::from(!world.machines[place].twin)),
        ("arping", _) => Answer::code(i32::from(world.machines[place].twin)),
        ("timedatectl", _) => Answer::out(if ails(Ail::Unsynchronised) { "no" } else { "yes" }),
        ("swapoff", ["-a"]) => {
            if ails(Ail::SwapStays) {
                return Doing::Now(Answer::err(1, "swapoff: Cannot allocate memory"));
            }
            world.machines[place].swap = false;
            world.overwrite(place, "proc/swaps", "Filename Type Size Used Priority\n");
            Answer::ok()
        }
        ("ctr", ["-n", "k8s.io", "images", "ls", "-q"]) => {
            if ails(Ail::NoImages) {
                Answer::ok()
            } else {
                Answer::out(world.plan.images.join("\n"))
            }
        }
        ("systemd-machine-id-setup", []) => {
            let fresh = format!("{:032x}\n", 0xfeed_0000_u64 + world.random.below(0xffff));
            world.overwrite(place, "etc/machine-id", &fresh);
            Answer::ok()
        }
        _ => panic!("nobody foresaw: {}", words.join(" ")),
    };
    Doing::Now(answer)
}

fn date(clock: u64, arguments: &[&str]) -> Answer {
    if arguments == ["+%s"] {
        return Answer::out(clock.to_string());
    }
    let mut command = Command::new("/bin/date");
    if !arguments.contains(&"-d") {
        command.args(["-d", &format!("@{clock}")]);
    }
    let output = command.args(arguments).env("LC_ALL", "C").output().expect("the real date");
    Answer::out(String::from_utf8_lossy(&output.stdout))
}

fn systemctl(world: &mut World, place: usize, arguments: &[&str]) -> Doing {
    let now = world.now;
    let ails = world.machines[place].ails.clone();
    let machine = &mut world.machines[place];
    let answer = match arguments {
        ["start", ETCD] => Answer::code(i32::from(!world.start_kubelet(place))),
        ["restart", ETCD] => {
            (machine.kubelet, machine.pods_since, machine.etcd) = (false, None, None);
            Answer::code(i32::from(!world.start_kubelet(place)))
        }
        ["stop", ETCD] => {
            (machine.kubelet, machine.pods_since, machine.etcd) = (false, None, None);
            Answer::ok()
        }
        ["--no-reload", "enable", ETCD] => {
            machine.kubelet_enabled = true;
            Answer::ok()
        }
        ["--no-reload", "mask", "--now", unit] => {
            machine.masked.insert((*unit).to_owned());
            Answer::ok()
        }
        ["start", "kubelet.service"] => Answer::code(i32::from(!world.start_kubelet(place))),
        ["stop", "kubelet.service"] => {
            machine.kubelet = false;
            Answer::ok()
        }
        ["--no-reload", "enable", "kubelet.service"] => {
            machine.kubelet_enabled = true;
            Answer::ok()
        }
        [verb @ ("start" | "stop"), "--no-block", "kubespore-sync.service"] => {
            machine.syncing = *verb == "start";
            machine.synced = now;
            Answer::ok()
        }
        [verb @ ("start" | "stop"), "--no-block", "kubespore-hurry.service"] => {
            machine.hurrying = *verb == "start";
            Answer::ok()
        }
        [verb @ ("start" | "stop"), "kubespore-notice.socket"] => {
            machine.notice = *verb == "start";
            let promised =
                ["init-intent", "join-intent"].iter().any(|mark| world.has(place, &format!("var/lib/kubespore/{mark}")));
            if *verb == "start" && promised {
                world.breaks(format!("§4: {} says it is empty after its intent", world.machines[place].name));
            }
            Answer::ok()
        }
        ["start", "kubespore-gate.service"] => Answer::code(i32::from(machine.gate != Some(true))),
        ["restart", units @ ..] => {
            machine.restarted.extend(units.iter().map(|unit| (*unit).to_owned()));
            let fails = |ail, unit: &str| ails.contains(&ail) && units.contains(&unit);
            Answer::code(i32::from(
                fails(Ail::RuntimeDown, "containerd.service") || fails(Ail::NoModules, "systemd-modules-load.service"),
            ))
        }
        ["start", "containerd.service"] => {
            if !ails.contains(&Ail::RuntimeDown) {
                world.overwrite(place, "run/containerd/containerd.sock", "");
            }
            Answer::ok()
        }
        ["--no-reload", "mask", unit] => {
            machine.masked.insert((*unit).to_owned());
            Answer::ok()
        }
        ["enable", "--now", unit] => {
            machine.enabled.insert((*unit).to_owned());
            Answer::ok()
        }
        ["disable", "--now", unit] => {
            machine.enabled.remove(*unit);
            Answer::ok()
        }
        ["show", "-p", "ActiveState", "-p", "Job", "cloud-final.service"] => {
            let state = if ails.contains(&Ail::CloudFinalRuns) { "activating" } else { "active" };
            Answer::out(format!("ActiveState={state}\nJob="))
        }
        _ => panic!("nobody foresaw: systemctl {}", arguments.join(" ")),
    };
    Doing::Now(answer)
}

fn kubectl(world: &mut World, place: usize, arguments: &[&str]) -> Doing {
    let Some(cluster) = network::by_endpoint(world, place).and_then(|to| world.cluster_at(to)) else {
        return Doing::Later(5_000, Answer::err(1, "The connection to the server was refused"));
    };
    if arguments.contains(&"apply") && world.applies_fail > 0 {
        world.applies_fail -= 1;
        return Doing::Later(800, Answer::err(1, "no matches for kind \"ConfigMap\" in version \"v1\""));
    }
    match arguments {
        ["--kubeconfig", _, "apply", "-f", path] => {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            world.clusters[cluster].applied.insert(name);
        }
        ["--kubeconfig", _, "-n", "kube-system", "delete", "secret", "kubeadm-certs", "--ignore-not-found"] => {
            world.clusters[cluster].certificates_until = 0;
        }
        ["--kubeconfig", _, "get", "nodes", "-o", "name"] => {
            let names = world.clusters[cluster].nodes.keys().map(|name| format!("node/{name}"));
            return Doing::Later(800, Answer::out(names.collect::<Vec<_>>().join("\n")));
        }
        ["--kubeconfig", _, "delete", "clusterrolebinding", "kubeadm:node-autoapprove-bootstrap", "--ignore-not-found"] => {
            world.clusters[cluster].strict = true
        }
        _ => panic!("nobody foresaw: kubectl {}", arguments.join(" ")),
    }
    Doing::Later(800, Answer::ok())
}

/// What comes after an option.
pub fn option<'a>(arguments: &[&'a str], name: &str) -> Option<&'a str> {
    arguments.iter().position(|word| *word == name).and_then(|at| arguments.get(at + 1).copied())
}

fn openssl(world: &mut World, place: usize, arguments: &[&str]) -> Answer {
    let write = |name: &str, text: &str| {
        let path = option(arguments, name).expect("a file to write");
        fs::write(path, text).expect("a file openssl writes");
        Answer::ok()
    };
    match arguments[0] {
        "s_client" => network::handshake(world, place, arguments),
        "x509" => Answer::out("sha256 Fingerprint=AB:CD:EF"),
        "genpkey" => write("-out", "SECRET minted key\n"),
        "req" => write("-out", "request\n"),
        "ca" => {
            let (from, until) = (instant(arguments, "-startdate"), instant(arguments, "-enddate"));
            world.minted.push((i64::try_from(world.clock(place)).expect("a date"), from, until));
            let life = until - from;
            if life > 600 {
                world.breaks(format!("I9: {} mints a certificate for {life} s", world.machines[place].name));
            }
            let key = fs::read_to_string(option(arguments, "-keyfile").expect("a CA key")).unwrap_or_default();
            if !key.contains("SECRET") {
                return Answer::err(1, "unable to load CA private key");
            }
            write("-out", "minted certificate\n")
        }
        _ => panic!("nobody foresaw: openssl {}", arguments.join(" ")),
    }
}

/// Reads `YYMMDDHHMMSSZ` as seconds since 1970.
fn instant(arguments: &[&str], name: &str) -> i64 {
    let text = option(arguments, name).expect("a date");
    let part = |at: usize| text[at..at + 2].parse::<u8>().expect("digits");
    let month = time::Month::try_from(part(2)).expect("a month");
    let day = time::Date::from_calendar_date(2000 + i32::from(part(0)), month, part(4)).expect("a day");
    day.with_hms(part(6), part(8), part(10)).expect("an hour").assume_utc().unix_timestamp()
}
