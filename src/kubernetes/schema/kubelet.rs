//! The kubelet's configuration, `kubelet.config.k8s.io/v1beta1`.
//!
//! In: nothing. Out: fields. Absent on purpose: the insides of `logging` and `tracing`, which belong to
//! other groups; they pass as written.

use super::Shape::{Any, Bool, Duration, Float, Int, List, Map, Object, Text};
use super::{Field, TAINT, field};

pub(super) const KUBELET: &[Field] = &[
    field("enableServer", Bool).since(19),
    field("staticPodPath", Text),
    field("podLogsDir", Text).since(30),
    field("syncFrequency", Duration),
    field("fileCheckFrequency", Duration),
    field("httpCheckFrequency", Duration),
    field("staticPodURL", Text),
    field("staticPodURLHeader", Map(&List(&Text))),
    field("address", Text),
    field("port", Int),
    field("readOnlyPort", Int),
    field("tlsCertFile", Text),
    field("tlsPrivateKeyFile", Text),
    field("tlsCipherSuites", List(&Text)),
    field("tlsCurvePreferences", List(&Int)).since(36),
    field("tlsMinVersion", Text),
    field("rotateCertificates", Bool),
    field("serverTLSBootstrap", Bool),
    field("authentication", Object(AUTHENTICATION)),
    field("authorization", Object(AUTHORIZATION)),
    field("registryPullQPS", Int),
    field("registryBurst", Int),
    field("imagePullCredentialsVerificationPolicy", Text).since(33),
    field("preloadedImagesVerificationAllowlist", List(&Text)).since(33),
    field("eventRecordQPS", Int),
    field("eventBurst", Int),
    field("enableDebuggingHandlers", Bool),
    field("enableContentionProfiling", Bool),
    field("healthzPort", Int),
    field("healthzBindAddress", Text),
    field("oomScoreAdj", Int),
    field("clusterDomain", Text),
    field("clusterDNS", List(&Text)),
    field("streamingConnectionIdleTimeout", Duration),
    field("nodeStatusUpdateFrequency", Duration),
    field("nodeStatusReportFrequency", Duration),
    field("nodeLeaseDurationSeconds", Int),
    field("imageMinimumGCAge", Duration),
    field("imageMaximumGCAge", Duration).since(29),
    field("imageGCHighThresholdPercent", Int),
    field("imageGCLowThresholdPercent", Int),
    field("volumeStatsAggPeriod", Duration),
    field("kubeletCgroups", Text),
    field("systemCgroups", Text),
    field("cgroupRoot", Text),
    field("cgroupsPerQOS", Bool),
    field("cgroupDriver", Text),
    field("cpuManagerPolicy", Text),
    field("singleProcessOOMKill", Bool).since(32),
    field("cpuManagerPolicyOptions", Map(&Text)).since(22),
    field("cpuManagerReconcilePeriod", Duration),
    field("memoryManagerPolicy", Text).since(21),
    field("topologyManagerPolicy", Text).since(16),
    field("topologyManagerScope", Text).since(20),
    field("topologyManagerPolicyOptions", Map(&Text)).since(26),
    field("qosReserved", Map(&Text)),
    field("runtimeRequestTimeout", Duration),
    field("hairpinMode", Text),
    field("maxPods", Int),
    field("podCIDR", Text),
    field("podPidsLimit", Int),
    field("resolvConf", Text),
    field("runOnce", Bool).since(19),
    field("cpuCFSQuota", Bool),
    field("cpuCFSQuotaPeriod", Duration),
    field("nodeStatusMaxImages", Int).since(19),
    field("maxOpenFiles", Int),
    field("contentType", Text),
    field("kubeAPIQPS", Int),
    field("kubeAPIBurst", Int),
    field("serializeImagePulls", Bool),
    field("maxParallelImagePulls", Int).since(27),
    field("evictionHard", Map(&Text)),
    field("evictionSoft", Map(&Text)),
    field("evictionSoftGracePeriod", Map(&Text)),
    field("evictionPressureTransitionPeriod", Duration),
    field("evictionMaxPodGracePeriod", Int),
    field("evictionMinimumReclaim", Map(&Text)),
    field("mergeDefaultEvictionSettings", Bool).since(33),
    field("podsPerCore", Int),
    field("enableControllerAttachDetach", Bool),
    field("protectKernelDefaults", Bool),
    field("makeIPTablesUtilChains", Bool),
    field("iptablesMasqueradeBit", Int),
    field("iptablesDropBit", Int),
    field("featureGates", Map(&Bool)),
    field("failSwapOn", Bool),
    field("memorySwap", Object(MEMORY_SWAP)).since(22),
    field("containerLogMaxSize", Text),
    field("containerLogMaxFiles", Int),
    field("containerLogMaxWorkers", Int).since(30),
    field("containerLogMonitorInterval", Duration).since(30),
    field("configMapAndSecretChangeDetectionStrategy", Text),
    field("systemReserved", Map(&Text)),
    field("kubeReserved", Map(&Text)),
    field("reservedSystemCPUs", Text).since(17),
    field("showHiddenMetricsForVersion", Text).since(18),
    field("systemReservedCgroup", Text),
    field("kubeReservedCgroup", Text),
    field("enforceNodeAllocatable", List(&Text)),
    field("allowedUnsafeSysctls", List(&Text)).since(16),
    field("defaultPodSysctls", Map(&Text)).since(37),
    field("volumePluginDir", Text).since(19),
    field("providerID", Text).since(19),
    field("kernelMemcgNotification", Bool).since(19),
    field("logging", Any).since(19),
    field("enableSystemLogHandler", Bool).since(19),
    field("enableSystemLogQuery", Bool).since(27),
    field("shutdownGracePeriod", Duration).since(20),
    field("shutdownGracePeriodCriticalPods", Duration).since(20),
    field("shutdownGracePeriodByPodPriority", List(&Object(SHUTDOWN_BY_PRIORITY))).since(23),
    field("crashLoopBackOff", Object(CRASH_LOOP_BACK_OFF)).since(32),
    field("reservedMemory", List(&Object(MEMORY_RESERVATION))).since(21),
    field("enableProfilingHandler", Bool).since(21),
    field("enableDebugFlagsHandler", Bool).since(21),
    field("seccompDefault", Bool).since(22),
    field("memoryThrottlingFactor", Float).since(22),
    field("memoryReservationPolicy", Text).since(36),
    field("registerWithTaints", List(&Object(TAINT))).since(23),
    field("registerNode", Bool).since(23),
    field("tracing", Any).since(25),
    field("localStorageCapacityIsolation", Bool).since(25),
    field("containerRuntimeEndpoint", Text).since(27),
    field("imageServiceEndpoint", Text).since(27),
    field("failCgroupV1", Bool).since(31),
    field("userNamespaces", Object(USER_NAMESPACES)).since(33),
];

const AUTHENTICATION: &[Field] = &[
    field("x509", Object(X509_AUTHENTICATION)),
    field("webhook", Object(WEBHOOK_AUTHENTICATION)),
    field("anonymous", Object(ANONYMOUS_AUTHENTICATION)),
];

const AUTHORIZATION: &[Field] = &[field("mode", Text), field("webhook", Object(WEBHOOK_AUTHORIZATION))];

const MEMORY_SWAP: &[Field] = &[field("swapBehavior", Text).since(22)];

const SHUTDOWN_BY_PRIORITY: &[Field] = &[field("priority", Int).since(23), field("shutdownGracePeriodSeconds", Int).since(23)];

const CRASH_LOOP_BACK_OFF: &[Field] = &[field("maxContainerRestartPeriod", Duration).since(32)];

const MEMORY_RESERVATION: &[Field] = &[field("numaNode", Int).since(21), field("limits", Map(&Text)).since(21)];

const USER_NAMESPACES: &[Field] = &[field("idsPerPod", Int).since(33)];

const X509_AUTHENTICATION: &[Field] = &[field("clientCAFile", Text)];

const WEBHOOK_AUTHENTICATION: &[Field] = &[field("enabled", Bool), field("cacheTTL", Duration)];

const ANONYMOUS_AUTHENTICATION: &[Field] = &[field("enabled", Bool)];

const WEBHOOK_AUTHORIZATION: &[Field] = &[field("cacheAuthorizedTTL", Duration), field("cacheUnauthorizedTTL", Duration)];
