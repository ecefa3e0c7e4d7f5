//! The supervisor's own ways: what it takes time from, how it waits, what it leaves alone and what it leaves behind.
//!
//! In: a machine in an odd place. Out: the same cluster as anywhere. Absent on purpose: cuts and kills, which have every
//! instant in `cuts`.

use std::os::unix::fs::PermissionsExt;

use super::seed::Plan;
use super::world::{Ail, World};

const HOUR: u64 = 3600;

/// An arping that succeeds when somebody answers says the opposite of the one that looks for twins.
#[test]
fn an_arping_that_cannot_tell_is_not_asked() {
    let mut world = World::new(Plan::new(1, 0));
    world.machines[0].ails.insert(Ail::OtherArping);
    world.power_on(0);
    world.until_done();
    let said = world.journal(0).matches("no arping that can tell a twin").count();
    world.expect(said == 1, &format!("it says so {said} times"));
    world.assert_sound();
}

/// Two minutes of silence are two minutes, whatever the clock says: a time server steps it in between.
#[test]
fn silence_is_not_measured_by_a_clock_that_is_stepped() {
    let mut plan = Plan::new(3, 0);
    plan.alone = true;
    let mut world = World::new(plan);
    world.power_on(0);
    world.run(12);
    world.machines[0].skew = 600;
    world.run(90);
    world.expect(world.foundings() == 0, "the stepped clock passed for silence");
    let founded = world.run_until(|world| world.foundings() == 1, 120);
    world.expect(founded, "two minutes of silence are not enough");
    world.assert_sound();
}

/// What answers is no silence, even if it is not ours.
#[test]
fn silence_begins_when_a_stranger_has_gone() {
    let mut plan = Plan::new(3, 0);
    plan.alone = true;
    let mut world = World::new(plan);
    world.balancer.foreign = true;
    world.power_on(0);
    world.run(300);
    world.expect(world.status(0, "reason") == "foreign", "nobody saw the stranger");
    world.balancer.foreign = false;
    world.run(90);
    world.expect(world.foundings() == 0, "the stranger's time passed for silence");
    let founded = world.run_until(|world| world.foundings() == 1, 120);
    world.expect(founded, "two minutes of silence are not enough");
    world.assert_sound();
}

/// A join that fails again and again, each time after the same phases, is tried ever more rarely.
#[test]
fn what_keeps_failing_is_tried_ever_more_rarely() {
    for place in [1, 3] {
        let mut world = World::new(Plan::new(3, 1));
        world.form(&[0]);
        world.wake(&[0]);
        world.kubeadm_fails = vec!["error execution phase preflight".to_owned(); 400];
        world.power_on(place);
        world.run(1800);
        let before = world.machines[place].kubeadm_runs.get("join").copied().unwrap_or_default();
        world.run(1800);
        let later = world.machines[place].kubeadm_runs.get("join").copied().unwrap_or_default() - before;
        world.expect((10..60).contains(&later), &format!("{before} runs in half an hour, then {later}"));
        world.kubeadm_fails.clear();
        world.until_done();
        world.assert_sound();
    }
}

/// The ten minutes of one that is missing begin when its turn has come, not when we began to wait.
#[test]
fn one_that_comes_to_serve_gives_the_next_its_ten_minutes() {
    let mut world = World::new(Plan::new(4, 0));
    world.form(&[0]);
    world.wake(&[0]);
    world.power_on(3);
    world.until_reason(3, "lower-cp-2");
    world.run(500);
    world.power_on(1);
    world.until_reason(3, "lower-cp-3");
    world.run(500);
    world.expect(world.machines[3].kubeadm_runs.is_empty(), "cp-3 was given less than ten minutes");
    world.power_on(2);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2, 3], "one cluster of four");
    let failed = world.trace.iter().any(|line| line.contains("kubeadm join fails"));
    world.expect(!failed, "they met in etcd");
    world.assert_sound();
}

/// The founder holds the keys: it needs no upload, which has ended when it is wiped one day.
#[test]
fn a_wiped_founder_needs_no_uploaded_certificates() {
    for flag in [false, true] {
        let mut plan = Plan::new(3, 0);
        (plan.certificate_key, plan.certificate_key_flag) = (Some(HOUR), flag);
        let mut world = World::new(plan);
        world.form(&[0, 1, 2]);
        world.wipe(0);
        world.wake(&[1, 2]);
        world.power_on(0);
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "it does not come back");
        world.assert_sound();
    }
}

/// Where a join credential may not read nodes, a control plane without keys in its image reads them with fetched ones.
#[test]
fn a_wiped_joiner_without_keys_reads_its_node_with_fetched_ones() {
    let mut plan = Plan::new(3, 0);
    (plan.certificate_key, plan.join_reads_nodes) = (Some(24 * HOUR), false);
    let mut world = World::new(plan);
    world.form(&[0, 1, 2]);
    world.clusters[0].certificates_until = u64::MAX;
    world.wipe(2);
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2] && world.machines[2].removals == 1, "it does not come back");
    world.assert_sound();
}

/// A reset that cannot be told to leave etcd alone asks the cluster where the data is; it finds none.
#[test]
fn an_old_reset_finds_no_data_of_etcd() {
    let mut plan = Plan::new(3, 0);
    (plan.old_reset, plan.learners) = (true, false);
    let mut world = World::new(plan);
    world.form(&[0, 1, 2]);
    // It was removed while it was cut: worthless data, and a whole installation.
    world.clusters[0].members.retain(|member| member.machine != 2);
    for mark in ["member", "done"] {
        world.take_away(2, &format!("var/lib/kubespore/{mark}"));
    }
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_done();
    world.expect(world.machines[2].kubeadm_runs.contains_key("reset"), "nothing was reset");
    world.expect(world.has(2, "var/lib/etcd.stale-1/member/db") && world.voters(0) == [0, 1, 2], "the data is gone");
    world.assert_sound();
}

/// Behind such a load balancer the door and the manifests too want the founder itself, whatever the release.
#[test]
fn the_pin_stays_until_everything_that_asks_the_endpoint_is_over() {
    let mut plan = Plan::new(3, 0);
    plan.hairpin_pin = true;
    let mut world = World::new(plan);
    world.balancer.hairpin_fails = true;
    world.applies_fail = 2;
    world.power_on(0);
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1] && world.clusters[0].applied.len() == 1, "the door or a manifest is missing");
    world.expect(!world.read(0, "etc/hosts").contains("kubespore pin"), "the pin stays");
    world.assert_sound();
}

/// What a machine leaves behind for others, and for root alone.
#[test]
fn a_machine_that_is_done_tells_cluster_api_and_keeps_its_log_to_itself() {
    let mut world = World::new(Plan::new(1, 1));
    world.applies_fail = 3;
    world.put(0, "var/lib/dbus/machine-id", "00000000000000000000000000000001\n");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    let id = std::fs::File::options().write(true).open(world.machines[0].root.join("etc/machine-id")).expect("a machine-id");
    id.set_modified(old).expect("a time set");
    world.power_on_all();
    world.until_done();
    world.expect(!world.has(0, "var/lib/dbus/machine-id"), "the template's machine-id has a copy left");
    world.expect(world.clusters[0].applied.len() == 1, "a manifest that was refused is not tried again");
    for place in [0, 1] {
        let told = world.read(place, "run/cluster-api/bootstrap-success.complete");
        world.expect(told == "success\n", "Cluster API is not told");
        let log = std::fs::metadata(world.machines[place].root.join("var/lib/kubespore/kubeadm.log")).expect("a log");
        world.expect(log.permissions().mode() & 0o777 == 0o600, "others may read kubeadm's log");
    }
    world.assert_sound();
}
