//! Feature gates that a component no longer takes.
//!
//! In: a gate's name and a release. Out: whether the component exits over it, and since when. Absent on purpose:
//! gates that still work either way, and what each gate did.
//!
//! Read in `pkg/features/kube_features.go` of every minor from 1.13 to 1.37; that the newest API server knows none
//! of the gone ones was tried on its binary. kubeadm's own gates are those of `cmd/kubeadm/app/features/features.go`.

use super::{Minor, Release};

/// What became of a feature gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its name is unknown since this release: "unrecognized feature gate".
    Gone(Minor),
    /// It has this value for good since this release; the other one is an error: "feature is locked to".
    Locked(bool, Minor),
}

/// Says what became of a gate of Kubernetes' components by a release; `None` when nothing is known against it.
#[must_use]
pub fn fate(gate: &str, release: &Release) -> Option<Fate> {
    let since = |rows: Rows| {
        let row = rows.iter().find(|(minor, names)| Minor(1, *minor) <= release.minor && names.contains(&gate));
        row.map(|(minor, _)| Minor(1, *minor))
    };
    since(GONE)
        .map(Fate::Gone)
        .or_else(|| since(LOCKED_ON).map(|minor| Fate::Locked(true, minor)))
        .or_else(|| since(LOCKED_OFF).map(|minor| Fate::Locked(false, minor)))
}

/// The feature gates that kubeadm itself has in a release, for `featureGates` of its ClusterConfiguration.
pub fn of_kubeadm(release: &Release) -> impl Iterator<Item = &'static str> {
    let minor = release.minor.1;
    OF_KUBEADM.iter().filter(move |(_, first, last)| (*first..=*last).contains(&minor)).map(|(name, ..)| *name)
}

/// A minor of Kubernetes 1 and the gates of which something holds since then.
type Rows = &'static [(u16, &'static [&'static str])];

/// kubeadm's gates: name, first and last minor.
const OF_KUBEADM: &[(&str, u16, u16)] = &[
    ("DynamicKubeletConfig", 11, 13),
    ("CoreDNS", 9, 17),
    ("IPv6DualStack", 16, 23),
    ("PublicKeysECDSA", 18, 36),
    ("RootlessControlPlane", 22, u16::MAX),
    ("UnversionedKubeletConfigMap", 23, 25),
    ("EtcdLearnerMode", 27, 32),
    ("UpgradeAddonsBeforeControlPlane", 28, 30),
    ("WaitForAllControlPlaneComponents", 30, 34),
    ("ControlPlaneKubeletLocalMode", 31, 35),
    ("NodeLocalCRISocket", 32, 36),
];

/// The first release without them.
const GONE: Rows = &[
    (14, &["EnableEquivalenceClassCache", "Initializers", "MountPropagation"]),
    (
        16,
        &[
            "CSIPersistentVolume",
            "CustomPodDNS",
            "ExperimentalCriticalPodAnnotation",
            "HugePages",
            "KubeletPluginsWatcher",
            "PodReadinessGates",
            "VolumeScheduling",
        ],
    ),
    (
        17,
        &[
            "EnableAggregatedDiscoveryTimeout",
            "GCERegionalPersistentDisk",
            "MountContainers",
            "PersistentLocalVolumes",
            "RequestManagement",
        ],
    ),
    (
        18,
        &[
            "CustomResourceDefaulting",
            "CustomResourcePublishOpenAPI",
            "CustomResourceSubresources",
            "CustomResourceValidation",
            "CustomResourceWebhookConversion",
            "PodPriority",
            "ResourceQuotaScopeSelectors",
            "ScheduleDaemonSetPods",
            "TaintNodesByCondition",
        ],
    ),
    (19, &["DynamicAuditing", "PodShareProcessNamespace", "ResourceLimitsPriorityFunction", "VolumeSubpathEnvExpansion"]),
    (20, &["DefaultIngressClass", "ServiceLoadBalancerFinalizer", "SupportIPVSProxyMode", "TaintBasedEvictions"]),
    (
        21,
        &[
            "AttachVolumeLimit",
            "BlockVolume",
            "CSIBlockVolume",
            "CSIDriverRegistry",
            "CSIMigrationAWSComplete",
            "CSIMigrationAzureDiskComplete",
            "CSIMigrationAzureFileComplete",
            "CSIMigrationGCEComplete",
            "CSIMigrationOpenStackComplete",
            "CSINodeInfo",
            "EvenPodsSpread",
            "HyperVContainer",
            "RotateKubeletClientCertificate",
            "TokenRequest",
            "TokenRequestProjection",
            "VolumePVCDataSource",
            "WindowsGMSA",
            "WindowsRunAsUserName",
        ],
    ),
    (
        22,
        &[
            "BalanceAttachedNodeVolumes",
            "CRIContainerLogRotation",
            "CSIMigrationvSphereComplete",
            "ExternalPolicyForExternalIP",
            "LegacyNodeRoleBehavior",
            "NodeDisruptionExclusion",
            "RootCAConfigMap",
            "RunAsGroup",
            "SCTPSupport",
            "ServiceAppProtocol",
            "ServiceNodeExclusion",
            "ServiceTopology",
            "VolumeSnapshotDataSource",
        ],
    ),
    (
        23,
        &[
            "AllowInsecureBackendProxy",
            "BoundServiceAccountTokenVolume",
            "CronJobControllerV2",
            "NodeLease",
            "ServiceAccountIssuerDiscovery",
            "StartupProbe",
            "SupportNodePidsLimit",
            "SupportPodPidsLimit",
            "Sysctls",
        ],
    ),
    (
        24,
        &[
            "HugePageStorageMediumSize",
            "ImmutableEphemeralVolumes",
            "NamespaceDefaultLabelName",
            "RuntimeClass",
            "SetHostnameAsFQDN",
            "StreamingProxyRedirects",
            "ValidateProxyRedirects",
            "WarningHeaders",
        ],
    ),
    (
        25,
        &[
            "CSIServiceAccountToken",
            "CSIVolumeFSGroupPolicy",
            "ConfigurableFSGroupPolicy",
            "EndpointSlice",
            "EndpointSliceNodeName",
            "EndpointSliceProxying",
            "GenericEphemeralVolume",
            "IPv6DualStack",
            "IngressClassNamespacedParams",
            "PodDisruptionBudget",
            "StorageObjectInUseProtection",
            "TTLAfterFinished",
            "VolumeSubpath",
            "WindowsEndpointSliceProxying",
        ],
    ),
    (
        26,
        &[
            "CSIMigrationOpenStack",
            "CSRDuration",
            "DefaultPodTopologySpread",
            "DynamicKubeletConfig",
            "IndexedJob",
            "NonPreemptingPriority",
            "PodAffinityNamespaceSelector",
            "PodOverhead",
            "PreferNominatedNode",
            "ServiceLBNodePortControl",
            "ServiceLoadBalancerClass",
            "SuspendJob",
        ],
    ),
    (
        27,
        &[
            "CSIInlineVolume",
            "CSIMigration",
            "CSIMigrationAWS",
            "CSIMigrationAzureDisk",
            "ControllerManagerLeaderMigration",
            "DaemonSetUpdateSurge",
            "EphemeralContainers",
            "ExpandCSIVolumes",
            "ExpandInUsePersistentVolumes",
            "ExpandPersistentVolumes",
            "IdentifyPodOS",
            "LocalStorageCapacityIsolation",
            "NetworkPolicyEndPort",
            "StatefulSetMinReadySeconds",
        ],
    ),
    (
        28,
        &[
            "AdvancedAuditing",
            "CSIMigrationGCE",
            "CSIStorageCapacity",
            "DelegateFSGroupToCSIDriver",
            "DevicePlugins",
            "DisableAcceleratorUsageMetrics",
            "DryRun",
            "EndpointSliceTerminatingCondition",
            "KubeletCredentialProviders",
            "MixedProtocolLBService",
            "NetworkPolicyStatus",
            "PodHasNetworkCondition",
            "PodSecurity",
            "ServiceIPStaticSubrange",
            "ServiceInternalTrafficPolicy",
            "UserNamespacesStatelessPodsSupport",
            "WindowsHostProcessContainers",
        ],
    ),
    (
        29,
        &[
            "CSIMigrationvSphere",
            "CronJobTimeZone",
            "DownwardAPIHugePages",
            "GRPCContainerProbe",
            "JobMutableNodeSchedulingDirectives",
            "JobTrackingWithFinalizers",
            "LegacyServiceAccountTokenNoAutoGeneration",
            "MultiCIDRRangeAllocator",
            "OpenAPIV3",
            "ProbeTerminationGracePeriod",
            "RetroactiveDefaultStorageClass",
            "SeccompDefault",
            "TopologyManager",
        ],
    ),
    (
        30,
        &[
            "APISelfSubjectReview",
            "CSIMigrationAzureFile",
            "ExpandedDNSConfig",
            "ExperimentalHostUserNamespaceDefaulting",
            "IPTablesOwnershipCleanup",
            "KubeletPodResources",
            "KubeletPodResourcesGetAllocatable",
            "LegacyServiceAccountTokenTracking",
            "MinimizeIPTablesRestore",
            "ProxyTerminatingEndpoints",
            "SecurityContextDeny",
        ],
    ),
    (
        31,
        &[
            "APIPriorityAndFairness",
            "CSIMigrationRBD",
            "CSINodeExpandSecret",
            "ConsistentHTTPGetHandlers",
            "CustomResourceValidationExpressions",
            "DefaultHostNetworkHostPortsInPodTemplates",
            "InTreePluginAWSUnregister",
            "InTreePluginAzureDiskUnregister",
            "InTreePluginAzureFileUnregister",
            "InTreePluginGCEUnregister",
            "InTreePluginOpenStackUnregister",
            "InTreePluginRBDUnregister",
            "InTreePluginvSphereUnregister",
            "JobReadyPods",
            "ReadWriteOncePod",
            "ServiceNodePortStaticSubrange",
            "SkipReadOnlyValidationGCE",
        ],
    ),
    (
        32,
        &[
            "APIListChunking",
            "AdmissionWebhookMatchConditions",
            "AggregatedDiscoveryEndpoint",
            "CloudDualStackNodeIPs",
            "DRAControlPlaneController",
            "EfficientWatchResumption",
            "HPAContainerMetrics",
            "KMSv2",
            "KMSv2KDF",
            "LegacyServiceAccountTokenCleanUp",
            "MinDomainsInPodTopologySpread",
            "NewVolumeManagerReconstruction",
            "NodeOutOfServiceVolumeDetach",
            "PodHostIPs",
            "RemainingItemCount",
            "ServerSideApply",
            "ServerSideFieldValidation",
            "StableLoadBalancerNodeSet",
            "ValidatingAdmissionPolicy",
            "WatchBookmark",
            "ZeroLimitedNominalConcurrencyShares",
        ],
    ),
    (
        33,
        &[
            "AppArmor",
            "AppArmorFields",
            "CPUManager",
            "DisableCloudProviders",
            "DisableKubeletCloudCredentialProviders",
            "JobPodFailurePolicy",
            "KubeProxyDrainingTerminatingNodes",
            "PDBUnhealthyPodEvictionPolicy",
            "PersistentVolumeLastPhaseTransitionTime",
            "VolumeCapacityPriority",
        ],
    ),
    (
        34,
        &[
            "DevicePluginCDIDevices",
            "ElasticIndexedJob",
            "LegacySidecarContainers",
            "PodDisruptionConditions",
            "StatefulSetStartOrdinal",
        ],
    ),
    (
        35,
        &[
            "AllowServiceLBStatusOnNonLB",
            "CronJobsScheduledAnnotation",
            "LoadBalancerIPMode",
            "PodIndexLabel",
            "ProbeHostPodSecurityStandards",
            "SizeMemoryBackedVolumes",
            "StatefulSetAutoDeletePVC",
            "StrictCostEnforcementForVAP",
            "StrictCostEnforcementForWebhooks",
            "UserNamespacesPodSecurityStandards",
        ],
    ),
    (
        36,
        &[
            "CSIMigrationPortworx",
            "HonorPVReclaimPolicy",
            "InPlacePodVerticalScalingAllocatedStatus",
            "InTreePluginPortworxUnregister",
            "MemoryManager",
            "ServiceTrafficDistribution",
            "StructuredAuthorizationConfiguration",
            "TopologyAwareHints",
            "WatchFromStorageWithoutResourceVersion",
        ],
    ),
    (
        37,
        &[
            "APIServerTracing",
            "AnonymousAuthConfigurableEndpoints",
            "AnyVolumeDataSource",
            "AuthorizeNodeWithSelectors",
            "AuthorizeWithSelectors",
            "BtreeWatchCache",
            "ConsistentListFromCache",
            "GangScheduling",
            "JobBackoffLimitPerIndex",
            "JobPodReplacementPolicy",
            "JobSuccessPolicy",
            "LogarithmicScaleDown",
            "OrderedNamespaceDeletion",
            "PodLifecycleSleepAction",
            "PodLifecycleSleepActionAllowZero",
            "PreventStaticPodAPIReferences",
            "RelaxedDNSSearchValidation",
            "ResilientWatchCacheInitialization",
            "RetryGenerateName",
            "SchedulerQueueingHints",
            "SidecarContainers",
            "StreamingCollectionEncodingToJSON",
            "StreamingCollectionEncodingToProtobuf",
            "StructuredAuthenticationConfiguration",
            "WorkloadAwarePreemption",
        ],
    ),
];

/// Enabled for good from that release on.
const LOCKED_ON: Rows = &[
    (
        14,
        &[
            "CSIPersistentVolume",
            "CustomPodDNS",
            "HugePages",
            "KubeletPluginsWatcher",
            "PersistentLocalVolumes",
            "PodReadinessGates",
            "VolumeScheduling",
        ],
    ),
    (15, &["GCERegionalPersistentDisk"]),
    (16, &["PodPriority"]),
    (
        17,
        &[
            "AttachVolumeLimit",
            "CSINodeInfo",
            "NodeLease",
            "PodShareProcessNamespace",
            "ResourceQuotaScopeSelectors",
            "ScheduleDaemonSetPods",
            "ServiceLoadBalancerFinalizer",
            "TaintNodesByCondition",
            "VolumeSubpathEnvExpansion",
        ],
    ),
    (
        18,
        &[
            "BlockVolume",
            "CSIBlockVolume",
            "CSIDriverRegistry",
            "TaintBasedEvictions",
            "VolumePVCDataSource",
            "WindowsGMSA",
            "WindowsRunAsUserName",
        ],
    ),
    (19, &["DefaultIngressClass", "EvenPodsSpread", "RotateKubeletClientCertificate"]),
    (
        20,
        &[
            "ExternalPolicyForExternalIP",
            "RuntimeClass",
            "SCTPSupport",
            "ServiceAppProtocol",
            "StartupProbe",
            "SupportNodePidsLimit",
            "SupportPodPidsLimit",
            "TokenRequest",
            "TokenRequestProjection",
            "VolumeSnapshotDataSource",
        ],
    ),
    (
        21,
        &[
            "AllowInsecureBackendProxy",
            "CRIContainerLogRotation",
            "EndpointSlice",
            "EndpointSliceNodeName",
            "ImmutableEphemeralVolumes",
            "NodeDisruptionExclusion",
            "PodDisruptionBudget",
            "RootCAConfigMap",
            "RunAsGroup",
            "ServiceAccountIssuerDiscovery",
            "ServiceNodeExclusion",
            "Sysctls",
        ],
    ),
    (
        22,
        &[
            "BoundServiceAccountTokenVolume",
            "CSIServiceAccountToken",
            "CronJobControllerV2",
            "EndpointSliceProxying",
            "HugePageStorageMediumSize",
            "NamespaceDefaultLabelName",
            "SetHostnameAsFQDN",
            "WindowsEndpointSliceProxying",
        ],
    ),
    (
        23,
        &[
            "CSIVolumeFSGroupPolicy",
            "ConfigurableFSGroupPolicy",
            "GenericEphemeralVolume",
            "IPv6DualStack",
            "IngressClassNamespacedParams",
            "StorageObjectInUseProtection",
            "TTLAfterFinished",
            "VolumeSubpath",
        ],
    ),
    (
        24,
        &[
            "CSIMigrationOpenStack",
            "CSIStorageCapacity",
            "CSRDuration",
            "ControllerManagerLeaderMigration",
            "DefaultPodTopologySpread",
            "IndexedJob",
            "NonPreemptingPriority",
            "PodAffinityNamespaceSelector",
            "PodOverhead",
            "PreferNominatedNode",
            "ServiceLBNodePortControl",
            "ServiceLoadBalancerClass",
            "SuspendJob",
        ],
    ),
    (
        25,
        &[
            "CSIInlineVolume",
            "CSIMigration",
            "CSIMigrationAWS",
            "CSIMigrationAzureDisk",
            "CSIMigrationGCE",
            "DaemonSetUpdateSurge",
            "DisableAcceleratorUsageMetrics",
            "EphemeralContainers",
            "IdentifyPodOS",
            "LocalStorageCapacityIsolation",
            "NetworkPolicyEndPort",
            "PodSecurity",
            "StatefulSetMinReadySeconds",
        ],
    ),
    (
        26,
        &[
            "CPUManager",
            "DelegateFSGroupToCSIDriver",
            "DevicePlugins",
            "EndpointSliceTerminatingCondition",
            "JobTrackingWithFinalizers",
            "KubeletCredentialProviders",
            "MixedProtocolLBService",
            "ServiceIPStaticSubrange",
            "ServiceInternalTrafficPolicy",
            "WindowsHostProcessContainers",
        ],
    ),
    (
        27,
        &[
            "CSIMigrationAzureFile",
            "CSIMigrationvSphere",
            "CronJobTimeZone",
            "DownwardAPIHugePages",
            "GRPCContainerProbe",
            "JobMutableNodeSchedulingDirectives",
            "LegacyServiceAccountTokenNoAutoGeneration",
            "SeccompDefault",
            "TopologyManager",
        ],
    ),
    (
        28,
        &[
            "APISelfSubjectReview",
            "ExpandedDNSConfig",
            "IPTablesOwnershipCleanup",
            "KubeletPodResources",
            "KubeletPodResourcesGetAllocatable",
            "LegacyServiceAccountTokenTracking",
            "MinimizeIPTablesRestore",
            "NodeOutOfServiceVolumeDetach",
            "ProbeTerminationGracePeriod",
            "ProxyTerminatingEndpoints",
            "RetroactiveDefaultStorageClass",
        ],
    ),
    (29, &["CSINodeExpandSecret", "JobReadyPods", "ReadWriteOncePod", "ServiceNodePortStaticSubrange"]),
    (
        30,
        &[
            "CloudDualStackNodeIPs",
            "ConsistentHTTPGetHandlers",
            "HPAContainerMetrics",
            "LegacyServiceAccountTokenCleanUp",
            "MinDomainsInPodTopologySpread",
            "NewVolumeManagerReconstruction",
            "PodHostIPs",
            "PodSchedulingReadiness",
            "StableLoadBalancerNodeSet",
        ],
    ),
    (
        31,
        &[
            "AppArmor",
            "AppArmorFields",
            "DevicePluginCDIDevices",
            "DisableCloudProviders",
            "DisableKubeletCloudCredentialProviders",
            "ElasticIndexedJob",
            "JobPodFailurePolicy",
            "KubeProxyDrainingTerminatingNodes",
            "LogarithmicScaleDown",
            "PDBUnhealthyPodEvictionPolicy",
            "PersistentVolumeLastPhaseTransitionTime",
            "PodDisruptionConditions",
            "StatefulSetStartOrdinal",
        ],
    ),
    (
        33,
        &[
            "AnyVolumeDataSource",
            "CPUManagerPolicyOptions",
            "CSIMigrationPortworx",
            "CronJobsScheduledAnnotation",
            "HonorPVReclaimPolicy",
            "JobBackoffLimitPerIndex",
            "JobSuccessPolicy",
            "LoadBalancerIPMode",
            "MatchLabelKeysInPodAffinity",
            "MemoryManager",
            "NFTablesProxyMode",
            "NodeInclusionPolicyInPodTopologySpread",
            "PodIndexLabel",
            "RecursiveReadOnlyMounts",
            "ServiceAccountTokenJTI",
            "ServiceAccountTokenNodeBinding",
            "ServiceAccountTokenNodeBindingValidation",
            "ServiceAccountTokenPodNodeInfo",
            "ServiceTrafficDistribution",
            "SidecarContainers",
            "SizeMemoryBackedVolumes",
            "StatefulSetAutoDeletePVC",
            "TopologyAwareHints",
        ],
    ),
    (
        34,
        &[
            "AuthorizeNodeWithSelectors",
            "JobPodReplacementPolicy",
            "KubeletCgroupDriverFromCRI",
            "KubeletTracing",
            "MultiCIDRServiceAllocator",
            "NodeSwap",
            "OrderedNamespaceDeletion",
            "PodLifecycleSleepAction",
            "PodLifecycleSleepActionAllowZero",
            "ProbeHostPodSecurityStandards",
            "RecoverVolumeExpansionFailure",
            "RelaxedDNSSearchValidation",
            "RelaxedEnvironmentVariableValidation",
            "SchedulerQueueingHints",
            "SeparateTaintEvictionController",
            "StreamingCollectionEncodingToJSON",
            "StreamingCollectionEncodingToProtobuf",
            "WinDSR",
            "WinOverlay",
        ],
    ),
];

/// Disabled for good from that release on.
const LOCKED_OFF: Rows = &[
    (21, &["LegacyNodeRoleBehavior"]),
    (28, &["ExperimentalHostUserNamespaceDefaulting"]),
    (33, &["AllowServiceLBStatusOnNonLB"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::release;

    fn at(gate: &str, minor: u16) -> Option<Fate> {
        fate(gate, release(Minor(1, minor)).expect("a release"))
    }

    #[test]
    fn gates_are_locked_before_they_go() {
        for (gate, locked, gone) in [("IPv6DualStack", 23, 25), ("PodSecurity", 25, 28), ("SidecarContainers", 33, 37)] {
            assert_eq!(at(gate, locked - 1), None, "{gate}");
            assert_eq!(at(gate, locked), Some(Fate::Locked(true, Minor(1, locked))), "{gate}");
            assert_eq!(at(gate, gone), Some(Fate::Gone(Minor(1, gone))), "{gate}");
        }
        assert_eq!(at("DynamicKubeletConfig", 26), Some(Fate::Gone(Minor(1, 26))));
        assert_eq!(at("AllAlpha", 37), None);
    }

    #[test]
    fn no_gate_goes_twice_and_none_is_locked_after_it_went() {
        let all =
            |rows: Rows| rows.iter().flat_map(|(minor, names)| names.iter().map(move |name| (*name, *minor))).collect::<Vec<_>>();
        let gone = all(GONE);
        let locked = [all(LOCKED_ON), all(LOCKED_OFF)].concat();
        for rows in [&gone, &locked] {
            let mut names: Vec<_> = rows.iter().map(|(name, _)| name).collect();
            names.sort();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        }
        for (name, since) in locked {
            assert!(gone.iter().all(|(other, minor)| *other != name || since < *minor), "{name}");
        }
        assert!(gone.len() > 200);
    }

    #[test]
    fn kubeadm_s_gates_come_and_go() {
        let of = |minor| of_kubeadm(release(Minor(1, minor)).expect("a release")).collect::<Vec<_>>();
        assert_eq!(of(14), ["CoreDNS"]);
        assert_eq!(
            of(30),
            [
                "PublicKeysECDSA",
                "RootlessControlPlane",
                "EtcdLearnerMode",
                "UpgradeAddonsBeforeControlPlane",
                "WaitForAllControlPlaneComponents",
            ]
        );
        assert_eq!(of(37), ["RootlessControlPlane"]);
    }
}
