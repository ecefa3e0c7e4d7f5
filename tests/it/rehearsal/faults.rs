//! Field failures by number: what went wrong for others, provoked here.
//!
//! In: one failure each. Out: a cluster all the same, or a stop or wait that names it. Absent on purpose: failures that
//! only user-data, seeds or real machines can show.

use std::fs;
use std::process::Command;

use super::seed::{self, CERTIFICATE_KEY, Credential, Plan};
use super::world::{Ail, World};

const HOUR: u64 = 3600;

/// A cluster of one founder that serves; the other control planes are off and new.
fn one_of(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.form(&[0]);
    world.wake(&[0]);
    world
}

#[track_caller]
fn one_cluster_of_three(world: &mut World) {
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

#[test]
fn f01_control_planes_switched_on_in_the_same_second_join_one_after_another() {
    let mut world = one_of(Plan::new(3, 0));
    world.power_on(2);
    world.power_on(1);
    one_cluster_of_three(&mut world);
    let failed = world.trace.iter().any(|line| line.contains("kubeadm join fails"));
    world.expect(!failed, "they met in etcd");
}

#[test]
fn f02_a_learner_that_is_not_in_sync_is_removed_and_tried_again() {
    let mut world = one_of(Plan::new(3, 0));
    world.promotions_fail = 2;
    world.power_on(1);
    world.power_on(2);
    one_cluster_of_three(&mut world);
    world.expect(world.machines[1].removals == 2, "its learner was not removed");
}

#[test]
fn f03_another_machines_learner_is_waited_for() {
    let mut world = one_of(Plan::new(3, 0));
    // cp-2 was cut while a learner; cp-3 passes it after ten minutes, and must not touch its entry.
    world.power_on(1);
    world.run_until(|world| world.clusters[0].members.len() == 2, 600);
    world.power_off(1);
    world.power_on(2);
    world.run(900);
    world.expect(world.clusters[0].members[1].machine == 1, "cp-3 removed the learner of cp-2");
    world.power_on(1);
    one_cluster_of_three(&mut world);
}

#[test]
fn f04_a_join_that_died_after_its_member_was_added() {
    let mut world = one_of(Plan::new(3, 0));
    world.power_on(1);
    world.run_until(|world| world.clusters[0].members.len() == 2, 600);
    world.power_off(1);
    world.expect(world.clusters[0].members[1].name.is_empty(), "not a ghost");
    world.power_on(1);
    world.power_on(2);
    one_cluster_of_three(&mut world);
    let again = world.trace.iter().any(|line| line.contains("Peer URLs already exists"));
    world.expect(world.machines[1].removals == 1 && !again, "the ghost was met a second time");
}

#[test]
fn f05_init_does_not_need_the_load_balancer_where_it_is_pinned() {
    let mut plan = Plan::new(3, 0);
    (plan.init_by_endpoint, plan.hairpin_pin) = (true, true);
    let mut world = World::new(plan);
    world.balancer.up = false;
    world.power_on_all();
    world.run_until(|world| world.done(0), 600);
    world.expect(world.done(0), "init waited for the load balancer");
    world.expect(!world.read(0, "etc/hosts").contains("kubespore pin"), "the pin stays");
    world.expect(world.read(0, "etc/hosts").contains("10.0.0.10 api.lab"), "the hosts file lost a line of its own");
    world.balancer.up = true;
    one_cluster_of_three(&mut world);
}

#[test]
fn f06_a_name_without_an_address_is_waited_for() {
    for place in [0, 1, 3] {
        let mut world = World::new(Plan::new(3, 1));
        world.balancer.resolves = false;
        world.power_on(place);
        world.until_reason(place, "endpoint-unresolved");
        world.run(90);
        world.balancer.resolves = true;
        world.run(30);
        world.expect(world.status(place, "phase") != "machine", "it does not go on");
        world.assert_sound();
    }
}

#[test]
fn f07_a_load_balancer_that_cannot_lead_a_machine_back_to_itself() {
    let mut plan = Plan::new(3, 0);
    (plan.init_by_endpoint, plan.hairpin_pin) = (true, true);
    let mut world = World::new(plan);
    world.balancer.hairpin_fails = true;
    world.power_on_all();
    one_cluster_of_three(&mut world);
}

#[test]
fn f07_a_pin_left_by_a_cut_is_gone_before_any_probe() {
    let mut plan = Plan::new(3, 0);
    (plan.init_by_endpoint, plan.hairpin_pin) = (true, true);
    plan.balancer_known = false;
    let mut world = World::new(plan);
    world.power_on_all();
    world.run_until(|world| world.read(0, "etc/hosts").contains("kubespore pin"), 600);
    world.power_off(0);
    world.expect(world.read(0, "etc/hosts").starts_with("10.0.0.11 api.lab # kubespore pin\n"), "no pin, or not first");
    world.power_on(0);
    one_cluster_of_three(&mut world);
    world.expect(!world.read(0, "etc/hosts").contains("kubespore pin"), "the pin stays");
}

#[test]
fn f09_an_endpoint_that_goes_away_at_every_member_add() {
    let mut world = one_of(Plan::new(3, 0));
    world.power_on(1);
    world.power_on(2);
    for members in [2, 3] {
        world.run_until(|world| world.clusters[0].members.len() == members, 900);
        world.balancer.up = false;
        world.run(12);
        world.balancer.up = true;
    }
    one_cluster_of_three(&mut world);
}

#[test]
fn f10_a_port_that_only_accepts_is_no_cluster() {
    let mut world = World::new(Plan::new(3, 1));
    // The load balancer takes connections and closes them: no backend.
    world.power_on(1);
    world.power_on(3);
    world.run(600);
    for place in [1, 3] {
        world.expect(
            world.status(place, "reason") == "endpoint" && world.machines[place].kubeadm_runs.is_empty(),
            "the gate let it pass",
        );
    }
    world.assert_sound();
}

#[test]
fn f11_a_site_that_was_off_comes_back_by_itself() {
    let mut world = World::new(Plan::new(3, 1));
    world.power_on_all();
    world.until_done();
    for place in 0..4 {
        world.power_off(place);
    }
    world.run(60);
    world.power_on_all();
    world.run(60);
    world.expect((0..3).all(|place| world.ready(place)), "not every control plane serves");
    world.expect(world.foundings() == 1, "another cluster");
    world.assert_sound();
}

#[test]
fn f12_an_expired_credential_names_its_end_and_its_remedy() {
    let mut plan = Plan::new(3, 1);
    plan.credential_within = 2 * HOUR;
    let mut world = one_of(plan);
    world.run(3 * HOUR);
    for place in [1, 3] {
        world.power_on(place);
        world.until_reason(place, "credential-expired");
        world.expect(world.status(place, "text").contains("2027-01-15T10:00:00Z"), &world.status(place, "text"));
        world.expect(world.status(place, "command") == "kubespore secrets rotate lab.yaml --join-credentials", "no remedy");
        world.expect(world.machines[place].kubeadm_runs.is_empty(), "kubeadm was tried with it");
    }
    world.assert_sound();
}

#[test]
fn f12_a_door_that_is_not_open_yet_is_waited_for() {
    for credential in [Credential::Token, Credential::Certificate] {
        let mut plan = Plan::new(3, 0);
        (plan.credential, plan.credential_within) = (credential, 24 * HOUR);
        let mut world = World::new(plan);
        world.form(&[0]);
        world.clusters[0].door_open = false;
        world.wake(&[0]);
        world.power_on(1);
        world.until_reason(1, "door-shut");
        world.run(120);
        world.expect(world.machines[1].kubeadm_runs.is_empty(), "it joins before it may");
        world.clusters[0].door_open = true;
        world.until_done();
        world.assert_sound();
    }
}

#[test]
fn f14_a_control_plane_three_hours_late_still_gets_the_keys() {
    for flag in [false, true] {
        let mut plan = Plan::new(3, 0);
        (plan.certificate_key, plan.certificate_key_flag) = (Some(24 * HOUR), flag);
        let mut world = World::new(plan);
        world.power_on(0);
        world.power_on(1);
        world.until_done();
        world.expect(world.machines[0].enabled.contains("kubespore-certificates.timer"), "nobody renews");
        let look = |world: &mut World| {
            world.start(0, "renew-certificates");
            world.run_until(|world| world.idle(0), 60);
            world.clusters[0].certificates_until
        };
        let first = world.clusters[0].certificates_until;
        let again = look(&mut world);
        world.expect(again == first, "every look is an upload");
        for _ in 0..6 {
            world.run(HOUR / 2);
            let (until, again) = (look(&mut world), look(&mut world));
            world.expect(until > world.now + HOUR * 1000 && again == until, "not one upload each half hour");
        }
        world.power_on(2);
        one_cluster_of_three(&mut world);
        // All have joined: the keys go away, and with them the renewal.
        world.start(0, "renew-certificates");
        world.run_until(|world| world.idle(0), 60);
        world.expect(world.clusters[0].certificates_until == 0, "the uploaded certificates stay");
        world.expect(world.machines[0].enabled.is_empty() && !world.has(0, "etc/kubespore/kubeadm"), "the renewal goes on");
        world.assert_sound();
    }
}

#[test]
fn f14_a_control_plane_wiped_when_the_keys_are_gone_says_what_brings_them_back() {
    let mut plan = Plan::new(3, 0);
    plan.certificate_key = Some(24 * HOUR);
    let mut world = World::new(plan);
    (0..3).for_each(|place| world.power_on(place));
    world.until_done();
    world.start(0, "renew-certificates");
    world.run_until(|world| world.idle(0), 60);
    world.power_off(2);
    world.wipe(2);
    world.power_on(2);
    world.until_reason(2, "certificates-gone");
    world.expect(world.status(2, "command").contains("secrets upload-certs"), "it does not say what helps");
    world.expect(world.machines[2].kubeadm_runs.is_empty(), "it joins without keys");
    world.clusters[0].certificates_until = world.now + 2 * HOUR * 1000;
    one_cluster_of_three(&mut world);
}

#[test]
fn f16_init_uploads_the_certificates_where_they_are_to_be_downloaded() {
    for upload in [false, true] {
        let mut plan = Plan::new(1, 0);
        plan.certificate_key = upload.then_some(24 * HOUR);
        let mut world = World::new(plan);
        world.power_on(0);
        world.until_done();
        let init =
            world.machines[0].kubeadm_lines.iter().find(|line| line.starts_with("init --config")).expect("an init").clone();
        world.expect(init.contains("--upload-certs") == upload, &init);
        world.expect((world.clusters[0].certificates_until > 0) == upload, "the upload");
        world.assert_sound();
    }
}

#[test]
fn f17_the_founder_rebuilt_never_founds_again() {
    let mut world = World::new(Plan::new(3, 1));
    world.power_on_all();
    world.until_done();
    let ids: Vec<_> = world.clusters[0].members.iter().skip(1).map(|member| member.id).collect();
    world.power_off(0);
    world.wipe(0);
    world.power_on(0);
    one_cluster_of_three(&mut world);
    world.expect(ids.iter().all(|id| world.clusters[0].members.iter().any(|member| member.id == *id)), "another member went");
    world.expect(!world.machines[0].kubeadm_runs.contains_key("init"), "init ran");
}

#[test]
fn f18_a_machine_that_died_holds_no_lock() {
    let mut world = World::new(Plan::new(3, 0));
    world.power_on_all();
    // cp-2 dies within its join and stays away.
    world.run_until(|world| world.clusters.first().is_some_and(|cluster| cluster.members.len() == 2), 600);
    world.run_until(|world| world.voters(0).len() == 2, 600);
    world.power_off(1);
    world.run(30);
    world.power_on(1);
    one_cluster_of_three(&mut world);
}

#[test]
fn f19_a_wiped_control_plane_replaces_its_own_member() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    world.wipe(1);
    world.wake(&[0, 2]);
    world.power_on(1);
    one_cluster_of_three(&mut world);
    world.expect(world.machines[1].removals == 1, "the old member was not removed");
}

#[test]
fn f20_a_used_data_disk_is_refused_with_its_remedy() {
    for place in [0, 1] {
        let mut world = World::new(Plan::new(3, 0));
        world.put(place, "var/lib/etcd/member/db", "another cluster's\n");
        world.power_on(place);
        world.until_stopped(place, "orphan-data");
        world.expect(world.status(place, "command").starts_with("mv /var/lib/etcd "), "the remedy deletes");
        world.expect(world.read(place, "var/lib/etcd/member/db") == "another cluster's\n", "the data was touched");
        world.assert_sound();
    }
}

#[test]
fn f21_a_reset_at_each_phase_resumes() {
    let phases = ["machine", "join-wait", "join", "verify", "scrub"];
    for phase in phases {
        let mut world = one_of(Plan::new(2, 0));
        world.power_on(1);
        let reached = world.run_until(|world| world.status(1, "phase") == phase, 900);
        world.expect(reached, phase);
        world.power_off(1);
        world.power_on(1);
        world.until_done();
        world.expect(world.voters(0) == [0, 1], phase);
        world.assert_sound();
    }
}

#[test]
fn f22_reboots_after_success_run_nothing() {
    let mut world = World::new(Plan::new(1, 1));
    world.power_on_all();
    world.until_done();
    let calls: Vec<usize> = world.machines.iter().map(|machine| machine.kubeadm_lines.len()).collect();
    for _ in 0..3 {
        for place in 0..2 {
            world.power_off(place);
            world.power_on(place);
        }
        world.run(60);
    }
    let after: Vec<usize> = world.machines.iter().map(|machine| machine.kubeadm_lines.len()).collect();
    world.expect(calls == after, "kubeadm ran again");
    let unit = kubespore_units(&world, "kubespore-first-boot.service");
    world.expect(unit.contains("\nConditionPathExists=!/var/lib/kubespore/done\n"), "the service has no condition");
    world.assert_sound();
}

/// A unit's text as it is rendered.
fn kubespore_units(world: &World, name: &str) -> String {
    let units = seed::units(&world.plan, 0);
    units.into_iter().find(|unit| unit.name == name).and_then(|unit| unit.content).expect("a unit of that name")
}

#[test]
fn f23_kubelet_conf_is_not_success() {
    let mut world = one_of(Plan::new(2, 0));
    world.power_on(1);
    world.run_until(|world| world.whole(1, "etc/kubernetes/kubelet.conf"), 600);
    world.expect(world.clusters[0].members.len() == 1, "too late: its member is listed");
    world.run(1);
    world.power_off(1);
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1], "it was taken for joined");
    world.assert_sound();
}

#[test]
fn f24_a_clock_ten_minutes_off_joins_and_one_before_the_keys_waits() {
    for (skew, place, joins) in [(-600, 1, true), (36_000, 1, true), (-7200, 1, false), (-1_700_000_000, 2, false)] {
        let mut world = one_of(Plan::new(2, 1));
        world.machines[place].skew = skew;
        world.power_on(place);
        if !joins {
            world.until_reason(place, "clock-behind");
            world.expect(world.status(place, "command").starts_with("date -u -s @1800000000"), "no remedy");
            world.run(120);
            world.expect(world.machines[place].kubeadm_runs.is_empty(), "it joins with a wrong clock");
            world.machines[place].skew = 0;
        }
        world.until_done();
        world.assert_sound();
    }
}

#[test]
fn f24_time_servers_are_waited_for_two_minutes_at_most() {
    let mut plan = Plan::new(1, 0);
    plan.time_servers = true;
    let mut world = World::new(plan);
    world.machines[0].ails.insert(Ail::Unsynchronised);
    world.power_on(0);
    world.until_reason(0, "clock-unsynchronised");
    world.run(100);
    world.expect(world.status(0, "reason") == "clock-unsynchronised", "it did not wait");
    world.until_done();
    world.assert_sound();
}

/// What a machine mints is valid five minutes before its own clock, so that a peer somewhat behind takes it.
#[test]
fn f25_minted_certificates_begin_in_the_past() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    world.wipe(2);
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_done();
    world.expect(!world.minted.is_empty(), "nothing was minted");
    for (clock, from, until) in world.minted.clone() {
        world.expect(from <= clock - 300 && until > clock && until - from <= 600, &format!("{from}..{until} at {clock}"));
    }
    world.expect(!world.has(2, "run/kubespore/keys"), "I9: minted keys are left");
    world.assert_sound();
}

#[test]
fn f26_a_new_instance_id_writes_everything_again_and_changes_nothing() {
    let mut world = World::new(Plan::new(3, 1));
    world.power_on_all();
    world.until_done();
    for place in 0..4 {
        world.power_off(place);
        // cloud-init takes it for a new machine and writes its files again; /var/lib stays.
        let root = world.machines[place].root.clone();
        seed::write(&world.plan, place, &root);
        world.make_durable(place);
    }
    world.power_on_all();
    world.run(60);
    world.expect((0..3).all(|place| world.ready(place)) && world.foundings() == 1, "the cluster did not come back");
    world.assert_sound();
}

#[test]
fn f27_the_same_between_two_boots_of_an_unfinished_machine() {
    let mut world = one_of(Plan::new(2, 0));
    world.power_on(1);
    world.run_until(|world| world.whole(1, "etc/kubernetes/kubelet.conf"), 600);
    world.run(2);
    world.power_off(1);
    let root = world.machines[1].root.clone();
    seed::write(&world.plan, 1, &root);
    world.make_durable(1);
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1], "it does not join");
    world.assert_sound();
}

#[test]
fn f28_no_seed_at_the_second_boot() {
    let mut world = one_of(Plan::new(2, 0));
    world.power_on(1);
    world.run_until(|world| world.has(1, "var/lib/kubespore/join-intent"), 600);
    world.power_off(1);
    world.take_away(1, "var/lib/cloud");
    world.take_away(1, "run/cloud-init");
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1], "it does not join without its seed");
    world.assert_sound();
}

#[test]
fn f50_a_machine_id_from_the_image_is_made_anew_once() {
    let mut world = one_of(Plan::new(2, 1));
    for place in [1, 2] {
        let id = fs::File::options().write(true).open(world.machines[place].root.join("etc/machine-id")).expect("a machine-id");
        id.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).expect("a time set");
        let before = world.read(place, "etc/machine-id");
        world.power_on(place);
        world.until_done();
        world.expect(world.read(place, "etc/machine-id") != before, "the template's machine-id stays");
    }
    world.assert_sound();
    // A machine-id of this boot is kept.
    let mut world = one_of(Plan::new(2, 0));
    let before = world.read(1, "etc/machine-id");
    world.power_on(1);
    world.until_done();
    world.expect(world.read(1, "etc/machine-id") == before, "a fresh machine-id was thrown away");
}

#[test]
fn f52_the_same_seed_on_two_machines() {
    for place in [0, 1] {
        let mut world = World::new(Plan::new(3, 0));
        world.machines[place].ails.insert(Ail::DuplicateAddress);
        world.power_on(place);
        world.until_reason(place, "twin");
        world.expect(world.machines[place].kubeadm_runs.is_empty(), "it acts beside its twin");
        world.assert_sound();
    }
    let mut world = World::new(Plan::new(1, 0));
    world.machines[0].twin = true;
    world.power_on(0);
    world.until_reason(0, "twin");
    world.expect(world.foundings() == 0, "two twins found two clusters");
    world.assert_sound();
}

#[test]
fn f53_an_address_that_no_interface_has() {
    for place in [0, 1, 3] {
        let mut world = World::new(Plan::new(3, 1));
        world.machines[place].ails.insert(Ail::NoAddress);
        world.power_on(place);
        world.until_reason(place, "address-absent");
        let address = world.machines[place].address.clone();
        world.expect(world.status(place, "text").contains(&address), "it is not named");
        world.assert_sound();
    }
}

#[test]
fn f56_swap_goes_off_and_stays_off() {
    let mut world = one_of(Plan::new(2, 0));
    world.machines[1].swap = true;
    world.power_on(1);
    world.until_done();
    world.expect(!world.machines[1].swap && world.machines[1].masked.contains("swap.target"), "swap is on, or comes back");
    world.assert_sound();
    let mut world = one_of(Plan::new(2, 0));
    world.machines[1].swap = true;
    world.machines[1].ails.insert(Ail::SwapStays);
    world.power_on(1);
    world.until_stopped(1, "swap-on");
    world.assert_sound();
}

#[test]
fn f57_cloud_init_is_off_after_success_where_the_seed_is_a_medium() {
    for medium in [true, false] {
        let mut plan = Plan::new(1, 0);
        plan.seed_on_media = medium;
        let mut world = World::new(plan);
        world.put(0, "dev/disk/by-label/cidata", "");
        world.power_on(0);
        world.run_until(|world| world.status(0, "phase") == "verify", 600);
        world.expect(!world.has(0, "etc/cloud/cloud-init.disabled"), "too early");
        world.until_done();
        world.expect(world.has(0, "etc/cloud/cloud-init.disabled") == medium, "cloud-init");
        world.expect(world.read(0, "dev/console").contains("eject it") == medium, "the medium");
        world.assert_sound();
    }
}

#[test]
fn f58_no_secret_is_said_and_none_is_left() {
    let mut plan = Plan::new(3, 1);
    (plan.certificate_key, plan.certificate_key_flag) = (Some(24 * HOUR), true);
    let mut world = World::new(plan);
    world.kubeadm_fails = vec!["error execution phase preflight".to_owned()];
    world.machines[0].ails.insert(Ail::CloudFinalRuns);
    world.power_on_all();
    world.until_reason(0, "cloud-final");
    world.run(600);
    world.expect(!world.done(0) && world.whole(0, "etc/kubespore/pki/ca.key"), "it did not wait for cloud-init");
    world.machines[0].ails.clear();
    one_cluster_of_three(&mut world);
    for place in 0..4 {
        for path in ["var/lib/cloud", "run/cloud-init", "run/kubespore", "var/lib/kubespore", "etc/kubespore", "dev"] {
            for entry in walkdir::WalkDir::new(world.machines[place].root.join(path)).into_iter().filter_map(Result::ok) {
                let text = fs::read(entry.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
                // The founder keeps what it needs to renew the uploaded certificates, until it need not.
                let renewal = place == 0 && entry.path().starts_with(world.machines[0].root.join("etc/kubespore/kubeadm"));
                world.expect(renewal || !seed::holds_secret(&text), &format!("{} holds a secret", entry.path().display()));
            }
        }
    }
}

#[test]
fn f60_a_worker_carries_nothing_of_a_control_plane() {
    let world = World::new(Plan::new(1, 1));
    let (founder, worker) = (world.read(0, "etc/kubespore/first-boot"), world.read(1, "etc/kubespore/first-boot"));
    for word in ["member/remove", "kubeadm_run init", "empty-notice", "open_notice"] {
        world.expect(!worker.contains(word), &format!("a worker's script says {word}"));
    }
    world.expect(founder.contains("member/remove") && founder.contains("kubeadm_run init"), "the founder's does not");
    world.expect(
        !world.has(1, "etc/kubespore/pki") && !world.has(1, "etc/kubespore/notice"),
        "a worker has files of a control plane",
    );
}

#[test]
fn f65_an_old_data_disk_is_neither_formatted_nor_used() {
    let mut plan = Plan::new(3, 0);
    plan.etcd_disk = Some("/dev/disk/by-label/etcd");
    let mut world = World::new(plan);
    world.put(1, "var/lib/etcd/member/db", "old\n");
    world.power_on(1);
    world.until_stopped(1, "orphan-data");
    world.expect(world.read(1, "var/lib/etcd/member/db") == "old\n", "the data was touched");
}

#[test]
fn f70_the_service_and_the_gate_come_after_the_network() {
    let world = World::new(Plan::new(1, 0));
    for unit in ["kubespore-first-boot.service", "kubespore-gate.service"] {
        let text = kubespore_units(&world, unit);
        let after = text.lines().find(|line| line.starts_with("After=")).expect("an order");
        world.expect(after.contains("network-online.target") && text.contains("\nWants=network-online.target"), unit);
    }
    let gate = kubespore_units(&world, "kubespore-gate.service");
    world.expect(gate.contains("\nBefore=kubelet.service\n") && gate.contains("\nRequiredBy=kubelet.service\n"), "the kubelet");
}

#[test]
fn f71_images_that_are_missing_are_named_before_kubeadm_runs() {
    let mut plan = Plan::new(1, 0);
    plan.images = vec!["registry.lab/pause:3.10".to_owned(), "registry.lab/etcd:3.6".to_owned()];
    let mut world = World::new(plan);
    world.machines[0].ails.insert(Ail::NoImages);
    world.power_on(0);
    world.until_reason(0, "images-missing");
    world.expect(world.status(0, "text").ends_with("registry.lab/pause:3.10 registry.lab/etcd:3.6"), &world.status(0, "text"));
    world.expect(world.machines[0].kubeadm_runs.is_empty(), "kubeadm would pull");
    world.machines[0].ails.clear();
    world.until_done();
    world.assert_sound();
}

#[test]
fn f72_cgroup_v1_stops_where_the_kubelet_refuses_it() {
    for refuses in [true, false] {
        let mut plan = Plan::new(1, 0);
        plan.cgroup_v2 = refuses;
        let mut world = World::new(plan);
        world.take_away(0, "sys/fs/cgroup/cgroup.controllers");
        world.power_on(0);
        if refuses {
            world.until_stopped(0, "cgroup-v1");
        } else {
            world.until_done();
        }
        world.assert_sound();
    }
}

#[test]
fn f74_no_script_touches_cloud_init_while_it_runs() {
    let world = World::new(Plan::new(2, 1));
    for place in 0..3 {
        for script in ["first-boot", "gate", "notice", "renew-certificates", "end-approval"] {
            let text = world.read(place, &format!("etc/kubespore/{script}"));
            let calls = ["cloud-init clean", "cloud-init init", "restart cloud", "start cloud", "stop cloud"];
            world.expect(calls.iter().all(|call| !text.contains(call)), script);
        }
    }
}

#[test]
fn f76_the_token_is_in_no_argument_list() {
    for credential in [seed::Credential::Token, seed::Credential::Certificate] {
        let mut plan = Plan::new(3, 1);
        plan.credential = credential;
        let mut world = World::new(plan);
        world.power_on_all();
        one_cluster_of_three(&mut world);
        let lines = world.machines.iter().flat_map(|machine| &machine.kubeadm_lines);
        let told = lines.filter(|line| line.contains(seed::TOKEN) || line.contains(CERTIFICATE_KEY)).count();
        world.expect(told == 0, "kubeadm was told a secret");
        let own = world.machines.iter().flat_map(|machine| &machine.kubeadm_lines).filter(|line| line.contains("--token "));
        world.expect(own.count() == 0, "a token is a flag");
    }
}

#[test]
fn f77_the_administrators_file_is_shown_to_root_alone() {
    let script = include_str!("../../../templates/first-boot/profile.sh");
    let run = |id: &str| {
        let program = format!("id() {{ echo {id}; }}\nreadable() {{ :; }}\n{script}\nprintf '%s' \"${{KUBECONFIG:-}}\"");
        let program = program.replace("[ -r /etc/kubernetes/admin.conf ]", "readable");
        let output = Command::new("/bin/sh").arg("-c").arg(program).env_remove("KUBECONFIG").output().expect("a shell");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(run("0"), "/etc/kubernetes/admin.conf");
    assert_eq!(run("1000"), "");
    assert!(!script.contains("cp "), "it is copied");
}

#[test]
fn f78_another_cluster_behind_the_endpoint_is_met_with_both_fingerprints() {
    let mut world = World::new(Plan::new(3, 1));
    world.balancer.foreign = true;
    world.power_on_all();
    world.run(600);
    for place in 0..4 {
        world.expect(world.status(place, "reason") == "foreign" && world.machines[place].kubeadm_runs.is_empty(), "it acts");
        world.expect(world.status(place, "text").matches("Fingerprint=").count() == 2, "not both fingerprints");
    }
    world.balancer.foreign = false;
    one_cluster_of_three(&mut world);
}

/// I2b: kubeadm does not sync, so somebody must while it runs.
#[test]
fn what_kubeadm_wrote_survives_a_cut_seconds_later() {
    let mut world = World::new(Plan::new(1, 0));
    world.power_on(0);
    world.run_until(|world| world.foundings() == 1, 300);
    world.power_off(0);
    for path in ["pki/apiserver.crt", "admin.conf", "manifests/etcd.yaml"] {
        world.expect(world.whole(0, &format!("etc/kubernetes/{path}")), path);
    }
    world.power_on(0);
    world.until_done();
    world.assert_sound();
}

#[test]
fn settings_that_came_with_the_seed_are_put_in_force_once_a_boot() {
    let mut world = one_of(Plan::new(2, 1));
    for place in [1, 2] {
        world.power_on(place);
        world.until_done();
        let expected = ["systemd-modules-load.service", "systemd-sysctl.service", "containerd.service"];
        world.expect(world.machines[place].restarted == expected, &format!("{:?}", world.machines[place].restarted));
    }
    world.assert_sound();
    // A module that is missing is said; a runtime that does not start is waited for.
    let mut world = one_of(Plan::new(2, 0));
    world.machines[1].ails.extend([Ail::NoModules, Ail::RuntimeDown]);
    world.power_on(1);
    world.until_reason(1, "runtime-down");
    world.machines[1].ails.remove(&Ail::RuntimeDown);
    world.until_done();
    world.expect(world.journal(1).contains("not all kernel modules"), "nobody says it");
    world.assert_sound();
}

/// systemd asks the conditions of a unit when it is started, and not when it begins again by itself: an image's kubelet that was
/// started before the seed was read would go on for as long as the machine waits.
#[test]
fn a_kubelet_without_its_configuration_is_stopped_and_one_that_has_it_is_not() {
    let mut world = one_of(Plan::new(2, 0));
    for configured in [false, true] {
        world.power_on(1);
        world.machines[1].kubelet = true;
        world.run_until(|world| !world.machines[1].restarted.is_empty(), 300);
        world.expect(world.machines[1].kubelet == configured, &format!("configured: {configured}"));
        world.run_until(|world| world.voters(0).len() == 2, 600);
        world.power_off(1);
    }
    world.power_on(1);
    world.until_done();
    world.assert_sound();
}

#[test]
fn a_joining_control_planes_kubelet_is_hurried_as_long_as_the_join_lasts() {
    for (control_plane, plan) in [(true, Plan::new(2, 0)), (false, Plan::new(1, 1))] {
        let mut world = one_of(plan);
        world.power_on(1);
        world.kubeadm_fails.push("for once".to_owned());
        world.run_until(|world| world.machines[1].kubeadm_runs.contains_key("join"), 300);
        world.expect(world.machines[1].hurrying == control_plane, "while kubeadm joins");
        world.until_reason(1, "join-failed");
        world.expect(!world.machines[1].hurrying, "after a join that failed");
        world.until_done();
        world.expect(!world.machines[1].hurrying, "after the join");
        world.assert_sound();
    }
}

#[test]
fn the_runtime_is_left_alone_where_pods_run() {
    let mut world = one_of(Plan::new(2, 0));
    world.power_on(1);
    world.run_until(|world| world.voters(0).len() == 2, 600);
    world.power_off(1);
    world.power_on(1);
    world.until_done();
    world.expect(
        !world.machines[1].restarted.contains(&"containerd.service".to_owned()),
        "the runtime was restarted under its pods",
    );
    world.assert_sound();
}

#[test]
fn tools_and_versions_are_named() {
    let mut plan = Plan::new(1, 0);
    plan.tools = vec!["no-such-program"];
    let mut world = World::new(plan);
    world.power_on(0);
    world.until_reason(0, "tools-missing");
    world.expect(world.status(0, "text").ends_with(": no-such-program"), &world.status(0, "text"));
    let mut world = World::new(Plan::new(1, 0));
    world.machines[0].ails.insert(Ail::OtherKubeadm);
    world.power_on(0);
    world.until_reason(0, "kubeadm-version");
    world.expect(world.status(0, "text").contains("v1.35.0") && world.status(0, "text").contains("v1.36.2"), "both versions");
    world.assert_sound();
}

/// A cut of every machine at once, at an instant of the second member's addition.
#[test]
fn a_cut_of_the_whole_site_while_the_second_member_is_added() {
    for learners in [true, false] {
        let mut plan = Plan::new(3, 0);
        plan.learners = learners;
        let mut world = World::new(plan);
        world.power_on_all();
        world.run_until(|world| world.clusters.first().is_some_and(|cluster| cluster.members.len() == 2), 900);
        for place in 0..3 {
            world.power_off(place);
        }
        world.run(5);
        world.power_on_all();
        one_cluster_of_three(&mut world);
    }
}
