//! Random schedules of power, wipes, partitions, the load balancer and clocks against a model of etcd's membership.
//!
//! In: a seed number. Out: no broken invariant whatever happens, and a cluster whenever one is still possible once the
//! world is calm again. Absent on purpose: luck; the same number is the same schedule on every machine.

use super::seed::{Credential, Plan};
use super::world::{Random, World};

/// Schedules of every run of the tests; `KUBESPORE_REHEARSAL_SCHEDULES=COUNT` or `FIRST+COUNT` runs others, here and in the long run.
const SHORT: u64 = 16;

/// Schedules of the long run.
const LONG: u64 = 10_000;

/// Begins a world by its number.
fn begin(random: &mut Random) -> World {
    if random.below(6) == 0 {
        let machines = [1, 3, 3, 5][usize::try_from(random.below(4)).expect("small")];
        let mut world = World::new(Plan::etcd(machines));
        world.random = Random(random.below(u64::MAX) | 1);
        return world;
    }
    let planes = [1, 2, 3, 3, 5][usize::try_from(random.below(5)).expect("small")];
    let mut plan = Plan::new(planes, usize::from(random.below(4) == 0));
    plan.learners = random.below(3) != 0;
    plan.credential = if random.below(4) == 0 { Credential::Certificate } else { Credential::Token };
    if random.below(4) == 0 {
        plan.certificate_key = Some(30 * 86_400);
        plan.certificate_key_flag = random.below(2) == 0;
    }
    let mut world = World::new(plan);
    world.random = Random(random.below(u64::MAX) | 1);
    world
}

/// One thing happens to one machine, or to the network.
fn disturb(world: &mut World, random: &mut Random) {
    let place = usize::try_from(random.below(world.machines.len() as u64)).expect("small");
    match random.below(12) {
        0..=2 => world.power_off(place),
        3..=5 if !world.machines[place].powered => world.power_on(place),
        6 if may_be_wiped(world, place) => {
            world.power_off(place);
            world.wipe(place);
            world.power_on(place);
        }
        7 => world.balancer.up = !world.balancer.up,
        8 => world.balancer.drops = !world.balancer.drops,
        9 => world.machines[place].island ^= 1,
        10 => world.machines[place].skew = [0, -600, 900, -1_800_000_000][usize::try_from(random.below(4)).expect("small")],
        _ => {}
    }
}

/// Wiping a majority of a cluster's voters ends it for good: nobody's promise covers that, so no schedule does it. One that is
/// announced and has not started yet is a voter too, where members vote at once: only its mark of the join leads it to its seat.
fn may_be_wiped(world: &World, place: usize) -> bool {
    (0..world.foundings()).all(|cluster| {
        let voters: Vec<_> = world.clusters[cluster].members.iter().filter(|member| !member.learner).collect();
        let kept = |machine: usize, id: u64| world.data(machine).is_some_and(|(of, own, _)| of == cluster && own == id);
        let without = voters.iter().filter(|member| member.machine != place && kept(member.machine, member.id)).count();
        let with = voters.iter().filter(|member| kept(member.machine, member.id)).count();
        let awaited = voters.iter().any(|member| member.machine == place && member.name.is_empty());
        (with == without && !awaited) || without > voters.len() / 2
    })
}

/// Everything is put right: power, network, clocks.
fn calm(world: &mut World) {
    (world.balancer.up, world.balancer.drops, world.balancer.island) = (true, false, 0);
    for place in 0..world.machines.len() {
        world.machines[place].island = 0;
        world.machines[place].skew = 0;
        if !world.machines[place].powered {
            world.power_on(place);
        }
    }
}

fn schedule(number: u64) {
    let mut random = Random(0x2545_F491_4F6C_DD1D_u64.wrapping_mul(number + 1) | 1);
    let mut world = begin(&mut random);
    world.note(0, &format!("schedule {number}"));
    for _ in 0..6 + random.below(10) {
        disturb(&mut world, &mut random);
        world.run(random.below(40));
        assert!(world.broken.is_empty(), "schedule {number}: {}\n{}", world.broken.join("\n"), world.story());
    }
    calm(&mut world);
    let settled = world.run_until(|world| world.all_done() && (0..world.machines.len()).all(|place| world.idle(place)), 3 * 3600);
    world.expect(settled, &format!("schedule {number} does not come to rest"));
    let members: Vec<_> =
        (0..world.machines.len()).filter(|place| world.is_etcd(*place) || world.machines[*place].control_plane).collect();
    let last = world.foundings() - 1;
    world.expect(world.voters(last) == members, &format!("schedule {number}: not everybody votes"));
    world.assert_sound();
}

#[test]
fn a_few_schedules() {
    let (from, count) = wanted(SHORT);
    run(from, count);
}

/// Which schedules: those of the environment, or the first so many.
fn wanted(count: u64) -> (u64, u64) {
    match std::env::var("KUBESPORE_REHEARSAL_SCHEDULES") {
        Ok(text) => match text.split_once('+') {
            Some((from, count)) => (from.parse().expect("a number"), count.parse().expect("a number")),
            None => (0, text.parse().expect("a number")),
        },
        Err(_) => (0, count),
    }
}

#[test]
#[ignore = "hours: tests/conformance/run --all"]
fn ten_thousand_schedules() {
    let (from, count) = wanted(LONG);
    run(from, count);
}

/// Runs schedules on as many threads as the machine has; the first that fails fails the test.
fn run(from: u64, count: u64) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || (from..from + count).filter(|number| number % threads == thread).for_each(schedule));
        }
    });
}
