//! Versions of Kubernetes as people write them.
//!
//! In: `1.36.2` or `v1.36.2`. Out: numbers that compare. Absent on purpose: ranges and channels;
//! `stable` would make kubeadm ask the internet (`dl.k8s.io`) at first boot.

use std::fmt;
use std::str::FromStr;

/// A minor release, `1.36`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor(pub u16, pub u16);

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A full version, printed without `v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The minor release.
    pub minor: Minor,
    /// The patch level.
    pub patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let mut parts = bare.split('.').map(|part| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            if plain { part.parse::<u16>().ok() } else { None }
        });
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(major), Some(minor), Some(patch), None) => Ok(Self { minor: Minor(major, minor), patch }),
            _ if bare.starts_with(|c: char| c.is_ascii_alphabetic()) => Err(format!(
                "`{text}` is a channel: kubeadm would look it up on the internet at first boot; write the full version"
            )),
            _ => Err(format!("`{text}` is not a full version such as `1.36.2`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        for (text, shown) in [("1.36.2", "1.36.2"), ("v1.14.0", "1.14.0")] {
            assert_eq!(text.parse::<Version>().map(|v| v.to_string()), Ok(shown.to_owned()));
        }
        for bad in ["", "1", "1.36", "1.36.2.1", "1.36.x", "1.036.2", "1.36.-2", "stable", "stable-1.36", "1.36.2-rc.0"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        assert!("stable".parse::<Version>().expect_err("a channel").contains("internet"));
    }
}
