//! First light.
use super::seed::Plan;
use super::world::World;

#[test]
fn three_and_a_worker() {
    let mut world = World::new(Plan::new(3, 1));
    world.power_on_all();
    let done = world.run_until(World::all_done, 3600);
    std::fs::write("/tmp/fb-story", world.story()).unwrap();
    world.expect(done, "not done");
    world.assert_sound();
}
