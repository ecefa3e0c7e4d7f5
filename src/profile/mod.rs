//! From the YAML a person writes to a spec that can be trusted.
//!
//! In: a source text, and a way to read the files it refers to. Out: a checked spec, or findings with
//! their places, all at once. Absent on purpose: secrets, and every decision that follows from the spec
//! (`plan`). Only `file` touches the disk.
//!
//! ```text
//! text ─► yaml ─► shape (keys, forms) ─► raw ─► check ─► build ─► spec
//! ```

mod build;
mod check;
pub mod codes;
mod documents;
pub mod file;
pub mod form;
mod json_schema;
pub mod keys;
mod raw;
mod shape;
pub mod spec;

pub use self::json_schema::json_schema;

use self::check::Files;
use self::codes::Weight;
use self::raw::{At, Raw};
use self::spec::ClusterSpec;
use crate::diag::{Report, Severity, Source};
use crate::yaml;

/// Reads a profile; `read` returns the bytes of a file it refers to, or why they cannot be had.
///
/// The spec is missing exactly when the report has an error.
pub fn load(source: &Source, read: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> (Option<ClusterSpec>, Report) {
    let mut report = Report::new();
    let root = match yaml::parse(&source.text) {
        Ok(root) => root,
        Err((reason, at)) => {
            report.push(codes::NOT_YAML.found(reason).at(at, "here"));
            return (None, report);
        }
    };
    if root.is_null() {
        report.push(codes::EMPTY_PROFILE.found("there is nothing in the profile").help("profiles/ has examples to start from"));
        return (None, report);
    }
    let files = Files::new(read);
    shape::check(&source.text, &root, &keys::PROFILE, &mut report);
    let raw = raw::read(&root);
    check::check(&raw, &files, &mut report);
    let documents = documents::take(&raw);
    acknowledge(&raw, &mut report);
    report.sort();
    if report.count(Severity::Error) > 0 {
        return (None, report);
    }
    let spec = build::build(&raw, &files, documents).expect("a value is missing only where an error says so");
    (Some(spec), report)
}

/// Drops the findings that the profile knows of, and says which acknowledgements do nothing.
fn acknowledge(raw: &Raw<'_>, report: &mut Report) {
    let certain = report.iter().all(|finding| codes::find(finding.code).is_some_and(|code| code.weight != Weight::Fatal));
    let mut useless = Report::new();
    for at in &raw.acknowledge {
        let name: &At<String> = at;
        let span = name.span.clone().unwrap_or_default();
        match codes::find(name) {
            None => {
                let mut finding =
                    codes::UNKNOWN_CODE.found(format!("`{}` is not a code", shape::brief(name))).at(span, "unknown");
                if let Some(meant) = shape::closest(name, codes::ALL.iter().map(|code| code.name)) {
                    finding = finding.help(format!("did you mean `{meant}`?"));
                }
                useless.push(finding);
            }
            Some(code) if code.weight == Weight::Fatal => useless.push(
                codes::CANNOT_ACKNOWLEDGE
                    .found(format!("`{}` cannot be acknowledged", code.name))
                    .at(span, "always an error")
                    .note(format!("`kubespore explain {}` says why", code.name)),
            ),
            Some(code) => {
                let before = report.iter().count();
                report.retain(|finding| finding.code != code.name);
                // Where an error hides what else would be found, nothing is known to be unused.
                if certain && report.iter().count() == before {
                    useless.push(
                        codes::UNUSED_ACKNOWLEDGE
                            .found(format!("nothing in this profile gives `{}`", code.name))
                            .at(span, "acknowledges nothing")
                            .help("take it out"),
                    );
                }
            }
        }
    }
    report.append(useless);
}
