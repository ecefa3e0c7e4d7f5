//! Operating systems: where each keeps what we must touch.
//!
//! In: a name from a profile. Out: a row of facts. Absent on purpose: package managers; machines come
//! with their binaries installed.

/// What differs between operating systems.
#[derive(Debug, PartialEq, Eq)]
pub struct Os {
    /// The profile's word for it.
    pub name: &'static str,
    /// Where the kubelet package's unit reads `KUBELET_EXTRA_ARGS` from (kubernetes/release, `kubelet.spec` and `10-kubeadm.conf`).
    pub kubelet_env: &'static str,
    /// The resolver file with the real upstream servers, so that CoreDNS does not ask the local stub and loop.
    pub resolv_conf: Option<&'static str>,
    /// Where CNI plugins are looked for.
    pub cni_bin_dir: &'static str,
}

/// Every operating system a profile may name.
pub const ALL: &[Os] = &[DEBIAN, UBUNTU, RHEL];

const DEBIAN: Os = Os { name: "debian", kubelet_env: "/etc/default/kubelet", resolv_conf: None, cni_bin_dir: "/opt/cni/bin" };
const UBUNTU: Os = Os { name: "ubuntu", resolv_conf: Some("/run/systemd/resolve/resolv.conf"), ..DEBIAN };
const RHEL: Os = Os { name: "rhel", kubelet_env: "/etc/sysconfig/kubelet", ..DEBIAN };

/// Finds an operating system by the profile's word.
#[must_use]
pub fn find(name: &str) -> Option<&'static Os> {
    ALL.iter().find(|os| os.name == name)
}
