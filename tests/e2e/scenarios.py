"""What must hold on machines that really boot: one function per scenario, its row above it.

In:  a `Stage` (see stage.py), which renders profiles, boots clusters and draws random numbers.
Out: SCENARIOS, by name. A scenario passes by returning and fails by raising `Failed`.
Absent: how a machine boots or a question is asked (lab.py, cluster.py).
"""

import dataclasses
import statistics
import time
import typing

from cluster import Failed
from residue import search

FORMED = 1200
"""Seconds that a cluster may take to be whole after the last power-on, on two busy cores."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A named function, the profiles it renders, and whether it runs when none is asked for."""
    name: str
    act: typing.Callable
    profiles: tuple
    default: bool


SCENARIOS: dict = {}


def scenario(name, *profiles, default=False):
    """Registers the function below as scenario `name` over `profiles`."""
    def register(act):
        SCENARIOS[name] = Scenario(name, act, profiles, default)
        return act
    return register


def expect(holds, message):
    """Fails the scenario with `message` unless `holds`."""
    if not holds:
        raise Failed(message)


def whole(stage, cluster, seconds=FORMED):
    """Waits for the whole cluster and every machine's own word for it; then asks kubectl through the endpoint. Returns seconds until it was whole."""
    took = cluster.wait_formed(seconds)
    cluster.wait_settled(seconds)
    shown = cluster.kubectl("get", "nodes", "--no-headers").split("\n")
    ready = sorted(line.split()[0] for line in shown if line and line.split()[1] == "Ready")
    wanted = sorted(each.name for each in cluster.members)
    expect(ready == wanted, f"kubectl shows {ready} Ready, not {wanted}")
    one_cluster(stage, cluster)
    return took


def one_cluster(stage, cluster):
    """Every API server must show one identity, and etcd one cluster; both are noted."""
    uids = cluster.identities()
    expect(len(uids) == 1, f"the endpoint and the control planes show {len(uids)} clusters: {uids}")
    stage.note_identity(cluster.cluster_id(), uids[0])


def same_cluster(stage, cluster, before):
    """Identity and voters must be what they were `before`."""
    after = (cluster.cluster_id(), cluster.system_uid())
    expect(after == before, f"cluster id and kube-system uid were {before}, are {after}")
    one_cluster(stage, cluster)


def all_on(stage, cluster):
    """Powers everything on in the same instant and waits for the whole; returns seconds until it was whole."""
    cluster.power_on(*cluster.machines.values())
    return whole(stage, cluster)


def any_profile(stage, name):
    """A profile given on the command line: everything on at once."""
    cluster = stage.boot(name)
    stage.measure("formedSeconds", all_on(stage, cluster))
    search(stage, cluster)
    return cluster


@scenario("smallest", "smallest", default=True)
def smallest(stage):
    """One control plane, one worker, whose kubelet alone is told how many pods it takes."""
    cluster = any_profile(stage, "smallest")
    pods = cluster.kubectl("get", "nodes", "-o", "jsonpath={range .items[*]}{.metadata.name}={.status.capacity.pods} {end}").split()
    expect(pods == ["cp-1=110", "worker-1=77"], f"the kubelets take {pods} pods")


@scenario("media", "media")
def media(stage):
    """A control plane that boots from a FAT image, a worker from a config drive."""
    any_profile(stage, "media")


@scenario("by-hand", "ha")
def by_hand(stage):
    """The reference alone: when it fails, the lab is at fault and not a seed of ours."""
    cluster = stage.boot_by_hand("ha")
    cluster.power_on(*cluster.machines.values())
    stage.measure("formedSeconds", cluster.wait_formed(FORMED))
    one_cluster(stage, cluster)


@scenario("all-at-once", "ha")
def all_at_once(stage):
    """Everything powered on in the same second; the time beside the same cluster driven by hand, three times in turn.

    One pair says little: a host that others share was seen to take twice as long for the same boot from one minute to the next."""
    pairs = []
    for _ in stage.turns(3):
        reference = stage.boot_by_hand("ha")
        reference.power_on(*reference.machines.values())
        by_hand_took = reference.wait_formed(FORMED)
        cluster = stage.boot("ha")
        pairs.append((all_on(stage, cluster), by_hand_took))
    ours, theirs = zip(*pairs)
    stage.measure("byHandSeconds", statistics.median(theirs))
    stage.measure("formedSeconds", statistics.median(ours))
    ratio = statistics.median(took / by_hand_took for took, by_hand_took in pairs)
    stage.measure("ratio", ratio)
    search(stage, cluster)
    expect(ratio <= 1.05, "formed in " + ", ".join(f"{took:.0f} s beside {by_hand_took:.0f} s by hand" for took, by_hand_took in pairs))


@scenario("late-load-balancer", "ha")
def late_load_balancer(stage):
    """The load balancer comes two minutes after everybody else."""
    cluster = stage.boot("ha")
    cluster.power_on(*cluster.members)
    time.sleep(120)
    cluster.power_on(*cluster.balancers)
    whole(stage, cluster)


@scenario("random-order", "ha")
def random_order(stage):
    """Machines come one by one, up to 40 seconds apart, in an order drawn from the run's seed."""
    cluster = stage.boot("ha")
    machines = list(cluster.machines.values())
    stage.random.shuffle(machines)
    for machine in machines:
        cluster.power_on(machine)
        time.sleep(stage.random.uniform(0, 40))
    whole(stage, cluster)


@scenario("founder-last", "ha")
def founder_last(stage):
    """Nothing may exist before the founder comes; then everything forms."""
    cluster = stage.boot("ha")
    cluster.power_on(*(each for each in cluster.machines.values() if each is not cluster.founder))
    time.sleep(90)
    expect(not cluster.nodes(), "a cluster exists before its founder was powered on")
    cluster.power_on(cluster.founder)
    whole(stage, cluster)


@scenario("power-cuts", "ha")
def power_cuts(stage):
    """Five boots; in each every machine is cut once, at a random instant of its first four minutes, and comes back."""
    for _ in stage.turns(5):
        cluster = stage.boot("ha")
        began = time.monotonic()
        cluster.power_on(*cluster.machines.values())
        for at, name in sorted((stage.random.uniform(5, 240), name) for name in cluster.machines):
            time.sleep(max(0.0, began + at - time.monotonic()))
            cluster.power_cut(cluster.machines[name])
            time.sleep(stage.random.uniform(1, 8))
            cluster.power_on(cluster.machines[name])
        whole(stage, cluster)


@scenario("cut-while-learner-is-added", "ha")
def cut_learner(stage):
    """The power of the second control plane goes as soon as the founder's etcd lists it, as a learner."""
    cut_second_member(stage, "ha")


@scenario("cut-while-voter-is-added", "ha-before-learners")
def cut_voter(stage):
    """The same where a new member votes at once (1.20.2): the founder has lost its quorum, and both wait for each other."""
    cut_second_member(stage, "ha-before-learners")


def cut_second_member(stage, profile):
    """Cuts the second control plane while it becomes a member."""
    cluster = stage.boot(profile)
    joiner = cluster.control_planes[1]
    cluster.power_on(*(each for each in cluster.machines.values() if each not in cluster.control_planes[2:]))

    def second_listed():
        members = (cluster.etcd("cluster/member/list", cluster.founder) or {}).get("members", [])
        return len(members) > 1 or f"{len(members)} members"

    cluster.wait("adding a second member", second_listed, FORMED, pause=0.3)
    cluster.power_cut(joiner)
    time.sleep(5)
    cluster.power_on(joiner, *cluster.control_planes[2:])
    whole(stage, cluster)


@scenario("two-in-the-same-second", "ha")
def two_in_the_same_second(stage):
    """A founder stands alone; both others come in the same second. Twenty times from the same founder's disk."""
    cluster = stage.boot("ha")
    others = cluster.control_planes[1:]
    cluster.power_on(*(each for each in cluster.machines.values() if each not in cluster.workers))
    # the founder needs to see a majority empty; once its API answers the door is still shut, and they can go
    cluster.wait("founding", lambda: cluster.api.get("/readyz", cluster.founder.address, text=True) is not None or "no API", FORMED, pause=0.5)
    cluster.power_cut(*others)
    cluster.wait("founded", lambda: cluster.settled([cluster.founder]), FORMED, pause=5.0)
    expect(cluster.voters() == [cluster.founder.name], f"voters are {cluster.voters()} though the others were cut before the door opened")
    cluster.founder.ssh("systemctl poweroff")
    cluster.wait("off", lambda: not cluster.founder.is_on or "still on", 120)
    cluster.founder.keep_disk()
    for _ in stage.turns(20):
        cluster.power_cut(*cluster.machines.values())
        cluster.wipe(*others, *cluster.workers)
        cluster.founder.restore_disk()
        cluster.power_on(*cluster.balancers, cluster.founder)
        cluster.wait("up", lambda: bool(cluster.nodes()) or "no API", FORMED)
        cluster.power_on(*others, *cluster.workers)
        whole(stage, cluster)


@scenario("founder-wiped", "ha")
def founder_wiped(stage):
    """The founder, reinstalled from the same seed, joins its own cluster."""
    reinstall(stage, lambda cluster: cluster.founder)


@scenario("other-wiped", "ha")
def other_wiped(stage):
    """Any other control plane likewise."""
    reinstall(stage, lambda cluster: cluster.control_planes[2])


def reinstall(stage, choose):
    """Wipes one control plane of a standing cluster and boots it with the same seed."""
    cluster = stage.standing("ha", all_on)
    before = (cluster.cluster_id(), cluster.system_uid())
    machine = choose(cluster)
    cluster.power_cut(machine)
    cluster.wipe(machine)
    cluster.power_on(machine)
    # its Node object says Ready for a while after its death, and etcd keeps listing it: wait for its own word
    cluster.wait("done again", lambda: cluster.settled([machine]), FORMED, pause=5.0)
    whole(stage, cluster)
    same_cluster(stage, cluster, before)


@scenario("external-etcd", "external-etcd")
def external_etcd(stage):
    """Three machines of etcd's alone under a control plane; its founder and another, reinstalled from the same seeds, join again."""
    cluster = stage.boot("external-etcd")
    stage.measure("formedSeconds", all_on(stage, cluster))
    search(stage, cluster)
    before = (cluster.cluster_id(), cluster.system_uid())
    for machine in (cluster.etcd_machines[0], cluster.etcd_machines[2]):
        cluster.power_cut(machine)
        cluster.wipe(machine)
        cluster.power_on(machine)
        cluster.wait("done again", lambda: cluster.settled([machine]), FORMED, pause=5.0)
        whole(stage, cluster)
        same_cluster(stage, cluster, before)


@scenario("founder-wiped-alone", "ha")
def founder_wiped_alone(stage):
    """While all others are off it must wait, and say so; when they come back it joins them."""
    cluster = stage.standing("ha", all_on)
    before = (cluster.cluster_id(), cluster.system_uid())
    others = [each for each in cluster.machines.values() if each is not cluster.founder]
    cluster.power_cut(*cluster.machines.values())
    cluster.wipe(cluster.founder)
    cluster.power_on(cluster.founder)
    cluster.wait("waiting", lambda: cluster.status(cluster.founder).get("result") == "waiting" or "not waiting", 300)
    time.sleep(120)
    expect(cluster.founder.ssh("ls /var/lib/etcd/member 2>/dev/null || echo none") == "none\n", "the wiped founder made an etcd of its own")
    expect(cluster.status(cluster.founder).get("result") == "waiting", "the wiped founder stopped waiting")
    cluster.power_on(*others)
    whole(stage, cluster)
    same_cluster(stage, cluster, before)


@scenario("fetched-keys", "ha-fetched")
def fetched_keys(stage):
    """Certificate-key distribution and token discovery; once all have joined the keys go, and a wiped machine says what brings them back."""
    cluster = stage.boot("ha-fetched")
    stage.measure("formedSeconds", all_on(stage, cluster))
    cluster.wait("the keys gone", lambda: cluster.founder.ssh("test ! -e /etc/kubespore/kubeadm && echo gone") == "gone\n"
                 or "the founder keeps the certificate key", 300)
    search(stage, cluster)
    before = (cluster.cluster_id(), cluster.system_uid())
    late = cluster.control_planes[-1]
    cluster.power_cut(late)
    cluster.wipe(late)
    cluster.power_on(late)
    cluster.wait("the keys missed", lambda: cluster.status(late).get("reason") == "certificates-gone" or str(cluster.status(late)), FORMED, pause=5.0)
    cluster.paste([cluster.status(late)["command"]], stage.run.binary)
    cluster.wait("done again", lambda: cluster.settled([late]), FORMED, pause=5.0)
    whole(stage, cluster)
    same_cluster(stage, cluster, before)


DISCOVERIES = ("token", "file")
"""Token first: the founder then makes tokens that serve both."""
CREDENTIALS = ("token", "identity", "certificate")


@scenario("joins-embedded", "joins")
def joins_embedded(stage):
    """Every discovery and credential under embedded keys: a control plane and a worker join by each."""
    joins(stage, "embedded")


@scenario("joins-certificate-key", "joins")
def joins_certificate_key(stage):
    """The same where joining control planes fetch the keys."""
    joins(stage, "certificate-key")


@scenario("joins-reduced", "joins")
def joins_reduced(stage):
    """The same where etcd's and the front proxy's certificates are issued beforehand."""
    joins(stage, "reduced")


def joins(stage, distribution):
    """Joins cp-2 and worker-1 to one founder by every discovery and credential, and prints each cell."""
    cells = [(discovery, credential) for discovery in DISCOVERIES for credential in CREDENTIALS]
    cluster = stage.boot("joins", [f"pki: {{distribution: {distribution}}}", "join: {discovery: token, credential: token}"])
    second, worker = cluster.control_planes[1], cluster.workers[0]
    cluster.power_on(*cluster.balancers, cluster.founder, second, worker)
    for discovery, credential in cells:
        cell = f"{distribution} x {discovery} x {credential}"
        seeds, refusal = stage.render_again(cluster, f"{discovery}-{credential}", [f"join: {{discovery: {discovery}, credential: {credential}}}"])
        if seeds is None:
            expect("error[credential-unsupported]" in refusal and discovery == "token" and credential != "token", refusal)
            stage.record(None, f"{cell}: refused by render")
            continue
        if cells.index((discovery, credential)):
            retire(cluster, second, worker)
            for machine in (second, worker):
                machine.insert(seeds[machine.name])
            cluster.power_on(second, worker)
        cluster.wait(cell, lambda: cluster.settled([second, worker]), FORMED, pause=5.0)
        expect(cluster.voters() == sorted([cluster.founder.name, second.name]), f"{cell}: voters are {cluster.voters()}")
        # a machine is done when its part serves; that its kubelet has the network too is said by the Node, a little later
        cluster.wait(f"{cell}: Ready", lambda: ready(cluster, second, worker), 180)
        stage.record(None, f"{cell}: joined")


def ready(cluster, *machines):
    """True when the Node of each machine is Ready; else whose is not."""
    nodes = cluster.nodes()
    waiting = [machine.name for machine in machines if machine.name not in nodes or not cluster.is_ready(nodes[machine.name])]
    return True if not waiting else f"not Ready: {', '.join(waiting)}"


def retire(cluster, control_plane, worker):
    """Takes both out of the cluster in the documented way, and wipes them: two voters would not survive the loss of one."""
    expect(control_plane.ssh("kubeadm reset --force >/dev/null 2>&1 && echo reset", seconds=120) == "reset\n", f"kubeadm reset failed on {control_plane.name}")
    cluster.wait("reset", lambda: cluster.voters() == [cluster.founder.name] or f"voters are {cluster.voters()}", 60)
    cluster.power_cut(control_plane, worker)
    cluster.kubectl("delete", "node", control_plane.name, worker.name)
    cluster.wipe(control_plane, worker)


@scenario("ca-rotated", "rotation")
def ca_rotated(stage):
    """The cluster's authority is replaced on running machines, by the commands that `secrets rotate ca` prints, and by nothing else."""
    cluster = stage.boot("rotation")
    all_on(stage, cluster)
    before = (cluster.cluster_id(), cluster.system_uid())
    authorities = [cluster.authority()]
    with open(cluster.kubeconfig) as source:
        old_administrator = source.read()
    steps = stage.rotate_ca(cluster)
    for round_number in (1, 2, 3):
        stage.record(None, f"round {round_number}")
        expect(f"rotate ca {cluster.profile} --next" in steps[-1], f"the last step is {steps[-1]}")
        cluster.paste(["\n".join(steps)], stage.run.binary)
        whole(stage, cluster)
        authorities.append(cluster.authority())
        steps = stage.rotate_ca(cluster, "--next")
    expect(authorities[0] == authorities[1] != authorities[2] == authorities[3], "the API server was certified by " + ", ".join(authorities))
    for machine in cluster.members:
        issuer = machine.ssh("openssl verify -CAfile /etc/kubernetes/pki/ca.crt /var/lib/kubelet/pki/kubelet-client-current.pem")
        expect(issuer.endswith("OK\n"), f"{machine.name}: the kubelet's certificate: {issuer}")
    expect(not cluster.lets_in(old_administrator), "what the old authority signed is still let in")
    restarted(stage, cluster)
    same_cluster(stage, cluster, before)


def restarted(stage, cluster):
    """Cuts every machine's power and waits for the whole: nothing depended on what a process had in memory."""
    cluster.power_cut(*cluster.machines.values())
    cluster.power_on(*cluster.machines.values())
    cluster.wait("up again", lambda: bool(cluster.nodes()) or "no API", FORMED)
    time.sleep(60)  # a Node stays Ready for most of a minute after its kubelet has gone
    whole(stage, cluster)
