//! Reading a profile the way every verb does; `kubespore validate` is this alone.

use std::path::Path;

use super::{Failure, ProfileArgs, Talk};
use crate::diag::{Report, Severity, Source};
use crate::profile::spec::ClusterSpec;
use crate::profile::{self, file};

/// A profile that may be used.
pub struct Loaded {
    /// What it says.
    pub spec: ClusterSpec,
    /// Its text.
    pub source: Source,
}

/// Reads a profile and says what is wrong with it.
pub fn load(args: &ProfileArgs, talk: &Talk) -> Result<Loaded, Failure> {
    let source = file::open(&args.profile)?;
    let base = args.profile.parent().unwrap_or(Path::new("")).to_owned();
    let (spec, report) = profile::load(&source, &|name| file::beside(&base, name));
    talk.say_if(&report.render(&source, talk.color));
    let refused = report.count(Severity::Error) > 0 || (args.strict && report.count(Severity::Warning) > 0);
    match spec {
        Some(spec) if !refused => Ok(Loaded { spec, source }),
        _ => {
            talk.say(&verdict(&source, &report, args.strict));
            Err(Failure::Refused)
        }
    }
}

/// Reads a profile for a verb that works without one too, and says nothing of it.
pub fn sound(path: &Path) -> Option<ClusterSpec> {
    let source = file::open(path).ok()?;
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    profile::load(&source, &|name| file::beside(&base, name)).0
}

fn verdict(source: &Source, report: &Report, strict: bool) -> String {
    let counted = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    };
    let errors = counted(report.count(Severity::Error), "error");
    match report.count(Severity::Warning) {
        0 => format!("{}: {errors}", source.name),
        warnings if strict => format!("{}: {errors}, {} refused by --strict", source.name, counted(warnings, "warning")),
        warnings => format!("{}: {errors}, {}", source.name, counted(warnings, "warning")),
    }
}

/// Checks a profile and says so when it is sound.
pub fn validate(args: &ProfileArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, source } = load(args, talk)?;
    talk.say(&format!("{}: {} nodes, Kubernetes {}, sound", source.name, spec.nodes.len(), spec.version));
    Ok(())
}
