//! What the founder makes of what it sees: first-boot.md §4.
//!
//! In: curl's exit codes and words, or machines in a state. Out: joins, founds, waits or stops. Absent on purpose: TLS.

use super::seed::Plan;
use super::world::World;

/// Where the founder goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    /// A cluster lives: it will join.
    Joins,
    /// It waits for this reason.
    Waits(&'static str),
    /// It stops for this reason.
    Stops(&'static str),
}

use Goes::{Joins, Stops, Waits};

/// What curl says at a place, the others being off, and what the founder of three does then.
const ANSWERS: &[(&str, i32, &str, Goes)] = &[
    ("10.0.0.12:6443", 51, "curl: (51) SSL: no alternative certificate subject name matches", Waits("foreign")),
    ("10.0.0.12:6443", 60, "curl: (60) SSL certificate problem: unable to get local issuer certificate", Waits("foreign")),
    ("10.0.0.10:6443", 60, "curl: (60) SSL certificate problem: self-signed certificate", Waits("foreign")),
    ("10.0.0.12:2379", 60, "curl: (60) SSL certificate problem: self-signed certificate", Waits("foreign")),
    ("10.0.0.12:6443", 60, "curl: (60) SSL certificate problem: certificate has expired", Waits("clock")),
    ("10.0.0.10:6443", 60, "curl: (60) SSL certificate problem: certificate is not yet valid", Waits("clock")),
    ("10.0.0.12:2379", 60, "curl: (60) SSL certificate problem: certificate is not yet valid", Waits("clock")),
    ("10.0.0.12:2379", 55, "curl: (55) Send failure: Connection reset by peer", Joins),
    ("10.0.0.12:2379", 52, "curl: (52) Empty reply from server", Joins),
    ("10.0.0.12:2379", 56, "curl: (56) OpenSSL SSL_read: alert bad certificate", Joins),
    ("10.0.0.12:6443", 58, "curl: (58) could not load PEM client certificate", Stops("own-files")),
    ("10.0.0.12:6443", 77, "curl: (77) error setting certificate file", Stops("own-files")),
    ("10.0.0.12:2379", 77, "curl: (77) error setting certificate file", Stops("own-files")),
    ("10.0.0.12:6443", 6, "curl: (6) Could not resolve host", Waits("majority")),
    ("10.0.0.12:6443", 7, "curl: (7) Connection refused", Waits("majority")),
    ("10.0.0.12:6443", 28, "curl: (28) Operation timed out", Waits("majority")),
    ("10.0.0.12:6443", 35, "curl: (35) SSL_ERROR_SYSCALL", Waits("majority")),
    ("10.0.0.12:6443", 52, "curl: (52) Empty reply from server", Waits("majority")),
    ("10.0.0.12:6443", 56, "curl: (56) Connection reset by peer", Waits("majority")),
    ("10.0.0.10:6443", 35, "curl: (35) SSL_ERROR_SYSCALL", Waits("majority")),
    ("10.0.0.10:6443", 28, "curl: (28) Operation timed out", Waits("majority")),
    ("10.0.0.12:6443", 99, "curl: (99) something new", Waits("majority")),
    ("10.0.0.12:2379", 35, "curl: (35) SSL_ERROR_SYSCALL", Waits("majority")),
];

#[test]
fn every_answer_of_curl_has_its_class() {
    for (at, code, why, goes) in ANSWERS {
        let mut world = World::new(Plan::new(3, 0));
        world.curl_says.insert((*at).to_owned(), (*code, why));
        world.power_on(0);
        goes_there(&mut world, *goes, &format!("{at} {why}"));
    }
}

#[track_caller]
fn goes_there(world: &mut World, goes: Goes, label: &str) {
    let before = world.foundings();
    world.run(60);
    match goes {
        Joins => world.expect(world.status(0, "phase") == "join-wait", label),
        Waits(reason) => {
            world.expect(world.status(0, "phase") == "found-wait" && world.status(0, "reason") == reason, label);
            world.expect(world.machines[0].notice, &format!("{label}: it waits and does not say that it is empty"));
        }
        Stops(reason) => world.until_stopped(0, reason),
    }
    world.expect(world.foundings() == before && world.machines[0].kubeadm_runs.is_empty(), label);
    world.assert_sound();
}

#[test]
fn both_fingerprints_are_printed() {
    let mut world = World::new(Plan::new(3, 0));
    world.balancer.foreign = true;
    world.power_on(0);
    world.until_reason(0, "foreign");
    world.expect(world.status(0, "text").matches("sha256 Fingerprint=").count() == 2, "not both fingerprints");
    // A joiner too.
    world.power_on(1);
    world.until_reason(1, "foreign");
    world.expect(world.status(1, "text").matches("sha256 Fingerprint=").count() == 2, "not both fingerprints");
    world.assert_sound();
}

/// An API server lives whatever it answers, and etcd alone is a life too.
#[test]
fn whatever_a_sibling_answers_it_lives() {
    for (tls12, anonymous, api) in [(false, true, true), (false, false, true), (false, true, false), (true, true, false)] {
        let mut plan = Plan::new(3, 0);
        plan.anonymous = anonymous;
        let mut world = World::new(plan);
        world.form(&[0, 1, 2]);
        world.power_on(1);
        if !api {
            world.take_away(1, "etc/kubernetes/manifests/kube-apiserver.yaml");
        }
        world.run(60);
        world.expect(world.machines[1].api.is_some() == api && !world.ready(1), "not the survivor of a lost quorum");
        world.etcd_tls12 = tls12;
        world.balancer.up = false;
        world.wipe(0);
        world.power_on(0);
        goes_there(&mut world, Joins, &format!("TLS 1.2 {tls12}, anonymous {anonymous}, API {api}"));
    }
}

/// A notice needs the right words, and an answer that lives outvotes it.
#[test]
fn a_notice_counts_only_for_this_generation_and_this_machine() {
    let words = [
        ("GENERATION='1'", "GENERATION='2'"),
        ("CLUSTER_ID='0a1b2c3d'", "CLUSTER_ID='ffffffff'"),
        ("NODE='cp-2'", "NODE='cp-3'"),
    ];
    for (right, wrong) in words {
        let mut world = World::new(Plan::new(3, 0));
        let changed = world.read(1, "etc/kubespore/node.env").replace(right, wrong);
        world.expect(changed.contains(wrong), "nothing was changed");
        world.put(1, "etc/kubespore/node.env", &changed);
        world.power_on(0);
        world.power_on(1);
        world.run(60);
        world.expect(world.machines[1].notice, "no notice");
        world.expect(world.status(0, "reason") == "majority" && world.foundings() == 0, wrong);
        world.assert_sound();
    }
}

#[test]
fn two_notices_never_outvote_one_life() {
    let mut world = World::new(Plan::new(5, 0));
    world.form(&[0, 1, 2, 3, 4]);
    for place in [0, 2, 3] {
        world.wipe(place);
    }
    for place in [0, 1, 2, 3] {
        world.power_on(place);
    }
    world.balancer.up = false;
    world.run(300);
    world.expect(world.machines[2].notice && world.machines[3].notice, "no notices");
    world.expect(world.foundings() == 1 && world.status(0, "phase") == "join-wait", "a majority of notices outvoted a life");
    world.assert_sound();
}

#[test]
fn our_own_answer_is_nobodys() {
    let mut world = World::new(Plan::new(1, 0));
    // Something old answers at our own address.
    world.curl_says.insert("10.0.0.11:6443".to_owned(), (60, "curl: (60) SSL certificate problem: self-signed certificate"));
    world.power_on(0);
    world.run(10);
    world.expect(world.machines[0].kubeadm_runs.get("init") == Some(&1), "our own address held the founding back");
}
