//! Machines encoded in a first-boot format.
//!
//! In: a `Machine`. Out: the documents that the format's first-boot program reads. Absent on purpose:
//! Kubernetes; a format is one file here and knows only files, units, users and networks.

pub mod cloud_init;
pub mod ignition;
