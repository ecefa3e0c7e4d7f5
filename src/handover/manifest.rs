//! `manifest.json`: what was made, for whom, how long it lasts, and what it carries.
//!
//! In: facts. Out: JSON, and back. Absent on purpose: values of secrets; a class is only named.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The whole manifest. Its JSON keys are part of the contract with other programs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `kubespore.manifest/v1`.
    pub api_version: String,
    /// What made it.
    pub tool: Tool,
    /// What it was made from.
    pub profile: Profile,
    /// The cluster as a whole.
    pub cluster: Cluster,
    /// How long keys, certificates and credentials work.
    pub lifetimes: Vec<Lifetime>,
    /// The files at the top of the directory, but for the manifest itself, by name.
    #[serde(default)]
    pub files: BTreeMap<String, DeliveredFile>,
    /// The machines by name.
    pub nodes: BTreeMap<String, Node>,
}

/// The program.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tool {
    /// Always `kubespore`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Profile {
    /// SHA-256 of its text, lower-case hex.
    pub sha256: String,
}

/// The cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Random identity from the bundle.
    pub id: String,
    /// Installation generation.
    pub generation: u32,
    /// Version without `v`.
    pub kubernetes_version: String,
    /// The kubeadm API its documents are written in.
    pub kubeadm_api: String,
    /// `host:port`.
    pub endpoint: String,
    /// Kind of load balancer.
    pub load_balancer: String,
    /// How the shared keys reach the control planes.
    pub distribution: String,
    /// How machines recognise the cluster.
    pub discovery: String,
    /// Whether automatic approval of certificate requests ends when every machine has joined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict_csr: bool,
    /// `sha256:` and the hash of the CA's public key.
    pub discovery_hash: String,
    /// The round that the change of the cluster's authority is in, from 1 to 3; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_rotation: Option<u8>,
    /// When the bundle was minted, RFC 3339.
    pub minted: String,
    /// Until when the founder may found, RFC 3339; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_until: Option<String>,
}

/// How long something works, as it will behave: until an instant, or so long from an event on.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Lifetime {
    /// What it is, such as `administrator's certificate`.
    pub name: String,
    /// The machines whose seeds hold it, where it is one of theirs.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub nodes: Vec<String>,
    /// The instant at which it stops working, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    /// How long it works, as Go writes durations, counted from `from`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lasts: Option<String>,
    /// What its life is counted from; where neither `until` nor `lasts` is given it never ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The instant after which it works no more whenever its life began, RFC 3339, where that can be known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latest: Option<String>,
    /// Whether the living cluster needs it, or these images are worth nothing without it.
    pub needed: bool,
    /// What ends with it, and what to do.
    pub then: String,
}

impl Lifetime {
    /// Says when it ends, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.until, &self.lasts, &self.from) {
            (Some(until), ..) => format!("until {until}"),
            (None, Some(lasts), Some(from)) => {
                let latest = self.latest.as_ref().map_or_else(String::new, |latest| format!(", at the latest until {latest}"));
                format!("{lasts} from {from} on{latest}")
            }
            _ => "without end".to_owned(),
        }
    }

    /// Names it, and the machines whose seeds hold it while they are few.
    #[must_use]
    pub fn title(&self) -> String {
        const FEW: usize = 6;
        match self.nodes.len() {
            0 => self.name.clone(),
            many if many > FEW => format!("{} ({} machines)", self.name, many),
            _ => format!("{} ({})", self.name, self.nodes.join(", ")),
        }
    }

    /// Tells whether it has ended for certain at an instant.
    #[must_use]
    pub fn ended(&self, at: OffsetDateTime) -> bool {
        let end = self.until.as_deref().or(self.latest.as_deref());
        end.and_then(|end| OffsetDateTime::parse(end, &Rfc3339).ok()).is_some_and(|end| end <= at)
    }
}

/// One machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its role.
    pub role: String,
    /// Its address with the prefix length.
    pub address: String,
    /// Its operating system.
    pub os: String,
    /// The instance-id of its seed.
    pub instance_id: String,
    /// Classes of secrets its seed holds, sorted.
    pub secrets: Vec<String>,
    /// The size of its seed.
    pub size: Size,
    /// The files in its directory here, by name.
    pub files: BTreeMap<String, DeliveredFile>,
    /// The files it writes at first boot, by path.
    pub machine: BTreeMap<String, MachineFile>,
}

/// The size of a seed's main document in bytes, in each form, against what its platform takes.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// As it is.
    pub plain: usize,
    /// Compressed.
    pub gzip: usize,
    /// As text.
    #[serde(default)]
    pub base64: usize,
    /// Compressed, then as text.
    pub gzip_base64: usize,
    /// The platform.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<String>,
    /// What the platform takes, in bytes as it counts them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<usize>,
    /// What the platform is given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given: Option<Given>,
}

/// A document in the form that a platform takes.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// `raw`, `gzip`, `base64` or `gzip+base64`.
    pub form: String,
    /// Its bytes as the platform counts them.
    pub counted: usize,
    /// Of which form those are the bytes: a platform may undo the base64 that it wants, or add one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted_as: Option<String>,
    /// What `--fit` did to it, in words and in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fitted: Vec<String>,
}

/// A file in the output directory.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct DeliveredFile {
    /// Bytes.
    pub size: usize,
    /// Lower-case hex.
    pub sha256: String,
    /// How it reaches the machine, in words; absent where another file's words speak of it, and where it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub how: Option<String>,
}

/// A file on a machine.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct MachineFile {
    /// Permission bits as four octal digits.
    pub mode: String,
    /// Bytes.
    pub size: usize,
    /// Lower-case hex.
    pub sha256: String,
}

impl Size {
    /// Returns how much of the platform's limit is taken, in per cent, rounded down; `None` without a limit.
    #[must_use]
    pub fn share(&self) -> Option<usize> {
        let (given, limit) = (self.given.as_ref()?, self.limit?);
        Some(given.counted * 100 / limit.max(1))
    }
}

impl Manifest {
    /// Writes it as indented JSON with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always serialise") + "\n"
    }
}

impl DeliveredFile {
    /// Describes `bytes`, and how they are used.
    #[must_use]
    pub fn of(bytes: &[u8], how: Option<String>) -> Self {
        Self { size: bytes.len(), sha256: digest(bytes), how }
    }
}

impl MachineFile {
    /// Describes a file of a machine.
    #[must_use]
    pub fn of(mode: u32, content: &[u8]) -> Self {
        Self { mode: format!("{mode:04o}"), size: content.len(), sha256: digest(content) }
    }
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}
