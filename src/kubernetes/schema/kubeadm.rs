//! kubeadm's own documents, `cmd/kubeadm/app/apis/kubeadm/v1beta1` to `v1beta4` laid over one another.
//!
//! In: nothing. Out: fields. Absent on purpose: `ClusterStatus`, which kubeadm writes itself, and the
//! documents of `reset` and `upgrade`.
//!
//! v1beta2 is the emitted shape from 1.15 on, v1beta3 from 1.22, v1beta4 from 1.31.

use super::Shape::{Any, Args, Bool, Duration, Int, List, Map, Object, Text};
use super::{Field, TAINT, field};

pub(super) const INIT: &[Field] = &[
    field("bootstrapTokens", List(&Object(BOOTSTRAP_TOKEN))),
    field("dryRun", Bool).since(31),
    field("nodeRegistration", Object(NODE_REGISTRATION)),
    field("localAPIEndpoint", Object(API_ENDPOINT)),
    field("certificateKey", Text).since(15),
    field("skipPhases", List(&Text)).since(22).flagged("--skip-phases"),
    field("patches", Object(PATCHES)).since(22).flagged("--experimental-patches"),
    field("timeouts", Object(INIT_TIMEOUTS)).since(31).carried(),
];

pub(super) const CLUSTER: &[Field] = &[
    field("etcd", Object(ETCD)),
    field("networking", Object(NETWORKING)),
    field("kubernetesVersion", Text),
    field("controlPlaneEndpoint", Text),
    field("apiServer", Object(API_SERVER)),
    field("controllerManager", Object(COMPONENT)),
    field("scheduler", Object(COMPONENT)),
    field("dns", Object(DNS)),
    field("proxy", Object(PROXY)).since(31),
    field("certificatesDir", Text),
    field("imageRepository", Text),
    field("featureGates", Map(&Bool)),
    field("clusterName", Text),
    field("encryptionAlgorithm", Text).since(31),
    field("certificateValidityPeriod", Duration).since(31),
    field("caCertificateValidityPeriod", Duration).since(31),
    field("useHyperKubeImage", Bool).until(21).settled("false"),
];

pub(super) const JOIN: &[Field] = &[
    field("dryRun", Bool).since(31),
    field("nodeRegistration", Object(NODE_REGISTRATION)),
    field("caCertPath", Text),
    field("discovery", Object(DISCOVERY)),
    field("controlPlane", Object(JOIN_CONTROL_PLANE)),
    field("skipPhases", List(&Text)).since(22).flagged("--skip-phases"),
    field("patches", Object(PATCHES)).since(22).flagged("--experimental-patches"),
    field("timeouts", Object(JOIN_TIMEOUTS)).since(31).carried(),
];

const BOOTSTRAP_TOKEN: &[Field] = &[
    field("token", Text),
    field("description", Text),
    field("ttl", Duration),
    field("expires", Text),
    field("usages", List(&Text)),
    field("groups", List(&Text)),
];

const NODE_REGISTRATION: &[Field] = &[
    field("name", Text),
    field("criSocket", Text),
    field("taints", List(&Object(TAINT))),
    field("kubeletExtraArgs", Args),
    field("ignorePreflightErrors", List(&Text)).since(15).flagged("--ignore-preflight-errors"),
    field("imagePullPolicy", Text).since(22),
    field("imagePullSerial", Bool).since(31),
];

const API_ENDPOINT: &[Field] = &[field("advertiseAddress", Text), field("bindPort", Int)];

const PATCHES: &[Field] = &[field("directory", Text)];

/// Before 1.31 the first is `apiServer.timeoutForControlPlane`, for `init` and `join` alike; the others cannot be said.
const INIT_TIMEOUTS: &[Field] = &[
    field("controlPlaneComponentHealthCheck", Duration).since(31).carried(),
    field("kubeletHealthCheck", Duration).since(31),
    field("kubernetesAPICall", Duration).since(31),
    field("etcdAPICall", Duration).since(31),
    field("tlsBootstrap", Duration).since(31),
    field("discovery", Duration).since(31),
    field("upgradeManifests", Duration).since(31),
];

/// Before 1.31 the discovery's stands in `discovery`; the others cannot be said.
const JOIN_TIMEOUTS: &[Field] = &[
    field("controlPlaneComponentHealthCheck", Duration).since(31),
    field("kubeletHealthCheck", Duration).since(31),
    field("kubernetesAPICall", Duration).since(31),
    field("etcdAPICall", Duration).since(31),
    field("tlsBootstrap", Duration).since(31),
    field("discovery", Duration).since(31).carried(),
    field("upgradeManifests", Duration).since(31),
];

const ETCD: &[Field] = &[field("local", Object(LOCAL_ETCD)), field("external", Object(EXTERNAL_ETCD))];

const LOCAL_ETCD: &[Field] = &[
    field("imageRepository", Text),
    field("imageTag", Text),
    field("dataDir", Text),
    field("extraArgs", Args),
    field("extraEnvs", List(&Object(ENV))).since(31),
    field("serverCertSANs", List(&Text)),
    field("peerCertSANs", List(&Text)),
];

const EXTERNAL_ETCD: &[Field] = &[
    field("endpoints", List(&Text)),
    field("httpEndpoints", List(&Text)).since(35),
    field("caFile", Text),
    field("certFile", Text),
    field("keyFile", Text),
];

const NETWORKING: &[Field] = &[field("serviceSubnet", Text), field("podSubnet", Text), field("dnsDomain", Text)];

const COMPONENT: &[Field] = &[
    field("extraArgs", Args),
    field("extraVolumes", List(&Object(HOST_PATH_MOUNT))),
    field("extraEnvs", List(&Object(ENV))).since(31),
];

const API_SERVER: &[Field] = &[
    field("extraArgs", Args),
    field("extraVolumes", List(&Object(HOST_PATH_MOUNT))),
    field("extraEnvs", List(&Object(ENV))).since(31),
    field("certSANs", List(&Text)),
    field("timeoutForControlPlane", Duration).until(30).carried(),
];

const HOST_PATH_MOUNT: &[Field] =
    &[field("name", Text), field("hostPath", Text), field("mountPath", Text), field("readOnly", Bool), field("pathType", Text)];

const ENV: &[Field] = &[field("name", Text), field("value", Text), field("valueFrom", Any)];

const DNS: &[Field] = &[
    field("imageRepository", Text),
    field("imageTag", Text),
    field("disabled", Bool).since(31),
    field("type", Text).until(21).settled("CoreDNS"),
];

const PROXY: &[Field] = &[field("disabled", Bool)];

const DISCOVERY: &[Field] = &[
    field("bootstrapToken", Object(TOKEN_DISCOVERY)),
    field("file", Object(FILE_DISCOVERY)),
    field("tlsBootstrapToken", Text),
    field("timeout", Duration).until(30).carried(),
];

const TOKEN_DISCOVERY: &[Field] = &[
    field("token", Text),
    field("apiServerEndpoint", Text),
    field("caCertHashes", List(&Text)),
    field("unsafeSkipCAVerification", Bool),
];

const FILE_DISCOVERY: &[Field] = &[field("kubeConfigPath", Text)];

const JOIN_CONTROL_PLANE: &[Field] = &[field("localAPIEndpoint", Object(API_ENDPOINT)), field("certificateKey", Text).since(15)];
