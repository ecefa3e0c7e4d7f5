//! Operating systems: where each keeps what we must touch.
//!
//! In: a name from a profile. Out: a row of facts. Absent on purpose: package managers; machines come
//! with their binaries installed.

use std::fmt;
use std::str::FromStr;

use crate::host::{File, Unit};

/// What differs between operating systems.
#[derive(Debug, PartialEq, Eq)]
pub struct Os {
    /// The profile's word for it.
    pub name: &'static str,
    /// Which first-boot program the image has.
    pub first_boot: FirstBootProgram,
    /// Whether what configures the network there finds an interface by a pattern: netplan, systemd-networkd from its own
    /// files and NetworkManager from keyfiles do; cloud-init's other renderers do not (`cloudinit/net/network_state.py`,
    /// `handle_ethernets` heeds `match.macaddress` alone).
    pub interface_patterns: bool,
    /// Where the kubelet package's unit reads `KUBELET_EXTRA_ARGS` from (kubernetes/release, `kubelet.spec` and `10-kubeadm.conf`;
    /// for Flatcar the drop-in of the sysext bakery's kubernetes image).
    pub kubelet_env: &'static str,
    /// The resolver file with the real upstream servers, so that CoreDNS does not ask the local stub and loop.
    pub resolv_conf: Option<&'static str>,
    /// Where kubeadm, kubelet, kubectl and crictl lie when no package brings them: the first writable place of the
    /// supervisor's `PATH`.
    pub bin_dir: &'static str,
    /// Where CNI plugins are looked for.
    pub cni_bin_dir: &'static str,
    /// Where the kubelet and the controller manager look for FlexVolume drivers when their default, below a read-only
    /// `/usr`, cannot be made (kubeadm's troubleshooting page, "/usr is mounted read-only on nodes"). Belongs into the
    /// node's kubelet argument `volume-plugin-dir`, and, when any control plane has it, into the controller manager's
    /// `flex-volume-plugin-dir`.
    pub volume_plugin_dir: Option<&'static str>,
    /// The unit that reboots the machine after an update of its image; it must wait until the machine has joined.
    pub reboot_manager: Option<&'static str>,
    /// Units of the image that a Kubernetes node needs and that nothing has enabled: packages do that, images do not.
    pub to_enable: &'static [&'static str],
    /// Drop-ins that make units of the image read our files: unit, name, text.
    pub drop_ins: &'static [(&'static str, &'static str, &'static str)],
    /// Files that, empty, keep the image from making swap of memory at boot.
    pub swap_generators: &'static [&'static str],
    /// The paths in its initial RAM disk, without the first `/`, at which its releases look for an Ignition config; none where
    /// no release does.
    pub ramdisk_configs: &'static [&'static str],
    /// The kernel's arguments with which a machine that boots from that RAM disk runs Ignition.
    pub first_boot_arguments: &'static str,
    /// The kernel's argument that tells Ignition its platform.
    pub platform_argument: &'static str,
    /// Whether it looks for a medium labelled `ignition`.
    pub ignition_medium: bool,
    /// The name of QEMU's firmware variable with an Ignition config (coreos/ignition, docs/supported-platforms.md).
    pub firmware_config: &'static str,
}

/// The program that reads the seed at the first boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstBootProgram {
    /// cloud-init, which writes the network's configuration itself.
    CloudInit,
    /// Ignition, in the initial RAM disk.
    Ignition {
        /// The spec version that every supported release of the system reads.
        usual: SpecVersion,
        /// The newest spec version that its newest release reads; a newer one ends in the emergency shell.
        newest: SpecVersion,
        /// What reads a network's configuration there.
        network: NetworkDaemon,
    },
}

/// A version of Ignition's configuration specification (coreos/ignition, docs/specs.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecVersion {
    /// Ignition 2.0.0.
    V3_0,
    /// Ignition 2.3.0.
    V3_1,
    /// Ignition 2.7.0.
    V3_2,
    /// Ignition 2.11.0.
    V3_3,
    /// Ignition 2.15.0.
    V3_4,
    /// Ignition 2.20.0.
    V3_5,
    /// Ignition 2.26.0.
    V3_6,
}

impl SpecVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 7] = [Self::V3_0, Self::V3_1, Self::V3_2, Self::V3_3, Self::V3_4, Self::V3_5, Self::V3_6];

    /// Returns the version as `ignition.version` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0.0",
            Self::V3_1 => "3.1.0",
            Self::V3_2 => "3.2.0",
            Self::V3_3 => "3.3.0",
            Self::V3_4 => "3.4.0",
            Self::V3_5 => "3.5.0",
            Self::V3_6 => "3.6.0",
        }
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SpecVersion {
    type Err = String;

    /// Accepts it as a config has it, in three numbers.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or_else(|| {
            let [oldest, .., newest] = Self::ALL;
            format!("`{text}` is not a version of Ignition's spec that is written here ({oldest} to {newest})")
        })
    }
}

/// What reads a network's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkDaemon {
    /// systemd-networkd.
    Networkd,
    /// NetworkManager, from keyfiles.
    NetworkManager,
}

/// Every operating system a profile may name.
pub const ALL: &[Os] = &[DEBIAN, UBUNTU, RHEL, FLATCAR, FEDORA_COREOS, RHCOS, MICROOS];

const DEBIAN: Os = Os {
    name: "debian",
    first_boot: FirstBootProgram::CloudInit,
    // Its cloud images have netplan since 12.
    interface_patterns: true,
    kubelet_env: "/etc/default/kubelet",
    resolv_conf: None,
    bin_dir: "/usr/local/bin",
    cni_bin_dir: "/opt/cni/bin",
    volume_plugin_dir: None,
    reboot_manager: None,
    to_enable: &[],
    drop_ins: &[],
    swap_generators: &[],
    ramdisk_configs: &[],
    first_boot_arguments: "",
    platform_argument: "",
    ignition_medium: false,
    firmware_config: "",
};

const UBUNTU: Os = Os { name: "ubuntu", resolv_conf: Some("/run/systemd/resolve/resolv.conf"), ..DEBIAN };

const RHEL: Os = Os { name: "rhel", interface_patterns: false, kubelet_env: "/etc/sysconfig/kubelet", ..DEBIAN };

/// What systems with a read-only /usr have in common. SELinux: Ignition labels what it writes; whatever a program moves
/// into place afterwards keeps its old label until `restorecon`.
const READ_ONLY_USR: Os = Os {
    name: "",
    kubelet_env: "/etc/sysconfig/kubelet",
    bin_dir: "/opt/bin",
    volume_plugin_dir: Some("/opt/libexec/kubernetes/kubelet-plugins/volume/exec/"),
    to_enable: &["containerd.service", "kubelet.service"],
    platform_argument: "ignition.platform.id",
    firmware_config: "opt/com.coreos/config",
    ..DEBIAN
};

/// Reads spec 3.3 since release 3185, 3.4 in today's (Butane's table of the `flatcar` variant). SELinux is permissive.
/// containerd's unit names a configuration below /usr in its environment. The RAM disk's directory of the image's vendor is
/// `/usr/share/oem`, and `/oem` in releases that boot in two stages (flatcar/bootengine, dracut/53ignition/ignition-setup.sh).
const FLATCAR: Os = Os {
    name: "flatcar",
    first_boot: FirstBootProgram::Ignition {
        usual: SpecVersion::V3_3,
        newest: SpecVersion::V3_4,
        network: NetworkDaemon::Networkd,
    },
    resolv_conf: Some("/run/systemd/resolve/resolv.conf"),
    reboot_manager: Some("locksmithd.service"),
    drop_ins: &[(
        "containerd.service",
        "20-kubespore.conf",
        "[Service]\nEnvironment=CONTAINERD_CONFIG=/etc/containerd/config.toml\n",
    )],
    ramdisk_configs: &["usr/share/oem/config.ign", "oem/config.ign"],
    first_boot_arguments: "flatcar.first_boot=1",
    platform_argument: "flatcar.oem.id",
    firmware_config: "opt/org.flatcar-linux/config",
    ..READ_ONLY_USR
};

/// Reads every spec version. SELinux is enforcing; `/opt` is `/var/opt`, labelled as `/opt` is. Fedora makes swap of
/// memory wherever zram-generator finds a configuration; an empty one in /etc wins over the image's. Its live images read the
/// RAM disk's `/config.ign` (coreos/fedora-coreos-config, 40ignition-conf, coreos-ignition-setup-user.sh).
const FEDORA_COREOS: Os = Os {
    name: "fedora-coreos",
    first_boot: FirstBootProgram::Ignition {
        usual: SpecVersion::V3_3,
        newest: SpecVersion::V3_6,
        network: NetworkDaemon::NetworkManager,
    },
    resolv_conf: Some("/run/systemd/resolve/resolv.conf"),
    reboot_manager: Some("zincati.service"),
    swap_generators: &["/etc/systemd/zram-generator.conf"],
    ramdisk_configs: &["config.ign"],
    first_boot_arguments: "ignition.firstboot ignition.platform.id=metal",
    ..READ_ONLY_USR
};

/// Releases 4.8 to 4.13 read spec 3.2, those from 4.19 on 3.5 (Butane's table of the `openshift` variant). SELinux is
/// enforcing. Reboots after updates are OpenShift's own, which is not here. There is no systemd-resolved. Its live images are
/// made as Fedora CoreOS's are.
const RHCOS: Os = Os {
    name: "rhcos",
    first_boot: FirstBootProgram::Ignition {
        usual: SpecVersion::V3_2,
        newest: SpecVersion::V3_5,
        network: NetworkDaemon::NetworkManager,
    },
    ramdisk_configs: FEDORA_COREOS.ramdisk_configs,
    first_boot_arguments: FEDORA_COREOS.first_boot_arguments,
    ..READ_ONLY_USR
};

/// openSUSE's Factory has Ignition 2.19, which reads spec 3.4. SELinux is enforcing. transactional-update makes the new
/// snapshot, rebootmgr boots it. There is no systemd-resolved. No live image runs from memory; a first boot reads
/// `ignition/config.ign` of a medium labelled `ignition` (openSUSE's package, ignition-setup-user.sh).
const MICROOS: Os = Os {
    name: "microos",
    first_boot: FirstBootProgram::Ignition {
        usual: SpecVersion::V3_2,
        newest: SpecVersion::V3_4,
        network: NetworkDaemon::NetworkManager,
    },
    reboot_manager: Some("rebootmgr.service"),
    ignition_medium: true,
    ..READ_ONLY_USR
};

/// Starts what waited for the mark, once: a path unit alone would start it again whenever it ended.
const RELEASE_PATH: &str = "kubespore-updates.path";
const RELEASE_SERVICE: &str = "kubespore-updates.service";

impl Os {
    /// Makes the units that a Kubernetes node of this system needs beside those of every node.
    ///
    /// `done` is the path of the mark that the supervisor leaves last: the reboot manager waits for it.
    #[must_use]
    pub fn units(&self, done: &str) -> Vec<Unit> {
        let image = |name: &str, enabled: bool, drop_ins: Vec<(String, String)>| Unit {
            name: name.to_owned(),
            content: None,
            drop_ins,
            enabled,
            started: false,
        };
        let mut units: Vec<_> = self.to_enable.iter().map(|name| image(name, true, Vec::new())).collect();
        for (unit, name, text) in self.drop_ins {
            units.push(image(unit, false, vec![((*name).to_owned(), (*text).to_owned())]));
        }
        if let Some(manager) = self.reboot_manager {
            let hold = format!("[Unit]\nConditionPathExists={done}\n");
            units.push(image(manager, false, vec![("20-kubespore.conf".to_owned(), hold)]));
            let own =
                |name: &str, content: String, enabled: bool| Unit { content: Some(content), ..image(name, enabled, Vec::new()) };
            units.push(own(
                RELEASE_PATH,
                format!(
                    "[Unit]\nDescription=Wait until the machine has joined, then allow reboots for updates\n\n\
                     [Path]\nPathExists={done}\n\n[Install]\nWantedBy=multi-user.target\n"
                ),
                true,
            ));
            units.push(own(
                RELEASE_SERVICE,
                format!(
                    "[Unit]\nDescription=Allow reboots for updates\n\n\
                     [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/systemctl start --no-block {manager}\n"
                ),
                false,
            ));
        }
        units
    }

    /// Makes the files that keep the image from making swap, for a cluster that wants none.
    #[must_use]
    pub fn swap_files(&self) -> Vec<File> {
        self.swap_generators.iter().map(|path| File::new(*path, 0o644, "")).collect()
    }
}

/// Finds an operating system by the profile's word.
#[must_use]
pub fn find(name: &str) -> Option<&'static Os> {
    ALL.iter().find(|os| os.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_found_by_its_name() {
        for os in ALL {
            assert_eq!(find(os.name), Some(os));
        }
        assert_eq!(find(READ_ONLY_USR.name), None);
    }

    #[test]
    fn the_usual_version_is_within_the_cap() {
        for os in ALL {
            if let FirstBootProgram::Ignition { usual, newest, .. } = os.first_boot {
                assert!(usual <= newest, "{}", os.name);
            }
        }
    }

    #[test]
    fn versions_read_back() {
        for version in SpecVersion::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
        }
        for bad in ["", "3", "3.3", "3.7.0", "3.3.0-experimental", "2.3.0"] {
            assert!(bad.parse::<SpecVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reboot_manager_waits_for_the_mark() {
        for os in ALL {
            let units = os.units("/var/lib/kubespore/done");
            let held = units.iter().find(|unit| Some(unit.name.as_str()) == os.reboot_manager);
            assert_eq!(held.is_some(), os.reboot_manager.is_some(), "{}", os.name);
            if let Some(held) = held {
                assert_eq!(held.drop_ins[0].1, "[Unit]\nConditionPathExists=/var/lib/kubespore/done\n");
                assert!(!held.enabled, "what the image enables stays enabled");
                let path = units.iter().find(|unit| unit.name == RELEASE_PATH).expect("what releases it");
                assert!(
                    path.enabled
                        && path.content.as_ref().is_some_and(|text| text.contains("PathExists=/var/lib/kubespore/done\n"))
                );
            }
        }
        assert_eq!(find("debian").map(|os| os.units("/x")), Some(vec![]));
    }
}
