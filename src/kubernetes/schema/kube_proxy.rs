//! kube-proxy's configuration, `kubeproxy.config.k8s.io/v1alpha1`.
//!
//! In: nothing. Out: fields. Absent on purpose: the inside of `logging`, which belongs to another group; it
//! passes as written.

use super::Shape::{Any, Bool, Duration, Float, Int, List, Map, Object, Text};
use super::{Field, field};

pub(super) const KUBE_PROXY: &[Field] = &[
    field("featureGates", Map(&Bool)),
    field("clientConnection", Object(CLIENT_CONNECTION)),
    field("logging", Any).since(28),
    field("hostnameOverride", Text),
    field("bindAddress", Text),
    field("healthzBindAddress", Text),
    field("metricsBindAddress", Text),
    field("bindAddressHardFail", Bool).since(19),
    field("enableProfiling", Bool),
    field("showHiddenMetricsForVersion", Text).since(18),
    field("mode", Text),
    field("iptables", Object(IPTABLES)),
    field("ipvs", Object(IPVS)),
    field("nftables", Object(NFTABLES)).since(29),
    field("winkernel", Object(WINKERNEL)).since(14),
    field("detectLocalMode", Text).since(18),
    field("detectLocal", Object(DETECT_LOCAL)).since(24),
    field("clusterCIDR", Text),
    field("nodePortAddresses", List(&Text)),
    field("oomScoreAdj", Int),
    field("conntrack", Object(CONNTRACK)),
    field("configSyncPeriod", Duration),
    field("portRange", Text),
    field("windowsRunAsService", Bool).since(31),
    field("udpIdleTimeout", Duration).until(25),
    field("resourceContainer", Text).until(15),
];

const CLIENT_CONNECTION: &[Field] = &[
    field("kubeconfig", Text),
    field("acceptContentTypes", Text),
    field("contentType", Text),
    field("qps", Float),
    field("burst", Int),
];

const IPTABLES: &[Field] = &[
    field("masqueradeBit", Int),
    field("masqueradeAll", Bool),
    field("localhostNodePorts", Bool).since(26),
    field("syncPeriod", Duration),
    field("minSyncPeriod", Duration),
];

const IPVS: &[Field] = &[
    field("syncPeriod", Duration),
    field("minSyncPeriod", Duration),
    field("scheduler", Text),
    field("excludeCIDRs", List(&Text)),
    field("strictARP", Bool).since(14),
    field("tcpTimeout", Duration).since(18),
    field("tcpFinTimeout", Duration).since(18),
    field("udpTimeout", Duration).since(18),
];

const NFTABLES: &[Field] = &[
    field("masqueradeBit", Int).since(29),
    field("masqueradeAll", Bool).since(29),
    field("syncPeriod", Duration).since(29),
    field("minSyncPeriod", Duration).since(29),
];

const WINKERNEL: &[Field] = &[
    field("networkName", Text).since(14),
    field("sourceVip", Text).since(14),
    field("enableDSR", Bool).since(14),
    field("rootHnsEndpointName", Text).since(24),
    field("forwardHealthCheckVip", Bool).since(24),
];

const DETECT_LOCAL: &[Field] = &[field("bridgeInterface", Text).since(24), field("interfaceNamePrefix", Text).since(24)];

const CONNTRACK: &[Field] = &[
    field("maxPerCore", Int),
    field("min", Int),
    field("tcpEstablishedTimeout", Duration),
    field("tcpCloseWaitTimeout", Duration),
    field("tcpBeLiberal", Bool).since(29),
    field("udpTimeout", Duration).since(29),
    field("udpStreamTimeout", Duration).since(29),
    field("max", Int).until(14),
];
