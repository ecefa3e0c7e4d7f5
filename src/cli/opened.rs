//! What lies in a seed image, for the verbs that look into one.
//!
//! In: an image that was read, or a document. Out: its documents, those inside an OVF environment among them, and what is wrong
//! with one in the eyes of the first-boot program. Absent on purpose: what a sound document does (`seed`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::delivery::ovf;
use crate::gzip;
use crate::image::Image;
use crate::platform;
use crate::seed::ignition;
use crate::yaml;

/// No document of a seed comes near this.
const MOST: usize = 64 << 20;

/// Returns an image's documents, by path, a compressed user-data as it was before; what an OVF environment carries stands behind it,
/// below its path.
///
/// # Errors
/// When the environment's properties or a compressed document cannot be read.
pub fn documents(image: Image) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut documents = Vec::new();
    for (path, bytes) in image.files {
        let bytes = if is_main(&path) && gzip::is_compressed(&bytes) { gzip::decompress(&bytes, MOST)? } else { bytes };
        let carried = if path == ovf::FILE { ovf::documents(&String::from_utf8_lossy(&bytes))? } else { Vec::new() };
        let carried = carried.into_iter().map(|(name, bytes)| (format!("{path}/{name}"), bytes)).collect::<Vec<_>>();
        documents.push((path, bytes));
        documents.extend(carried);
    }
    Ok(documents)
}

/// Returns the last part of a path.
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a document of this name is the one that everything is in, whatever the medium or the platform calls it.
pub fn is_main(name: &str) -> bool {
    let name = name_of(name);
    let of_platforms = platform::ALL.iter().any(|platform| [platform.cloud_init_file, platform.ignition_file].contains(&name));
    of_platforms || matches!(name, "user_data" | "config.ign")
}

/// Whether a first-boot program looks for a file of this name in an image, where anything may lie beside.
pub fn is_read(name: &str) -> bool {
    let others = ["meta-data", "network-config", "vendor-data", "meta_data.json", "network_data.json", "vendor_data.json"];
    is_main(name) || others.contains(&name_of(name))
}

/// How a part of user-data begins that cloud-init knows (`INCLUSION_TYPES_MAP` in `cloudinit/handlers/__init__.py`), in small letters.
const KNOWN: [&str; 7] =
    ["#!", "#cloud-boothook", "#cloud-config", "#include", "#part-handler", "#upstart-job", "## template: jinja"];

/// Where cloud-init looks for what tells a multipart message (`convert_string` in `cloudinit/user_data.py`).
const MESSAGE_HEADER: usize = 4096;

fn is_known(text: &str) -> bool {
    let header = text.chars().take(MESSAGE_HEADER).collect::<String>().to_ascii_lowercase();
    KNOWN.iter().any(|known| header.trim_start().starts_with(known)) || header.contains("mime-version:")
}

/// Says what keeps a document from being what it is meant as, and what the first-boot program would do with it.
///
/// Source of what cloud-init does: `cloudinit/user_data.py` and `cloudinit/handlers`, which know a part by how it begins.
pub fn fault(name: &str, text: &str) -> Option<String> {
    let main = is_main(name);
    let begins = |mark: &str| text.trim_start().starts_with(mark);
    let fault = if text.contains('\0') {
        "it holds zero bytes, as what was cut or never written does; no first-boot program reads it"
    } else if text.starts_with('\u{feff}') {
        "it begins with a byte order mark: cloud-init knows no such beginning and ignores the whole"
    } else if begins("## template: jinja") {
        "it is a jinja template: cloud-init would replace what stands in double braces, in files too"
    } else if unwrapped(text).is_some_and(|inner| main || unwrapped(&inner).is_some()) {
        "it is base64 within base64, of which at most one layer is undone: it would be ignored"
    } else if begins("{") && serde_json::from_str::<serde_json::Value>(text).is_err() {
        "it begins as JSON and is none: Ignition stops the boot, and cloud-init ignores it"
    } else if matches!(name_of(name), "meta-data" | "network-config") && !text.is_empty() && yaml::parse(text).is_err() {
        "it is not YAML: cloud-init finds no seed here"
    } else if main && !is_known(text) && !ignition::is_config(text) {
        "it begins as no document does: cloud-init ignores it, and Ignition stops the boot"
    } else {
        return None;
    };
    Some(format!("{name}: {fault}"))
}

/// What a text is base64 of, blanks aside, if it is; words of letters alone are too short.
fn unwrapped(text: &str) -> Option<String> {
    let letters: String = text.split_ascii_whitespace().collect();
    let inner = (letters.len() > 16).then(|| STANDARD.decode(letters).ok()).flatten()?;
    Some(String::from_utf8_lossy(&inner).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_document_is_told_from_a_sound_one() {
        let sound = [
            ("user-data", "#cloud-config\n{}\n"),
            ("user-data", "#!/bin/sh\n"),
            ("openstack/latest/user_data", "{\"ignition\":{\"version\":\"3.3.0\"}}"),
            ("config.ign", "{\"ignition\":{\"version\":\"3.3.0\"}}"),
            ("meta-data", "instance-id: a\n"),
            ("network-config", ""),
            ("openstack/latest/meta_data.json", "{}"),
            ("README", "words"),
            ("user-data", "\n#cloud-config\n"),
            ("custom-data", "#Cloud-Config\n"),
            ("user-data", "#include-once\nhttps://a.example/\n"),
            ("userdata", "Content-Type: multipart/mixed; boundary=\"x\"\nMIME-Version: 1.0\n\n--x\n"),
        ];
        for (name, text) in sound {
            assert_eq!(fault(name, text), None, "{name}");
        }
        let damaged = [
            ("user-data", "#cloud-config\n\0\0", "zero bytes"),
            ("anything", "\0", "zero bytes"),
            ("user-data", "\u{feff}#cloud-config\n", "byte order mark"),
            ("user-data", "## template: jinja\n#cloud-config\n", "jinja"),
            ("user-data", "STJOc2IzVmtMV052Ym1acFp3bz0=\n", "base64 within base64"),
            ("config.ign", "{\"ignition\":", "begins as JSON"),
            ("openstack/latest/network_data.json", "{", "begins as JSON"),
            ("meta-data", "a: [", "not YAML"),
            ("anything", "STJOc2IzVmtMV052Ym1acFp3bz0=", "base64 within base64"),
            ("user-data", "words", "no document"),
            ("config.ign", "", "no document"),
            ("custom-data", "", "no document"),
            ("user-data", "# cloud-config\n", "no document"),
            ("user-data", "#cloud-confg\n", "no document"),
        ];
        for (name, text, told) in damaged {
            assert!(fault(name, text).is_some_and(|fault| fault.contains(told)), "{name}: {:?}", fault(name, text));
        }
    }
}
