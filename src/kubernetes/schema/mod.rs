//! The fields of the documents that kubeadm reads, and the releases that know them.
//!
//! In: the kind of a document. Out: its fields, their shapes, and whether a release has them. Absent on purpose:
//! defaults, and rules between fields.
//!
//! A field stands under its name in the newest shape; what only older shapes have stands beside it with the
//! release that lost it. Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta*/types.go`,
//! `staging/src/k8s.io/kubelet/config/v1beta1/types.go`, `staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go`
//! and, for the releases, the conversion functions generated from them in each release.

mod kube_proxy;
mod kubeadm;
mod kubelet;

use super::{Minor, Release};

/// The documents of a kubeadm configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// kubeadm's `InitConfiguration`.
    Init,
    /// kubeadm's `ClusterConfiguration`.
    Cluster,
    /// kubeadm's `JoinConfiguration`.
    Join,
    /// The kubelet's `KubeletConfiguration`.
    Kubelet,
    /// kube-proxy's `KubeProxyConfiguration`.
    KubeProxy,
}

impl DocumentKind {
    /// Every kind, in the order in which they stand in a file.
    pub const ALL: [Self; 5] = [Self::Init, Self::Cluster, Self::Join, Self::Kubelet, Self::KubeProxy];

    /// Returns the `kind` of the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "InitConfiguration",
            Self::Cluster => "ClusterConfiguration",
            Self::Join => "JoinConfiguration",
            Self::Kubelet => "KubeletConfiguration",
            Self::KubeProxy => "KubeProxyConfiguration",
        }
    }

    /// Returns the fields at the top of the document.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Init => kubeadm::INIT,
            Self::Cluster => kubeadm::CLUSTER,
            Self::Join => kubeadm::JOIN,
            Self::Kubelet => kubelet::KUBELET,
            Self::KubeProxy => kube_proxy::KUBE_PROXY,
        }
    }

    /// Finds a field by the names that lead to it.
    #[must_use]
    pub fn field(self, path: &[&str]) -> Option<&'static Field> {
        let (last, parents) = path.split_last()?;
        let fields =
            parents.iter().try_fold(self.fields(), |fields, name| match fields.iter().find(|f| f.name == *name)?.shape {
                Shape::Object(inner) => Some(inner),
                _ => None,
            });
        fields?.iter().find(|field| field.name == *last)
    }

    /// Returns the `apiVersion` of the document in a release.
    #[must_use]
    pub fn api_version(self, release: &Release) -> String {
        match self {
            Self::Init | Self::Cluster | Self::Join => release.kubeadm_api.to_string(),
            Self::Kubelet => "kubelet.config.k8s.io/v1beta1".to_owned(),
            Self::KubeProxy => "kubeproxy.config.k8s.io/v1alpha1".to_owned(),
        }
    }
}

/// What a field holds, as the Go type behind it wants it in JSON.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Int,
    /// A number, perhaps with a fraction.
    Float,
    /// A string in Go's notation of durations, such as `4m0s`.
    Duration,
    /// Flags of a component: a list of `{name, value}`, or a mapping in the older shapes.
    Args,
    /// A list.
    List(&'static Shape),
    /// A mapping with free keys.
    Map(&'static Shape),
    /// A mapping with these keys.
    Object(&'static [Field]),
    /// Whatever is written.
    Any,
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its name in the document.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    first: u16,
    last: u16,
    carried: bool,
    settled: Option<&'static str>,
    flag: Option<&'static str>,
}

/// Begins a field that every release knows.
const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, first: 0, last: u16::MAX, carried: false, settled: None, flag: None }
}

impl Field {
    /// Says that the field came with Kubernetes 1.`minor`.
    const fn since(mut self, minor: u16) -> Self {
        self.first = minor;
        self
    }

    /// Says that Kubernetes 1.`minor` was the last with the field.
    const fn until(mut self, minor: u16) -> Self {
        self.last = minor;
        self
    }

    /// Says that the other releases have the same under another name, to which a document is converted.
    const fn carried(mut self) -> Self {
        self.carried = true;
        self
    }

    /// Says what every later release does without being told, now that the field is gone.
    const fn settled(mut self, value: &'static str) -> Self {
        self.settled = Some(value);
        self
    }

    /// Says by which flag older releases of kubeadm are told the same.
    const fn flagged(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Returns the flag by which kubeadm of a release that does not know the field yet is told the same.
    #[must_use]
    pub fn flag_in(&self, release: &Release) -> Option<&'static str> {
        self.flag.filter(|_| self.comes_after(release).is_some())
    }

    /// Returns what a release without the field does for good, where the field once gave a choice.
    #[must_use]
    pub fn settled_in(&self, release: &Release) -> Option<&'static str> {
        self.settled.filter(|_| release.minor.1 > self.last)
    }

    /// Tells whether a document for a release may have the field: the release knows it, or it is carried over to where
    /// the release has it.
    #[must_use]
    pub fn expressible_in(&self, release: &Release) -> bool {
        self.carried || self.known_to(release)
    }

    /// Returns the first release that knows the field, when that is a newer one.
    #[must_use]
    pub fn comes_after(&self, release: &Release) -> Option<Minor> {
        (self.first > release.minor.1).then_some(Minor(1, self.first))
    }

    /// Tells whether a release knows the field.
    #[must_use]
    pub fn known_to(&self, release: &Release) -> bool {
        (self.first..=self.last).contains(&release.minor.1)
    }

    /// Says in which releases the field is: "since Kubernetes 1.31", "until Kubernetes 1.30".
    #[must_use]
    pub fn lifetime(&self) -> String {
        match (self.first, self.last) {
            (0, last) => format!("until Kubernetes {}", Minor(1, last)),
            (first, u16::MAX) => format!("since Kubernetes {}", Minor(1, first)),
            (first, last) => format!("in Kubernetes {} to {}", Minor(1, first), Minor(1, last)),
        }
    }
}

/// The fields of a core `Taint`.
const TAINT: &[Field] =
    &[field("key", Shape::Text), field("value", Shape::Text), field("effect", Shape::Text), field("timeAdded", Shape::Text)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{release, releases};

    fn names(fields: &'static [Field], path: &str, out: &mut Vec<String>) {
        for field in fields {
            let path = format!("{path}.{}", field.name);
            let mut shape = field.shape;
            while let Shape::List(inner) | Shape::Map(inner) = shape {
                shape = *inner;
            }
            if let Shape::Object(inner) = shape {
                names(inner, &path, out);
            }
            out.push(path);
        }
    }

    #[test]
    fn no_field_stands_twice() {
        let mut all = Vec::new();
        for kind in DocumentKind::ALL {
            names(kind.fields(), kind.name(), &mut all);
        }
        let total = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), total);
        assert!(total > 300, "{total}");
    }

    #[test]
    fn every_field_is_known_to_some_release() {
        for kind in DocumentKind::ALL {
            for field in kind.fields() {
                assert!(releases().iter().any(|r| field.known_to(r)), "{}.{}", kind.name(), field.name);
            }
        }
    }

    #[test]
    fn fields_come_and_go_with_releases() {
        let known = |kind: DocumentKind, name: &str, minor| {
            let field = kind.fields().iter().find(|f| f.name == name).expect("a field");
            field.known_to(release(Minor(1, minor)).expect("a release"))
        };
        for (kind, name, minor, expected) in [
            (DocumentKind::Init, "certificateKey", 14, false),
            (DocumentKind::Init, "certificateKey", 15, true),
            (DocumentKind::Init, "skipPhases", 21, false),
            (DocumentKind::Init, "skipPhases", 22, true),
            (DocumentKind::Init, "timeouts", 30, false),
            (DocumentKind::Init, "timeouts", 31, true),
            (DocumentKind::Cluster, "useHyperKubeImage", 21, true),
            (DocumentKind::Cluster, "useHyperKubeImage", 22, false),
            (DocumentKind::Kubelet, "failCgroupV1", 30, false),
            (DocumentKind::Kubelet, "failCgroupV1", 31, true),
            (DocumentKind::KubeProxy, "udpIdleTimeout", 26, false),
        ] {
            assert_eq!(known(kind, name, minor), expected, "{name} 1.{minor}");
        }
    }

    #[test]
    fn a_settled_choice_is_one_after_its_field_is_gone() {
        let of = |path: &[&str], minor| {
            let field = DocumentKind::Cluster.field(path).expect("a field");
            field.settled_in(release(Minor(1, minor)).expect("a release"))
        };
        for (path, value) in [(["dns", "type"].as_slice(), "CoreDNS"), (&["useHyperKubeImage"], "false")] {
            assert_eq!((of(path, 21), of(path, 22), of(path, 37)), (None, Some(value), Some(value)), "{path:?}");
        }
        assert_eq!(of(&["apiServer", "timeoutForControlPlane"], 37), None, "carried over instead");
        assert!(
            DocumentKind::Cluster.field(&["dns", "none"]).is_none() && DocumentKind::Join.field(&["caCertPath", "x"]).is_none()
        );
    }
}
