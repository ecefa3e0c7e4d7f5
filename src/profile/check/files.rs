//! Files that a profile brings along: that they can be read, and land where nothing else does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::super::codes;
use super::super::raw::{At, Point, Raw, RawFile};
use super::super::spec::Role;
use super::text;
use crate::diag::Report;
use crate::yaml;

/// What reading a file came to.
type Outcome = Result<Rc<[u8]>, String>;

/// The files a profile refers to, each read once.
pub struct Files<'r> {
    read: &'r dyn Fn(&str) -> Result<Vec<u8>, String>,
    known: RefCell<HashMap<String, Outcome>>,
}

impl<'r> Files<'r> {
    /// Takes the way to read a file; paths are passed to it as the profile has them.
    pub fn new(read: &'r dyn Fn(&str) -> Result<Vec<u8>, String>) -> Self {
        Self { read, known: RefCell::default() }
    }

    /// Returns a file's bytes, or why it cannot be read.
    pub fn get(&self, path: &str) -> Outcome {
        let mut known = self.known.borrow_mut();
        known.entry(path.to_owned()).or_insert_with(|| (self.read)(path).map(Rc::from)).clone()
    }
}

/// Directories and files that others write, and what to say instead, if there is a key for it.
const RESERVED: &[(&str, &str)] = &[
    ("/etc/kubespore", ""),
    ("/var/lib/kubespore", ""),
    ("/etc/kubernetes/pki", ""),
    ("/etc/kubernetes/manifests", ""),
    ("/etc/kubernetes/encryption", "`encryption`"),
    ("/etc/kubernetes/admin.conf", ""),
    ("/etc/kubernetes/super-admin.conf", ""),
    ("/etc/kubernetes/kubelet.conf", ""),
    ("/etc/kubernetes/bootstrap-kubelet.conf", ""),
    ("/etc/kubernetes/kubelet.conf.d/50-node.conf", "`kubeletConfiguration` of a node"),
    ("/etc/kubernetes/controller-manager.conf", ""),
    ("/etc/kubernetes/scheduler.conf", ""),
    ("/var/lib/etcd", ""),
    ("/var/lib/kubelet", "`kubeletConfiguration`"),
    ("/var/lib/cloud", ""),
    ("/etc/default/kubelet", "`kubeletExtraArgs` of a node"),
    ("/etc/sysconfig/kubelet", "`kubeletExtraArgs` of a node"),
    ("/etc/systemd/system/kubelet.service", ""),
    ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "another file in the same directory"),
    ("/etc/hosts", "`hosts`"),
    ("/etc/hostname", "`name` of a node"),
    ("/etc/containerd/config.toml", "`registryMirrors`"),
    ("/etc/crictl.yaml", ""),
    ("/etc/haproxy/haproxy.cfg", "`loadBalancer`"),
    ("/proc", ""),
    ("/sys", ""),
    ("/dev", ""),
    ("/run", ""),
];

pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    let all = raw.files.iter().chain(raw.nodes.iter().flat_map(|node| &node.files));
    for file in all {
        reserved(file, raw, report);
        content(file, files, report);
    }
    clashes(raw, report);
    manifests(raw, files, report);
}

fn reserved(file: &RawFile, raw: &Raw<'_>, report: &mut Report) {
    let Some(path) = &file.path else { return };
    let below = |dir: &str| path.value == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    let ours = path.rsplit('/').next().is_some_and(|name| name.contains("kubespore"));
    let mirrored = || {
        let registries = raw.mirrors.iter().filter_map(|mirror| mirror.registry.as_ref());
        registries.map(|registry| format!("/etc/containerd/certs.d/{}/hosts.toml", registry.value)).any(|dir| below(&dir))
    };
    let found = match RESERVED.iter().find(|(dir, _)| below(dir)) {
        Some((dir, instead)) => Some((*dir, *instead)),
        None if mirrored() => Some((path.as_str(), "`registryMirrors`")),
        None if ours => Some((path.as_str(), "another file name")),
        None => None,
    };
    let Some((place, instead)) = found else { return };
    let finding = codes::RESERVED_PATH.found(format!("`{}` is not the profile's to write", path.value));
    let finding = finding.point(
        path,
        if place == path.value { "written by others".into() } else { format!("everything below {place} is written by others") },
    );
    report.push(if instead.is_empty() { finding.help("choose another path") } else { finding.help(format!("use {instead}")) });
}

fn content(file: &RawFile, files: &Files<'_>, report: &mut Report) {
    let called = file.path.as_ref().map_or_else(|| "a file".into(), |path| format!("`{}`", path.value));
    match (&file.content_key, &file.from_key) {
        (Some(content), Some(from)) => report.push(
            codes::FILE_CONTENT
                .found(format!("{called} gets its content twice"))
                .at(from.clone(), "from another file")
                .at(content.clone(), "from the profile")
                .help("keep one of the two"),
        ),
        (None, None) => report.push(
            codes::FILE_CONTENT
                .found(format!("{called} has no content"))
                .at(
                    file.path.as_ref().and_then(|path| path.span.clone()).unwrap_or_else(|| file.place.clone()),
                    "neither `content` nor `from`",
                )
                .help("give `content`, or `from` with a path beside the profile; `content: \"\"` makes an empty file"),
        ),
        _ => {}
    }
    if let Some(from) = &file.from {
        unreadable(from, files, report);
    }
}

/// Returns a file's bytes; reports when it cannot be read.
fn unreadable(path: &At<String>, files: &Files<'_>, report: &mut Report) -> Option<Rc<[u8]>> {
    match files.get(path) {
        Ok(bytes) => Some(bytes),
        Err(reason) => {
            report.push(
                codes::UNREADABLE_FILE
                    .found(format!("`{}` cannot be read", super::super::shape::brief(path)))
                    .point(path, reason)
                    .note("relative paths count from the profile's directory"),
            );
            None
        }
    }
}

/// One file on the machines that get it: those of some roles, or one node.
#[derive(Clone, Copy)]
struct Landing<'r> {
    path: &'r At<String>,
    scope: Scope<'r>,
}

#[derive(Clone, Copy)]
enum Scope<'r> {
    Roles(&'r [At<Role>]),
    Node(usize, Option<Role>),
}

impl Landing<'_> {
    fn meets(&self, other: &Landing<'_>) -> bool {
        let has = |roles: &[At<Role>], role: Role| roles.is_empty() || roles.iter().any(|r| r.value == role);
        match (self.scope, other.scope) {
            (Scope::Node(a, _), Scope::Node(b, _)) => a == b,
            (Scope::Roles(roles), Scope::Node(_, role)) | (Scope::Node(_, role), Scope::Roles(roles)) => {
                role.is_some_and(|role| has(roles, role))
            }
            (Scope::Roles(a), Scope::Roles(b)) => a.is_empty() || b.is_empty() || a.iter().any(|role| has(b, role.value)),
        }
    }
}

fn clashes(raw: &Raw<'_>, report: &mut Report) {
    let of_all =
        raw.files.iter().filter_map(|file| Some(Landing { path: file.path.as_ref()?, scope: Scope::Roles(&file.roles) }));
    let of_nodes = raw.nodes.iter().enumerate().flat_map(|(i, node)| {
        let scope = Scope::Node(i, node.role.as_ref().map(|role| role.value));
        node.files.iter().filter_map(move |file| Some(Landing { path: file.path.as_ref()?, scope }))
    });
    let all: Vec<Landing<'_>> = of_all.chain(of_nodes).collect();
    let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, landing) in all.iter().enumerate() {
        by_path.entry(landing.path.as_str()).or_default().push(i);
    }
    for (i, landing) in all.iter().enumerate() {
        let path = landing.path.as_str();
        let meeting = |at: &str| by_path.get(at).into_iter().flatten().copied().find(|&j| j != i && all[j].meets(landing));
        if let Some(j) = meeting(path).filter(|j| *j < i) {
            report.push(
                codes::DUPLICATE_FILE
                    .found(format!("`{path}` is given twice for the same machine"))
                    .point(landing.path, "given again")
                    .point(all[j].path, "given here")
                    .help("keep one, or limit each to other machines with `roles`"),
            );
        }
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]).filter(|parent| !parent.is_empty());
        if let Some(j) = parents.filter_map(meeting).next() {
            report.push(
                codes::FILE_PARENT
                    .found(format!("`{path}` would lie inside the file `{}`", all[j].path.value))
                    .point(landing.path, "needs a directory there")
                    .point(all[j].path, "a file")
                    .help("give one of the two another path"),
            );
        }
    }
}

fn manifests(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    let mut seen: HashMap<String, &At<String>> = HashMap::new();
    for path in raw.manifests.iter().filter(|path| !path.is_empty()) {
        let name = match manifest_name(path) {
            Ok(name) => name,
            Err(reason) => {
                report.push(
                    codes::INVALID_MANIFEST
                        .found(format!("`{}` is not a manifest's path", super::super::shape::brief(path)))
                        .point(path, reason),
                );
                continue;
            }
        };
        if let Some(earlier) = seen.insert(name.clone(), path) {
            report.push(
                codes::DUPLICATE_MANIFEST
                    .found(format!("two manifests are named `{name}`"))
                    .point(path, "named so too")
                    .point(earlier, "named so")
                    .help("they lie in one directory on the founder: rename one"),
            );
        }
        let Some(bytes) = unreadable(path, files, report) else { continue };
        if let Err(fault) = manifest(&bytes) {
            report.push(
                codes::INVALID_MANIFEST
                    .found(format!("`{}` is not a Kubernetes manifest", super::super::shape::brief(path)))
                    .point(path, fault)
                    .note("the founder applies it as soon as the cluster stands"),
            );
        }
    }
}

/// Returns the name that a manifest has on the founder.
///
/// # Errors
/// What is wrong with the file name: the founder's shell lists the directory by `*.yaml`.
pub fn manifest_name(path: &str) -> Result<String, String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = [".yaml", ".yml", ".json"].iter().find_map(|ending| name.strip_suffix(ending));
    let Some(stem) = stem.filter(|stem| !stem.is_empty()) else {
        return Err("expected a file that ends in .yaml, .yml or .json".into());
    };
    match stem.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        Some(c) => Err(format!("{c:?} cannot stand in a manifest's file name: letters, digits, `-`, `_` and `.` can")),
        None => Ok(format!("{stem}.yaml")),
    }
}

/// Checks that every document of a manifest is one of Kubernetes' objects.
fn manifest(bytes: &[u8]) -> Result<(), String> {
    let whole = std::str::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())?;
    let mut objects = 0;
    for (line, document) in yaml::documents(whole) {
        let node = yaml::parse(document).map_err(|(reason, at): (String, Range<usize>)| {
            let within = document.get(..at.start).map_or(0, |before| before.matches('\n').count());
            format!("line {}: {reason}", line + within)
        })?;
        if node.is_null() {
            continue;
        }
        objects += 1;
        for key in ["apiVersion", "kind"] {
            if node.get(key).and_then(text).is_none_or(str::is_empty) {
                return Err(format!("the document at line {line} has no `{key}`"));
            }
        }
    }
    if objects == 0 { Err("there is nothing in it".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_of_a_manifest_is_an_object() {
        let object = "apiVersion: v1\nkind: Namespace\n";
        assert_eq!(manifest(object.as_bytes()), Ok(()));
        assert_eq!(manifest(format!("# c\n---\n{object}---\n{object}...\n").as_bytes()), Ok(()));
        assert_eq!(manifest(br#"{"apiVersion": "v1", "kind": "List"}"#), Ok(()));
        assert_eq!(
            manifest(format!("{object}---\nkind: X\n").as_bytes()),
            Err("the document at line 3 has no `apiVersion`".into())
        );
        assert!(manifest(format!("{object}---\na: [\n").as_bytes()).expect_err("no YAML").starts_with("line "));
        assert_eq!(manifest(b"# nothing\n"), Err("there is nothing in it".into()));
        assert_eq!(manifest(b"\xff"), Err("not UTF-8 text".into()));
    }

    #[test]
    fn a_manifest_keeps_a_name_the_founder_s_shell_can_list() {
        assert_eq!(manifest_name("cni/weave.yml"), Ok("weave.yaml".into()));
        for bad in ["weave", "a b.yaml", ".yaml", "x/$(id).yaml"] {
            assert!(manifest_name(bad).is_err(), "{bad}");
        }
    }
}
