//! The command line: the only room that wires the others, prints, and reads the environment.
//!
//! In: arguments. Out: data on stdout, talk on stderr, exit code 0 done, 1 refused or failed, 2 usage.
//! Absent on purpose: network connections; no verb opens one.

mod bundle;
mod diff;
mod explain;
mod held;
mod images;
mod init;
mod inspect;
mod join_command;
mod joining;
mod opened;
mod profile;
mod render;
mod secrets;
mod talk;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::error::Error;
use crate::profile::json_schema;
use talk::Talk;

/// Turn machines into a highly available Kubernetes cluster by what they find at first boot
///
/// One YAML profile in, one first-boot image per machine out: offline, reproducible, nothing pushed.
#[derive(Debug, Parser)]
#[command(name = "kubespore", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,

    /// When to use colour in diagnostics
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, global = true)]
    color: ColorChoice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a profile to start from
    Init(init::InitArgs),
    /// Check a profile and write nothing
    Validate(ProfileArgs),
    /// Write every machine's first-boot image
    Render(render::RenderArgs),
    /// Show what a render would change, secrets blanked out; exit code 1 when it would change anything
    Diff(diff::DiffArgs),
    /// Say why a finding is one
    Explain(explain::ExplainArgs),
    /// Look inside a seed: user-data, a seed image, or a rendered directory
    Inspect(inspect::InspectArgs),
    /// Look at a cluster's secrets bundle, mint it, change it
    #[command(subcommand)]
    Secrets(secrets::SecretsVerb),
    /// Check a rendered directory: whole, alive, and leaking nothing
    Verify(verify::VerifyArgs),
    /// Print the classic `kubeadm join` line for a node, with its secrets
    JoinCommand(join_command::JoinCommandArgs),
    /// List the images that the cluster pulls
    Images(images::ImagesArgs),
    /// Print the profile's JSON Schema, for editors
    Schema,
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What every verb that reads a profile takes.
#[derive(Args, Debug)]
struct ProfileArgs {
    /// The profile, or `-` for standard input
    profile: PathBuf,

    /// Refuse warnings too
    #[arg(long)]
    strict: bool,
}

/// How a verb can end badly.
enum Failure {
    /// The talk has been done.
    Refused,
    /// Something failed and is yet to be said.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn schema(talk: &Talk) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&json_schema()).expect("a schema of strings and numbers always serialises");
    talk.data(format!("{text}\n").as_bytes())
}

/// Runs the program.
pub fn main() -> ExitCode {
    // A crash must not leave keys in a core file; best effort, as some sandboxes forbid it.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let cli = Cli::parse();
    let talk = Talk::new(cli.color);
    let done = match cli.verb {
        Verb::Init(args) => init::run(&args, &talk),
        Verb::Validate(args) => profile::validate(&args, &talk),
        Verb::Render(args) => render::run(&args, &talk),
        Verb::Diff(args) => diff::run(&args, &talk),
        Verb::Explain(args) => explain::run(&args, &talk),
        Verb::Inspect(args) => inspect::run(&args, &talk),
        Verb::Secrets(verb) => secrets::run(&verb, &talk),
        Verb::Verify(args) => verify::run(&args, &talk),
        Verb::JoinCommand(args) => join_command::run(&args, &talk),
        Verb::Images(args) => images::run(&args, &talk),
        Verb::Schema => schema(&talk),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kubespore", &mut script);
            talk.data(&script)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused) => ExitCode::FAILURE,
        Err(Failure::Failed(error)) => {
            talk.say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
