//! What API servers encrypt before they store it: that the release can, and that the key stays on control planes.

use std::collections::BTreeMap;

use super::super::codes;
use super::super::raw::{At, Point, Raw, RawFile};
use super::super::spec::Role;
use super::{Files, arguments};
use crate::diag::Report;
use crate::kubernetes::first_release;
use crate::kubernetes::removed::Component;
use crate::yaml::{self, Kind, Node};

/// The providers that have a key in their configuration.
const WITH_KEYS: [&str; 3] = ["aescbc", "aesgcm", "secretbox"];

pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    if let Some(place) = &raw.encryption_key {
        let given = arguments(raw, Component::ApiServer);
        if let Some(argument) = given.iter().find(|argument| argument.name.ends_with("encryption-provider-config")) {
            report.push(
                codes::DOCUMENT_CONFLICT
                    .found("the API server is given two encryption configurations")
                    .at(argument.at.clone(), "another one")
                    .at(place.clone(), "makes one")
                    .help("keep one of the two"),
            );
        }
        resources(raw, report);
    }
    let of_nodes = raw.nodes.iter().flat_map(|node| {
        let only_planes = node.role.as_ref().is_none_or(|role| role.value == Role::ControlPlane);
        node.files.iter().map(move |file| (file, only_planes))
    });
    let plane = |role: &At<Role>| role.value == Role::ControlPlane;
    let of_all = raw.files.iter().map(|file| (file, !file.roles.is_empty() && file.roles.iter().all(plane)));
    for (file, only_planes) in of_all.chain(of_nodes) {
        exposed(file, only_planes, files, report);
    }
}

fn resources(raw: &Raw<'_>, report: &mut Report) {
    let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
    for resource in &raw.encrypted {
        if let Some(earlier) = seen.insert(resource, resource) {
            report.push(
                codes::DUPLICATE_RESOURCE
                    .found(format!("`{}` is encrypted twice", resource.value))
                    .point(resource, "named again")
                    .point(earlier, "named here")
                    .help("keep one of the two"),
            );
        }
        let Some((version, release)) = super::release_of(raw) else { continue };
        if is_custom(resource) && !release.encrypts_custom_resources {
            let first = first_release(|release| release.encrypts_custom_resources);
            let since = first.map_or_else(String::new, |minor| format!("encrypted since {minor}"));
            report.push(
                codes::ENCRYPTION_UNSUPPORTED
                    .found(format!("Kubernetes {} does not encrypt custom resources", version.minor))
                    .point(resource, "would be stored in plain")
                    .point(version, since)
                    .help("leave it out"),
            );
        }
    }
}

/// Kubernetes' own groups have no dot, or end in `.k8s.io`.
fn is_custom(resource: &str) -> bool {
    resource.split_once('.').is_some_and(|(_, group)| group.contains('.') && !group.ends_with(".k8s.io"))
}

/// An encryption configuration of the user's own, on machines without an API server or for everybody there to read.
fn exposed(file: &RawFile, only_planes: bool, files: &Files<'_>, report: &mut Report) {
    let readable = file.mode.is_some_and(|mode| mode & 0o077 != 0);
    let Some(path) = file.path.as_ref().filter(|_| readable || !only_planes) else { return };
    let holds = match (&file.content, &file.from) {
        (Some(content), _) => holds_keys(content),
        (None, Some(from)) => files.get(from).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok_and(holds_keys)),
        (None, None) => false,
    };
    if !holds {
        return;
    }
    let why = if only_planes { "others on the machine may read it" } else { "machines without an API server get it" };
    let finding = codes::ENCRYPTION_EXPOSED.found(format!("the encryption keys in `{}` would be exposed: {why}", path.value));
    let finding = if file.content.is_some() {
        finding.note("its lines are not shown: the keys stand there")
    } else {
        finding.point(path, why)
    };
    report
        .push(finding.help(
            "say `roles: [control-plane]` and `permissions: \"0600\"`, or use `encryption` and keep no key in the profile",
        ));
}

fn holds_keys(text: &str) -> bool {
    // Most files are nothing of the kind, and need not be parsed to know it.
    text.contains("EncryptionConfig")
        && yaml::documents(text).iter().any(|(_, document)| yaml::parse(document).is_ok_and(|node| with_keys(&node)))
}

/// Both names that the kind has had begin alike.
fn with_keys(document: &Node) -> bool {
    let kind = document.get("kind").and_then(super::text).is_some_and(|kind| kind.starts_with("EncryptionConfig"));
    let items = |node: Option<&Node>| match node.map(|node| &node.kind) {
        Some(Kind::Seq(items)) => items.clone(),
        _ => Vec::new(),
    };
    let resources = items(document.get("resources"));
    let mut providers = resources.iter().flat_map(|entry| items(entry.get("providers")));
    kind && providers.any(|provider| WITH_KEYS.iter().any(|name| provider.get(name).is_some()))
}
