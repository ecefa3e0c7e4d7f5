//! The OVF environment on an ISO image, as vSphere and others hand it to a virtual appliance.
//!
//! In: a seed. Out: an ISO 9660 image with `ovf-env.xml`. Absent on purpose: guestinfo, which is no image
//! (a row of `platform`).
//!
//! Sources: DMTF DSP0243, section 11 (label and file name); cloud-init, `cloudinit/sources/DataSourceOVF.py`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CD_ROM, CLOUD_INIT, Delivery, Seed, any};
use crate::error::Error;
use crate::image::iso9660;
use crate::yaml::{self, Yaml};

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "ovf-iso",
    file: "ovf-env.iso",
    formats: CLOUD_INIT,
    found_by: any,
    needs_mac: false,
    how: |_| CD_ROM.to_owned(),
    make: image,
};

fn image(seed: &Seed<'_>) -> Result<Vec<u8>, Error> {
    let network = network_property(seed.document("network-config"));
    let mut properties = vec![
        ("instance-id", seed.machine.instance_id.clone()),
        ("hostname", seed.machine.hostname.to_string()),
        ("user-data", STANDARD.encode(seed.main())),
    ];
    if !network.is_empty() {
        properties.push(("network-config", STANDARD.encode(&network)));
    }
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Environment xmlns=\"http://schemas.dmtf.org/ovf/environment/1\"\n\
         \x20            xmlns:oe=\"http://schemas.dmtf.org/ovf/environment/1\" oe:id=\"\">\n  <PropertySection>\n",
    );
    for (key, value) in properties {
        // Names, identifiers and base64 have no character that XML escapes.
        xml.push_str(&format!("    <Property oe:key=\"{key}\" oe:value=\"{value}\"/>\n"));
    }
    xml.push_str("  </PropertySection>\n</Environment>\n");
    iso9660::write("OVF ENV", &[("ovf-env.xml", xml.as_bytes())])
}

/// The network below the key `network`: what stands beside it is not read (`read_ovf_environment`). NoCloud's document is without.
fn network_property(document: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(document).expect("the seed's documents are text");
    if text.is_empty() {
        return Vec::new();
    }
    let network = yaml::parse(text).expect("what was written reads back");
    yaml::to_string(&Yaml::map([("network", Yaml::from(&yaml::to_json(&network)))])).into_bytes()
}
