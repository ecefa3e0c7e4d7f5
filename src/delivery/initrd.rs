//! An archive to append to the initial RAM disk, for machines that boot Ignition by PXE or from an ISO.
//!
//! In: a seed. Out: a cpio archive with `config.ign` wherever a release of the system looks for it. Absent on purpose: the RAM
//! disk itself; where each system looks (a row of `os`).

use super::{Delivery, IGNITION, Seed};
use crate::error::Error;
use crate::image::cpio;
use crate::os::Os;

/// For a boot loader's second `initrd`.
pub const CPIO: Delivery = Delivery {
    name: "initrd",
    file: "ignition.img",
    formats: IGNITION,
    found_by: |os| !os.ramdisk_configs.is_empty(),
    needs_mac: false,
    how,
    make: archive,
};

fn how(os: &Os) -> String {
    format!(
        "a second `initrd` of the boot loader, after that of {}'s live image and with the kernel's arguments `{}`; the machine then runs from memory, so \
         every boot is a first boot, of a machine that has been wiped",
        os.name, os.first_boot_arguments
    )
}

fn archive(seed: &Seed<'_>) -> Result<Vec<u8>, Error> {
    let files: Vec<_> = seed.os.ramdisk_configs.iter().map(|path| (*path, seed.main())).collect();
    cpio::write(&files)
}
