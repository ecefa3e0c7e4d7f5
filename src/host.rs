//! The waist: what one machine is given, in no format's terms.
//!
//! In: decisions already made. Out: a `Machine` that every format encodes. Absent on purpose:
//! cloud-init, Ignition, Kubernetes, distributions. All files belong to root: cloud-init writes files
//! before it makes users, so another owner would leave the file missing (cloud-init issue 2573).

use std::fmt;
use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::net::{DnsName, IpNet, MacAddress};

/// Everything a machine is given at its first boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Stable name of this installation: `<cluster>-<node>-g<generation>`.
    pub instance_id: String,
    /// The host name, a single label or a dotted name.
    pub hostname: DnsName,
    /// Directories to make, with their modes, before any file lands; parents come first.
    pub directories: Vec<Directory>,
    /// Files in the order in which they are to be written.
    pub files: Vec<File>,
    /// systemd units in the order in which they are to be enabled and started.
    pub units: Vec<Unit>,
    /// Login users beside those the image has.
    pub users: Vec<User>,
    /// The network; `None` leaves it to the image (DHCP).
    pub network: Option<Network>,
}

/// A directory of root's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
}

/// A regular file of root's.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The exact bytes; they may be a secret's, so they are wiped when dropped.
    pub content: Zeroizing<Vec<u8>>,
}

impl File {
    /// Makes a file.
    pub fn new(path: impl Into<String>, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode, content: Zeroizing::new(content.into()) }
    }
}

impl fmt::Debug for File {
    /// Shows everything but the content, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:04o} ({} bytes)", self.path, self.mode, self.content.len())
    }
}

/// A systemd unit: one we bring, or one that is there and gets drop-ins or is switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Full name, as `kubespore-first-boot.service`.
    pub name: String,
    /// The unit file's text; `None` when the image has the unit.
    pub content: Option<String>,
    /// Drop-ins: file name (ending in `.conf`) and text.
    pub drop_ins: Vec<(String, String)>,
    /// Whether it starts at every boot.
    pub enabled: bool,
    /// Whether it is started now, at the end of first boot, without waiting for it.
    pub started: bool,
}

/// A login user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Supplementary groups.
    pub groups: Vec<String>,
    /// Public SSH keys, one a line of `authorized_keys`.
    pub ssh_authorized_keys: Vec<String>,
    /// Whether sudo asks for no password.
    pub sudo: bool,
}

/// A static network: one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// How the interface is found.
    pub matching: InterfaceMatch,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<IpNet>,
    /// Default gateways, at most one a family.
    pub gateways: Vec<IpAddr>,
    /// Static routes: destination and next hop.
    pub routes: Vec<(IpNet, IpAddr)>,
    /// Resolvers.
    pub nameservers: Vec<IpAddr>,
    /// Search domains.
    pub search: Vec<String>,
    /// Maximum transmission unit, when it is not the interface's default.
    pub mtu: Option<u32>,
}

/// How the interface of a machine is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceMatch {
    /// By hardware address.
    Mac(MacAddress),
    /// By name, globbing allowed, as `en*`.
    Name(String),
}

impl InterfaceMatch {
    /// What an interface is called from then on that was found by its hardware address.
    pub const RENAMED: &str = "primary";
}
