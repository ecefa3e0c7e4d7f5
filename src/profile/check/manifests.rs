//! Objects in the manifests that the release's API server does not have any more.

use super::super::codes;
use super::super::raw::{Point, Raw};
use super::super::shape::brief;
use super::files::Files;
use crate::diag::Report;
use crate::kubernetes::admission::{self, Fate};

/// The kind that went together with the plugin of its name (kubernetes #109798).
const POLICY: &str = "PodSecurityPolicy";

pub fn check(raw: &Raw<'_>, files: &Files<'_>, report: &mut Report) {
    let Some((version, release)) = super::release_of(raw) else { return };
    let Some(Fate::Gone(since, instead)) = admission::fate(POLICY, release) else { return };
    for path in &raw.manifests {
        let Ok(bytes) = files.get(path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let has = text.lines().any(|line| line.trim_end().strip_prefix("kind:").is_some_and(|kind| kind.trim() == POLICY));
        if has {
            report.push(
                codes::OBJECT_REMOVED
                    .found(format!("`{}` has a {POLICY}, which Kubernetes {} does not know", brief(path), release.minor))
                    .point(path, format!("gone since Kubernetes {since}"))
                    .point(version, "this release")
                    .note("the API server answers \"no matches for kind\", and the founder does not get past the manifest")
                    .help(format!("take it out; {instead}")),
            );
        }
    }
}
