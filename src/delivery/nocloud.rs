//! NoCloud: the four documents in the root of a volume labelled `cidata`.
//!
//! In: a seed. Out: an ISO 9660 or a FAT image. Absent on purpose: HTTP and SMBIOS, which carry no image.
//!
//! Sources: cloud-init, `cloudinit/sources/DataSourceNoCloud.py`; Ignition, `internal/providers/proxmoxve/proxmoxve.go`, which
//! takes `user-data` that is JSON. Beside it Afterburn wants the other three (`src/providers/proxmoxve/cloudconfig.rs`), a
//! network of cloud-init's first version among them: an empty one, for the config has its own.

use super::{BOTH, Delivery, Seed, any, cd_rom, disk, medium};
use crate::error::Error;
use crate::image::{fat, iso9660};
use crate::platform::Format;

const LABEL: &str = "cidata";

/// The platforms whose provider looks for it, as Ignition calls them.
const PLATFORMS: &str = "`proxmoxve`, or since Ignition 2.24 `kubevirt`";

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "nocloud-iso",
    file: "seed.iso",
    formats: BOTH,
    found_by: any,
    needs_mac: false,
    how: |os| medium(os, cd_rom(LABEL), PLATFORMS),
    make: |seed| image(seed, iso9660::write),
};

/// For a disk or a USB stick.
pub const FAT: Delivery = Delivery {
    name: "nocloud-fat",
    file: "seed.img",
    how: |os| medium(os, disk(LABEL), PLATFORMS),
    make: |seed| image(seed, fat::write),
    ..ISO
};

type Write = fn(&str, &[(&str, &[u8])]) -> Result<Vec<u8>, Error>;

fn image(seed: &Seed<'_>, write: Write) -> Result<Vec<u8>, Error> {
    let metadata;
    let files: Vec<(&str, &[u8])> = match seed.format() {
        Format::CloudInit => seed.documents.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect(),
        Format::Ignition => {
            metadata = format!("instance-id: \"{}\"\n", seed.machine.instance_id);
            vec![
                ("user-data", seed.main()),
                ("meta-data", metadata.as_bytes()),
                ("vendor-data", b"{}\n"),
                ("network-config", b"version: 1\nconfig: []\n"),
            ]
        }
    };
    write(LABEL, &files)
}
