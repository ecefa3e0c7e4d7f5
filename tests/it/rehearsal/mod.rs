//! The rehearsal: the rendered scripts, unmodified, in a world that can be cut, wiped, partitioned and set wrong.
//!
//! In: what `first_boot` renders. Out: what machines came to, and no broken invariant. Time is simulated. Absent on
//! purpose: real kubeadm, etcd and TLS, which meet the same scripts in the conformance and end-to-end tests.

mod answers;
mod commands;
mod cuts;
mod etcd_machines;
mod evidence;
mod faults;
mod hurry;
mod kubeadm;
mod membership;
mod network;
mod past;
mod probes;
mod process;
mod schedules;
mod seed;
mod situations;
mod supervisor;
mod world;
