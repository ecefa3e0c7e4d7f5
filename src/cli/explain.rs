//! `kubespore explain`: why a finding is one.
//!
//! In: a finding's code, or none. Out: its explanation, or every code. Absent on purpose: profiles.

use clap::Args;

use super::{Failure, Talk};
use crate::error::Error;
use crate::profile::codes::{self, Code, Weight};

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The code in brackets behind `error` or `warning`; left out, all are listed
    code: Option<String>,
}

pub fn run(args: &ExplainArgs, talk: &Talk) -> Result<(), Failure> {
    let text = match &args.code {
        None => codes::ALL.iter().map(|code| format!("{}\n", code.name)).collect(),
        Some(name) => {
            let code = codes::find(name).ok_or_else(|| {
                Error::new(format!("explaining `{name}`: there is no such code")).help("`kubespore explain` lists them")
            })?;
            explanation(code)
        }
    };
    talk.data(text.as_bytes())
}

fn explanation(code: &Code) -> String {
    let weight = match code.weight {
        Weight::Fatal => "an error, always",
        Weight::Objection => "an error, unless the profile acknowledges it",
        Weight::Warning => "a warning, unless the profile acknowledges it",
    };
    format!("{}: {weight}\n\n{}\n", code.name, code.explanation)
}
