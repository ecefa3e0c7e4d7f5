//! What a machine concludes from its own disk: first-boot.md §2, and the gate of §3.
//!
//! In: marks, data, identity. Out: where it goes. Absent on purpose: what the network says, beyond a sibling or none.

use super::seed::Plan;
use super::world::{Ail, World};

/// One row of §2 on the founder and on another control plane.
struct Row {
    letter: char,
    marks: &'static [&'static str],
    data: bool,
    gate: bool,
    /// The reason with which it stops, when it does.
    stops: Option<&'static str>,
}

const ROWS: &[Row] = &[
    Row { letter: 'A', marks: &["member", "done"], data: true, gate: true, stops: None },
    Row { letter: 'A', marks: &["member", "done"], data: false, gate: true, stops: None },
    Row { letter: 'A', marks: &["fenced", "done"], data: true, gate: true, stops: None },
    Row { letter: 'B', marks: &["init-intent", "fenced"], data: true, gate: false, stops: Some("fenced") },
    Row { letter: 'B', marks: &["fenced"], data: false, gate: false, stops: Some("fenced") },
    Row { letter: 'E', marks: &["init-intent", "founded"], data: false, gate: false, stops: Some("etcd-data-lost") },
    Row { letter: 'E', marks: &["join-intent", "member"], data: false, gate: false, stops: Some("etcd-data-lost") },
    Row { letter: 'I', marks: &[], data: true, gate: false, stops: Some("orphan-data") },
];

#[test]
fn rows_that_end_at_once() {
    for row in ROWS {
        for place in [0, 1] {
            let mut world = World::new(Plan::new(3, 0));
            let label = format!("row {} {:?} on cp-{}", row.letter, row.marks, place + 1);
            for mark in row.marks {
                world.mark(place, mark);
            }
            if row.data {
                world.put(place, "var/lib/etcd/member/db", "7 7 7\n");
            }
            world.power_on(place);
            if row.stops.is_some() {
                world.until_stopped(place, row.stops.unwrap_or_default());
            } else {
                world.run(5);
                world.start(place, "first-boot");
                world.run_until(|world| world.idle(place), 60);
                world.expect(world.machines[place].exit == Some(0), &label);
            }
            world.expect(world.machines[place].gate == Some(row.gate), &label);
            world.expect(world.machines[place].kubeadm_runs.is_empty() && world.foundings() == 0, &label);
            world.expect(world.has(place, "var/lib/etcd/member/db") == row.data, &label);
            world.assert_sound();
        }
    }
}

#[test]
fn row_c_a_cloned_disk_stops() {
    let identities = [
        ("node=0a1b2c3d/cp-2/g1\nuuid=another\nmacs=52:54:00:00:00:11 \n", true),
        ("node=0a1b2c3d/cp-2/g1\nuuid=\nmacs=52:54:00:00:00:99 \n", true),
        ("node=0a1b2c3d/cp-3/g1\nuuid=uuid-1\nmacs=52:54:00:00:00:11 \n", true),
        ("node=0a1b2c3d/cp-2/g2\nuuid=uuid-1\nmacs=52:54:00:00:00:11 \n", true),
        ("node=ffffffff/cp-2/g1\nuuid=uuid-1\nmacs=52:54:00:00:00:11 \n", true),
        // A network card was changed; the firmware still says who it is.
        ("node=0a1b2c3d/cp-2/g1\nuuid=uuid-1\nmacs=52:54:00:00:00:99 \n", false),
        ("node=0a1b2c3d/cp-2/g1\nuuid=\nmacs=52:54:00:00:00:98 52:54:00:00:00:11 \n", false),
    ];
    for (identity, stops) in identities {
        let mut world = World::new(Plan::new(3, 0));
        world.put(1, "var/lib/kubespore/identity", identity);
        world.power_on(1);
        if stops {
            world.until_stopped(1, "cloned-disk");
            world.expect(world.machines[1].gate == Some(false), identity);
        } else {
            world.until_reason(1, "endpoint");
        }
        world.assert_sound();
    }
}

#[test]
fn row_c_yields_to_done() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    world.put(1, "var/lib/kubespore/identity", "node=0a1b2c3d/cp-2/g1\nuuid=another\nmacs=\n");
    world.wake(&[0, 1, 2]);
    world.assert_sound();
}

#[test]
fn row_d_resumes_what_is_left() {
    // Which marks a late power cut left, and on whom.
    for (place, left) in [(0, &["founded"][..]), (0, &["founded", "settled"]), (1, &["member"])] {
        let mut world = World::new(Plan::new(3, 0));
        world.form(&[0, 1, 2]);
        let marks = ["founded", "settled", "member", "done"];
        for mark in marks.iter().filter(|mark| !left.contains(mark)) {
            if world.has(place, &format!("var/lib/kubespore/{mark}")) {
                world.take_away(place, &format!("var/lib/kubespore/{mark}"));
            }
        }
        world.power_on_all();
        world.until_done();
        let runs = &world.machines[place].kubeadm_runs;
        let expected = usize::from(left == ["founded"]);
        world.expect(runs.values().sum::<usize>() == expected, &format!("{left:?}: kubeadm ran {runs:?}"));
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "the cluster is another");
        world.assert_sound();
    }
}

#[test]
fn row_f_resumes_init_over_its_own_data() {
    let mut world = World::new(Plan::new(1, 0));
    world.power_on(0);
    world.run_until(|world| world.foundings() == 1, 300);
    world.run(2);
    world.power_off(0);
    world.expect(world.has(0, "var/lib/etcd/member/db") && !world.has(0, "var/lib/kubespore/founded"), "not row F");
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 1, "init over its own data begins another cluster");
    world.expect(!world.machines[0].kubeadm_runs.contains_key("reset"), "init was reset");
    world.assert_sound();
}

#[test]
fn row_f_is_fenced_where_a_sibling_lives() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[1, 2]);
    world.mark(0, "init-intent");
    world.put(0, "var/lib/etcd/member/db", "9 9 9\n");
    world.wake(&[1, 2]);
    world.power_on(0);
    world.until_stopped(0, "fenced");
    world.expect(world.machines[0].gate == Some(false), "the gate let a stale etcd wake");
    world.assert_sound();
    // The command it names leads to one cluster again.
    world.paste_command(0);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2] && world.foundings() == 1, "the fenced machine does not join");
    world.assert_sound();
}

#[test]
fn row_g_starts_over() {
    let mut world = World::new(Plan::new(3, 0));
    world.mark(0, "init-intent");
    world.power_on_all();
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

#[test]
fn row_g_joins_where_a_cluster_lives() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1, 2]);
    // A snapshot from inside init, before etcd wrote: manifests are there, data is not.
    for mark in ["founded", "settled", "done"] {
        world.take_away(0, &format!("var/lib/kubespore/{mark}"));
    }
    world.take_away(0, "var/lib/etcd/member");
    world.wake(&[1, 2]);
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

/// The gate comes before everything, the supervisor only after waits: what it lets wake has minutes to do harm.
#[test]
fn no_old_pod_wakes_while_the_supervisor_waits() {
    for keep in [&["init-intent"][..], &[]] {
        let mut plan = Plan::new(3, 0);
        plan.time_servers = true;
        let mut world = World::new(plan);
        world.form(&[0, 1, 2]);
        for mark in ["founded", "settled", "done", "init-intent"].iter().filter(|mark| !keep.contains(mark)) {
            world.take_away(0, &format!("var/lib/kubespore/{mark}"));
        }
        world.take_away(0, "var/lib/etcd/member");
        world.wake(&[1, 2]);
        world.machines[0].ails.insert(Ail::Unsynchronised);
        world.power_on(0);
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.assert_sound();
    }
}

/// A founder whose init was cut, and that then joined, carries both intents; the later one counts.
#[test]
fn row_h_comes_before_f_and_g() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[1, 2]);
    world.mark(0, "init-intent");
    world.wake(&[1, 2]);
    world.power_on(0);
    world.run_until(|world| world.has(0, "var/lib/etcd/member/db"), 600);
    world.power_off(0);
    world.expect(
        world.has(0, "var/lib/kubespore/join-intent") && !world.has(0, "var/lib/kubespore/member"),
        "not cut within the join",
    );
    world.power_on(0);
    world.until_done();
    world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
    world.assert_sound();
}

#[test]
fn row_e_rejoins_after_its_command() {
    for place in [0, 2] {
        let mut world = World::new(Plan::new(3, 0));
        world.form(&[0, 1, 2]);
        world.take_away(place, "var/lib/kubespore/done");
        world.take_away(place, "var/lib/etcd/member");
        let others: Vec<_> = (0..3).filter(|other| *other != place).collect();
        world.wake(&others);
        world.power_on(place);
        world.until_stopped(place, "etcd-data-lost");
        world.paste_command(place);
        world.until_done();
        world.expect(world.foundings() == 1 && world.voters(0) == [0, 1, 2], "one cluster of three");
        world.expect(world.machines[place].removals == 1, "its own dead member is removed once");
        world.assert_sound();
    }
}

#[test]
fn row_i_orphan_data_is_the_operators_word() {
    let mut world = World::new(Plan::new(3, 0));
    world.form(&[0, 1]);
    world.put(2, "var/lib/etcd/member/db", "9 9 9\n");
    world.wake(&[0, 1]);
    world.power_on(2);
    world.until_stopped(2, "orphan-data");
    world.paste_command(2);
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "it does not join after its command");
    world.expect(world.read(2, "var/lib/etcd.kept/member/db") == "9 9 9\n", "the old data is gone");
    world.assert_sound();
}

#[test]
fn a_declared_disk_that_is_absent_looks_like_nothing_else() {
    let mut plan = Plan::new(3, 0);
    plan.etcd_disk = Some("/dev/disk/by-label/etcd");
    let mut world = World::new(plan);
    world.form(&[1, 2]);
    world.wake(&[1, 2]);
    world.machines[0].ails.insert(Ail::NoDisk);
    world.power_on(0);
    world.run(300);
    world.expect(world.machines[0].gate.is_none(), "the gate decides without the disk");
    world.expect(world.machines[0].kubeadm_runs.is_empty(), "kubeadm ran without the disk");
    world.expect(world.read(0, "dev/console").contains("etcd-disk-absent"), "nobody says so");
    world.expect(world.status(0, "reason") == "etcd-disk-absent" && world.status(0, "phase") == "gate", "status.json is silent");
    let lines = world.read(0, "dev/console").matches("etcd-disk-absent").count();
    world.expect(lines == 1, &format!("the console says it {lines} times"));
    world.machines[0].ails.clear();
    world.until_done();
    world.expect(world.voters(0) == [0, 1, 2], "it does not join with its disk");
    world.assert_sound();
}
