//! Forms: what a single text in a profile may look like.
//!
//! In: a scalar as it was written. Out: nothing, or the fault in it. Absent on purpose: positions
//! (`shape` has them), values (`raw` parses what passed here), and what two texts mean together (`check`).

use std::net::IpAddr;
use std::str::FromStr;

use time::Duration;

use super::codes::{self, Code};
use crate::kubernetes::Version;
use crate::net::{DnsName, Endpoint, IpNet, MacAddress};
use crate::runtime::ContainerdVersion;

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// Any text but none at all.
    Filled,
    /// An RFC 1123 name.
    Name,
    /// A name that a machine, and its Node object, can bear.
    NodeName,
    /// A full Kubernetes version.
    Version,
    /// A version of containerd.
    ContainerdVersion,
    /// `host:port`.
    Endpoint,
    /// An IP address.
    Address,
    /// An address with the prefix length of its network.
    InterfaceAddress,
    /// One network range, or one of each family with a comma between, as kubeadm writes them.
    Ranges,
    /// A hardware address.
    Mac,
    /// The name of a network interface, globbing allowed.
    Interface,
    /// A duration as Go writes it.
    Duration,
    /// Permission bits in octal.
    Mode,
    /// An absolute path on a machine.
    Path,
    /// A DNS name or an address.
    Host,
    /// An `http` or `https` URL.
    Url,
    /// A container registry, or `_default`.
    Registry,
    /// A login name.
    Login,
    /// A line of `authorized_keys`.
    SshKey,
    /// A kind of object, as `secrets` or `deployments.apps`; `*.apps` and `*.*` are all of a group, and all.
    Resource,
}

/// What is wrong with a text.
pub struct Fault {
    /// The finding's code.
    pub code: &'static Code,
    /// What it is not, after "`x` is not".
    pub noun: &'static str,
    /// Why, for the place.
    pub reason: String,
    /// The way out, where there is one to tell.
    pub help: Option<String>,
}

impl Form {
    /// Describes the form in a few words with an example, for messages and documentation.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text | Self::Filled => "a string",
            Self::Name => "a name such as `lab` or `api.lab.internal`",
            Self::NodeName => "a node name such as `cp-1`",
            Self::Version => "a full version such as `1.36.2`",
            Self::ContainerdVersion => "a version such as `2.1.5`",
            Self::Endpoint => "`host:port`, such as `api.lab.internal:6443`",
            Self::Address => "an IP address",
            Self::InterfaceAddress => "an address with its prefix length, such as `10.0.0.11/24`",
            Self::Ranges => "a network range such as `10.244.0.0/16`",
            Self::Mac => "a MAC address such as `52:54:00:00:00:10`",
            Self::Interface => "an interface name such as `enp1s0` or `en*`",
            Self::Duration => "a duration such as `24h` or `1h30m`",
            Self::Mode => "permission bits such as `0640`",
            Self::Path => "an absolute path",
            Self::Host => "a host name or an IP address",
            Self::Url => "a URL such as `https://mirror.lab:5000`",
            Self::Registry => "a registry such as `registry.k8s.io`, or `_default`",
            Self::Login => "a login name",
            Self::SshKey => "a public SSH key",
            Self::Resource => "a resource such as `secrets` or `deployments.apps`",
        }
    }

    /// Tells whether a message may repeat the text: a private key pasted in place of a public one must not be shown.
    #[must_use]
    pub fn may_be_shown(self) -> bool {
        self != Self::SshKey
    }

    /// Returns what is wrong with `text`, if anything.
    #[must_use]
    pub fn fault(self, text: &str) -> Option<Fault> {
        let fault = |code, noun, reason: Result<(), String>| reason.err().map(|reason| Fault { code, noun, reason, help: None });
        match self {
            Self::Text => None,
            Self::Filled => fault(
                &codes::EMPTY_VALUE,
                "a value",
                if text.is_empty() { Err("nothing is written here".into()) } else { Ok(()) },
            ),
            Self::Name => fault(&codes::INVALID_NAME, "a name", parse::<DnsName>(text)).map(|f| lower_case(f, text)),
            Self::NodeName => fault(&codes::INVALID_NAME, "a node name", node_name(text)).map(|f| lower_case(f, text)),
            Self::Version => version(text),
            Self::ContainerdVersion => {
                fault(&codes::INVALID_VERSION, "a version of containerd", parse::<ContainerdVersion>(text))
            }
            Self::Endpoint => fault(&codes::INVALID_ENDPOINT, "an endpoint", parse::<Endpoint>(text)),
            Self::Address => fault(&codes::INVALID_ADDRESS, "an IP address", address(text)),
            Self::InterfaceAddress => interface_address(text),
            Self::Ranges => ranges(text),
            Self::Mac => fault(&codes::INVALID_MAC, "a MAC address", parse::<MacAddress>(text)),
            Self::Interface => fault(&codes::INVALID_INTERFACE, "an interface name", interface(text)),
            Self::Duration => fault(&codes::INVALID_DURATION, "a duration", duration(text).map(drop)).map(days_in_hours(text)),
            Self::Mode => mode(text).err().map(|reason| Fault {
                code: &codes::INVALID_MODE,
                noun: "a file mode",
                reason,
                help: Some("write the bits in octal, as in `\"0640\"`".into()),
            }),
            Self::Path => fault(&codes::INVALID_PATH, "a path on a machine", path(text)),
            Self::Host => fault(&codes::INVALID_HOST, "a host", host(text)),
            Self::Url => fault(&codes::INVALID_URL, "a URL", url(text)),
            Self::Registry => fault(&codes::INVALID_REGISTRY, "a registry", registry(text)),
            Self::Login => fault(&codes::INVALID_LOGIN, "a login name", login(text)),
            Self::SshKey => fault(&codes::INVALID_SSH_KEY, "a public SSH key", ssh_key(text)),
            Self::Resource => fault(&codes::INVALID_RESOURCE, "a resource", resource(text)),
        }
    }
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(drop)
}

fn lower_case(mut fault: Fault, text: &str) -> Fault {
    let lower = text.to_ascii_lowercase();
    if lower != text && lower.parse::<DnsName>().is_ok() {
        fault.help = Some(format!("write `{lower}`"));
    }
    fault
}

/// Checks a node's name: an RFC 1123 name of at most 63 characters, because the kubelet puts it into the
/// label `kubernetes.io/hostname`, and not one that `/etc/hosts` gives another meaning.
fn node_name(text: &str) -> Result<(), String> {
    let name = text.parse::<DnsName>()?;
    if text.len() > 63 {
        return Err(format!("a node's name has 63 characters at most, this one {}: it becomes a label's value", text.len()));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err("an address is no name".into());
    }
    if name.first_label() == "localhost" {
        return Err("`localhost` is every machine's name for itself".into());
    }
    Ok(())
}

fn version(text: &str) -> Option<Fault> {
    let reason = text.parse::<Version>().err()?;
    let channel = text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.starts_with('v');
    if channel {
        return Some(Fault {
            code: &codes::VERSION_CHANNEL,
            noun: "a version",
            reason: "a channel: what it stands for changes, and kubeadm would ask dl.k8s.io at first boot".into(),
            help: Some("write the full version, such as `1.36.2`: the binaries in the image have one".into()),
        });
    }
    Some(Fault { code: &codes::INVALID_VERSION, noun: "a full version", reason, help: None })
}

fn address(text: &str) -> Result<(), String> {
    if let Some((bare, _)) = text.split_once('/')
        && bare.parse::<IpAddr>().is_ok()
    {
        return Err(format!("no prefix length belongs here: write `{bare}`"));
    }
    text.parse::<IpAddr>().map(drop).map_err(|_| "expected an IPv4 or IPv6 address".into())
}

fn interface_address(text: &str) -> Option<Fault> {
    if text.parse::<IpNet>().is_ok() {
        return None;
    }
    let bare = text.parse::<IpAddr>().ok();
    let example = bare.map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 24 } else { 64 }));
    Some(Fault {
        code: &codes::INVALID_ADDRESS,
        noun: "an address with a prefix length",
        reason: match (bare, text.split_once('/')) {
            (Some(_), _) => "the prefix length of the machine's network is missing".into(),
            (None, Some((host, prefix))) if host.parse::<IpAddr>().is_ok() => format!("`{prefix}` is no prefix length"),
            _ => "expected an IPv4 or IPv6 address, `/` and a prefix length".into(),
        },
        help: example.map(|text| format!("write it as in `{text}`")),
    })
}

fn ranges(text: &str) -> Option<Fault> {
    for part in text.split(',') {
        let fault = match part.parse::<IpNet>() {
            Ok(net) if net.addr() == net.network() => continue,
            Ok(net) => Fault {
                code: &codes::INVALID_RANGE,
                noun: "a network range",
                reason: format!("`{part}` is an address inside {}", net.trunc()),
                help: Some(format!("write `{}`", net.trunc())),
            },
            Err(_) => Fault {
                code: &codes::INVALID_RANGE,
                noun: "a network range",
                reason: if part.is_empty() {
                    "an empty range stands beside a comma".into()
                } else {
                    format!("`{part}` is not written as an address, `/` and a prefix length")
                },
                help: None,
            },
        };
        return Some(fault);
    }
    None
}

/// Checks an interface name: Linux allows 15 bytes, no blank and no `/` (`dev_valid_name`).
fn interface(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 15 {
        return Err(format!("an interface name has 1 to 15 characters, this one {}", text.len()));
    }
    match text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '/' | ':' | '"' | '\'' | '\\')) {
        Some(c) => Err(format!("{c:?} cannot stand in an interface name")),
        None => Ok(()),
    }
}

/// Reads a duration as Go does (`time.ParseDuration`), in whole seconds.
///
/// # Errors
/// A sentence on what is wrong, for text that is no duration, has parts of a second, or is longer than the 292 years Go can hold.
pub fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: i64 = 9_223_372_036;
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = 0i64;
    let mut rest = text;
    if rest.is_empty() {
        return Err("expected numbers with units, `h`, `m` or `s`".into());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err("expected numbers with units, `h`, `m` or `s`".into());
        }
        let unit = after.chars().next();
        let scale = match unit {
            Some('h') => 3600,
            Some('m') if !after.starts_with("ms") => 60,
            Some('s') => 1,
            None => return Err(format!("`{number}` lacks its unit: `h`, `m` or `s`")),
            Some(_) => {
                let unit: String = after.chars().take_while(|c| !c.is_ascii_digit()).collect();
                return Err(format!("`{unit}` is no unit here: use `h`, `m` and `s` after whole numbers"));
            }
        };
        total = number
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(scale))
            .and_then(|n| n.checked_add(total))
            .filter(|sum| *sum <= LONGEST)
            .ok_or_else(|| "longer than the 292 years a duration can hold".to_owned())?;
        rest = &after[1..];
    }
    Ok(Duration::seconds(total))
}

/// Adds the hours to a fault in a duration that was given in days.
fn days_in_hours(text: &str) -> impl Fn(Fault) -> Fault {
    let days = text.strip_suffix('d').and_then(|n| n.parse::<u32>().ok());
    move |mut fault| {
        fault.help = days.map(|days| format!("durations have no days: write `{}h`", u64::from(days) * 24));
        fault
    }
}

/// Reads permission bits.
///
/// # Errors
/// A sentence on what is wrong, for text that is not three octal digits, with or without a zero before them.
pub fn mode(text: &str) -> Result<u32, String> {
    let octal = text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    match (octal, text.len()) {
        (true, 3) => {}
        (true, 4) if text.starts_with('0') => {}
        (true, 4) => return Err("setuid, setgid and sticky bits are not given to files from a profile".into()),
        (true, _) => return Err("expected three octal digits, with or without a zero before them".into()),
        (false, _) => return Err("expected octal digits, 0 to 7".into()),
    }
    u32::from_str_radix(text, 8).map_err(|_| "expected octal digits, 0 to 7".into())
}

/// Checks a path: absolute, in its shortest spelling, and below the root.
fn path(text: &str) -> Result<(), String> {
    let Some(rest) = text.strip_prefix('/') else { return Err("expected a path that begins with `/`".into()) };
    if rest.is_empty() {
        return Err("expected a file, not the root directory".into());
    }
    for part in rest.split('/') {
        match part {
            "" if rest.ends_with('/') => return Err("expected a file: the path ends in `/`".into()),
            "" => return Err("`//` has an empty part".into()),
            "." | ".." => return Err(format!("`{part}` is not allowed: spell the path out")),
            _ if part.len() > 255 => return Err("a part of the path is longer than 255 bytes".into()),
            _ => {}
        }
    }
    if text.len() > 4095 { Err("a path has 4095 bytes at most".into()) } else { Ok(()) }
}

fn host(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() { Ok(()) } else { parse::<DnsName>(text) }
}

fn url(text: &str) -> Result<(), String> {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return Err("expected `https://` or `http://` and a host".into());
    };
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '\\' | '<' | '>' | '`' | '{' | '}'))
    {
        return Err(format!("{c:?} cannot stand in a URL"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("a user or password does not belong into the URL: every machine would hold it in clear".into());
    }
    host_and_port(authority)
}

fn registry(text: &str) -> Result<(), String> {
    if text == "_default" {
        return Ok(());
    }
    if text.contains("://") || text.contains('/') {
        return Err("expected the registry's host alone, without scheme or path".into());
    }
    host_and_port(text)
}

fn host_and_port(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the host is missing".into());
    }
    if text.starts_with('[') || text.rsplit_once(':').is_some() {
        return parse::<Endpoint>(text);
    }
    host(text)
}

/// Checks a login name as `useradd` does with its default `NAME_REGEX`: 32 characters, `[a-z_][a-z0-9_-]*`.
fn login(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 32 {
        return Err(format!("a login name has 1 to 32 characters, this one {}", text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        return Err("a login name begins with a-z or `_`".into());
    }
    match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')) {
        Some(c) => Err(format!("{c:?} cannot stand in a login name: a-z, 0-9, `_` and `-` can")),
        None => Ok(()),
    }
}

/// Checks a kind of object that is to be encrypted, by what the API server takes for one
/// (`staging/src/k8s.io/apiserver/pkg/apis/config/validation/validation.go`).
fn resource(text: &str) -> Result<(), String> {
    let (name, group) = text.split_once('.').unwrap_or((text, ""));
    if text.contains('*') {
        return Err("each kind is named: what is encrypted is known then".into());
    }
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("a kind's name in the plural has a-z, 0-9 and `-`".into());
    }
    match group {
        "events.k8s.io" => Err("events are stored as the core's: write `events`".into()),
        "extensions" => Err("the group is gone".into()),
        _ if text.contains('.') => parse::<DnsName>(group),
        _ => Ok(()),
    }
}

/// Checks a line of `authorized_keys` without options: a known type, then base64 that begins with that type's name.
fn ssh_key(text: &str) -> Result<(), String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    if text.contains("PRIVATE KEY") {
        return Err("this is a private key: it must not stand in a profile".into());
    }
    if text.contains('\n') {
        return Err("a key is one line; give several as several entries".into());
    }
    let mut words = text.split_ascii_whitespace();
    let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !(kind.starts_with("ssh-") || kind.starts_with("ecdsa-sha2-") || kind.starts_with("sk-")) {
        return Err("expected a line such as `ssh-ed25519 AAAA… name`".into());
    }
    let bytes = STANDARD.decode(blob).map_err(|_| "what follows the type is not base64".to_owned())?;
    // RFC 4253 §6.6: the blob begins with the type's name as a string with a 32-bit length.
    let named = bytes.len() > 4 + kind.len()
        && bytes[..4] == (kind.len() as u32).to_be_bytes()
        && &bytes[4..4 + kind.len()] == kind.as_bytes();
    if named { Ok(()) } else { Err("what follows the type is not a key of that type".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        for (text, expected) in [("24h", 86_400), ("0s", 0), ("0", 0), ("1h30m", 5_400), ("90m", 5_400), ("720h", 2_592_000)] {
            assert_eq!(duration(text), Ok(Duration::seconds(expected)), "{text}");
        }
        for bad in ["", "24", "h", "1d", "1.5h", "-1h", "10ms", "1h ", "99999999999h", "18446744073709551616s", "1µs"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0640"), Ok(0o640));
        assert_eq!(mode("755"), Ok(0o755));
        for bad in ["", "64", "0o640", "0888", "4755", "06400", "rw-r-----", "-640"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_spelled_out() {
        assert!(path("/etc/a b").is_ok());
        for bad in ["", "etc/a", "/", "/etc/", "/etc//a", "/etc/../a", "/./a"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ssh_key_is_its_own_witness() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";
        assert_eq!(ssh_key(key), Ok(()));
        for bad in
            ["", "ssh-ed25519", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl", "hello world"]
        {
            assert!(ssh_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mirrors_are_reached_by_http() {
        for good in ["https://mirror.lab:5000", "http://10.0.0.1:5000/v2/x", "https://[fd00::1]:5000", "https://mirror"] {
            assert_eq!(url(good), Ok(()), "{good}");
        }
        for bad in ["mirror.lab", "ftp://x", "https://", "https://u:p@x", "https://a b", "https://x:0"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
