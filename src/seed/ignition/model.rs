//! An Ignition config as JSON has it: the parts that we write, for writing and for reading.
//!
//! In and out: serde. Names and meanings are those of Ignition's configuration specification 3.0 to 3.6, in which these
//! parts did not change. Absent on purpose: disks, RAID, LUKS, file systems, links, kernel arguments, and everything
//! fetched at boot; a reader of another's config ignores them.

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub ignition: Ignition,
    #[serde(skip_serializing_if = "Passwd::is_empty")]
    pub passwd: Passwd,
    #[serde(skip_serializing_if = "Storage::is_empty")]
    pub storage: Storage,
    #[serde(skip_serializing_if = "Systemd::is_empty")]
    pub systemd: Systemd,
}

/// About the document itself.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ignition {
    pub version: String,
    /// Other configs that this one merges or is replaced by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Elsewhere>,
}

/// What an `ignition.config` refers to.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Elsewhere {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merge: Vec<Resource>,
    pub replace: Resource,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Passwd {
    pub users: Vec<PasswdUser>,
}

impl Passwd {
    fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PasswdUser {
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_authorized_keys: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<Directory>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

impl Storage {
    fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.files.is_empty()
    }
}

/// A directory; without `overwrite`, which would delete what is in it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Directory {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    pub path: String,
    pub overwrite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    pub contents: Resource,
}

/// Bytes: where they come from, how they are packed, what they hash to.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Verification::is_empty")]
    pub verification: Verification,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Verification {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Verification {
    fn is_empty(&self) -> bool {
        self.hash.is_none()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Systemd {
    pub units: Vec<Unit>,
}

impl Systemd {
    fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Unit {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropins: Vec<DropIn>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DropIn {
    pub name: String,
    pub contents: Option<String>,
}
