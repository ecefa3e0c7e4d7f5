//! Clusters that live before a rehearsal begins.
//!
//! In: who is a member. Out: their disks, as a finished first boot leaves them, and the membership. Absent on purpose:
//! running anything; the machines are switched off.

use super::world::{Cluster, MINTED, Member, World};

/// What kubeadm has written on a control plane when it is done.
const WRITTEN: &[(&str, &str)] = &[
    ("etc/kubernetes/admin.conf", "SECRET\n"),
    ("etc/kubernetes/kubelet.conf", "SECRET\n"),
    ("etc/kubernetes/manifests/kube-apiserver.yaml", "pod\n"),
    ("etc/kubernetes/manifests/kube-controller-manager.yaml", "pod\n"),
    ("etc/kubernetes/manifests/kube-scheduler.yaml", "pod\n"),
    ("etc/kubernetes/pki/ca.crt", "certificate\n"),
    ("etc/kubernetes/pki/ca.key", "SECRET key\n"),
    ("etc/kubernetes/pki/sa.key", "SECRET key\n"),
    ("etc/kubernetes/pki/front-proxy-ca.key", "SECRET key\n"),
    ("etc/kubernetes/pki/etcd/ca.crt", "certificate\n"),
    ("etc/kubernetes/pki/etcd/ca.key", "SECRET key\n"),
    ("etc/kubernetes/pki/apiserver.crt", "certificate\n"),
    ("etc/kubernetes/pki/apiserver-kubelet-client.crt", "certificate\n"),
    ("etc/kubernetes/pki/apiserver-kubelet-client.key", "SECRET leaf key\n"),
    ("etc/kubernetes/pki/etcd/server.crt", "certificate\n"),
    ("etc/kubernetes/pki/etcd/healthcheck-client.crt", "certificate\n"),
    ("etc/kubernetes/pki/etcd/healthcheck-client.key", "SECRET leaf key\n"),
    ("var/lib/kubelet/config.yaml", "config\n"),
    ("var/lib/kubelet/kubeadm-flags.env", "flags\n"),
    ("var/lib/kubelet/pki/kubelet-client-current.pem", "SECRET kubelet key\n"),
];

impl World {
    /// Makes a cluster of these control planes as they were when their first boots had ended. Returns its number.
    pub fn form(&mut self, places: &[usize]) -> usize {
        let cluster = self.clusters.len();
        self.clusters.push(Cluster { epoch: 1, door_open: true, ..Cluster::default() });
        for place in places {
            self.enrol(cluster, *place);
        }
        cluster
    }

    /// Adds one finished control plane to a cluster.
    pub fn enrol(&mut self, cluster: usize, place: usize) {
        let id = self.new_id();
        let name = self.machines[place].name.clone();
        self.clusters[cluster].members.push(Member { id, machine: place, name, learner: false });
        for (path, text) in WRITTEN {
            self.put(place, path, text);
        }
        self.data_is_written(place, cluster, id);
        let state = if place == 0 { "state=new\n" } else { "state=existing\n" };
        self.put(place, "etc/kubernetes/manifests/etcd.yaml", state);
        self.put(place, "var/lib/etcd/member/db", &format!("{cluster} {id} {}\n", self.clusters[cluster].epoch));
        let marks: &[&str] =
            if place == 0 { &["init-intent", "founded", "settled", "done"] } else { &["join-intent", "member", "done"] };
        for mark in marks {
            self.mark(place, mark);
        }
        let identity = format!(
            "node=0a1b2c3d/{}/g{}\nuuid=uuid-{place}\nmacs=52:54:00:00:00:{:02x} \n",
            self.machines[place].name,
            self.plan.generation,
            place + 16
        );
        self.put(place, "var/lib/kubespore/identity", &identity);
        self.machines[place].kubelet_enabled = true;
        self.seeded(place);
    }

    /// Switches machines on and waits until each of those that are done serves.
    #[track_caller]
    pub fn wake(&mut self, places: &[usize]) {
        for place in places {
            self.power_on(*place);
        }
        let awake = self.run_until(|world| places.iter().all(|place| world.ready(*place)), 600);
        self.expect(awake, "a cluster that was alive does not come back");
    }

    /// Leaves a mark on a machine's disk.
    pub fn mark(&mut self, place: usize, mark: &str) {
        self.put(place, &format!("var/lib/kubespore/{mark}"), &format!("{MINTED}\n"));
    }

    /// Takes a file or a directory off a machine's disk.
    pub fn take_away(&mut self, place: usize, path: &str) {
        if path.starts_with("var/lib/etcd") {
            self.data_is_given_up(place);
        }
        let path = self.machines[place].root.join(path);
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }
            .expect("what is to be taken away");
        self.make_durable(place);
    }
}
