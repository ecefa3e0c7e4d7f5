//! The forms in which a seed reaches its machine.
//!
//! In: a machine and its encoded documents. Out: one image a form. Absent on purpose: what the documents say
//! (`seed`), and how bytes lie in an image (`image`). A form is one file here and a row in `ALL`.

mod config_drive;
mod initrd;
mod nocloud;
mod ovf;

use crate::error::Error;
use crate::host::{InterfaceMatch, Machine};
use crate::platform::Format;
use crate::tree::Tree;

/// One form.
pub struct Delivery {
    /// The profile's word for it.
    pub name: &'static str,
    /// The file it makes in the node's directory.
    pub file: &'static str,
    /// The first-boot program that reads it.
    pub format: Format,
    /// Whether a static network in it can only name an interface by its hardware address.
    pub needs_mac: bool,
    make: fn(&Seed<'_>) -> Result<Vec<u8>, Error>,
}

/// What is delivered.
struct Seed<'a> {
    machine: &'a Machine,
    documents: &'a Tree,
}

impl Seed<'_> {
    /// A document by its name in the output directory.
    fn document(&self, name: &str) -> &[u8] {
        self.documents.get(name).unwrap_or_default()
    }
}

/// Every form, those of cloud-init first.
pub const ALL: &[Delivery] = &[nocloud::ISO, nocloud::FAT, config_drive::ISO, ovf::ISO, initrd::CPIO];

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
    /// Makes the image.
    ///
    /// # Errors
    /// When the seed does not fit into such an image.
    pub fn make(&self, machine: &Machine, documents: &Tree) -> Result<Vec<u8>, Error> {
        (self.make)(&Seed { machine, documents })
    }
}

/// The hardware address of a machine's interface, when it is known.
fn mac(machine: &Machine) -> Option<String> {
    match &machine.network.as_ref()?.matching {
        InterfaceMatch::Mac(mac) => Some(mac.to_string()),
        InterfaceMatch::Name(_) => None,
    }
}
