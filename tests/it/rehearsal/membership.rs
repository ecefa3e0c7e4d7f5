//! Removing one's own dead member, and taking up a join that was cut: first-boot.md §7 and §8.
//!
//! In: what etcd lists and what the disk holds. Out: who is removed, what is renamed, who joins. Absent on purpose: real
//! etcd; it meets the same scripts in the conformance tests.

use super::seed::{Credential, Plan};
use super::world::{NodeObject, World};

/// A cluster of three whose last machine was wiped.
fn wiped(plan: Plan) -> World {
    let mut world = World::new(plan);
    let places: Vec<_> = (0..world.plan.control_planes).collect();
    world.form(&places);
    let last = places.len() - 1;
    world.wipe(last);
    world.wake(&places[..last]);
    world
}

#[test]
fn a_wiped_machine_removes_its_own_member_and_joins() {
    for credential in [Credential::Token, Credential::Certificate] {
        for place in [0, 1, 2] {
            let mut plan = Plan::new(3, 0);
            plan.credential = credential;
            let mut world = World::new(plan);
            world.form(&[0, 1, 2]);
            let before = world.clusters[0].members[place].id;
            world.wipe(place);
            let others: Vec<_> = (0..3).filter(|other| *other != place).collect();
            world.wake(&others);
            world.power_on(place);
            world.until_done();
            world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
            world.expect(world.machines[place].removals == 1, "one removal");
            world.expect(world.clusters[0].members.iter().all(|member| member.id != before), "the dead member is still listed");
            world.assert_sound();
        }
    }
}

#[test]
fn r1_nothing_is_removed_while_data_is_here() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    for mark in ["member", "join-intent", "done"] {
        world.take_away(2, &format!("var/lib/kubespore/{mark}"));
    }
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_stopped(2, "orphan-data");
    world.expect(world.voters(0) == [0, 1, 2] && world.machines[2].removals == 0, "a member with data was removed");
    world.assert_sound();
}

#[test]
fn r2_and_r3_no_quorum_no_removal() {
    for (planes, awake) in [(2, 1), (3, 1), (5, 2)] {
        let mut world = World::new(Plan::new(planes, 0));
        let places: Vec<_> = (0..planes).collect();
        world.form(&places);
        world.wipe(planes - 1);
        for place in 0..awake {
            world.power_on(place);
        }
        // The endpoint has no ready backend; let the machine pass it and ask etcd itself.
        world.power_on(planes - 1);
        world.run(900);
        world.expect(world.voters(0).len() == planes && world.machines[planes - 1].removals == 0, "removed without a quorum");
        world.expect(world.machines[planes - 1].kubeadm_runs.is_empty(), "joined without a quorum");
        world.expect(world.status(planes - 1, "result") == "waiting", "it does not wait");
        world.assert_sound();
    }
}

#[test]
fn r2_another_machines_learner_or_unstarted_member_delays() {
    for learner in [true, false] {
        let mut world = World::new(Plan::new(5, 0));
        world.form(&[0, 1, 2, 3, 4]);
        let odd = &mut world.clusters[0].members[3];
        (odd.name, odd.learner) = (String::new(), learner);
        world.take_away(3, "etc/kubernetes/manifests/etcd.yaml");
        world.wipe(1);
        world.wake(&[0, 2, 4]);
        world.power_on(3);
        world.power_on(1);
        world.run(120);
        let seen = world.status(1, "reason");
        world.expect(world.machines[1].removals == 0 && seen == "etcd-no-majority", &seen);
        // It starts, and is promoted.
        let odd = &mut world.clusters[0].members[3];
        (odd.name, odd.learner) = ("cp-4".to_owned(), false);
        world.put(3, "etc/kubernetes/manifests/etcd.yaml", "state=existing\n");
        world.until_done();
        world.expect(world.voters(0) == [0, 1, 2, 3, 4], "it does not join afterwards");
        world.assert_sound();
    }
}

#[test]
fn r2_a_list_that_changes_while_we_look_is_looked_at_again() {
    let mut world = World::new(Plan::new(5, 0));
    world.form(&[0, 1, 2, 3, 4]);
    world.wipe(1);
    world.wake(&[0, 2, 3, 4]);
    world.power_on(1);
    world.run(30);
    world.expect(world.status(1, "phase") == "join-wait" && world.machines[1].removals == 0, "not within the minute");
    // The operator takes another member out.
    world.power_off(4);
    world.clusters[0].members.remove(4);
    world.until_reason(1, "etcd-changes");
    world.expect(world.machines[1].removals == 0, "it removes by an old list");
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2, 3] && world.machines[1].removals == 1, "it does not join by the new list");
    world.assert_sound();
}

#[test]
fn r4_names_and_urls_must_both_be_ours() {
    // Whose peer URL, under which name, in place of the entry of the wiped machine.
    for (machine, name) in [(1, "cp-3"), (2, "cp-9")] {
        let mut world = wiped(Plan::new(3, 0));
        let members = &mut world.clusters[0].members;
        if machine == 2 {
            members[2].name = name.to_owned();
        } else {
            members.remove(2);
            members[1].name = name.to_owned();
        }
        world.power_on(2);
        world.until_reason(2, "member-mismatch");
        world.run(300);
        world.expect(world.machines[2].removals == 0 && world.machines[2].kubeadm_runs.is_empty(), "acted on a mismatch");
        world.assert_sound();
    }
}

#[test]
fn r5_a_living_name_is_not_removed() {
    let mut world = wiped(Plan::new(3, 0));
    let heard = world.now + 700_000;
    world.clusters[0].nodes.insert("cp-3".to_owned(), NodeObject { boot_id: "another machine".to_owned(), heard });
    world.power_on(2);
    world.until_reason(2, "node-ready");
    world.run(600);
    world.expect(world.machines[2].removals == 0 && world.status(2, "reason") == "twin", "removed a living machine's member");
    world.until_done();
    world.expect(world.machines[2].removals == 1 && world.voters(0) == [0, 1, 2], "it does not join when that is gone");
    world.assert_sound();
}

#[test]
fn r5_a_node_that_comes_back_while_we_watch() {
    let mut world = wiped(Plan::new(3, 0));
    world.power_on(2);
    world.run_until(|world| world.status(2, "phase") == "join-wait", 60);
    world.run(20);
    let heard = world.now;
    world.clusters[0].nodes.insert("cp-3".to_owned(), NodeObject { boot_id: "another machine".to_owned(), heard });
    world.run(55);
    world.expect(world.machines[2].removals == 0, "a minute of watching was not a minute");
    world.until_done();
    world.assert_sound();
}

#[test]
fn r5_a_twin_on_the_wire() {
    let mut world = wiped(Plan::new(3, 0));
    world.machines[2].twin = true;
    world.power_on(2);
    world.until_reason(2, "twin");
    world.expect(world.machines[2].removals == 0, "removed beside a twin");
    world.machines[2].twin = false;
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "it does not join when the twin is gone");
    world.assert_sound();
}

#[test]
fn a_removal_that_fails_is_decided_anew() {
    let mut world = wiped(Plan::new(3, 0));
    world.removals_fail = 2;
    world.power_on(2);
    world.until_done();
    world.expect(world.machines[2].removals == 1 && world.voters(0) == [0, 1, 2], "one removal in the end");
    world.expect(world.journal(2).contains("the answer was 28 000; looking again"), "the failure was not seen");
    world.assert_sound();
}

#[test]
fn nothing_here_opens_etcd() {
    let mut world = wiped(Plan::new(3, 0));
    world.take_away(2, "etc/kubespore/pki/etcd/ca.key");
    world.power_on(2);
    world.until_reason(2, "no-etcd-credential");
    world.expect(world.machines[2].kubeadm_runs.is_empty(), "it joins without looking");
    world.assert_sound();
}

#[test]
fn a_pre_issued_client_is_enough() {
    let mut world = wiped(Plan::new(3, 0));
    world.put(2, "etc/kubespore/pki/etcd/healthcheck-client.crt", "certificate\n");
    world.put(2, "etc/kubespore/pki/etcd/healthcheck-client.key", "SECRET leaf key\n");
    world.power_on(2);
    world.until_done();
    world.expect(world.machines[2].removals == 1, "not removed");
    world.expect(!world.has(2, "run/kubespore/keys/etcd.key"), "a certificate was minted though one was there");
    world.assert_sound();
}

#[test]
fn with_a_certificate_key_the_keys_are_downloaded_first() {
    for flag in [true, false] {
        let mut plan = Plan::new(3, 0);
        plan.certificate_key = Some(86_400);
        plan.certificate_key_flag = flag;
        let mut world = wiped(plan);
        world.clusters[0].certificates_until = u64::MAX;
        world.power_on(2);
        world.until_done();
        world.expect(world.machines[2].removals == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.assert_sound();
    }
}

#[test]
fn two_of_five_wiped_remove_themselves_one_after_another() {
    let mut world = World::new(Plan::new(5, 0));
    world.form(&[0, 1, 2, 3, 4]);
    world.wipe(1);
    world.wipe(3);
    world.wake(&[0, 2, 4]);
    world.power_on(1);
    world.power_on(3);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2, 3, 4] && world.foundings() == 1, "five voters again");
    world.expect(world.machines[1].removals == 1 && world.machines[3].removals == 1, "each removes one");
    world.assert_sound();
}

/// The entry of a machine whose join was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    None,
    Unstarted,
    Learner,
    Started,
}

/// One row of §8: what is listed, what is on the disk; what is removed and set aside.
const CUT_JOINS: &[(Entry, bool, usize, bool)] = &[
    (Entry::None, false, 0, false),
    (Entry::None, true, 0, true),
    (Entry::Unstarted, false, 1, false),
    (Entry::Unstarted, true, 1, true),
    (Entry::Learner, false, 1, false),
    (Entry::Learner, true, 1, true),
    (Entry::Started, true, 0, false),
    (Entry::Started, false, 1, false),
];

#[test]
fn every_row_of_a_cut_join() {
    for (entry, data, removals, aside) in CUT_JOINS {
        let mut world = World::new(Plan::new(3, 0));
        world.form(&[0, 1, 2]);
        for mark in ["member", "done"] {
            world.take_away(2, &format!("var/lib/kubespore/{mark}"));
        }
        let member = &mut world.clusters[0].members[2];
        match entry {
            Entry::None => drop(world.clusters[0].members.pop()),
            Entry::Unstarted => member.name.clear(),
            Entry::Learner => member.learner = true,
            Entry::Started => {}
        }
        if !data {
            world.take_away(2, "var/lib/etcd/member");
        }
        if *entry == Entry::Unstarted {
            // Its pod would take the seat at once; the cut came before its manifest.
            world.take_away(2, "etc/kubernetes/manifests/etcd.yaml");
        }
        world.wake(&[0, 1]);
        world.power_on(2);
        world.until_done();
        let label = format!("{entry:?}, data {data}");
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], &label);
        world.expect(world.machines[2].removals == *removals, &format!("{label}: {} removals", world.machines[2].removals));
        world.expect(
            world.has(2, "var/lib/etcd/member.stale-1") == *aside || world.has(2, "var/lib/etcd.stale-1") == *aside,
            &label,
        );
        let reset = world.machines[2].kubeadm_runs.contains_key("reset");
        world.expect(reset != (*entry == Entry::Started && *data), &format!("{label}: reset {reset}"));
        world.assert_sound();
    }
}

/// At one voter going to two, the machine that was cut may be the half that is missing.
#[test]
fn a_cut_joiner_is_the_missing_half() {
    let mut plan = Plan::new(2, 0);
    plan.learners = false;
    let mut world = World::new(plan);
    world.form(&[0, 1]);
    for mark in ["member", "done"] {
        world.take_away(1, &format!("var/lib/kubespore/{mark}"));
    }
    world.clusters[0].members[1].name.clear();
    world.take_away(1, "var/lib/etcd/member");
    world.machines[1].kubelet_enabled = false;
    world.power_on(0);
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1] && world.machines[1].removals == 0, "the seat was not filled");
    world.assert_sound();
}

#[test]
fn a_cut_joiner_without_a_quorum_waits() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1]);
    world.mark(2, "join-intent");
    world.power_on(0);
    world.power_on(2);
    world.until_reason(2, "etcd-no-quorum");
    world.run(300);
    world.expect(world.machines[2].kubeadm_runs.is_empty(), "it acts without a quorum");
    world.power_on(1);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "it does not join with a quorum");
    world.assert_sound();
}

#[test]
fn manifests_without_a_kubelet_need_no_reset() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1]);
    world.mark(2, "join-intent");
    for (path, text) in [
        ("etc/kubernetes/manifests/kube-apiserver.yaml", "pod\n"),
        ("etc/kubernetes/manifests/kube-scheduler.yaml", ""),
        ("etc/kubernetes/kubelet.conf", ""),
        ("etc/kubernetes/pki/apiserver.crt", ""),
    ] {
        world.put(2, path, text);
    }
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_done();
    world.expect(!world.machines[2].kubeadm_runs.contains_key("reset"), "it was reset");
    world.expect(world.voters(0) == [0, 1, 2], "it does not join");
    world.assert_sound();
}

#[test]
fn a_cut_worker_verifies_or_starts_over() {
    for (conf, registers) in [(true, true), (true, false), (false, false)] {
        let mut world = World::new(Plan::new(1, 1));
        world.form(&[0]);
        world.wake(&[0]);
        world.mark(1, "join-intent");
        if conf {
            world.put(1, "etc/kubernetes/kubelet.conf", "SECRET\n");
            world.put(1, "etc/kubernetes/pki/ca.crt", "certificate\n");
            world.put(1, "var/lib/kubelet/config.yaml", if registers { "config\n" } else { "" });
            world.put(1, "var/lib/kubelet/pki/kubelet-client-current.pem", "SECRET kubelet key\n");
        }
        world.power_on(1);
        world.until_done();
        let runs = world.machines[1].kubeadm_runs.clone();
        world.expect(runs.contains_key("join") != registers, &format!("{conf} {registers}: {runs:?}"));
        world.expect(runs.contains_key("reset") == (conf && !registers), &format!("{conf} {registers}: {runs:?}"));
        world.assert_sound();
    }
}
