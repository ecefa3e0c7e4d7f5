//! An etcd with machines of its own: the rules of first-boot.md §5 to §7 and §10, where no Kubernetes is.
//!
//! In: etcd machines that are on, off, wiped or apart. Out: one etcd, or a wait that says why. Absent on purpose: power cuts
//! one by one (`cuts`) and random schedules (`schedules`), which have these machines too.

use super::seed::Plan;
use super::world::{Ail, World};

const DAY: u64 = 86_400;

/// An etcd of three that has come to rest.
fn formed() -> World {
    let mut world = World::new(Plan::etcd(3));
    world.power_on_all();
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "no etcd of three");
    world
}

/// Cuts a machine's power and gives it an empty disk.
fn lose(world: &mut World, place: usize) {
    world.power_off(place);
    world.wipe(place);
}

#[track_caller]
fn waits(world: &mut World, place: usize, reason: &str, seconds: u64) {
    let before = world.foundings();
    world.run(seconds);
    let seen = world.status(place, "reason");
    world.expect(seen == reason && world.status(place, "result") == "waiting", &format!("`{seen}`, not `{reason}`"));
    world.expect(world.foundings() == before, "it founds");
}

#[test]
fn they_come_in_any_order() {
    for (order, gap) in [([0, 1, 2], 0), ([0, 1, 2], 7), ([2, 1, 0], 7), ([1, 0, 2], 45)] {
        let mut world = World::new(Plan::etcd(3));
        for place in order {
            world.power_on(place);
            world.run(gap);
        }
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one etcd of three");
        world.expect(world.machines.iter().all(|machine| machine.kubelet_enabled), "etcd does not start at the next boot");
        world.expect(world.machines.iter().all(|machine| machine.masked.contains("etcd.service")), "a packaged etcd may start");
        world.expect(world.machines.iter().all(|machine| !machine.etcd_inside), "a door is shut");
        world.assert_sound();
    }
    let mut world = World::new(Plan::etcd(5));
    world.power_on_all();
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2, 3, 4], "one etcd of five");
    world.assert_sound();
}

#[test]
fn without_the_founder_the_others_wait_and_without_a_majority_the_founder() {
    let mut world = World::new(Plan::etcd(3));
    world.power_on(1);
    world.power_on(2);
    waits(&mut world, 1, "etcd-wait", 1800);
    waits(&mut world, 2, "etcd-wait", 5);
    world.power_on(0);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "founder last");

    let mut world = World::new(Plan::etcd(3));
    world.power_on(0);
    waits(&mut world, 0, "majority", 1800);
    let console = world.read(0, "dev/console");
    world.expect(console.contains("etcd machines") && console.contains("etcd-2 etcd-3"), "it does not say whom it misses");
    world.power_on(2);
    world.run_until(|world| world.done(2), 600);
    world.expect(world.voters(0) == [0, 2], "a majority was there");
    world.assert_sound();
}

/// The same rules as on control planes: dead for a minute, a majority of others alive, its own entry only.
#[test]
fn a_wiped_member_replaces_itself() {
    for place in [0, 1, 2] {
        let mut world = formed();
        lose(&mut world, place);
        world.run(5);
        world.power_on(place);
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one etcd of three");
        world.expect(world.machines[place].removals == 1, "its own dead entry was not removed once");
        world.assert_sound();
    }
}

#[test]
fn two_wiped_of_three_wait_for_an_operator() {
    let mut world = formed();
    for place in [0, 1] {
        lose(&mut world, place);
    }
    world.power_on(0);
    world.power_on(1);
    waits(&mut world, 0, "etcd-no-quorum", 1800);
    waits(&mut world, 1, "etcd-no-quorum", 5);
    world.expect(world.machines[0].removals + world.machines[1].removals == 0, "a member was removed without a majority");
    world.assert_sound();
}

#[test]
fn all_wiped_they_begin_again_within_their_time_and_not_after_it() {
    let mut world = formed();
    for place in 0..3 {
        lose(&mut world, place);
    }
    world.power_on_all();
    world.until_done();
    world.expect(world.foundings() == 2 && world.voters(1) == [0, 1, 2], "they begin again, together");
    world.assert_sound();

    let mut plan = Plan::etcd(3);
    plan.found_within = DAY;
    let mut world = World::new(plan);
    world.run(2 * DAY);
    world.power_on_all();
    waits(&mut world, 0, "founding-over", 1800);
    world.assert_sound();
}

#[test]
fn where_nobody_founds_all_wait() {
    let mut plan = Plan::etcd(3);
    plan.existing = true;
    let mut world = World::new(plan);
    world.power_on_all();
    for place in 0..3 {
        waits(&mut world, place, "etcd-wait", 600);
    }
    world.expect(world.machines.iter().all(|machine| !machine.notice), "an image that never founds moves others to");
    world.assert_sound();
}

#[test]
fn after_a_power_cut_of_all_they_are_there_again() {
    let mut world = formed();
    for place in 0..3 {
        world.power_off(place);
    }
    world.power_on_all();
    let back = world.run_until(|world| (0..3).all(|place| world.quorum(0, place)), 120);
    world.expect(back, "etcd does not start by itself");
    world.assert_sound();
}

/// A learner that is behind is not promoted, and says so until it is.
#[test]
fn a_learner_waits_until_it_is_in_step() {
    let mut world = World::new(Plan::etcd(3));
    world.promotions_fail = 20;
    world.power_on_all();
    world.until_done();
    let said = [1, 2].iter().any(|place| world.journal(*place).contains("in sync with leader"));
    world.expect(said && world.voters(0) == [0, 1, 2], "it does not say why it waits");
    world.assert_sound();
}

/// What only an operator can answer, with a command that does.
#[test]
fn rows_of_the_disk_stop_as_on_control_planes() {
    let mut world = formed();
    world.power_off(1);
    world.take_away(1, "var/lib/etcd/member");
    world.take_away(1, "var/lib/kubespore/done");
    world.run(60);
    world.power_on(1);
    world.until_stopped(1, "etcd-data-lost");
    world.paste_command(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2] && world.machines[1].removals == 1, "it does not come back as it says");
    world.assert_sound();

    let mut world = World::new(Plan::etcd(3));
    world.put(1, "var/lib/etcd/member/db", "7 7 7\n");
    world.power_on_all();
    world.until_stopped(1, "orphan-data");
    world.paste_command(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "the data was set aside and it does not join");
    world.assert_sound();
}

/// A founder that was cut, and whose etcd went on without its disk, is a stale copy.
#[test]
fn a_founder_of_an_earlier_life_is_fenced() {
    let mut world = formed();
    world.power_off(0);
    for mark in ["founded", "done"] {
        world.take_away(0, &format!("var/lib/kubespore/{mark}"));
    }
    world.power_on(0);
    world.until_stopped(0, "fenced");
    world.expect(world.machines[0].etcd.is_none(), "its etcd runs");
    world.assert_sound();
}

#[test]
fn its_own_faults_are_named() {
    for (ail, reason) in [(Ail::OldEtcd, "etcd-version"), (Ail::NoAddress, "address-absent"), (Ail::DuplicateAddress, "twin")] {
        let mut world = World::new(Plan::etcd(3));
        world.machines[1].ails.insert(ail);
        world.power_on_all();
        world.until_reason(1, reason);
        world.machines[1].ails.clear();
        world.until_done();
        world.expect(world.voters(0) == [0, 1, 2], "it does not go on");
        world.assert_sound();
    }
    let mut world = formed();
    lose(&mut world, 2);
    world.machines[2].twin = true;
    world.power_on(2);
    world.until_reason(2, "twin");
    world.expect(world.machines[2].removals == 0, "it removes the member of a machine that lives");
    world.assert_sound();
}
