//! Machines encoded in a first-boot format.
//!
//! In: a `Machine`. Out: the documents that the format's first-boot program reads. Absent on purpose:
//! Kubernetes; a format is one file here and knows only files, units, users and networks.

pub mod cloud_init;
pub mod ignition;

use crate::host::{File, Unit};

/// The files a unit is made of, where systemd looks for those of the machine's owner.
#[must_use]
pub fn unit_files(unit: &Unit) -> Vec<File> {
    let own = unit.content.iter().map(|text| File::new(format!("/etc/systemd/system/{}", unit.name), 0o644, text.as_str()));
    let drop_ins = unit.drop_ins.iter().map(|(name, text)| {
        let path = format!("/etc/systemd/system/{}.d/{name}", unit.name);
        File::new(path, 0o644, text.as_str())
    });
    own.chain(drop_ins).collect()
}
