//! The forms in which a seed reaches its machine.
//!
//! In: a machine and its encoded documents. Out: one image a form, and a sentence about its use. Absent on purpose: what the
//! documents say (`seed`), and how bytes lie in an image (`image`). A form is one file here and a row in `ALL`.

mod config_drive;
mod initrd;
mod medium;
mod nocloud;
pub mod ovf;

use crate::error::Error;
use crate::host::{InterfaceMatch, Machine};
use crate::os::Os;
use crate::platform::Format;
use crate::tree::Tree;

/// One form.
pub struct Delivery {
    /// The profile's word for it.
    pub name: &'static str,
    /// The file it makes in the node's directory.
    pub file: &'static str,
    /// The first-boot formats that it carries.
    pub formats: &'static [Format],
    /// Whether a system, having the first-boot program of such a format, looks for it.
    pub found_by: fn(&Os) -> bool,
    /// Whether a static network of cloud-init's can only name an interface by its hardware address in it.
    pub needs_mac: bool,
    /// How it reaches a machine of that system, in words: what follows "the file is".
    how: fn(&Os) -> String,
    make: fn(&Seed<'_>) -> Result<Vec<u8>, Error>,
}

/// What is delivered.
struct Seed<'a> {
    os: &'a Os,
    machine: &'a Machine,
    documents: &'a Tree,
}

impl<'a> Seed<'a> {
    fn format(&self) -> Format {
        Format::of(self.os.first_boot)
    }

    /// The document that everything is in.
    fn main(&self) -> &'a [u8] {
        self.document(self.format().document())
    }

    /// A document by its name in the output directory.
    fn document(&self, name: &str) -> &'a [u8] {
        self.documents.get(name).unwrap_or_default()
    }
}

const CLOUD_INIT: &[Format] = &[Format::CloudInit];
const IGNITION: &[Format] = &[Format::Ignition];
const BOTH: &[Format] = &[Format::CloudInit, Format::Ignition];

/// Every form, those of cloud-init first.
pub const ALL: &[Delivery] = &[nocloud::ISO, nocloud::FAT, config_drive::ISO, ovf::ISO, initrd::CPIO, medium::ISO, medium::FAT];

/// Finds a form by the profile's word.
#[must_use]
pub fn find(name: &str) -> Option<&'static Delivery> {
    ALL.iter().find(|delivery| delivery.name == name)
}

/// Returns the forms that are made where a profile names none: what every hypervisor takes, or nothing where there is no such thing.
#[must_use]
pub fn usual(format: Format) -> &'static [&'static str] {
    match format {
        Format::CloudInit => &["nocloud-iso"],
        Format::Ignition => &[],
    }
}

impl Delivery {
    /// Tells whether a machine of that system reads it.
    #[must_use]
    pub fn is_for(&self, os: &Os) -> bool {
        self.formats.contains(&Format::of(os.first_boot)) && (self.found_by)(os)
    }

    /// Says how it reaches a machine of that system.
    #[must_use]
    pub fn how(&self, os: &Os) -> String {
        (self.how)(os)
    }

    /// Makes the image.
    ///
    /// # Errors
    /// When the seed does not fit into such an image.
    pub fn make(&self, os: &Os, machine: &Machine, documents: &Tree) -> Result<Vec<u8>, Error> {
        (self.make)(&Seed { os, machine, documents })
    }
}

/// What any system with the right program looks for.
fn any(_: &Os) -> bool {
    true
}

/// How an optical medium of that label gets into a machine.
fn cd_rom(label: &str) -> String {
    format!(
        "a CD-ROM (its label is `{label}`): `virt-install --disk FILE,device=cdrom`, on Proxmox VE `qm set VMID --ide2 STORAGE:iso/FILE,media=cdrom` once it is \
         uploaded, on bare metal the management controller's virtual media"
    )
}

/// How any other gets there.
fn disk(label: &str) -> String {
    format!("a disk (its label is `{label}`): a second one of a virtual machine, or a USB stick written with `dd`")
}

/// The words for a medium: to cloud-init it is one, Ignition must be told for which platform it is one.
fn medium(os: &Os, medium: String, platforms: &str) -> String {
    match Format::of(os.first_boot) {
        Format::CloudInit => medium,
        Format::Ignition => {
            format!("{medium}; Ignition reads it where the kernel's argument `{}` says {platforms}", os.platform_argument)
        }
    }
}

/// The hardware address of a machine's interface, when it is known.
fn mac(machine: &Machine) -> Option<String> {
    match &machine.network.as_ref()?.matching {
        InterfaceMatch::Mac(mac) => Some(mac.to_string()),
        InterfaceMatch::Name(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os;

    #[test]
    fn every_form_has_a_name_and_a_file_of_its_own() {
        for (place, delivery) in ALL.iter().enumerate() {
            let others = &ALL[..place];
            assert!(others.iter().all(|other| other.name != delivery.name && other.file != delivery.file), "{}", delivery.name);
        }
    }

    #[test]
    fn every_form_is_some_systems_and_every_system_has_one() {
        let read = |os: &str| {
            let os = os::find(os).expect("a row");
            ALL.iter().filter(|delivery| delivery.is_for(os)).map(|delivery| delivery.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("debian"), "nocloud-iso nocloud-fat config-drive ovf-iso");
        assert_eq!(read("flatcar"), "nocloud-iso nocloud-fat config-drive initrd");
        assert_eq!(read("fedora-coreos"), read("flatcar"));
        assert_eq!(read("rhcos"), read("flatcar"));
        assert_eq!(read("microos"), "nocloud-iso nocloud-fat config-drive ignition-iso ignition-fat");
        for os in os::ALL {
            for delivery in ALL.iter().filter(|delivery| delivery.is_for(os)) {
                let how = delivery.how(os);
                assert!(
                    how.starts_with("a") && !how.contains("``") && !how.ends_with('.'),
                    "{} of {}: {how}",
                    delivery.name,
                    os.name
                );
            }
        }
    }

    #[test]
    fn the_ramdisk_says_how_each_system_boots_from_it() {
        let how = |os: &str| initrd::CPIO.how(os::find(os).expect("a row"));
        assert!(how("flatcar").contains("`flatcar.first_boot=1`"));
        assert!(how("rhcos").contains("`ignition.firstboot ignition.platform.id=metal`"));
    }
}
