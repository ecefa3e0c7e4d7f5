//! Admission plugins, by name.
//!
//! In: a plugin's name and a release. Out: why the API server exits over it. Absent on purpose: what each does, and which are on.
//!
//! Read in `pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

use super::{Minor, Release};

/// Why the API server does not take a plugin's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No release has it.
    Unknown,
    /// It comes with this release.
    Coming(Minor),
    /// It went with this release; what to do instead.
    Gone(Minor, &'static str),
}

/// Says what a release has against a plugin's name; `None` when it has the plugin.
#[must_use]
pub fn fate(plugin: &str, release: &Release) -> Option<Fate> {
    let minor = release.minor.1;
    if let Some((_, since, instead)) = GONE.iter().find(|(name, ..)| *name == plugin) {
        return (*since <= minor).then_some(Fate::Gone(Minor(1, *since), instead));
    }
    match THERE.iter().find(|(name, _)| *name == plugin) {
        None => Some(Fate::Unknown),
        Some((_, first)) => (*first > minor).then_some(Fate::Coming(Minor(1, *first))),
    }
}

/// The plugins that the newest release has.
pub fn names() -> impl Iterator<Item = &'static str> {
    THERE.iter().map(|(name, _)| *name)
}

const POD_SECURITY: &str = "use Pod Security admission, which is on by default: label the namespaces";

/// Plugin, first minor without it, what to do instead.
const GONE: &[(&str, u16, &str)] = &[
    ("Initializers", 14, "use admission webhooks"),
    ("PodPreset", 20, "use a mutating admission webhook"),
    ("DenyEscalatingExec", 21, POD_SECURITY),
    ("DenyExecOnPrivileged", 21, POD_SECURITY),
    ("PodSecurityPolicy", 25, POD_SECURITY),
    ("SecurityContextDeny", 30, POD_SECURITY),
    ("PersistentVolumeLabel", 31, "leave it out: the cloud controller manager labels volumes"),
];

/// Plugin, first minor (0: before 1.13).
const THERE: &[(&str, u16)] = &[
    ("AlwaysAdmit", 0),
    ("AlwaysDeny", 0),
    ("AlwaysPullImages", 0),
    ("CertificateApproval", 18),
    ("CertificateSigning", 18),
    ("CertificateSubjectRestriction", 18),
    ("ClusterTrustBundleAttest", 27),
    ("DefaultIngressClass", 18),
    ("DefaultStorageClass", 0),
    ("DefaultTolerationSeconds", 0),
    ("DenyServiceExternalIPs", 21),
    ("EventRateLimit", 0),
    ("ExtendedResourceToleration", 0),
    ("ImagePolicyWebhook", 0),
    ("LimitPodHardAntiAffinityTopology", 0),
    ("LimitRanger", 0),
    ("MutatingAdmissionPolicy", 32),
    ("MutatingAdmissionWebhook", 0),
    ("NamespaceAutoProvision", 0),
    ("NamespaceExists", 0),
    ("NamespaceLifecycle", 0),
    ("NodeDeclaredFeatureValidator", 35),
    ("NodeRestriction", 0),
    ("OwnerReferencesPermissionEnforcement", 0),
    ("PersistentVolumeClaimResize", 0),
    ("PodGroupProtection", 36),
    ("PodNodeSelector", 0),
    ("PodResizeValidator", 36),
    ("PodSecurity", 22),
    ("PodTolerationRestriction", 0),
    ("PodTopologyLabels", 33),
    ("Priority", 0),
    ("ResourceQuota", 0),
    ("RuntimeClass", 16),
    ("ServiceAccount", 0),
    ("StorageObjectInUseProtection", 0),
    ("TaintNodesByCondition", 0),
    ("ValidatingAdmissionPolicy", 26),
    ("ValidatingAdmissionWebhook", 0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::release;

    #[test]
    fn plugins_come_and_go() {
        let at = |name, minor| fate(name, release(Minor(1, minor)).expect("a release"));
        assert_eq!(at("PodSecurityPolicy", 24), None);
        assert!(matches!(at("PodSecurityPolicy", 25), Some(Fate::Gone(Minor(1, 25), _))));
        assert_eq!(at("PodSecurity", 21), Some(Fate::Coming(Minor(1, 22))));
        assert_eq!(at("PodSecurity", 22), None);
        assert_eq!(at("NodeRestriction", 37), None);
        assert_eq!(at("NodeRestrictions", 37), Some(Fate::Unknown));
        assert!(THERE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(GONE.iter().all(|(name, ..)| THERE.iter().all(|(other, _)| other != name)));
    }
}
