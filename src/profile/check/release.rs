//! The release: whether it is known, and can do what the profile asks.

use time::Duration;

use super::super::codes;
use super::super::raw::{At, Point, Raw};
use super::super::spec::{BalancerKind, Credential, Discovery, Distribution, Found, KeyAlgorithm};
use crate::diag::Report;
use crate::kubernetes::{
    CONTAINERD_MIRRORS, CertificateKeyInput, ContainerdFit, InitRoute, Minor, Release, Version, containerd_reads_configuration,
    containerd_reads_mirrors, first_release, release, releases,
};

pub fn check(raw: &Raw<'_>, report: &mut Report) {
    joining(raw, report);
    let Some(version) = &raw.version else { return };
    let Some(known) = release(version.minor) else {
        let (first, last) = (releases().first().map(|r| r.minor), releases().last().map(|r| r.minor));
        let mut finding = codes::UNKNOWN_VERSION
            .found(format!("Kubernetes {} is not known to this build", version.minor))
            .point(version, "unknown release");
        if let (Some(first), Some(last)) = (first, last) {
            finding = finding.note(format!("known releases: {first} to {last}"));
        }
        report.push(finding);
        return;
    };
    impatience(raw, known, report);
    containerd(raw, known, version, report);
    if let Some(algorithm) = &raw.key_algorithm
        && algorithm.value == KeyAlgorithm::EcdsaP256
        && !known.ec_certificate_authority
    {
        report.push(
            codes::KEY_ALGORITHM_UNREADABLE
                .found(format!("kubeadm {} cannot read ECDSA keys", version.minor))
                .at(algorithm.span.clone().unwrap_or_default(), "asks for ECDSA")
                .point(version, since("ECDSA", first_release(|r| r.ec_certificate_authority)))
                .help("leave `keyAlgorithm` out, or write `RSA-2048`"),
        );
    }
    if let Some(distribution) = &raw.distribution {
        let (able, what, needs): (fn(&Release) -> bool, _, _) = match distribution.value {
            Distribution::Embedded => (|_| true, "", ""),
            Distribution::CertificateKey => (
                |r| r.certificate_key != CertificateKeyInput::Nowhere,
                "fetch shared keys from the cluster",
                "needs the upload of certificates",
            ),
            Distribution::Reduced => (|r| r.reduced_ca_keys, "do without the front-proxy and etcd keys", "leaves those keys out"),
        };
        if !able(known) {
            report.push(
                codes::DISTRIBUTION_UNSUPPORTED
                    .found(format!("kubeadm {} cannot {what}", version.minor))
                    .at(distribution.span.clone().unwrap_or_default(), needs)
                    .point(version, since("it", first_release(able)))
                    .help("use `distribution: embedded`"),
            );
        }
    }
    credential(raw, known, version, report);
}

/// Whether the release and the discovery take a certificate for a credential.
fn credential(raw: &Raw<'_>, known: &Release, version: &At<Version>, report: &mut Report) {
    let Some(credential) = raw.credential.as_ref().filter(|credential| credential.value != Credential::Token) else { return };
    let span = credential.span.clone().unwrap_or_default();
    if !known.discovery_client_certificate {
        let first = first_release(|r| r.discovery_client_certificate);
        report.push(
            codes::CREDENTIAL_UNSUPPORTED
                .found(format!("kubeadm {} takes no certificate for a credential", version.minor))
                .at(span, "is a certificate")
                .point(version, since("it", first))
                .help("use `credential: token`"),
        );
    } else if let Some(discovery) = raw.discovery.as_ref().filter(|discovery| discovery.value == Discovery::Token) {
        report.push(
            codes::CREDENTIAL_UNSUPPORTED
                .found(format!("`credential: {}` needs `discovery: file`", credential.value.as_str()))
                .at(span, "travels in the discovery file")
                .at(discovery.span.clone().unwrap_or_default(), "brings no file")
                .help("use `discovery: file`, or `credential: token`"),
        );
    }
}

/// kubeadm's own impatience with a load balancer that is slow to notice the first API server. HAProxy of ours asks every
/// second while a server is down, and is in time.
fn impatience(raw: &Raw<'_>, known: &Release, report: &mut Report) {
    let (Some(version), Some(kind)) = (&raw.version, &raw.balancer) else { return };
    let impatient = known.init_route(version.patch) == InitRoute::ImpatientEndpoint && kind.value == BalancerKind::External;
    if !impatient || raw.existing.is_some() {
        return;
    }
    let finding = codes::IMPATIENT_INIT
        .found(format!("kubeadm {} gives a load balancer one minute to notice the first API server", version.value))
        .point(version, "asks through the endpoint as soon as its own API server is up")
        .point_span(kind.span.as_ref(), "must notice within that time")
        .note("a slower one fails `kubeadm init` with \"could not bootstrap the admin user\" (kubeadm #3280, #3294)");
    report.push(match known.patient_from(version.patch) {
        Some(good) => {
            finding.help(format!("use Kubernetes {good}, or a health check of the load balancer that succeeds within seconds"))
        }
        None => finding.help("use another release, or a health check of the load balancer that succeeds within seconds"),
    });
}

/// Whether the containerd of the machines' image works with the release.
fn containerd(raw: &Raw<'_>, known: &Release, version: &At<Version>, report: &mut Report) {
    let Some(given) = &raw.containerd else { return };
    let shown = |(major, minor): (u16, u16)| format!("{major}.{minor}");
    let newer = || {
        let rows = known.containerd_tested.iter().map(|(major, minor, patch)| format!("{major}.{minor}.{patch}"));
        format!("take containerd {} or newer into the image", rows.collect::<Vec<_>>().join(", "))
    };
    let (own, minor) = (given.value, known.minor);
    if let Some(mirror) =
        raw.mirrors.iter().find_map(|mirror| mirror.registry.as_ref()).filter(|_| !containerd_reads_mirrors(given.minor))
    {
        report.push(
            codes::CONTAINERD_UNSUPPORTED
                .found(format!("containerd {own} would not ask the mirrors"))
                .point(given, format!("reads their directory from {} on", shown(CONTAINERD_MIRRORS)))
                .point(mirror, "has mirrors")
                .note("it ignores `config_path` and asks the registry itself")
                .help(format!("take containerd {} or newer into the image", shown(CONTAINERD_MIRRORS))),
        );
    }
    report.push(match known.containerd_fit(given.minor, given.patch) {
        ContainerdFit::Tested => return,
        ContainerdFit::TooOld => codes::CONTAINERD_UNSUPPORTED
            .found(format!("containerd {own} is too old for Kubernetes {minor}"))
            .point(given, format!("older than {}", shown(known.containerd_least)))
            .point(version, "this release")
            .note(if containerd_reads_configuration(given.minor) {
                "the kubelet finds no CRI that it speaks: \"unknown service runtime.v1.RuntimeService\""
            } else {
                "it does not read its configuration, which is in version 2, and does not know the runtime `runc.v2`"
            })
            .help(newer()),
        ContainerdFit::TooNew => codes::CONTAINERD_UNSUPPORTED
            .found(format!("containerd {own} is too new for Kubernetes {minor}"))
            .point(given, known.containerd_before.map_or_else(String::new, |before| format!("not older than {}", shown(before))))
            .point(version, since("the CRI it speaks", first_release(|release| release.containerd_before.is_none())))
            .note("the kubelet finds no CRI that it speaks: \"unknown service runtime.v1alpha2.RuntimeService\"")
            .help(format!("take an older containerd into the image, from {} on", shown(known.containerd_least))),
        ContainerdFit::Untested => codes::CONTAINERD_UNTESTED
            .found(format!("containerd {own} is not what its makers run with Kubernetes {minor}"))
            .point(given, "not among those of its makers' table")
            .point(version, "this release")
            .note("the two speak the same CRI, but what the release newly asks of the runtime may be missing (containerd's RELEASES.md)")
            .help(newer()),
    });
}

fn since(what: &str, minor: Option<Minor>) -> String {
    minor.map_or_else(String::new, |minor| format!("{what} begins with {minor}"))
}

/// What a bootstrapper's certificate is worth, and for how long.
fn certificates(raw: &Raw<'_>, report: &mut Report) {
    let Some(ttl) = &raw.certificate_ttl else { return };
    if ttl.0.is_zero() {
        report.push(
            codes::CERTIFICATE_WINDOW
                .found("the bootstrap certificates would end when they are issued")
                .point(ttl, "no time at all, counted from their issue")
                .help("write how long after the render a machine may join, such as `168h`"),
        );
        return;
    }
    let Some(credential) = raw.credential.as_ref().filter(|credential| credential.value == Credential::Certificate) else {
        return;
    };
    let span = credential.span.clone().unwrap_or_default();
    report.push(
        codes::BOOTSTRAPPER_CERTIFICATE
            .found("the certificate in each image may become any node")
            .at(span.clone(), "a bootstrapper's, which cannot be taken back")
            .help("use `credential: identity` (workers), or `token`, which can be deleted; or acknowledge `bootstrapper-certificate`"),
    );
    if let Some(window) = raw.found_within.as_ref().filter(|window| raw.existing.is_none() && ttl.0 < window.0) {
        report.push(
            codes::CERTIFICATE_SHORT_LIVED
                .found("the bootstrap certificates may end before the cluster is founded")
                .at(span, "counted from their issue")
                .point(ttl, format!("live for {}", ttl.value))
                .point(window, "the founder may wait as long as this")
                .help("write a `certificateTTL` that is longer than `foundWithin`, or a shorter `foundWithin`"),
        );
    }
}

/// The lifetimes of what machines join and found with.
fn joining(raw: &Raw<'_>, report: &mut Report) {
    const SHORT: Duration = Duration::HOUR;
    if let Some(ttl) = &raw.token_ttl {
        if ttl.0.is_zero() {
            report.push(
                codes::TOKEN_NEVER_EXPIRES
                    .found("the bootstrap tokens never expire")
                    .point(ttl, "for ever")
                    .note("whoever reads a machine's image can join a machine to the cluster as long as the cluster lives")
                    .help("write how long a machine may take to arrive, such as `72h`"),
            );
        } else if ttl.0 < SHORT {
            report.push(
                codes::TOKEN_SHORT_LIVED
                    .found(format!("the bootstrap tokens live for {} only", ttl.value))
                    .point(ttl, "counted from the founding of the cluster")
                    .note("a machine that boots later than that cannot join")
                    .help("write at least `1h`; the default is `24h`"),
            );
        }
    }
    certificates(raw, report);
    if let Some(window) = &raw.found_within
        && window.0.is_zero()
    {
        report.push(
            codes::FOUND_WINDOW
                .found("the cluster could never be founded")
                .point(window, "no time at all, counted from minting")
                .help("write how long after minting machines may be powered on for the first time, such as `720h`"),
        );
    }
    if let Some(found) = &raw.found
        && found.value == Found::Alone
    {
        report.push(
            codes::FOUND_ALONE
                .found("the first control plane founds after two minutes of silence")
                .at(found.span.clone().unwrap_or_default(), "silence is not proof")
                .note("wiped, and cut off from the others by a network fault, it would found a second cluster with the same credentials")
                .help("use `found: majority`, or acknowledge `found-alone`"),
        );
    }
}
