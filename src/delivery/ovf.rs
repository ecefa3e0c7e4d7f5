//! The OVF environment on an ISO image, as vSphere and others hand it to a virtual appliance.
//!
//! In: a seed. Out: an ISO 9660 image with `ovf-env.xml`; and back. Absent on purpose: guestinfo, which is no image
//! (a row of `platform`).
//!
//! Sources: DMTF DSP0243, section 11 (label and file name); cloud-init, `cloudinit/sources/DataSourceOVF.py`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CLOUD_INIT, Delivery, Seed, any, cd_rom};
use crate::error::Error;
use crate::image::iso9660;
use crate::yaml::{self, Yaml};

const LABEL: &str = "OVF ENV";

/// The environment's name on the medium.
pub const FILE: &str = "ovf-env.xml";

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "ovf-iso",
    file: "ovf-env.iso",
    formats: CLOUD_INIT,
    found_by: any,
    needs_mac: false,
    how: |_| cd_rom(LABEL),
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
    iso9660::write(LABEL, &[(FILE, xml.as_bytes())])
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

/// Takes the documents out of an environment, ours or another's: the properties that cloud-init undoes base64 of, by name.
///
/// # Errors
/// When the value of such a property is no base64.
pub fn documents(xml: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let properties = xml.split("<").filter_map(|tag| {
        let name = tag.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).next()?;
        (name.rsplit(':').next() == Some("Property")).then(|| attribute(tag, "key").zip(attribute(tag, "value"))).flatten()
    });
    properties
        .filter(|(key, _)| matches!(key.as_str(), "user-data" | "network-config"))
        .map(|(key, value)| match STANDARD.decode(value.trim()) {
            Ok(bytes) => Ok((key, bytes)),
            Err(_) => Err(format!("the value of its property `{key}` is not base64")),
        })
        .collect()
}

/// An attribute's value, whatever its namespace is called; what XML escapes in it stays escaped, and stands in no base64.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let quote = after.trim_start().chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = after.trim_start().get(1..)?.split_once(quote)?;
        if before.trim_end().rsplit([':', ' ', '\t', '\n', '\r']).next() == Some(name) {
            return Some(value.to_owned());
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_out_whoever_wrote_them() {
        let other = "<?xml version='1.0'?><Environment xmlns:ovfenv='x'><ovfenv:PropertySection>\
                     <ovfenv:Property ovfenv:value='I2Nsb3VkLWNvbmZpZwo=' ovfenv:key = 'user-data' />\
                     <ovfenv:Property ovfenv:key='hostname' ovfenv:value='a&quot;b'/></ovfenv:PropertySection></Environment>";
        assert_eq!(documents(other), Ok(vec![("user-data".to_owned(), b"#cloud-config\n".to_vec())]));
        assert_eq!(
            documents("<Property oe:key=\"user-data\" oe:value=\"#\"/>").map_err(|fault| fault.contains("not base64")),
            Err(true)
        );
        assert_eq!(documents("no XML at all = '<Property key"), Ok(vec![]));
    }
}
