//! The container runtime: containerd's configuration, and its versions as people write them.
//!
//! In: the pause image and the mirrors; `2.1.5`. Out: files; numbers that compare. Absent on purpose: other runtimes,
//! starting it, and which version goes with which Kubernetes (`kubernetes`).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::host::File;
use crate::templates::fill;

/// The socket, with the scheme that kubeadm adds with a warning where it is missing (kubernetes #107295).
pub const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// Its path, as a file.
pub const SOCKET: &str = "/run/containerd/containerd.sock";

/// The service that listens there.
pub const SERVICE: &str = "containerd.service";

/// A version of containerd. What works with which Kubernetes changes with its minor versions alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerdVersion {
    /// Major and minor version.
    pub minor: (u16, u16),
    /// The patch level, where it was said.
    pub patch: Option<u16>,
}

impl fmt::Display for ContainerdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.minor.0, self.minor.1)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl FromStr for ContainerdVersion {
    type Err = String;

    /// Accepts what `containerd --version` prints, `v2.1.5`, what packages are called by, `1.6.20~ds1`, and `2.1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
        let bare = text.strip_prefix('v').unwrap_or(text);
        let upstream = bare.split(['~', '+', '-']).next().unwrap_or_default();
        let parts: Option<Vec<u16>> = upstream.split('.').map(number).collect();
        match parts.as_deref() {
            Some([major, minor]) => Ok(Self { minor: (*major, *minor), patch: None }),
            Some([major, minor, patch]) => Ok(Self { minor: (*major, *minor), patch: Some(*patch) }),
            _ => Err("two or three numbers with dots between".to_owned()),
        }
    }
}

/// What containerd must be told.
pub struct Containerd<'a> {
    /// The pause image that kubeadm of this release expects; another one would be pulled from the internet.
    pub sandbox_image: &'a str,
    /// Where CNI plugins are.
    pub cni_bin_dir: &'a str,
    /// Registries and the URLs that stand for them.
    pub mirrors: &'a [(String, Vec<String>)],
}

/// Makes containerd's files and crictl's.
#[must_use]
pub fn files(wanted: &Containerd<'_>) -> Vec<File> {
    #[derive(Serialize)]
    struct Config<'a> {
        sandbox_image: &'a str,
        cni_bin_dir: &'a str,
    }
    #[derive(Serialize)]
    struct Hosts<'a> {
        server: Option<String>,
        mirrors: &'a [String],
    }
    let config = Config { sandbox_image: wanted.sandbox_image, cni_bin_dir: wanted.cni_bin_dir };
    let crictl = format!("runtime-endpoint: \"{CRI_SOCKET}\"\nimage-endpoint: \"{CRI_SOCKET}\"\ntimeout: 10\n");
    let mut files = vec![
        File::new("/etc/containerd/config.toml", 0o644, fill("runtime/containerd/config.toml.j2", config)),
        File::new("/etc/crictl.yaml", 0o644, crictl),
    ];
    for (registry, mirrors) in wanted.mirrors {
        let server = (registry != "_default").then(|| format!("https://{registry}"));
        let hosts = fill("runtime/containerd/hosts.toml.j2", Hosts { server, mirrors });
        files.push(File::new(format!("/etc/containerd/certs.d/{registry}/hosts.toml"), 0o644, hosts));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_and_packages_spell_them() {
        for (text, shown) in
            [("v2.1.5", "2.1.5"), ("1.7", "1.7"), ("1.6.20~ds1", "1.6.20"), ("2.2.0-rc.1", "2.2.0"), ("1.7.28-1", "1.7.28")]
        {
            assert_eq!(text.parse::<ContainerdVersion>().map(|version| version.to_string()), Ok(shown.to_owned()));
        }
        for bad in ["", "2", "latest", "1.x", "1.7.28.1", ".1", "1.", "+1.7"] {
            assert!(bad.parse::<ContainerdVersion>().is_err(), "{bad}");
        }
    }
}
