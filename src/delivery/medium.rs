//! A medium of Ignition's own: `ignition/config.ign` on a volume labelled `ignition`, as openSUSE's first boot looks for it.
//!
//! In: a seed. Out: an ISO 9660 or a FAT image. Absent on purpose: combustion's script, which may stand beside it.
//!
//! Source: openSUSE's package `ignition`, `ignition-setup-user.sh`.

use super::{Delivery, IGNITION, Seed, cd_rom, disk};
use crate::image::{fat, iso9660};

const LABEL: &str = "ignition";

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "ignition-iso",
    file: "ignition.iso",
    formats: IGNITION,
    found_by: |os| os.ignition_medium,
    needs_mac: false,
    how: |_| cd_rom(LABEL),
    make: |seed| iso9660::write(LABEL, &files(seed)),
};

/// For a disk or a USB stick.
pub const FAT: Delivery = Delivery {
    name: "ignition-fat",
    file: "ignition-fat.img",
    how: |_| disk(LABEL),
    make: |seed| fat::write(LABEL, &files(seed)),
    ..ISO
};

fn files<'a>(seed: &Seed<'a>) -> [(&'static str, &'a [u8]); 1] {
    [("ignition/config.ign", seed.main())]
}
