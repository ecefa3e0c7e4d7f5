//! NoCloud: the four documents in the root of a volume labelled `cidata`.
//!
//! In: a seed. Out: an ISO 9660 or a FAT image. Absent on purpose: HTTP and SMBIOS, which carry no image.
//!
//! Source: cloud-init, `cloudinit/sources/DataSourceNoCloud.py`.

use super::{Delivery, Seed};
use crate::error::Error;
use crate::image::{fat, iso9660};
use crate::platform::Format;

const LABEL: &str = "cidata";

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "nocloud-iso",
    file: "seed.iso",
    format: Format::CloudInit,
    needs_mac: false,
    make: |seed| iso9660::write(LABEL, &documents(seed)),
};

/// For a disk or a USB stick.
pub const FAT: Delivery =
    Delivery { name: "nocloud-fat", file: "seed.img", format: Format::CloudInit, needs_mac: false, make: fat_image };

fn fat_image(seed: &Seed<'_>) -> Result<Vec<u8>, Error> {
    fat::write(LABEL, &documents(seed))
}

fn documents<'a>(seed: &Seed<'a>) -> Vec<(&'a str, &'a [u8])> {
    seed.documents.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect()
}
