//! Addresses as profiles write them: endpoints, interface addresses, hardware addresses, DNS names.
//!
//! In: text. Out: checked values that print back canonically. Absent on purpose: resolving,
//! connecting, and anything that knows what an address is for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use ipnet::IpNet;

/// A name that RFC 1123 allows for a host: dot-separated labels of `[a-z0-9-]`, 253 characters at most.
///
/// Upper case is refused rather than folded: kubeadm lower-cases node names silently, and a
/// certificate made for the other spelling would not match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first label, which is what a machine calls itself.
    #[must_use]
    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a name cannot be empty".into());
        }
        if text.len() > 253 {
            return Err(format!("a name has 253 characters at most, this one {}", text.len()));
        }
        for label in text.split('.') {
            if let Some(reason) = label_fault(label) {
                return Err(reason);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// Says what keeps `label` from being one RFC 1123 label, or nothing when it is one.
#[must_use]
pub fn label_fault(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some("a label between dots cannot be empty".into());
    }
    if label.len() > 63 {
        return Some(format!("a label has 63 characters at most, `{label}` has {}", label.len()));
    }
    if let Some(c) = label.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Some(format!("{c:?} is not allowed: a name consists of a-z, 0-9, `-` and `.` (RFC 1123)"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some(format!("`{label}` begins or ends with `-` (RFC 1123)"));
    }
    None
}

/// Either kind of host: a DNS name or a literal address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A literal IPv4 or IPv6 address.
    Address(IpAddr),
    /// A DNS name.
    Name(DnsName),
}

impl fmt::Display for Host {
    /// Writes an IPv6 address without brackets; `Endpoint` adds them where a port follows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A `host:port`, as kubeadm's `controlPlaneEndpoint` wants it: no scheme, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host part.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("an endpoint has no scheme: leave out `{scheme}://`"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) =
                    rest.split_once(']').ok_or_else(|| "the `[` of an IPv6 address is never closed".to_owned())?;
                let port = rest.strip_prefix(':').ok_or_else(|| "a port must follow, as in `[fd00::10]:6443`".to_owned())?;
                (Host::Address(IpAddr::V6(parse(address, "an IPv6 address")?)), port)
            }
            None => {
                let (host, port) = text.rsplit_once(':').ok_or_else(|| format!("a port must follow, as in `{text}:6443`"))?;
                if host.contains(':') {
                    return Err(format!("an IPv6 address stands in brackets, as in `[{text}]:6443`"));
                }
                let host = match host.parse::<IpAddr>() {
                    Ok(address) => Host::Address(address),
                    Err(_) if looks_like_ipv4(host) => return Err(format!("`{host}` is not an IPv4 address")),
                    Err(_) => Host::Name(host.parse()?),
                };
                (host, port)
            }
        };
        match port.parse::<u16>() {
            Ok(port) if port != 0 => Ok(Self { host, port }),
            _ => Err(format!("`{port}` is not a port (1 to 65535)")),
        }
    }
}

fn looks_like_ipv4(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn parse<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not {what}"))
}

/// An Ethernet hardware address, printed as six lower-case hex pairs with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = String;

    /// Accepts colons or hyphens between the pairs, in either case.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a MAC address: six hex pairs, as in `52:54:00:00:00:10`");
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut pairs = text.split(separator);
        for byte in &mut bytes {
            let pair = pairs.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(fault)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| fault())?;
        }
        if pairs.next().is_some() {
            return Err(fault());
        }
        if bytes[0] & 1 == 1 {
            return Err(format!("`{text}` is a multicast address; no network card has one"));
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_back_as_written() {
        for text in ["api.lab:6443", "10.0.0.10:6443", "[fd00::10]:6443"] {
            assert_eq!(text.parse::<Endpoint>().map(|e| e.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn endpoints_say_what_is_wrong() {
        for (text, reason) in [
            ("https://api:6443", "no scheme"),
            ("api", "a port must follow"),
            ("fd00::10:6443", "in brackets"),
            ("10.0.0.999:6443", "not an IPv4 address"),
            ("api:0", "not a port"),
            ("api:65536", "not a port"),
            ("[fd00::10]", "a port must follow"),
            ("[fd00::10", "never closed"),
            ("API:6443", "is not allowed"),
        ] {
            let fault = text.parse::<Endpoint>().expect_err(text);
            assert!(fault.contains(reason), "{text}: {fault}");
        }
    }

    #[test]
    fn hardware_addresses_are_canonical() {
        assert_eq!("52-54-00-AA-00-10".parse::<MacAddress>().map(|m| m.to_string()), Ok("52:54:00:aa:00:10".to_owned()));
        for bad in ["52:54:00:00:00", "52:54:00:00:00:10:11", "52:54:00:00:00:1g", "01:00:5e:00:00:01", "", "+1:54:00:00:00:10"] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_follow_rfc_1123() {
        for good in ["a", "cp-1", "api.ha-stacked.internal", "0640", "716064e0"] {
            assert!(good.parse::<DnsName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "CP-1", "a_b", "é", &"a".repeat(64), &["a"; 128].join(".")] {
            assert!(bad.parse::<DnsName>().is_err(), "{bad}");
        }
    }
}
