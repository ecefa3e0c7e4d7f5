//! What a platform is given beside the user-data.
//!
//! In: a machine and the document that its platform is given. Out: one more file. Absent on purpose: which platform wants
//! what (a row of `platform`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::gzip::Effort;
use crate::host::Machine;
use crate::platform::{Beside, Form, Format, Platform};
use crate::seed::cloud_init;
use crate::yaml::{self, Yaml};

/// Makes the file, under its name; `given` is the wrapped user-data. An Ignition config has its own network and name.
pub fn of(platform: &Platform, format: Format, machine: &Machine, given: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    match (platform.beside, format) {
        (Beside::Nothing, _) | (Beside::GuestMetadata(_), Format::Ignition) => None,
        (Beside::GuestMetadata(name), Format::CloudInit) => {
            Some((name, Form::Base64.wrap(cloud_init::guest_metadata(machine).as_bytes(), Effort::Usual)))
        }
        (Beside::Secret(name), _) => Some((name, secret(machine, format, given).into_bytes())),
    }
}

/// The keys are those that KubeVirt looks for (its user guide, "Startup scripts").
fn secret(machine: &Machine, format: Format, given: &[u8]) -> String {
    let mut data = vec![("userdata".to_owned(), Yaml::Str(STANDARD.encode(given)))];
    if let (Format::CloudInit, Some(_)) = (format, &machine.network) {
        let documents = cloud_init::encode(machine);
        let network = documents.get("network-config").expect("a seed has one");
        data.push(("networkdata".to_owned(), Yaml::Str(STANDARD.encode(network))));
    }
    yaml::to_string(&Yaml::Map(vec![
        ("apiVersion".to_owned(), Yaml::str("v1")),
        ("kind".to_owned(), Yaml::str("Secret")),
        ("metadata".to_owned(), Yaml::map([("name", Yaml::Str(format!("{}-seed", machine.hostname.first_label())))])),
        ("type".to_owned(), Yaml::str("Opaque")),
        ("data".to_owned(), Yaml::Map(data)),
    ]))
}
