//! An archive to append to the initial RAM disk, for machines that boot Ignition by PXE or from an ISO.
//!
//! In: a seed. Out: a cpio archive with `config.ign`. Absent on purpose: the RAM disk itself.
//!
//! Source: Ignition, `internal/exec/engine.go` and coreos-installer's `iso ignition embed`: `/config.ign` of the RAM disk
//! is the user's config on the platforms `metal` and `file`.

use super::{Delivery, Seed};
use crate::error::Error;
use crate::image::cpio;
use crate::platform::Format;

/// For a boot loader's second `initrd`.
pub const CPIO: Delivery =
    Delivery { name: "initrd", file: "ignition.img", format: Format::Ignition, needs_mac: false, make: archive };

fn archive(seed: &Seed<'_>) -> Result<Vec<u8>, Error> {
    cpio::write(&[("config.ign", seed.document("config.ign"))])
}
