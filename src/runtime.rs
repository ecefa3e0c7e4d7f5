//! The container runtime: containerd's configuration.
//!
//! In: the pause image and the mirrors. Out: files. Absent on purpose: other runtimes, and starting it.

use serde::Serialize;

use crate::host::File;
use crate::templates::fill;

/// The socket, with the scheme that kubeadm adds with a warning where it is missing (kubernetes #107295).
pub const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// Its path, as a file.
pub const SOCKET: &str = "/run/containerd/containerd.sock";

/// The service that listens there.
pub const SERVICE: &str = "containerd.service";

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
