//! Arguments that a component of a release does not take, or takes with a few values only.
//!
//! In: a component, a flag without dashes, a release. Out: since when it is gone and what to say instead. Absent on
//! purpose: flags that came later, and what a value means.
//!
//! Read in each minor's `cmd/kube-apiserver/app/options`, `cmd/kube-controller-manager/app/options`,
//! `cmd/kube-scheduler/app/options`, `cmd/kubelet/app/options` and `pkg/kubelet/config/flags.go`, and for the generic API
//! server in `pkg/server/options` of `k8s.io/apiserver`; the newest binaries' `--help` has none of them. klog's flags
//! went with `k8s.io/component-base` 0.26.

use super::{Minor, Release};

/// A component whose arguments a profile can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `kubelet`.
    Kubelet,
}

impl Component {
    /// Returns the name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
        }
    }
}

/// A flag that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The first release without it.
    pub since: Minor,
    /// What to do instead.
    pub instead: &'static str,
}

/// Says since when a component does not take a flag: it exits with "unknown flag".
#[must_use]
pub fn flag(component: Component, name: &str, release: &Release) -> Option<Gone> {
    let klog = KLOG.contains(&name).then_some((KLOG_GONE, NO_KLOG));
    let shared = klog.or((name == SANITIZATION).then_some((SANITIZATION_GONE, LEAVE_OUT)));
    let rows = GONE.iter().filter(|(of, ..)| *of == component);
    let own = || rows.clone().find_map(|(_, minor, name_of, instead)| (*name_of == name).then_some((*minor, *instead)));
    let (minor, instead) = own().or(shared)?;
    let since = Minor(1, minor);
    (since <= release.minor).then_some(Gone { since, instead })
}

/// Returns the values that are all a component takes for a flag in a release, and why; `None` where there is no such limit.
#[must_use]
pub fn only_values(component: Component, name: &str, release: &Release) -> Option<(&'static [&'static str], &'static str)> {
    let row = LIMITED.iter().find(|row| row.component == component && row.flag == name && Minor(1, row.since) <= release.minor);
    row.map(|row| (row.values, row.why))
}

struct Limited {
    component: Component,
    flag: &'static str,
    since: u16,
    values: &'static [&'static str],
    why: &'static str,
}

const EXTERNAL: &[&str] = &["", "external"];
const NO_CLOUD: &str =
    "in-tree cloud providers are off since 1.29 and gone since 1.31; a cloud controller manager takes their place";
const NO_INSECURE: &str = "nothing is served without TLS any more";

const LIMITED: &[Limited] = &[
    Limited { component: ApiServer, flag: "insecure-port", since: 20, values: &["0"], why: NO_INSECURE },
    Limited { component: ApiServer, flag: "port", since: 20, values: &["0"], why: NO_INSECURE },
    Limited { component: ControllerManager, flag: "port", since: 22, values: &["0"], why: NO_INSECURE },
    Limited { component: Scheduler, flag: "port", since: 23, values: &["0"], why: NO_INSECURE },
    Limited { component: ApiServer, flag: "cloud-provider", since: 29, values: EXTERNAL, why: NO_CLOUD },
    Limited { component: ControllerManager, flag: "cloud-provider", since: 29, values: EXTERNAL, why: NO_CLOUD },
    Limited { component: Kubelet, flag: "cloud-provider", since: 29, values: EXTERNAL, why: NO_CLOUD },
    Limited {
        component: Kubelet,
        flag: "container-runtime",
        since: 24,
        values: &["remote"],
        why: "dockershim is gone since 1.24: the kubelet speaks to the runtime's socket alone",
    },
];

const KLOG_GONE: u16 = 26;
const NO_KLOG: &str = "leave it out: logs go to standard error, and the container runtime keeps them";
const KLOG: &[&str] = &[
    "add-dir-header",
    "alsologtostderr",
    "log-backtrace-at",
    "log-dir",
    "log-file",
    "log-file-max-size",
    "logtostderr",
    "one-output",
    "skip-headers",
    "skip-log-headers",
    "stderrthreshold",
];

/// A flag of every component's logs (`k8s.io/component-base/logs` of 1.20 to 1.23).
const SANITIZATION: &str = "experimental-logging-sanitization";
const SANITIZATION_GONE: u16 = 24;

use Component::{ApiServer, ControllerManager, Kubelet, Scheduler};

const LEAVE_OUT: &str = "leave it out";
const NO_DOCKER: &str = "leave it out: dockershim is gone, containerd runs the containers";
const CADVISOR: &str = "leave it out: it was cAdvisor's, and never did anything for the kubelet";
const CLOUD: &str = "leave it out: a cloud controller manager has it";
const TLS_ONLY: &str = "leave it out: nothing is served without TLS any more";
const SIGNING: &str = "use `cluster-signing-duration`";
const PROFILES: &str = "use `config` with profiles of a KubeSchedulerConfiguration";

/// Component, first minor without the flag, flag, what to do instead.
const GONE: &[(Component, u16, &str, &str)] = &[
    (ApiServer, 14, "repair-malformed-updates", LEAVE_OUT),
    (ApiServer, 14, "storage-versions", "use `storage-media-type` and `runtime-config`"),
    (ApiServer, 18, "enable-inflight-quota-handler", "use the feature gate `APIPriorityAndFairness`"),
    (ApiServer, 19, "audit-dynamic-configuration", "use `audit-policy-file` and `audit-webhook-config-file`"),
    (ApiServer, 19, "basic-auth-file", "use OpenID Connect or client certificates"),
    (ApiServer, 22, "kubelet-https", "leave it out: kubelets are always reached by TLS"),
    (ApiServer, 22, "ssh-keyfile", "use `egress-selector-config-file`"),
    (ApiServer, 22, "ssh-user", "use `egress-selector-config-file`"),
    (ApiServer, 24, "address", TLS_ONLY),
    (ApiServer, 24, "insecure-bind-address", TLS_ONLY),
    (ApiServer, 24, "insecure-port", TLS_ONLY),
    (ApiServer, 24, "port", TLS_ONLY),
    (ApiServer, 24, "deserialization-cache-size", LEAVE_OUT),
    (ApiServer, 24, "enable-swagger-ui", LEAVE_OUT),
    (ApiServer, 24, "experimental-encryption-provider-config", "use `encryption-provider-config`"),
    (ApiServer, 24, "target-ram-mb", LEAVE_OUT),
    (ApiServer, 25, "service-account-api-audiences", "use `api-audiences`"),
    (ApiServer, 26, "identity-lease-duration-seconds", LEAVE_OUT),
    (ApiServer, 26, "identity-lease-renew-interval-seconds", LEAVE_OUT),
    (ApiServer, 27, "master-service-namespace", LEAVE_OUT),
    (ApiServer, 31, "cloud-provider-gce-l7lb-src-cidrs", CLOUD),
    (ApiServer, 31, "cloud-provider-gce-lb-src-cidrs", CLOUD),
    (ApiServer, 33, "cloud-config", CLOUD),
    (ApiServer, 33, "cloud-provider", CLOUD),
    (ControllerManager, 22, "horizontal-pod-autoscaler-use-rest-clients", LEAVE_OUT),
    (ControllerManager, 24, "address", "use `bind-address`: the plain port is gone"),
    (ControllerManager, 24, "port", TLS_ONLY),
    (ControllerManager, 24, "deployment-controller-sync-period", "leave it out: the controller syncs on events"),
    (ControllerManager, 25, "deleting-pods-burst", LEAVE_OUT),
    (ControllerManager, 25, "deleting-pods-qps", LEAVE_OUT),
    (ControllerManager, 25, "experimental-cluster-signing-duration", SIGNING),
    (ControllerManager, 25, "register-retry-count", LEAVE_OUT),
    (ControllerManager, 27, "enable-taint-manager", "leave it out: taints always evict"),
    (ControllerManager, 27, "pod-eviction-timeout", "use the API server's `default-unreachable-toleration-seconds`"),
    (ControllerManager, 31, "cloud-provider-gce-l7lb-src-cidrs", CLOUD),
    (ControllerManager, 31, "cloud-provider-gce-lb-src-cidrs", CLOUD),
    (
        ControllerManager,
        31,
        "horizontal-pod-autoscaler-downscale-delay",
        "use `horizontal-pod-autoscaler-downscale-stabilization`",
    ),
    (ControllerManager, 31, "horizontal-pod-autoscaler-upscale-delay", "use `behavior` of the HorizontalPodAutoscaler"),
    (ControllerManager, 31, "volume-host-allow-local-loopback", LEAVE_OUT),
    (ControllerManager, 31, "volume-host-cidr-denylist", LEAVE_OUT),
    (Scheduler, 15, "failure-domains", LEAVE_OUT),
    (Scheduler, 22, "algorithm-provider", PROFILES),
    (Scheduler, 22, "hard-pod-affinity-symmetric-weight", PROFILES),
    (Scheduler, 22, "scheduler-name", PROFILES),
    (Scheduler, 23, "policy-config-file", PROFILES),
    (Scheduler, 23, "policy-configmap", PROFILES),
    (Scheduler, 23, "policy-configmap-namespace", PROFILES),
    (Scheduler, 23, "use-legacy-policy-config", PROFILES),
    (Scheduler, 24, "address", "use `bind-address`: the plain port is gone"),
    (Scheduler, 24, "port", TLS_ONLY),
    (Scheduler, 28, "lock-object-name", "use `leader-elect-resource-name`"),
    (Scheduler, 28, "lock-object-namespace", "use `leader-elect-resource-namespace`"),
    (Kubelet, 14, "experimental-fail-swap-on", "use `failSwapOn` of the KubeletConfiguration"),
    (Kubelet, 15, "allow-privileged", "leave it out: a pod security admission decides"),
    (Kubelet, 15, "host-ipc-sources", LEAVE_OUT),
    (Kubelet, 15, "host-network-sources", LEAVE_OUT),
    (Kubelet, 15, "host-pid-sources", LEAVE_OUT),
    (Kubelet, 16, "containerized", LEAVE_OUT),
    (Kubelet, 19, "bootstrap-checkpoint-path", LEAVE_OUT),
    (Kubelet, 19, "experimental-dockershim", NO_DOCKER),
    (Kubelet, 21, "enable-cadvisor-json-endpoints", LEAVE_OUT),
    (Kubelet, 22, "chaos-chance", LEAVE_OUT),
    (Kubelet, 22, "redirect-container-streaming", NO_DOCKER),
    (Kubelet, 23, "experimental-bootstrap-kubeconfig", "leave it out: kubeadm gives `bootstrap-kubeconfig`"),
    (Kubelet, 23, "seccomp-profile-root", LEAVE_OUT),
    (Kubelet, 24, "cni-bin-dir", NO_DOCKER),
    (Kubelet, 24, "cni-cache-dir", NO_DOCKER),
    (Kubelet, 24, "cni-conf-dir", NO_DOCKER),
    (Kubelet, 24, "docker", NO_DOCKER),
    (Kubelet, 24, "docker-endpoint", NO_DOCKER),
    (Kubelet, 24, "docker-env-metadata-whitelist", NO_DOCKER),
    (Kubelet, 24, "docker-only", NO_DOCKER),
    (Kubelet, 24, "docker-root", NO_DOCKER),
    (Kubelet, 24, "docker-tls", NO_DOCKER),
    (Kubelet, 24, "docker-tls-ca", NO_DOCKER),
    (Kubelet, 24, "docker-tls-cert", NO_DOCKER),
    (Kubelet, 24, "docker-tls-key", NO_DOCKER),
    (Kubelet, 24, "experimental-dockershim-root-directory", NO_DOCKER),
    (Kubelet, 24, "image-pull-progress-deadline", NO_DOCKER),
    (Kubelet, 24, "network-plugin", NO_DOCKER),
    (Kubelet, 24, "network-plugin-mtu", NO_DOCKER),
    (Kubelet, 24, "non-masquerade-cidr", NO_DOCKER),
    (Kubelet, 24, "dynamic-config-dir", "use `kubeletConfiguration`"),
    (Kubelet, 24, "experimental-check-node-capabilities-before-mount", LEAVE_OUT),
    (Kubelet, 24, "really-crash-for-testing", LEAVE_OUT),
    (Kubelet, 25, "experimental-kernel-memcg-notification", "use `kernelMemcgNotification` of the KubeletConfiguration"),
    (Kubelet, 27, "container-runtime", "leave it out: every runtime is reached by its socket"),
    (Kubelet, 27, "master-service-namespace", LEAVE_OUT),
    (Kubelet, 30, "azure-container-registry-config", "use `image-credential-provider-config`"),
    (Kubelet, 31, "iptables-drop-bit", LEAVE_OUT),
    (Kubelet, 31, "iptables-masquerade-bit", "use `iptables.masqueradeBit` of the KubeProxyConfiguration"),
    (Kubelet, 31, "keep-terminated-pod-volumes", LEAVE_OUT),
    (Kubelet, 34, "cloud-config", CLOUD),
    (Kubelet, 34, "register-schedulable", "use `taints` of the node"),
    (Kubelet, 35, "pod-infra-container-image", "leave it out: containerd's own configuration names the pause image"),
    (Kubelet, 37, "application-metrics-count-limit", CADVISOR),
    (Kubelet, 37, "boot-id-file", CADVISOR),
    (Kubelet, 37, "container-hints", CADVISOR),
    (Kubelet, 37, "containerd", CADVISOR),
    (Kubelet, 37, "containerd-namespace", CADVISOR),
    (Kubelet, 37, "enable-load-reader", CADVISOR),
    (Kubelet, 37, "event-storage-age-limit", CADVISOR),
    (Kubelet, 37, "event-storage-event-limit", CADVISOR),
    (Kubelet, 37, "global-housekeeping-interval", CADVISOR),
    (Kubelet, 37, "log-cadvisor-usage", CADVISOR),
    (Kubelet, 37, "machine-id-file", CADVISOR),
    (Kubelet, 37, "storage-driver-buffer-duration", CADVISOR),
    (Kubelet, 37, "storage-driver-db", CADVISOR),
    (Kubelet, 37, "storage-driver-host", CADVISOR),
    (Kubelet, 37, "storage-driver-password", CADVISOR),
    (Kubelet, 37, "storage-driver-secure", CADVISOR),
    (Kubelet, 37, "storage-driver-table", CADVISOR),
    (Kubelet, 37, "storage-driver-user", CADVISOR),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::release;

    fn of(minor: u16) -> &'static Release {
        release(Minor(1, minor)).expect("a release")
    }

    #[test]
    fn a_flag_is_gone_from_its_release_on() {
        for (component, name, since) in [
            (ApiServer, "insecure-port", 24),
            (ControllerManager, "deployment-controller-sync-period", 24),
            (Scheduler, "address", 24),
            (Kubelet, "network-plugin", 24),
            (Kubelet, "redirect-container-streaming", 22),
            (Kubelet, "docker-tls-ca", 24),
            (Kubelet, "pod-infra-container-image", 35),
            (ApiServer, "cloud-provider-gce-lb-src-cidrs", 31),
            (ControllerManager, "experimental-logging-sanitization", 24),
            (Scheduler, "logtostderr", 26),
        ] {
            assert_eq!(flag(component, name, of(since - 1)), None, "{name}");
            assert_eq!(flag(component, name, of(since)).map(|gone| gone.since), Some(Minor(1, since)), "{name}");
            assert!(flag(component, name, of(37)).is_some(), "{name}");
        }
        assert_eq!(flag(ApiServer, "pod-infra-container-image", of(37)), None, "another component's");
        assert_eq!(flag(ApiServer, "audit-log-path", of(37)), None);
    }

    #[test]
    fn values_are_limited_before_a_flag_goes() {
        assert_eq!(only_values(ApiServer, "insecure-port", of(19)), None);
        assert_eq!(only_values(ApiServer, "insecure-port", of(20)).map(|(values, _)| values), Some(["0"].as_slice()));
        assert_eq!(only_values(Kubelet, "cloud-provider", of(28)), None);
        assert_eq!(only_values(Kubelet, "cloud-provider", of(29)).map(|(values, _)| values), Some(["", "external"].as_slice()));
        for row in LIMITED {
            let gone = GONE.iter().find(|(component, _, name, _)| *component == row.component && *name == row.flag);
            assert!(gone.is_none_or(|(_, minor, ..)| row.since < *minor), "{}", row.flag);
        }
    }

    #[test]
    fn no_flag_goes_twice() {
        for (i, (component, _, name, _)) in GONE.iter().enumerate() {
            let again = GONE[..i].iter().any(|(other, _, earlier, _)| other == component && earlier == name);
            assert!(!again && !KLOG.contains(name) && !name.starts_with('-'), "{name}");
        }
    }
}
