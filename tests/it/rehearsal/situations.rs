//! Founding, joining, and the situations spelled out: first-boot.md §5, §6 and §9.
//!
//! In: machines that are on, off, wiped or apart. Out: one cluster, or a wait that says why. Absent on purpose: field
//! failures by number (`faults`).

use super::seed::Plan;
use super::world::{NodeObject, World};

const DAY: u64 = 86_400;

/// Nothing was founded or joined, and the machine says why.
#[track_caller]
fn waits(world: &mut World, place: usize, reason: &str, seconds: u64) {
    let before = world.foundings();
    world.run(seconds);
    let seen = world.status(place, "reason");
    world.expect(seen == reason && world.status(place, "result") == "waiting", &format!("`{seen}`, not `{reason}`"));
    world.expect(world.foundings() == before && world.machines[place].kubeadm_runs.is_empty(), "it acts");
}

#[test]
fn all_on_at_once_in_any_order_with_a_late_load_balancer() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut world = World::new(Plan::new(3, 0));
        world.balancer.up = false;
        for place in order {
            world.power_on(place);
            world.run(7);
        }
        world.run(120);
        world.balancer.up = true;
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.assert_sound();
    }
}

/// Images for a cluster that lives already: with nobody there they wait, and join whoever comes, the first one too.
#[test]
fn where_nobody_founds_all_wait_for_a_life() {
    let mut plan = Plan::new(3, 1);
    plan.existing = true;
    let mut world = World::new(plan.clone());
    world.power_on_all();
    for place in 0..4 {
        waits(&mut world, place, "endpoint", 3600);
    }
    world.expect(world.machines.iter().all(|machine| !machine.notice), "an image that never founds moves others to");
    world.expect((0..4).all(|place| !world.has(place, "etc/kubespore/notice")), "it carries the notice");
    world.assert_sound();

    let mut world = World::new(plan);
    world.form(&[1, 2]);
    world.wake(&[1, 2]);
    world.clusters[0].door_open = false;
    world.power_on(0);
    world.power_on(3);
    waits(&mut world, 0, "door-shut", 600);
    world.expect(world.status(0, "command").contains("--join-credentials"), "it does not say who can open");
    world.clusters[0].door_open = true;
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "the first of the list joins like the others");
    world.power_off(0);
    world.wipe(0);
    world.run(60);
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "wiped, it joins again");
    world.assert_sound();
}

#[test]
fn a_founder_alone_waits_for_a_majority_and_says_whom_it_misses() {
    for (planes, needed) in [(2, 1), (3, 1), (5, 2)] {
        let mut world = World::new(Plan::new(planes, 0));
        world.power_on(0);
        waits(&mut world, 0, "majority", 1800);
        let console = world.read(0, "dev/console");
        world.expect((2..=planes).all(|n| console.contains(&format!("cp-{n}"))), "the console does not say whom it misses");
        for place in 1..needed {
            world.power_on(place);
            waits(&mut world, 0, "majority", 120);
        }
        world.power_on(needed);
        let founded = world.run_until(|world| world.foundings() == 1, 120);
        world.expect(founded, "a majority is there and nothing is founded");
        world.assert_sound();
    }
}

#[test]
fn one_machine_founds_at_once() {
    let mut world = World::new(Plan::new(1, 0));
    world.power_on(0);
    world.until_done();
    world.expect(world.now < 60_000, "a single machine waited for somebody");
    world.assert_sound();
}

/// The opt-in that takes silence for an answer; it costs two minutes, and a life still outvotes it.
#[test]
fn found_alone_waits_two_minutes_of_silence() {
    let mut plan = Plan::new(3, 0);
    plan.alone = true;
    let mut world = World::new(plan.clone());
    world.power_on(0);
    waits(&mut world, 0, "majority", 110);
    let founded = world.run_until(|world| world.foundings() == 1, 120);
    world.expect(founded, "two minutes of silence are not enough");
    let mut world = World::new(plan);
    world.form(&[0, 1, 2]);
    world.wipe(0);
    world.wake(&[1, 2]);
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 1, "silence was heard where a cluster lives");
    world.assert_sound();
}

#[test]
fn past_found_until_nobody_founds() {
    let mut plan = Plan::new(3, 0);
    plan.found_within = DAY;
    let mut world = World::new(plan);
    for machine in &mut world.machines {
        machine.skew = 2 * 86_400;
    }
    world.power_on_all();
    waits(&mut world, 0, "founding-over", 1200);
    world.expect(world.status(0, "command").contains("--found-until"), "it does not say how to renew it");
    world.assert_sound();
}

#[test]
fn a_single_machine_wiped_founds_only_inside_its_window() {
    let mut plan = Plan::new(1, 0);
    plan.found_within = DAY;
    let mut world = World::new(plan);
    world.form(&[0]);
    world.wipe(0);
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 2, "inside the window it founds anew");
    world.power_off(0);
    world.wipe(0);
    world.machines[0].skew = 2 * 86_400;
    world.power_on(0);
    waits(&mut world, 0, "founding-over", 600);
    world.assert_sound();
}

#[test]
fn init_that_keeps_failing_is_tried_again_and_never_over_a_cluster() {
    let mut world = World::new(Plan::new(1, 0));
    world.kubeadm_fails = (0..5).map(|_| "error execution phase wait-control-plane: timed out".to_owned()).collect();
    world.power_on(0);
    world.until_reason(0, "init-failed");
    world.expect(world.status(0, "text").contains("in phase wait-control-plane"), "the phase is not named");
    world.until_done();
    world.expect(world.foundings() == 1, "one cluster");
    world.assert_sound();
}

/// Three rounds over its own data failed: it may begin with none, and the old bytes stay.
#[test]
fn after_three_failures_the_data_is_renamed() {
    let mut world = World::new(Plan::new(1, 0));
    world.mark(0, "init-intent");
    world.put(0, "var/lib/etcd/member/db", "9 9 9\n");
    world.kubeadm_fails = (0..3).map(|_| "error execution phase etcd".to_owned()).collect();
    world.power_on(0);
    world.until_done();
    let kept =
        ["var/lib/etcd.stale-1/member/db", "var/lib/etcd/member.stale-1/db"].iter().any(|path| world.read(0, path) == "9 9 9\n");
    world.expect(kept && world.foundings() == 1, "the data was not set aside");
    world.assert_sound();
}

/// Behind the load balancer the API server that answers is the founder's own: that is no cluster of others, and its data are good.
#[test]
fn a_founding_that_fails_late_goes_on_with_what_it_has() {
    let mut world = World::new(Plan::new(3, 0));
    world.uploads_fail = 7;
    (0..3).for_each(|place| world.power_on(place));
    world.until_done();
    world.expect(world.uploads_fail == 0 && world.foundings() == 1, "founded more than once, or not by trying again");
    world.assert_sound();
}

#[test]
fn joiners_go_in_the_order_of_the_profile() {
    let mut world = World::new(Plan::new(3, 0));
    world.power_on(0);
    world.power_on(2);
    world.run_until(|world| world.done(0), 600);
    waits(&mut world, 2, "lower-cp-2", 500);
    world.power_on(1);
    world.until_done();
    let order: Vec<_> = world.clusters[0].members.iter().map(|member| member.machine).collect();
    world.expect(order == [0, 1, 2], &format!("{order:?}"));
    world.assert_sound();
}

#[test]
fn a_lower_machine_that_never_comes_is_skipped_aloud() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0]);
    world.wake(&[0]);
    world.power_on(2);
    waits(&mut world, 2, "lower-cp-2", 590);
    world.until_done();
    world.expect(world.journal(2).contains("not waiting for cp-2 any longer"), "it is skipped in silence");
    world.expect(world.voters(0) == [0, 2], "it does not join");
    world.assert_sound();
}

#[test]
fn a_stale_node_is_adopted_not_deleted() {
    let mut world = World::new(Plan::new(1, 1));
    world.form(&[0]);
    world.wake(&[0]);
    world.clusters[0].nodes.insert("w-1".to_owned(), NodeObject { boot_id: "an earlier life".to_owned(), heard: 0 });
    world.run(60);
    world.power_on(1);
    world.until_done();
    world.expect(world.clusters[0].nodes["w-1"].boot_id == world.boot_id(1), "the Node is not ours");
    world.assert_sound();
}

#[test]
fn a_joiner_rides_out_what_a_load_balancer_does() {
    let mut world = World::new(Plan::new(3, 1));
    world.power_on_all();
    for _ in 0..12 {
        world.run(9);
        world.balancer.drops = !world.balancer.drops;
        world.run(4);
        world.balancer.up = !world.balancer.up;
    }
    (world.balancer.up, world.balancer.drops) = (true, false);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

#[test]
fn a_wiped_founder_behind_a_partition_waits() {
    // The siblings are reached, the load balancer is not: it knows that a cluster lives. Then nothing is reached.
    for apart in [false, true] {
        let mut world = World::new(Plan::new(3, 0));
        world.form(&[0, 1, 2]);
        world.wipe(0);
        world.wake(&[1, 2]);
        world.machines[0].island = u8::from(apart);
        world.balancer.up = false;
        world.power_on(0);
        waits(&mut world, 0, if apart { "majority" } else { "endpoint" }, 900);
        world.machines[0].island = 0;
        world.balancer.up = true;
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.assert_sound();
    }
}

#[test]
fn a_founder_wiped_while_the_whole_site_is_off() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    world.wipe(0);
    world.power_on(0);
    waits(&mut world, 0, "majority", 900);
    world.power_on(1);
    world.run(60);
    world.power_on(2);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

#[test]
fn a_majority_wiped_with_the_survivor_up_is_the_operators() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    world.wipe(0);
    world.wipe(2);
    world.power_on(1);
    world.run(60);
    world.power_on(0);
    world.power_on(2);
    world.run(1800);
    world.expect(world.foundings() == 1, "a second cluster beside the survivor");
    for place in [0, 2] {
        world.expect(world.status(place, "result") == "waiting" && world.machines[place].kubeadm_runs.is_empty(), "it acts");
    }
    world.assert_sound();
}

/// What a majority has lost cannot come back by itself; within the window it is founded anew, and nobody asks the survivor.
#[test]
fn a_majority_wiped_with_the_survivor_off_founds_inside_the_window() {
    let mut world = World::new(Plan::new(3, 0));
    world.power_on_all();
    world.until_done();
    for place in [0, 1, 2] {
        world.power_off(place);
    }
    world.wipe(0);
    world.wipe(2);
    world.power_on(0);
    world.power_on(2);
    world.until_done();
    world.expect(world.foundings() == 2 && world.voters(1) == [0, 2], "two of three begin anew");
    // What the survivor keeps is no part of it: its etcd has another token, and whoever it reaches refuses it.
    world.expect(world.clusters[0].token != world.clusters[1].token, "the same cluster to etcd");
    world.assert_sound();
}

#[test]
fn of_two_one_wiped_waits_for_the_operator() {
    for wiped in [0, 1] {
        let mut world = World::new(Plan::new(2, 0));
        world.form(&[0, 1]);
        world.wipe(wiped);
        world.power_on_all();
        world.run(1200);
        world.expect(world.foundings() == 1 && world.machines[wiped].removals == 0, "it acts without a quorum");
        world.expect(world.status(wiped, "result") == "waiting", "it does not wait");
        world.assert_sound();
    }
}

#[test]
fn of_two_one_off_is_waited_for() {
    let mut world = World::new(Plan::new(2, 0));
    world.form(&[0, 1]);
    world.power_on(1);
    world.run(900);
    world.expect(world.voters(0) == [0, 1], "a machine that was only off was removed");
    world.power_on(0);
    world.run(60);
    world.expect(world.ready(0) && world.ready(1), "the two do not come back");
    world.assert_sound();
}

/// A disk put back from a snapshot of a finished machine: the supervisor stays out of it.
#[test]
fn a_finished_snapshot_is_left_alone() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    let old = world.read(2, "var/lib/etcd/member/db");
    world.clusters[0].epoch += 3;
    world.put(2, "var/lib/etcd/member/db", &old);
    world.power_on_all();
    world.run(300);
    world.expect(world.machines[2].kubeadm_runs.is_empty() && world.machines[2].exit.is_none(), "the supervisor ran");
    world.assert_sound();
}

#[test]
fn clocks_far_off_wait() {
    // 1970; a month before the keys; a year past the certificates.
    for (skew, planes, reason) in
        [(-1_800_000_000, 3, "clock-behind"), (-30 * 86_400, 3, "clock-behind"), (400 * 86_400, 3, "clock")]
    {
        let mut world = World::new(Plan::new(planes, 0));
        world.form(&[0, 1, 2]);
        world.wipe(0);
        world.wake(&[1, 2]);
        world.machines[0].skew = skew;
        world.power_on(0);
        waits(&mut world, 0, reason, 300);
        world.machines[0].skew = 0;
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.assert_sound();
    }
}

/// With nobody answering 401 wrongly: where anonymous access is off, 401 is what a ready API server says.
#[test]
fn without_anonymous_access_401_is_ready() {
    let mut plan = Plan::new(3, 1);
    plan.anonymous = false;
    let mut world = World::new(plan);
    world.power_on_all();
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

/// Automatic approval ends with the last machine, not before it, and a wiped machine then says whom it waits for.
#[test]
fn approval_ends_when_every_machine_has_joined() {
    let mut plan = Plan::new(3, 1);
    plan.strict_csr = true;
    let mut world = World::new(plan);
    for place in 0..3 {
        world.power_on(place);
    }
    world.until_done();
    world.start_when_idle(0, "end-approval");
    world.expect(!world.clusters[0].strict, "it ends before the worker has joined");
    world.power_on(3);
    world.until_done();
    world.power_off(2);
    world.start_when_idle(0, "end-approval");
    world.expect(!world.clusters[0].strict, "it ends while a control plane does not serve");
    world.wake(&[2]);
    world.machines[0].enabled.insert("kubespore-approval.timer".to_owned());
    world.start_when_idle(0, "end-approval");
    world.expect(world.clusters[0].strict, "it does not end");
    world.expect(world.read(0, "dev/console").contains("kubectl get csr"), "the console does not say it");
    world.expect(world.machines[0].enabled.is_empty(), "the timer goes on");

    world.power_off(3);
    world.wipe(3);
    world.run(60);
    world.power_on(3);
    world.until_reason(3, "approval");
    world.expect(world.status(3, "command").contains("kubectl certificate approve"), "it does not say what lets it in");
    world.run(120);
    world.expect(!world.done(3), "it joins without a word");
    world.clusters[0].strict = false;
    world.until_done();
    world.assert_sound();
}

#[test]
fn what_the_founder_brings_is_applied_in_order() {
    let mut plan = Plan::new(1, 0);
    plan.manifests = ["b.yaml", "a.yml"].iter().map(|name| ((*name).to_owned(), "kind: ConfigMap\n".to_owned())).collect();
    let mut world = World::new(plan);
    world.power_on(0);
    world.until_done();
    let applied: Vec<_> = world.clusters[0].applied.iter().cloned().collect();
    world.expect(applied == ["00-b.yaml", "01-a.yaml"], &format!("{applied:?}"));
    world.assert_sound();
}

/// The scripts are POSIX: other shells run them too.
#[test]
fn another_shell_runs_them() {
    runs_under(&["/bin/bash", "--posix"]);
}

#[test]
#[ignore = "needs busybox: tests/conformance/run has it"]
fn the_shell_of_busybox_runs_them() {
    runs_under(&["busybox", "ash"]);
}

fn runs_under(shell: &[&str]) {
    let mut world = World::new(Plan::new(3, 1)).under(shell);
    world.power_on_all();
    world.until_done();
    world.power_off(1);
    world.wipe(1);
    world.run(60);
    world.power_on(1);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}
