//! What a platform takes, made small enough for it.
//!
//! In: a machine's plan and its platform. Out: the document that the platform is given, and by which ways it came to fit.
//! Absent on purpose: leaving out anything that the machine needs; the platforms' numbers (rows of `platform`); the words for
//! a machine that does not fit at all (`artefacts`).
//!
//! Without leave to shrink, the usual document is put into one of the platform's forms, compressed when it must be. With
//! leave, every way is tried in the order of `ATTEMPTS`, and the first that fits is taken: first what changes only the
//! encoding, last what changes bytes on the machine.

use crate::compose::{self, Wording};
use crate::gzip::Effort;
use crate::host::Machine;
use crate::os::FirstBootProgram;
use crate::plan::{ClusterPlan, NodePlan};
use crate::platform::{self, Encoded, Form, Format, Platform, Refused};
use crate::seed::{cloud_init, ignition};

/// One way to make a seed smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A cloud-config's files are compressed one by one, for the platform takes only text.
    FileByFile,
    /// An Ignition config is compressed as a whole, inside a small one that it replaces.
    Inside,
    /// An Ignition config's files are not compressed one by one, for the platform takes the whole compressed.
    Spelled,
    /// Comments, blank lines and indentation are taken out of the files we write.
    Terse,
    /// Compression takes a hundred times as long.
    Utmost,
}

impl Way {
    /// Says it, after "fits with".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FileByFile => "each file compressed within the text",
            Self::Inside => "the whole config compressed inside another",
            Self::Spelled => "the config compressed as a whole, not file by file",
            Self::Terse => "comments and indentation taken out of the files we write",
            Self::Utmost => "the best compression instead of the usual",
        }
    }
}

/// A document as its platform takes it.
#[derive(Debug)]
pub struct Placed {
    /// The bytes, and what the platform counts of them.
    pub encoded: Encoded,
    /// How the machine's texts are worded; everything else made for the machine must be worded so too.
    pub wording: Wording,
    /// What had to be done beyond the platform's forms.
    pub ways: Vec<Way>,
}

/// What is tried after the usual document, in this order.
const ATTEMPTS: &[(Wording, Effort)] = &[
    (Wording::Full, Effort::Usual),
    (Wording::Full, Effort::Utmost),
    (Wording::Terse, Effort::Usual),
    (Wording::Terse, Effort::Utmost),
];

/// Makes the document that a platform is given.
///
/// # Errors
/// When it fits in no way that may be tried; the error is of the smallest.
pub fn place(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, platform: &Platform, may_shrink: bool) -> Result<Placed, Refused> {
    let attempts = if may_shrink { ATTEMPTS } else { &ATTEMPTS[..1] };
    let mut closest = Refused::NoForm;
    for (wording, effort) in attempts {
        let machine = compose::worded(cluster, node, *wording);
        for (way, document) in documents(&machine, node.program, platform, *effort) {
            if way.is_some() && !may_shrink {
                continue;
            }
            match platform::fit(platform, Format::of(node.program), &document, *effort) {
                Ok(encoded) => {
                    let ways = ways(*wording, *effort, way, encoded.form);
                    return Ok(Placed { encoded, wording: *wording, ways });
                }
                Err(refused) if nearer(refused, closest) => closest = refused,
                Err(_) => {}
            }
        }
    }
    Err(closest)
}

/// One machine's documents that mean the same, the usual one first.
fn documents(machine: &Machine, program: FirstBootProgram, platform: &Platform, effort: Effort) -> Vec<(Option<Way>, Vec<u8>)> {
    let compresses = platform.forms(Format::of(program)).iter().any(|form| form.is_compressed());
    let mut documents = Vec::new();
    match program {
        FirstBootProgram::CloudInit => {
            documents.push((None, cloud_init::user_data(machine)));
            if !compresses {
                documents.push((Some(Way::FileByFile), cloud_init::user_data_packed(machine, effort)));
            }
        }
        FirstBootProgram::Ignition { usual, network, .. } => {
            documents.push((None, ignition::encode(machine, usual, network)));
            if compresses {
                documents.push((Some(Way::Spelled), ignition::encode_spelled(machine, usual, network)));
            } else if let Some(packed) = ignition::encode_packed(machine, usual, network, effort) {
                documents.push((Some(Way::Inside), packed));
            }
        }
    }
    documents.into_iter().map(|(way, text)| (way, text.into_bytes())).collect()
}

fn ways(wording: Wording, effort: Effort, way: Option<Way>, form: Form) -> Vec<Way> {
    let compressed = form.is_compressed() || matches!(way, Some(Way::FileByFile | Way::Inside));
    let terse = (wording == Wording::Terse).then_some(Way::Terse);
    let utmost = (effort == Effort::Utmost && compressed).then_some(Way::Utmost);
    way.into_iter().chain(terse).chain(utmost).collect()
}

fn nearer(refused: Refused, than: Refused) -> bool {
    match (refused.over_by(), than.over_by()) {
        (Some(over), Some(best)) => over < best,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
