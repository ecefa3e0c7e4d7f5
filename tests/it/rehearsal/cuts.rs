//! Power cuts before and after every mark and every act, one at a time; then the machine is switched on again.
//!
//! In: a machine that founds, joins or works. Out: one cluster, everybody in it. Absent on purpose: several cuts in one
//! run, which the schedules have.

use super::seed::Plan;
use super::world::{Cut, World};

/// Runs `begin`, cuts one machine at every instant in turn, and hands the outcome to `holds`.
fn cut_everywhere(machine: usize, begin: impl Fn() -> World, holds: impl Fn(&World) -> bool) {
    cut_where(machine, begin, |_| true, holds);
}

/// Kills one machine's supervisor at every instant in turn, its pods and its kubelet living on.
fn kill_everywhere(machine: usize, begin: impl Fn() -> World, holds: impl Fn(&World) -> bool) {
    let mut whole = begin();
    whole.until_done();
    let instants = whole.acts.iter().filter(|(who, _)| *who == machine).count();
    for instant in 0..instants {
        let mut world = begin();
        world.kill = Some(Cut { machine, instant });
        world.until_done();
        world.expect(world.kill.is_none(), &format!("nothing was killed at instant {instant}"));
        world.expect(holds(&world), &format!("killed at instant {instant}"));
        world.expect(world.has(machine, "run/cluster-api/bootstrap-success.complete"), "Cluster API is not told");
        world.expect(world.status(machine, "result") == "done", "status.json does not say done");
        world.assert_sound();
    }
}

#[test]
fn a_supervisor_killed_anywhere_is_started_again() {
    let alone = || {
        let mut world = World::new(Plan::new(1, 0));
        world.power_on(0);
        world
    };
    kill_everywhere(0, alone, |world| world.foundings() == 1 && world.voters(0) == [0]);
    kill_everywhere(1, || joins(&Plan::new(2, 0)), |world| world.foundings() == 1 && world.voters(0) == [0, 1]);
    let works = || {
        let mut world = World::new(Plan::new(1, 1));
        world.form(&[0]);
        world.wake(&[0]);
        world.power_on(1);
        world
    };
    kill_everywhere(1, works, |world| world.clusters[0].nodes.contains_key("w-1"));
    let etcd = || {
        let mut world = World::new(Plan::etcd(1));
        world.power_on(0);
        world
    };
    kill_everywhere(0, etcd, |world| world.foundings() == 1 && world.voters(0) == [0]);
}

/// The same at the instants that `chosen` picks by what happens there.
fn cut_where(machine: usize, begin: impl Fn() -> World, chosen: impl Fn(&str) -> bool, holds: impl Fn(&World) -> bool) {
    let mut whole = begin();
    whole.until_done();
    let acts: Vec<_> = whole.acts.iter().filter(|(who, _)| *who == machine).map(|(_, act)| act.clone()).collect();
    let worker = if whole.is_etcd(machine) { "systemctl" } else { "kubeadm" };
    for wanted in ["before sync".to_owned(), "after sync".to_owned(), format!("before {worker}"), format!("after {worker}")] {
        assert!(acts.iter().any(|act| act.contains(&wanted)), "no instant {wanted} in {acts:#?}");
    }
    for (instant, act) in acts.iter().enumerate().filter(|(_, act)| chosen(act)) {
        let mut world = begin();
        world.cut = Some(Cut { machine, instant });
        world.random.0 ^= 0x5DEE_CE66_D1CE_4E5B_u64.wrapping_mul(instant as u64 + 1);
        world.run_until(|world| !world.machines[machine].powered, 3600);
        world.expect(!world.machines[machine].powered, &format!("no cut at {act}"));
        world.run(3);
        world.power_on(machine);
        world.until_done();
        world.expect(holds(&world), &format!("cut at {act}"));
        world.assert_sound();
    }
}

/// cloud-init has noted that it wrote the files, and not one of them is on the disk yet.
#[test]
fn a_machine_cut_before_its_seed_is_on_the_disk_is_given_it_again() {
    for (plan, victim) in [(Plan::new(1, 1), 0), (Plan::new(1, 1), 1), (Plan::etcd(1), 0)] {
        let mut world = World::new(plan);
        world.power_on_all();
        world.power_off(victim);
        world.expect(!world.whole(victim, "etc/kubespore/first-boot"), "the seed outlived the cut");
        world.power_on(victim);
        world.until_done();
        let written = world.trace.iter().filter(|line| line.contains("once more")).count();
        world.expect(written == 1, "the seed is written again, and only once");
        world.power_off(victim);
        world.power_on(victim);
        world.run(60);
        let again = world.trace.iter().filter(|line| line.contains("once more")).count();
        world.expect(again == 1, "the seed comes back to a machine that is done");
        world.assert_sound();
    }
}

#[test]
fn a_founder_cut_anywhere_founds_one_cluster() {
    let begin = || {
        let mut world = World::new(Plan::new(1, 0));
        world.power_on(0);
        world
    };
    cut_everywhere(0, begin, |world| world.voters(world.foundings() - 1) == [0]);
}

/// One of three: two siblings say that they are empty, and knock as soon as they can.
#[test]
fn a_founder_cut_between_its_acts_founds_for_three() {
    let begin = || {
        let mut world = World::new(Plan::new(3, 0));
        world.power_on_all();
        world
    };
    let mut kubeadm = 0;
    let every_third = std::cell::RefCell::new(move |act: &str| {
        kubeadm += usize::from(act.contains("kubeadm"));
        act.contains("kubeadm") && kubeadm % 3 == 0
    });
    cut_where(0, begin, |act| every_third.borrow_mut()(act), |world| world.voters(world.foundings() - 1) == [0, 1, 2]);
}

fn joins(plan: &Plan) -> World {
    let mut world = World::new(plan.clone());
    world.form(&[0]);
    world.wake(&[0]);
    world.power_on(1);
    world
}

#[test]
fn a_control_plane_cut_anywhere_joins() {
    cut_everywhere(1, || joins(&Plan::new(2, 0)), |world| world.foundings() == 1 && world.voters(0) == [0, 1]);
}

/// Without learners the second voter takes the quorum with it when it is cut.
#[test]
fn a_control_plane_cut_around_its_member_joins_without_learners() {
    let mut plan = Plan::new(2, 0);
    plan.learners = false;
    let holds = |world: &World| world.foundings() == 1 && world.voters(0) == [0, 1];
    cut_where(1, || joins(&plan), |act| act.contains("control-plane-join"), holds);
}

/// A machine that removes its own dead member first; the removal is an act too.
#[test]
fn a_wiped_control_plane_cut_anywhere_joins() {
    let begin = || {
        let mut world = World::new(Plan::new(3, 0));
        world.form(&[0, 1, 2]);
        world.wipe(2);
        world.wake(&[0, 1]);
        world.power_on(2);
        world
    };
    let mut whole = begin();
    whole.until_done();
    let removals = whole.acts.iter().filter(|(who, act)| *who == 2 && act.contains("/member/remove")).map(|(_, act)| act.clone());
    let instants: Vec<usize> =
        removals.map(|act| act.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")).collect();
    assert_eq!(instants.len(), 2, "before and after");
    for instant in instants {
        let mut world = begin();
        world.cut = Some(Cut { machine: 2, instant });
        world.run_until(|world| !world.machines[2].powered, 3600);
        world.power_on(2);
        world.until_done();
        world.expect(world.voters(0) == [0, 1, 2] && world.machines[2].removals == 1, "one cluster of three, one removal");
        world.assert_sound();
    }
}

#[test]
fn a_worker_cut_anywhere_joins() {
    let begin = || {
        let mut world = World::new(Plan::new(1, 1));
        world.form(&[0]);
        world.wake(&[0]);
        world.power_on(1);
        world
    };
    cut_everywhere(1, begin, |world| world.clusters[0].nodes.contains_key("w-1"));
}

#[test]
fn an_etcd_founder_cut_anywhere_founds_one_etcd() {
    let begin = || {
        let mut world = World::new(Plan::etcd(1));
        world.power_on(0);
        world
    };
    cut_everywhere(0, begin, |world| world.voters(world.foundings() - 1) == [0]);
}

#[test]
fn etcd_machines_cut_anywhere_join() {
    for machine in [0, 1] {
        let begin = || {
            let mut world = World::new(Plan::etcd(3));
            world.power_on_all();
            world
        };
        cut_everywhere(machine, begin, |world| world.voters(world.foundings() - 1) == [0, 1, 2]);
    }
}

#[test]
fn a_wiped_etcd_machine_cut_anywhere_joins() {
    let begin = || {
        let mut world = World::new(Plan::etcd(3));
        world.power_on_all();
        world.until_done();
        world.power_off(2);
        world.wipe(2);
        world.instants[2] = 0;
        world.acts.clear();
        world.power_on(2);
        world
    };
    cut_everywhere(2, begin, |world| world.foundings() == 1 && world.voters(0) == [0, 1, 2]);
}
